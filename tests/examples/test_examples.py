"""Each example runs as its user runs it, and says what it should."""

from __future__ import annotations

import ast
import re

import pytest

from limpet.cli.service import load
from tests.support.programs import EXAMPLES, run

HERE = {"echo.py", "double.py", "failure.py", "remote_dict.py"}
IN_FILES_OF_THEIR_OWN = {"booking.py", "chat.py", "convert.py", "demo.py", "progress.py", "quiz.py"}
PROGRAMS = {path.name for path in EXAMPLES.glob("*.py")}


def test_all_have_a_test() -> None:
    assert PROGRAMS == HERE | IN_FILES_OF_THEIR_OWN


def test_all_are_listed() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert {*re.findall(r"^\| \[.+?\]\((.+?)\) \|", text, re.MULTILINE)} == PROGRAMS | {"jobs/__init__.py"}


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_what_it_says_to_serve_is_there(name: str) -> None:
    text = ast.get_docstring(ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))) or ""
    for service in re.findall(r"limpet serve (\S+)", text):
        load(service)


def test_echo() -> None:
    out, _ = run("echo.py")
    first, *rest = out.splitlines()
    assert first.startswith("serving at limpet://127.0.0.1:")
    assert rest == ["hello -> hello", "hello, hello -> hello, hello", "да, слышу -> да, слышу"]


def test_double() -> None:
    out, err = run("double.py")
    assert out.splitlines() == [
        "'qwe' -> 'qweqwe'",
        "23 -> 46",
        "2.5 -> 5.0",
        "(1+2j) -> (2+4j)",
        r"b'\x00\xff' -> b'\x00\xff\x00\xff'",
        "(1, 'a', None) -> (1, 'a', None, 1, 'a', None)",
        f"{10**30} -> {2 * 10**30}",
        "[1, 2] -> a list of 4 on the server; its last item: 2",
        "[1, 2] -> a copy of it here: [1, 2, 1, 2]",
    ]
    assert "SEND" not in err


@pytest.mark.parametrize(("level", "shown"), [("1", "SEND "), ("3", "46")])
def test_double_shows_its_messages(level: str, shown: str) -> None:
    _, err = run("double.py", level)
    assert shown in err
    assert "RECV " in err


def test_failure() -> None:
    out, _ = run("failure.py")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "Traceback (most recent call last):"
    client, outer, inner, error = map(
        lines.index,
        (
            'service.double({"a": 1})',
            "return twice(value)",
            "return value * 2",
            "TypeError: unsupported operand type(s) for *: 'dict' and 'int'",
        ),
    )
    assert client < outer < inner < error
    assert "<limpet " in lines[outer - 1]
    assert lines[-1] == "and the next call: 46"


def test_remote_dict() -> None:
    out, _ = run("remote_dict.py")
    told = dict(line.split(": ", 1) for line in out.splitlines() if not line.startswith("the dict"))
    dicts = [line for line in out.splitlines() if line.startswith("the dict")]
    assert dicts == ["the dict: {'one': 1, 2: 'two'}", "the dict: {2: 'two'}"]
    assert told["length"] == "2 - an item: two - has 3: False"
    assert {"get", "items", "keys", "pop", "setdefault"} <= set(told["methods"].split())
    assert told["items"] == "'one'=1 2='two'"
    assert told["the copy"] == "{2: 'two', 3: 'only here'}"
