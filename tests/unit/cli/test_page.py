"""A page looks the same in two ways, and nothing in it is more than text."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from limpet.cli.page import Page, Table, printer
from limpet.cli.report import UsageError

HOSTILE = "[red]a[/red] \x1b[31mb\x1b[0m \x1b]8;;http://e.example\x07c\u202e\ud800 :skull: \x9b2J\rd\ne [link=x]f"
SHOWN = r"[red]a[/red] \x1b[31mb\x1b[0m \x1b]8;;http://e.example\x07c\u202e\ud800 :skull: \x9b2J\rd\ne [link=x]f"
PAGE = Page(
    "Account",
    "A bank account.",
    (
        Table("", (("at", "limpet://127.0.0.1:7373"), ("writable", "yes"))),
        Table("methods", (("deposit(amount)", "Add to the balance."), ("wait()", ""))),
        Table("nothing", ()),
        Table("data", (("balance", ""), ("owner", ""))),
    ),
)
PLAIN = """\
Account
A bank account.

  at        limpet://127.0.0.1:7373
  writable  yes

methods
  deposit(amount)  Add to the balance.
  wait()

data
  balance
  owner
"""
RICH = """\
Account
A bank account.
╭──────────┬─────────────────────────╮
│ at       │ limpet://127.0.0.1:7373 │
│ writable │ yes                     │
╰──────────┴─────────────────────────╯
methods
╭─────────────────┬─────────────────────╮
│ deposit(amount) │ Add to the balance. │
│ wait()          │                     │
╰─────────────────┴─────────────────────╯
data
╭─────────╮
│ balance │
│ owner   │
╰─────────╯
"""
STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Screen(io.TextIOWrapper):
    """Standard output that says that it is a terminal."""

    def __init__(self, *, is_terminal: bool = True, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def text(self) -> str:
        self.seek(0)
        return self.read()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every machine the same for rich."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that prints a page and returns what was printed."""

    def shown(page: Page = PAGE, *, color: bool | None = None, **settings: Any) -> str:
        screen = Screen(**settings)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen)
            printer(color=color)(page)
        return screen.text()

    return shown


Shown = Callable[..., str]


def test_plain(shown: Shown) -> None:
    assert shown(color=False) == PLAIN


def test_one_long_name_does_not_push_all_aside(shown: Shown) -> None:
    page = Page("x", "", (Table("", (("n" * 60, "one"), ("m", "two"))),))
    assert shown(page, color=False).splitlines()[2:] == ["  " + "n" * 60 + "  one", "  m" + " " * 41 + "two"]


def test_with_rich(shown: Shown) -> None:
    text = shown()
    assert STYLE.sub("", text) == RICH
    assert "\x1b[36m" in text


def test_a_terminal_without_colours(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown()
    assert STYLE.sub("", text) == RICH
    assert "\x1b[36m" not in text


def test_what_is_no_terminal_gets_plain_text(shown: Shown) -> None:
    assert shown(is_terminal=False) == PLAIN


def test_colours_that_are_asked_for_go_anywhere(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" in shown(color=True, is_terminal=False)


def test_without_rich(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(UsageError, match=re.escape("pip install 'limpet[cli]'")):
        printer(color=True)
    assert shown() == PLAIN


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_text_cannot_be_more_than_text(
    color: bool, encoding: str, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    page = Page(HOSTILE, HOSTILE, (Table(HOSTILE, ((HOSTILE, HOSTILE), (f"é{HOSTILE}", "x"))),))
    text = STYLE.sub("", shown(page, color=color, encoding=encoding))
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.count(SHOWN) == 6


def test_what_is_wider_than_the_terminal_is_not_lost(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = shown(Page("x", "", (Table("", (("n" * 30, "t" * 100),)),)), color=True)
    assert text.count("n") >= 30
    assert text.count("t") == 100
