"""Registered classes: names, fields, members, and building what was allowed."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from limpet.codec.base import Record, Referred
from limpet.codec.classes import Classes, EnumClass, RecordClass, build
from limpet.errors import ConfigurationError, DecodeError


@dataclass
class Point:
    x: int
    y: int = 0
    length: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("secret text of the class")


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796
    BLUE = 2


CLASSES = Classes((Point, Color))


def test_names_are_qualified_names_or_those_given() -> None:
    assert CLASSES.by_name.keys() == {"Point", "Color"}
    given = Classes({"geometry.Point": Point})
    assert given.by_name.keys() == {"geometry.Point"}
    assert given.by_type[Point] is given.by_name["geometry.Point"]


def test_any_iterable_of_classes_will_do() -> None:
    def classes() -> Iterator[type]:
        yield Point

    assert Classes(classes()).by_name.keys() == {"Point"}


def test_records_have_the_fields_of_the_constructor() -> None:
    known = CLASSES.by_name["Point"]
    assert isinstance(known, RecordClass)
    assert known.read(Point(1, 2)) == {"x": 1, "y": 2}


def test_enums_have_their_members_and_aliases() -> None:
    known = CLASSES.by_name["Color"]
    assert isinstance(known, EnumClass)
    assert known.members == {"RED": Color.RED, "CRIMSON": Color.RED, "BLUE": Color.BLUE}


@pytest.mark.parametrize("types", [(int,), (Point(1),), (Color.RED,), ("Point",), {"a": object}])
def test_other_things_cannot_be_registered(types: Any) -> None:
    with pytest.raises(ConfigurationError, match="enums and dataclasses, not"):
        Classes(types)


@pytest.mark.parametrize("types", [(Point, Point), {"a": Point, "b": Point}])
def test_a_class_has_one_name(types: Any) -> None:
    with pytest.raises(ConfigurationError, match="a name of its own"):
        Classes(types)


def test_a_name_has_one_class() -> None:
    other: type = dataclass(type("Point", (), {"__qualname__": "Point"}))
    with pytest.raises(ConfigurationError, match="a name of its own"):
        Classes((Point, other))
    assert len(Classes({"Point": Point, "other.Point": other}).by_name) == 2


def test_members_are_found_by_name() -> None:
    assert CLASSES.member("Color", "BLUE") is Color.BLUE
    assert CLASSES.member("Color", "CRIMSON") is Color.RED


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("Color", "GREEN"),
        ("Colour", "RED"),
        ("Point", "x"),
        (1, "RED"),
        ([], "RED"),
        ("Color", 1),
        ("Color", []),
        ("Color", "__class__"),
    ],
)
def test_other_members_are_not(name: object, member: object) -> None:
    with pytest.raises(DecodeError, match="does not know"):
        CLASSES.member(name, member)


def test_records_are_not_built_when_they_are_read() -> None:
    assert CLASSES.record("Point", {"x": -1}) == Record(Point, {"x": -1})


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Point", {"z": 1}),
        ("Point", {"length": 1.0}),
        ("Point", {1: 1}),
        ("Point", []),
        ("Pint", {"x": 1}),
        ("Color", {"x": 1}),
        (None, {}),
        ([], {}),
    ],
)
def test_other_records_are_refused(name: object, fields: object) -> None:
    with pytest.raises(DecodeError, match="does not know"):
        CLASSES.record(name, fields)


def test_building_replaces_records_wherever_they_stand() -> None:
    record = Record(Point, {"x": 1, "y": Record(Point, {"x": 2})})
    point = Point(1, Point(2))  # type: ignore[arg-type]
    assert build(record) == point
    assert build([1, record]) == [1, point]
    assert build({"a": record, 2: 3}) == {"a": point, 2: 3}
    assert build((record, [record])) == (point, [point])
    assert build(slice(record, None, record)) == slice(point, None, point)
    assert build("text") == "text"


def test_building_changes_lists_and_dicts_in_place() -> None:
    values: list[object] = [{"a": Record(Point, {"x": 1})}]
    inner = values[0]
    assert build(values) is values
    assert values[0] is inner
    assert inner == {"a": Point(1)}


def test_building_does_not_look_into_what_came_home() -> None:
    home: list[object] = [Record(Point, {"x": 1})]
    home.append(home)
    assert build([Referred(home)]) == [home]
    assert home[0] == Record(Point, {"x": 1})


@pytest.mark.parametrize("fields", [{"x": -1}, {}, {"x": "a"}])
def test_a_class_that_refuses_its_fields_is_a_decode_error_without_its_text(fields: dict[str, object]) -> None:
    with pytest.raises(DecodeError, match=r"^Point refused its fields: (Value|Type)Error$"):
        build(Record(Point, fields))
