"""`__all__` of a module is what it offers: no more, no less."""

from __future__ import annotations

import ast
import importlib
from collections import Counter
from collections.abc import Iterator

import pytest

import limpet
from tests.support.sources import Source, sources

PUBLIC = [source for source in sources() if not source.name.endswith("__main__")]


def defined(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the public classes and functions a module defines, also under a condition."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node.name
        elif isinstance(node, ast.If | ast.Try):
            yield from defined([*node.body, *node.orelse])


@pytest.mark.parametrize("source", PUBLIC, ids=lambda source: source.name)
def test_all_is_exact(source: Source) -> None:
    module = importlib.import_module(source.name)
    offered: list[str] = list(getattr(module, "__all__", []))
    assert [name for name, count in Counter(offered).items() if count > 1] == [], "named twice"
    assert [name for name in offered if not hasattr(module, name)] == [], "named, and not there"
    assert sorted(set(defined(source.tree.body)) - set(offered)) == [], "there, and not named"


@pytest.mark.parametrize("source", PUBLIC, ids=lambda source: source.name)
def test_who_defines_or_imports_says_what_is_offered(source: Source) -> None:
    empty = all(isinstance(node, ast.Expr) for node in source.tree.body)
    assert empty or hasattr(importlib.import_module(source.name), "__all__")


def test_every_error_is_offered_at_the_top() -> None:
    errors = importlib.import_module("limpet.errors")
    raised = [name for name in errors.__all__ if issubclass(getattr(errors, name), Exception)]
    assert sorted(set(raised) - set(limpet.__all__)) == []
