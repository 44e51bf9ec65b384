"""Every operation that a program can write is known."""

from __future__ import annotations

from limpet.cli.notation import written
from limpet.objects.operations import FORMS, Operation


def test_how_they_are_written() -> None:
    some = [Operation.SETITEM, Operation.LENGTH, Operation.CALL, Operation.EQ, Operation.REPR]
    assert written(some) == ["len(x)", "x[key] = y", "x(...)"]


def test_none_is_forgotten_or_written_as_another() -> None:
    needed = [one for one in Operation if not FORMS[one].universal and one is not Operation.EXIT]  # goes with ENTER
    shown = written(needed)
    assert len(set(shown)) == len(shown) == len(needed)
