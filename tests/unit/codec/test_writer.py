"""What is written: the bytes of it, and what it counts."""

from __future__ import annotations

import pickletools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from limpet.codec.classes import Classes
from limpet.codec.keys import KEY
from limpet.codec.writer import _Writer, write
from limpet.errors import EncodeError
from limpet.limits import Limits
from tests.support.pickles import code, text
from tests.support.values import Parts


def written(value: object, **limits: int) -> bytes:
    return write(value, Classes(()), Parts(), Limits(**limits), containers=True, names=())


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (None, ("NONE",)),
        ([], ("EMPTY_LIST", "MEMOIZE")),
        ([1, "a"], ("EMPTY_LIST", "MEMOIZE", "MARK", 1, text("a"), "APPENDS")),
        ({"a": True}, ("EMPTY_DICT", "MEMOIZE", "MARK", text("a"), "NEWTRUE", "SETITEMS")),
        ((), ("EMPTY_TUPLE",)),
        ((1, 2), (1, 2, "TUPLE2", "MEMOIZE")),
        ((1, 2, 3, 4), ("MARK", 1, 2, 3, 4, "TUPLE", "MEMOIZE")),
        ({5}, ("EMPTY_SET", "MEMOIZE", "MARK", 5, "ADDITEMS")),
        (frozenset({5}), ("MARK", 5, "FROZENSET", "MEMOIZE")),
        (..., ("GLOBAL", b"builtins\nEllipsis\n")),
        (range(3), ("GLOBAL", b"builtins\nrange\n", "MEMOIZE", 0, 3, 1, "TUPLE3", "REDUCE")),
        (b"ab", ("SHORT_BINBYTES", b"\2ab")),
        (b"a" * 256, ("BINBYTES", b"\0\1\0\0", b"a" * 256)),
        (1 << 4000, ("LONG4", b"\xf5\1\0\0", (1 << 4000).to_bytes(501, "little"))),
    ],
)
def test_each_has_one_form(value: object, parts: tuple[Any, ...]) -> None:
    assert written(value) == code(b"\x80\5", *parts, "STOP")


def test_a_global_is_named_once() -> None:
    value = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 9)] + [UUID(int=day) for day in range(8)]
    payload = written(value)
    named = [argument for opcode, argument, _ in pickletools.genops(payload) if opcode.name == "GLOBAL"]
    assert named == ["datetime datetime", "datetime timezone", "datetime timedelta", "uuid UUID"]


@pytest.mark.parametrize(
    ("value", "nodes"),
    [
        (1, 1),
        ([1, 2], 4),
        ({"a": 1}, 6),
        ((1,), 4),
        ({1}, 12),
        ([[1], [1]], 8),
        ([(shared := [1, 2]), shared], 10),
        (Decimal(5), 6),
        ([2.5] * 300, 302),
    ],
)
def test_values_count(value: object, nodes: int) -> None:
    written(value, nodes=nodes)
    if nodes > 1:
        with pytest.raises(EncodeError, match=f"more values than {nodes - 1}"):
            written(value, nodes=nodes - 1)


def test_what_unfolds_for_ever_is_refused_at_once() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(EncodeError, match="more values than"):
        written(value)


def test_a_slice_is_no_key() -> None:
    writer = _Writer(Classes(()), Parts(), Limits(), containers=True, names=())
    with pytest.raises(EncodeError, match="a slice is no key"):
        writer.lower(slice(1), None, KEY)


def test_a_zone_that_has_no_offset_is_refused_with_advice() -> None:
    with pytest.raises(EncodeError, match=r"value\[0\]: a time zone of type ZoneInfo cannot travel.*astimezone"):
        written([datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))])
