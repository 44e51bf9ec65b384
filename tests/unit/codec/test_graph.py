"""Values with shared parts: measured as trees, built as what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from limpet.codec.base import Record, Referred
from limpet.codec.graph import Builder, Measure
from limpet.errors import DecodeError
from limpet.limits import Limits


@dataclass
class Point:
    x: object

    def __post_init__(self) -> None:
        if self.x is None:
            raise ValueError


class Token:
    """What is no value."""


def measure(value: object, **limits: int) -> None:
    Measure(Limits(**limits), frozenset({Token})).check(value)


def test_shared_parts_count_wherever_they_stand() -> None:
    shared = [1, 2, 3]
    measure([shared, shared], nodes=12)
    with pytest.raises(DecodeError, match="more values than 11"):
        measure([shared, shared], nodes=11)


def test_what_holds_itself_ends_there() -> None:
    ring: list[object] = [1]
    ring.append(ring)
    measure(ring, nodes=4, depth=1)


def test_depth_is_counted_through_all_that_has_parts() -> None:
    value = [({"a": slice(Record(Point, {"x": [1]}), None, None)},)]
    measure(value, depth=6)
    with pytest.raises(DecodeError, match="deeper than 5"):
        measure(value, depth=5)
    measure([[], (), {}], depth=1)


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: [it], lambda it: {1: (it,)}, slice])
def test_what_is_no_value_is_found(wrap: Any) -> None:
    with pytest.raises(DecodeError, match="a global that stands where a value should"):
        measure(wrap(Token()))


def test_parts_are_built_once_and_stay_shared() -> None:
    record = Record(Point, {"x": 1})
    one, two = Builder().build([record, (record,)])
    assert one == Point(1)
    assert two[0] is one


def test_references_are_put_in_place_and_not_looked_into() -> None:
    mine: Any = [Referred(1)]
    shared: Any = [Referred(mine)]
    built: Any = Builder().build(([shared], {"a": shared}, slice(Referred(mine), None, None)))
    assert built[0][0] is built[1]["a"] is shared
    assert built[0][0][0] is built[2].start is mine
    assert type(mine[0]) is Referred


def test_what_needs_no_building_stays_itself() -> None:
    value = ([1], {2: (3,)}, slice(1), {4}, "x")
    assert Builder().build(value) is value


def test_lists_and_dicts_that_hold_themselves_are_built() -> None:
    ring: list[Any] = [Record(Point, {"x": 1})]
    ring.append({"ring": ring})
    assert Builder().build(ring) is ring
    assert ring[0] == Point(1)
    assert ring[1]["ring"] is ring


def test_a_tuple_that_holds_itself_stays_or_is_refused() -> None:
    plain: Any = ([1],)
    plain[0].append(plain)
    assert Builder().build(plain) is plain
    changing: Any = ([Referred(1)], Referred(2))
    changing[0].append(changing)
    with pytest.raises(DecodeError, match="one of them"):
        Builder().build(changing)


def test_a_record_that_holds_itself_is_refused() -> None:
    inner: list[object] = []
    record = Record(Point, {"x": inner})
    inner.append(record)
    with pytest.raises(DecodeError, match="one of them"):
        Builder().build(record)


def test_a_class_may_refuse_its_fields() -> None:
    with pytest.raises(DecodeError, match="Point refused its fields: ValueError"):
        Builder().build([Record(Point, {"x": None})])
