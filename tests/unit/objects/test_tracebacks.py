"""Stacks as data and back, and what the interpreter makes of them."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import textwrap
import traceback as printing
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any

import pytest

from limpet.objects.tracebacks import ENTRIES, build_traceback, is_raised_by, is_raised_in_limpet, read_stack

FILE = str(Path(__file__))


def caught(call: Callable[[], object]) -> TracebackType:
    with pytest.raises(Exception) as info:
        call()
    step = info.value.__traceback__
    assert step is not None
    assert step.tb_next is not None
    return step.tb_next  # without this function's own


def module(name: Any, source: str, **names: object) -> dict[str, Any]:
    """Return the globals of a made-up module."""
    space: dict[str, Any] = {"__name__": name, **names}
    exec(compile(textwrap.dedent(source), f"/srv/app/{name}.py", "exec"), space)
    return space


def refuse() -> None:
    raise ValueError("no")


def recurse() -> None:
    recurse()


# ---------------------------------------------------------------- reading


def test_a_stack_in_full() -> None:
    [entry] = read_stack(caught(refuse), None)
    assert entry == (FILE, refuse.__code__.co_firstlineno + 1, "refuse", 'raise ValueError("no")')


def test_a_stack_of_served_code_has_no_path_and_no_source() -> None:
    bank = module("bank", "def deposit(): tool()", tool=refuse)
    assert read_stack(caught(bank["deposit"]), {"bank"}) == [("bank.py", 1, "deposit", "")]
    assert len(read_stack(caught(bank["deposit"]), None)) == 2
    windows = FunctionType(refuse.__code__.replace(co_filename="C:\\srv\\bank.py"), {"__name__": "bank.sub"})
    assert read_stack(caught(windows), {"bank"})[0][0] == "bank.py"


def test_limpets_own_frames_are_left_out() -> None:
    inside = module("limpet.objects.made_up", "def dispatch(): call()", call=refuse)
    assert [entry[2] for entry in read_stack(caught(inside["dispatch"]), None)] == ["refuse"]


def test_a_long_stack_keeps_both_ends() -> None:
    stack = read_stack(caught(recurse), None)
    assert len(stack) == ENTRIES
    assert stack[16][:2] == ("", 0)
    assert stack[16][2].endswith(" more)")
    assert {entry[2] for entry in stack if entry[0]} == {"recurse"}


def test_no_traceback_is_no_stack() -> None:
    assert read_stack(None, None) == []


def test_code_of_no_module_belongs_to_nobody() -> None:
    lost = module(3, "def f(): raise ValueError")
    assert read_stack(caught(lost["f"]), {"bank", "3"}) == []
    assert not is_raised_by({""}, None)


# ---------------------------------------------------------------- who raised


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("def f(): raise ValueError('own')", True),
        ("def f():\n  assert False, 'own'", True),
        ("def f(): int('secret')", False),
        ("def f(): return {}['secret']", False),
        ("def f(): tool()", False),
        ("def f():\n  try: tool()\n  except ValueError: raise", False),
        ("def f():\n  try: tool()\n  except ValueError as e: raise e", False),
        ("def f():\n  try: tool()\n  except ValueError as e: raise KeyError('own') from e", True),
        ("def f():\n  try: raise ValueError('own')\n  finally: tidy = 1", True),
    ],
)
def test_who_raised(source: str, own: bool) -> None:
    bank = module("bank.accounts", source, tool=refuse)
    assert is_raised_by({"bank"}, caught(bank["f"])) is own
    assert not is_raised_by({"shop"}, caught(bank["f"]))


def test_an_error_that_limpet_met_itself() -> None:
    inside = module("limpet.objects.made_up", "def call(f): f()")
    assert is_raised_in_limpet(caught(lambda: inside["call"]([].pop)).tb_next)
    assert not is_raised_in_limpet(caught(lambda: inside["call"](refuse)).tb_next)
    assert not is_raised_in_limpet(None)


# ---------------------------------------------------------------- building

REMOTE = [("bank.py", 8, "deposit", "raise ValueError(amount)"), ("/srv/lib.py", 3, "check", "")]


def printed(entries: list[tuple[str, int, str, str]], origin: str = "10.0.0.5:7373") -> str:
    return "".join(printing.format_tb(build_traceback(entries, origin)))


def test_it_prints_like_any_other() -> None:
    assert printed(REMOTE) == (
        '  File "<limpet 10.0.0.5:7373/bank.py>", line 8, in deposit\n'
        "    raise ValueError(amount)\n"
        '  File "<limpet 10.0.0.5:7373/srv/lib.py>", line 3, in check\n'
    )


def test_nothing_is_no_traceback() -> None:
    assert build_traceback([], "x") is None


def test_local_frames_come_first() -> None:
    def fetch() -> None:
        raise ValueError("no").with_traceback(build_traceback(REMOTE, "far"))

    names = [frame.name.partition("\n")[0] for frame in printing.extract_tb(caught(fetch))]
    assert names == ["fetch", "deposit", "check"]


def test_it_can_be_read_and_sent_on() -> None:
    stack = read_stack(build_traceback(REMOTE, "far"), None)
    assert stack == [
        ("<limpet far/bank.py>", 8, "deposit", "raise ValueError(amount)"),
        ("<limpet far/srv/lib.py>", 3, "check", ""),
    ]
    assert '"<limpet near/far/bank.py>", line 8, in deposit\n    raise' in printed(stack, "near")
    assert read_stack(build_traceback(REMOTE, "far"), {"bank", "limpet"}) == []


def test_hostile_names_are_data() -> None:
    evil = "\x1b[2J\r\n\u202e"
    text = printed([(evil, 0, evil, evil), (evil * 500, (1 << 31) - 1, evil * 500, evil * 500)], evil)
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == 4
    assert len(text) < 2_000
    assert printed([("", 0, "(9 more)", "")], "far") == '  File "<limpet far>", line 0, in (9 more)\n'


PROGRAM = """
import sys, traceback
from limpet.objects.tracebacks import build_traceback

opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)

def fetch():
    entries = [("bank.py", 8, "deposit", "raise ValueError(amount)"), ("/etc/passwd", 1, "check", "")]
    raise ValueError("no").with_traceback(build_traceback(entries, "far"))

try:
    fetch()
except ValueError as error:
    traceback.format_exception(error)
    traceback.TracebackException.from_exception(error, capture_locals=True)
    traceback.clear_frames(error.__traceback__)
hook = sys.excepthook
def report(*args):
    hook(*args)
    print([name for name in opened if "limpet far" in name or "passwd" in name])
sys.excepthook = report
fetch()
"""


@pytest.mark.parametrize("colour", ["0", "1"])
def test_what_the_interpreter_prints_of_an_uncaught_error(tmp_path: Path, colour: str) -> None:
    program = tmp_path / "client.py"
    program.write_text(PROGRAM)
    # Colour is of 3.13 and later, and changes nothing but colours.
    surroundings = {**os.environ, "PYTHON_COLORS": colour, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, program], env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "[]\n", "a file named by the other side was opened"
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
    plain = plain[plain.index("Traceback") :]
    lines = [line for line in plain.splitlines() if not set(line) <= set(" ^~")]
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{program}", line 23, in <module>',
        "    fetch()",
        f'  File "{program}", line 10, in fetch',
        '    raise ValueError("no").with_traceback(build_traceback(entries, "far"))',
        '  File "<limpet far/bank.py>", line 8, in deposit',
        "    raise ValueError(amount)",
        '  File "<limpet far/etc/passwd>", line 1, in check',
        "ValueError: no",
    ]


def test_no_callers_locals_are_kept_alive() -> None:
    class Payload:
        pass

    def build() -> tuple[TracebackType | None, weakref.ref[Payload]]:
        payload = Payload()
        return build_traceback(REMOTE, "far"), weakref.ref(payload)

    built, payload = build()
    gc.collect()
    assert built is not None
    assert built.tb_frame.f_back is None
    assert payload() is None
    assert (built.tb_lineno, built.tb_frame.f_lineno, built.tb_frame.f_code.co_qualname) == (8, 8, "deposit")
