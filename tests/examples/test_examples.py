"""Each example runs as its user runs it, and says what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(example: str, *words: str) -> tuple[str, str]:
    """Return what ``example`` printed, and what it said on standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", f"examples/{example}", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=45,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_all_have_a_test() -> None:
    programs = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert programs == {"echo.py", "double.py", "failure.py", "remote_dict.py", "demo.py"}


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
