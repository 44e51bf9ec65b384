from __future__ import annotations

import types
from dataclasses import InitVar
from functools import partial
from typing import Any, ClassVar, Final

import pytest

from limpet.objects.anatomy import (
    MISSING,
    annotated,
    dictionary,
    has_code,
    instance_dictionary,
    is_plain,
    resolution,
    resolve,
    top_package,
)


class Meta(type):
    """Lies about everything that can be asked by name."""

    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(name)

    @property
    def __mro__(cls) -> Any:
        raise AssertionError

    def shown(cls) -> None: ...


class Liar(metaclass=Meta):
    """Answers every question with an error."""

    secret = 1

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_class_is_read_past_its_metaclass() -> None:
    assert resolution(Liar) == (Liar, object)
    assert dictionary(Liar)["secret"] == 1
    assert resolve(Liar, "secret") == (Liar, 1)
    assert resolve(Liar, "shown") is None
    assert resolve(Liar, "mro") is None
    assert top_package(Liar) == __name__.partition(".")[0]


def test_an_instance_is_read_past_its_class() -> None:
    liar = object.__new__(Liar)
    read = instance_dictionary(Liar)
    assert read is not None
    own: Any = read(liar)
    own["balance"] = 5
    assert read(liar) == {"balance": 5}


def test_the_package_of_what_lies_about_its_module() -> None:
    assert top_package(dict) == "builtins"
    assert top_package(types.ModuleType("x").__class__) == "builtins"
    assert top_package(type("A", (), {"__module__": "a.b.c"})) == "a"
    assert top_package(type("A", (), {"__module__": None})) == ""


@pytest.mark.parametrize(("cls", "has"), [(int, False), (list, False), (ValueError, True), (Exception, True)])
def test_built_in_instances_have_a_dictionary_or_not(cls: type, has: bool) -> None:
    assert (instance_dictionary(cls) is not None) is has


def test_a_dictionary_behind_a_name_of_the_class_s_own_is_not_read() -> None:
    class Covered:
        __dict__ = property(lambda self: {"made": "up"})

    class Borrowed:
        __dict__ = dictionary(Liar)["__dict__"]

    assert instance_dictionary(Covered) is None
    assert instance_dictionary(Borrowed) is None


def test_a_dictionary_covered_by_a_subclass_is_read_through_the_base() -> None:
    class Base:
        pass

    class Covering(Base):
        __dict__ = property(lambda self: {"made": "up"})

    target = Covering()
    target.real = 1  # type: ignore[attr-defined]
    read = instance_dictionary(Covering)
    assert read is not None
    assert read(target) == {"real": 1}


class Annotated:
    settable: int
    constant: Final = 1
    sized: Final[int] = 1
    shared: ClassVar[int] = 1
    bare: ClassVar = 1
    passed: InitVar[int]


def test_annotations_as_text() -> None:
    assert annotated(Annotated) == {
        "settable": True,
        "constant": False,
        "sized": False,
        "shared": False,
        "bare": False,
        "passed": False,
    }


def test_annotations_as_objects() -> None:
    cls = type(
        "A",
        (),
        {
            "__annotations__": {
                "a": int,
                "b": Final,
                "c": Final[int],
                "d": ClassVar[int],
                "e": ClassVar,
                "f": InitVar,
                "g": InitVar[int],
                "h": "typing.ClassVar[int]",
                "i": "Finality",
                1: int,
            }
        },
    )
    assert annotated(cls) == {
        "a": True,
        "b": False,
        "c": False,
        "d": False,
        "e": False,
        "f": False,
        "g": False,
        "h": False,
        "i": True,
    }


def test_annotations_are_of_the_class_itself() -> None:
    class Derived(Annotated):
        pass

    assert annotated(Derived) == {}


def test_annotations_that_cannot_be_read_declare_nothing() -> None:
    assert annotated(type("A", (), {"__annotations__": 5})) == {}


@pytest.mark.parametrize(
    ("value", "has"),
    [(1, False), ("text", False), ([], False), (property(), True), (len, False), (lambda: None, True)],
)
def test_descriptors_are_told_from_values(value: object, has: bool) -> None:
    assert has_code(value) is has


@pytest.mark.parametrize("value", [1, None, "a", [], {}, object()])
def test_data(value: object) -> None:
    assert is_plain(value)


@pytest.mark.parametrize("value", [int, types, types.ModuleType("m"), len, partial(len), lambda: None])
def test_no_data(value: object) -> None:
    assert not is_plain(value)


def test_missing_says_so() -> None:
    assert repr(MISSING) == "MISSING"
