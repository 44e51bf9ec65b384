"""docs/reference/errors.md draws the tree of errors as it is."""

from __future__ import annotations

import re

import limpet
from limpet import errors
from tests.support.sources import ROOT

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
ERRORS = [getattr(errors, name) for name in errors.__all__ if name != "Code"]


def test_the_tree_is_that_of_the_code() -> None:
    parents: list[type] = []
    drawn = []
    for indent, name, builtin in re.findall(r"^([│├└─ ]*)(\w+)(?: +\((\w+)\))?(?: .*)?$", tree(), re.MULTILINE):
        del parents[len(indent) // 4 :]
        error = getattr(limpet, name)
        assert not parents or error.__bases__[0] is parents[-1], name
        assert not builtin or builtin in {kind.__name__ for kind in error.__mro__}, name
        parents.append(error)
        drawn.append(error)
    assert set(drawn) == set(ERRORS)


def tree() -> str:
    return PAGE.partition("```text\n")[2].partition("```")[0]


def test_every_error_that_is_raised_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    bases = {"LimpetError", "CallError", "SessionError"}
    assert sorted([*rows, *bases]) == sorted(error.__name__ for error in ERRORS)
