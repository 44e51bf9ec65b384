"""``limpet describe`` against a server in this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.cli import main
from limpet.cli.describe import _page
from limpet.cli.page import Page, Table
from limpet.drivers.threads.channel import Channel
from limpet.session.messages import Kind
from tests.support.commands import terminal

ACCOUNT = """\
Account
A bank account: one instance per session.

  at         {url}
  opened by  session.open('Ada')
  writable   yes

methods
  deposit(amount)
  describe(*args, **kwargs)
  branch()
  shout()
  fail_loudly()
  fail_in_a_way_of_its_own()
  take(amount)                Take from the balance.
  wait()

data
  balance
  currency
  entries
  owner
  risk
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Kind, object]]:
    """Return what is asked for, as it is asked."""
    noted: list[tuple[Kind, object]] = []
    ask = Channel.ask

    def note(channel: Channel, kind: int, target: int, value: object) -> Any:
        noted.append((Kind(kind), value))
        return ask(channel, kind, target, value)

    monkeypatch.setattr(Channel, "ask", note)
    return noted


def test_a_class(url: str, bank: Any, asked: list[tuple[Kind, object]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", url, "--open", "Ada"]) == 0
    assert capsys.readouterr().out == ACCOUNT.format(url=url)
    assert [kind for kind, _ in asked] == [Kind.OPEN, Kind.DESCRIBE]
    assert bank.READS == []


def test_values(url: str, bank: Any, asked: list[tuple[Kind, object]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", url, "--open", "Ada", "--values"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(ACCOUNT.format(url=url).partition("\n\ndata")[0])
    assert said.partition("\ndata\n")[2] == (
        "  balance   0\n"
        "  currency  'EUR'\n"
        "  entries   <list>\n"
        "  owner     'Ada'\n"
        r"  risk      '\x1b[31mhigh[/b]'" + "\n"
    )
    names = ("balance", "currency", "entries", "owner", "risk")
    assert asked[2:] == [(Kind.GET, [name]) for name in names]
    assert bank.READS == ["risk"]


class Odd:
    """[bold]\x1b[31mOdd[/bold]

    And long.
    """

    def __init__(self) -> None:
        self.long = "x" * 1_000
        self.pair = ([1], 2)
        self.hidden = Account()

    @property
    def kept(self) -> object:
        return self.hidden

    @property
    def broken(self) -> int:
        raise ValueError("\x1b[31mbroken\nin two")

    def __getitem__(self, key: object) -> object:
        return key

    def __len__(self) -> int:
        return 0


class Account:
    pass


def test_values_that_cannot_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(Odd, "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["describe", server.url, "--values"]) == 0
    title, text, *lines = capsys.readouterr().out.splitlines()
    assert title == "Odd"
    assert text == r"[bold]\x1b[31mOdd[/bold]"
    assert "  operators  len(x), x[key]" in lines
    data = dict(line.split(maxsplit=1) for line in lines[lines.index("data") + 1 :])
    assert data["broken"] == r"ValueError: \x1b[31mbroken\nin two"
    assert data["kept"].startswith("AccessDenied: ")
    assert "hidden" not in data
    assert data["long"] == "'" + "x" * 196 + "..."
    assert data["pair"] == "('<list>', 2)"


def test_a_container(capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(limpet.ref([]), "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["describe", server.url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  writable   yes" in lines
    assert "  is a       MutableSequence" in lines
    assert "data" not in lines
    assert any(line.startswith("  append(") for line in lines)


def test_what_all_share_is_read_only(bank: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(bank.account, "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["describe", server.url]) == 0
    assert "  writable   no: its attributes cannot be set\n" in capsys.readouterr().out


def test_a_named_service(bank: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(bank.services, "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["describe", server.url, "--service", "sums"]) == 0
        said = capsys.readouterr()
        assert "  opened by  session.service('sums').open()\n" in said.out
        assert "  add(a, b)\n" in said.out
        assert main(["describe", server.url]) == 1
    said = capsys.readouterr()
    assert said.err == "limpet: AccessDenied: a service's name is needed here\n"
    assert said.out == ""


def test_what_the_constructor_raises(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", url, "--open", "nobody=5"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "TypeError: " in said.err
    assert "--open" in said.err
    assert "limpet/cli" not in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["limpet://127.0.0.1:1"], "no server at limpet://127.0.0.1:1: "),
        (["nonsense"], "'nonsense' is no URL of limpet's"),
        (["limpet://127.0.0.1:1", "--timeout", "nan"], "a timeout must be more than 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"limpet: {said}")
    assert shown.err.count("\n") == 1


def test_colours_without_rich(
    url: str, asked: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["describe", url, "--color"]) == 2
    assert capsys.readouterr().err == "limpet: colours need the package rich: pip install 'limpet[cli]'\n"
    assert asked == []


def test_a_server_that_answers_with_a_plain_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert _page({"a": 1}, [("at", "here")], with_values=True) == Page(
        "dict", "", (Table("", (("at", "here"), ("value", "{'a': 1}"))),)
    )


def test_a_session_that_ends_meanwhile(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with limpet.connect(url) as session:
        account = session.open()

        def names(_proxy: object) -> list[str]:
            session.close()
            return ["balance"]

        monkeypatch.setattr(type(account), "__dir__", names)
        with pytest.raises(limpet.SessionClosed):
            _page(account, [], with_values=True)


# ---------------------------------------------------------------- as a process


def test_on_a_terminal(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with terminal("describe", url, "--values", cwd=folder, term="xterm") as screen:
        assert screen.status() == 0
    assert "╭" in screen.seen
    assert "\x1b[36mbalance" in screen.seen
    assert r"'\x1b[31mhigh[/b]'" in screen.seen


def test_behind_a_pipe(url: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "limpet", "describe", url, "--open", "Ada"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == (ACCOUNT.format(url=url), "", 0)
