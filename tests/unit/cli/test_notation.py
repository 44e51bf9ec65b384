"""Every operation that a program can write is known."""

from __future__ import annotations

from limpet.cli.notation import written
from limpet.objects.operations import FORMS, Operation


def test_how_they_are_written() -> None:
    some = [Operation.SETITEM, Operation.LENGTH, Operation.CALL, Operation.EQ, Operation.REPR]
    assert written(some) == ["len(x)", "x[key] = y", "x(...)"]


def test_none_is_forgotten_or_written_as_another() -> None:
    shown = written(Operation)
    assert len(set(shown)) == len(shown)
    assert len(shown) == sum(not FORMS[one].universal for one in Operation)
