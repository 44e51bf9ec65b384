"""What a module may use says what it can do: each right stands in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.sources import Source, sources

BELOW_DRIVERS = ("codec", "framing", "policy", "profile", "session", "objects", "errors", "limits", "peer")

NETWORK = {"socket", "_socket", "ssl", "_ssl", "select", "selectors", "asyncio", "socketserver", "http", "urllib"}
PICKLE = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle"}
CLOCK = {"time", "random", "secrets", "sched"}
SURROUNDINGS = {
    "os.environ",
    "os.environb",
    "os.getenv",
    "os.urandom",
    "os.getrandom",
    "os.getpid",
    "uuid.uuid1",
    "uuid.uuid4",
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
}
BY_NAME = {"getattr", "hasattr", "setattr", "delattr", "operator.attrgetter", "operator.methodcaller"}
INTERPRETER = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}


def imported(source: Source, forbidden: set[str]) -> list[str]:
    return [f"{source}:{line}: {name}" for name, line in source.imports() if name.partition(".")[0] in forbidden]


def used(source: Source, forbidden: set[str]) -> list[str]:
    return [f"{source}:{line}: {name}" for name, line in source.uses() if name in forbidden]


def looked_up(source: Source) -> Iterator[str]:
    """Yield each use of a lookup by name whose name is not written out at that place."""
    literal = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            literal.add((node.func.lineno, node.func.col_offset))
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Name | ast.Attribute)
            and ast.unparse(node) in BY_NAME
            and (node.lineno, node.col_offset) not in literal
        ):
            yield f"{source}:{node.lineno}: {ast.unparse(node)}"


def test_only_drivers_touch_the_network() -> None:
    assert [use for source in sources() if not source.inside("drivers") for use in imported(source, NETWORK)] == []


def test_only_codecs_and_hazmat_pickle() -> None:
    assert [
        use for source in sources() if not source.inside("codec", "hazmat") for use in imported(source, PICKLE)
    ] == []


def test_time_chance_and_surroundings_are_arguments_below_the_drivers() -> None:
    below = [source for source in sources() if source.inside(*BELOW_DRIVERS)]
    assert below
    assert [use for source in below for use in imported(source, CLOCK) + used(source, SURROUNDINGS)] == []


def test_only_dispatch_looks_members_up_by_name() -> None:
    elsewhere = [s for s in sources() if s.inside("objects") and not s.inside("objects.dispatch")]
    assert elsewhere
    assert [use for source in elsewhere for use in looked_up(source)] == []


def test_nothing_is_run_from_text() -> None:
    assert [use for source in sources() for use in used(source, INTERPRETER)] == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("getattr(x, name)", 1),
        ("getattr(x, name, None)", 1),
        ("read = getattr", 1),
        ("import operator; operator.attrgetter(name)", 1),
        ("setattr(x, name, 1)", 1),
        ("getattr(x, 'cancel', None)", 0),
        ("x.getattr", 0),
    ],
)
def test_lookups_are_seen(text: str, seen: int) -> None:
    source = Source("limpet.objects.made_up", sources()[0].path, 1, ast.parse(text))
    assert len(list(looked_up(source))) == seen


@pytest.mark.parametrize(
    "text", ["import os; os.environ['x']", "from os import environ", "import datetime; datetime.datetime.now()"]
)
def test_surroundings_are_seen(text: str) -> None:
    source = Source("limpet.session.made_up", sources()[0].path, 1, ast.parse(text))
    assert used(source, SURROUNDINGS)


@pytest.mark.parametrize("text", ["import socket", "from socket import create_connection", "import asyncio.tasks"])
def test_imports_are_seen(text: str) -> None:
    source = Source("limpet.session.made_up", sources()[0].path, 1, ast.parse(text))
    assert imported(source, NETWORK)
