"""The globals of a pickle: each makes what pickle makes, of its own arguments and no others."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from limpet.codec import RestrictedCodec
from limpet.codec.account import Account
from limpet.codec.classes import Classes
from limpet.codec.constructors import BLANK_UUID, GLOBALS, Blank, Global, fill
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.values import Parts, identity

NAIVE = datetime(1, 1, 1, tzinfo=UTC).replace(tzinfo=None)
VALUES: list[Any] = [
    NAIVE,
    b"", b"ab", bytearray(), bytearray(b"ab\xff"), 1 - 2j, slice(1, None, "x"), range(5, -3, -2), set(), {1, "a"},
    frozenset(), frozenset({(1,)}), ..., date(2024, 2, 29), time(23, 59, 59, 999_999), time(1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone(timedelta(hours=-5), "EST")),
    timedelta(-1, 2, 3), timedelta.max, Decimal("-1.50"), Decimal("NaN12"), Decimal("Infinity"), Decimal("1E+8000"),
    UUID(int=0), UUID(int=(1 << 128) - 1), Fraction(-1, 3), timezone(timedelta(minutes=90)),
]  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_pickle_writes_is_made(value: Any, protocol: int) -> None:
    payload = pickle.dumps([value, value], protocol)
    pair: Any = RestrictedCodec().decode(payload, Parts(), Limits())
    one, other = pair
    assert identity(one) == identity(other) == identity(value)


def test_the_fold_comes_along() -> None:
    value = (time(1, 2, fold=1), datetime(2024, 10, 27, 2, 30, tzinfo=UTC, fold=1))
    payload = pickle.dumps(value, 4)
    assert identity(RestrictedCodec().decode(payload, Parts(), Limits())) == identity(value)


def test_the_table_holds_no_class_and_nothing_that_could_be_one() -> None:
    assert {type(found) for found in GLOBALS.values()} == {Global, type(...)}
    makers: set[Callable[..., object]] = {found.make for found in GLOBALS.values() if isinstance(found, Global)}
    assert {maker.__module__ for maker in makers} == {"limpet.codec.constructors"}
    assert [maker for maker in makers if isinstance(maker, type)] == []


@pytest.mark.parametrize(("module", "name"), [key for key, found in GLOBALS.items() if isinstance(found, Global)])
@pytest.mark.parametrize(
    "args", [(None,), (object(),), ("x", 1), (1, "x"), ([[]],), (1, 2, 3, 4), ({}, b""), (b"", None), (True, True)]
)
def test_arguments_of_others_are_refused(module: str, name: str, args: tuple[Any, ...]) -> None:
    found = GLOBALS[module, name]
    assert isinstance(found, Global)
    with pytest.raises((ValueError, DecodeError)):
        found.make(args, Account(Limits()), Classes(()))


@pytest.mark.parametrize("state", [None, [], {}, {"int": "x"}, {"int": -1}, {"int": 1 << 128}, {"int": 1, "x": 2}])
def test_a_uuid_takes_its_integer_and_nothing_else(state: object) -> None:
    with pytest.raises(ValueError, match=r"UUID|128-bit"):
        fill(Blank(), state)


@pytest.mark.parametrize("target", [None, {}, UUID(int=1), BLANK_UUID, UUID])
def test_only_a_blank_is_filled(target: object) -> None:
    with pytest.raises(ValueError, match="only a UUID"):
        fill(target, {"int": 1})
    assert fill(Blank(), {"int": 1}) == UUID(int=1)


@pytest.mark.parametrize(
    ("module", "name", "args", "reason"),
    [
        ("_codecs", "encode", ("x", "punycode"), "an encoding that is not latin1"),
        ("builtins", "set", ([1, True],), "two equal items"),
        ("builtins", "slice", (1,), "a slice of 1 items"),
        ("decimal", "Decimal", ("9" * 5000,), "no number within the limits"),
        ("decimal", "Decimal", ("\u0661",), "no number within the limits"),
        ("decimal", "Decimal", ("1E+99999",), "the exponent 99999"),
        ("builtins", "object", (), "it makes nothing by itself"),
        ("copyreg", "_reconstructor", (BLANK_UUID, BLANK_UUID, None), "only a UUID is made so"),
    ],
)
def test_a_refusal_says_why(module: str, name: str, args: tuple[Any, ...], reason: str) -> None:
    found = GLOBALS[module, name]
    assert isinstance(found, Global)
    with pytest.raises(ValueError, match=reason):
        found.make(args, Account(Limits()), Classes(()))


@pytest.mark.parametrize(
    ("module", "name", "args"),
    [
        ("_codecs", "encode", ("x" * 6400, "latin1")),
        ("builtins", "bytearray", (bytes(6400),)),
        ("fractions", "Fraction", (1 << 3200, 3 << 3200)),
    ],
)
def test_what_is_made_of_much_counts_more(module: str, name: str, args: tuple[Any, ...]) -> None:
    found = GLOBALS[module, name]
    assert isinstance(found, Global)
    with pytest.raises(DecodeError, match="more values than 100"):
        found.make(args, Account(Limits(nodes=100)), Classes(()))
