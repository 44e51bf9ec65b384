from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from typing import Any

from limpet.objects.anatomy import resolve
from limpet.objects.fields import fields_text, hashes_hidden, is_generated
from limpet.objects.members import MemberTables
from limpet.policy import Exposure


@dataclass
class Plain:
    name: str
    inner: Any = None
    _pin: int = 1234
    quiet: int = field(default=0, repr=False)


@dataclass(slots=True)
class Slotted:
    name: str


@dataclass
class Written:
    name: str

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return "written"


@dataclass(repr=False)
class Silent:
    name: str


class Child(Plain): ...


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Account:
    name: str
    _pin: int


@dataclass(frozen=True)
class Careful:
    name: str
    _pin: int = field(hash=False)


class Own(Account):
    def __hash__(self) -> int:
        return 1


def generated(cls: type) -> bool:
    found = resolve(cls, "__repr__")
    assert found is not None
    return is_generated(*found)


def text(value: object) -> str:
    cls = type(value)
    found = resolve(cls, "__repr__")
    assert found is not None
    return fields_text(found[0], MemberTables(Exposure()).of(cls).members)(value)


def test_which_repr_was_generated() -> None:
    assert [cls for cls in (Plain, Slotted, Child, Written, Silent, int) if generated(cls)] == [Plain, Slotted, Child]


def test_which_hash_covers_what_is_not_shown() -> None:
    def hashes(cls: type) -> bool:
        found = resolve(cls, "__hash__")
        assert found is not None
        return hashes_hidden(*found, MemberTables(Exposure()).of(cls).members)

    assert [cls for cls in (Point, Account, Careful, Own, int) if hashes(cls)] == [Account]


def test_it_tells_fields_that_are_shown_and_plain() -> None:
    class Secret:
        def __repr__(self) -> str:
            raise AssertionError

    assert text(Plain("Ada", [Secret()])) == "Plain(name='Ada', inner=['<Secret>'])"
    assert text(Child("Ada")) == "Child(name='Ada', inner=None)"
    assert text(Slotted("Ada")) == "Slotted(name='Ada')"
    assert len(text(Plain("x" * 1_000_000))) < 100_000
