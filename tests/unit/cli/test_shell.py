"""``limpet shell``: on a terminal, and behind a pipe."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.cli import main
from limpet.cli.shell import _greeting
from tests.support.commands import LEAVE, TAB, Terminal, serving, terminal

PROMPT = ">>> "


def answer(screen: Terminal, line: str, *more: str) -> str:
    """Type a line, or a block of lines, and return what is shown before the next prompt."""
    screen.type(f"{line}\n")
    screen.read_to(f"{line}\n")
    for further in more:
        screen.read_to("... ")
        screen.type(f"{further}\n")
        screen.read_to(f"{further}\n")
    return screen.read_to(PROMPT)


# ---------------------------------------------------------------- on a terminal


def test_it_says_what_is_in_scope(url: str, folder: Path) -> None:
    with terminal("shell", url, "--open", "Ada", cwd=folder) as screen:
        greeting = screen.read_to(PROMPT)
        assert "  proxy    Account: A bank account: one instance per session.\n" in greeting
        assert f"  session  with {url}" in greeting
        assert "  limpet   " in greeting
        assert answer(screen, "proxy.owner, session.is_closed, limpet.is_proxy(proxy)") == "('Ada', False, True)\n"


def test_lines_blocks_and_the_last_result(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        assert answer(screen, "proxy.deposit(5)") == "5\n"
        assert answer(screen, "_ + 1") == "6\n"
        assert answer(screen, "None") == ""
        assert answer(screen, "for n in (1, 2):", "    proxy.deposit(n)", "") == "6\n8\n"
        assert "SyntaxError" in answer(screen, "x = = 5")
        assert answer(screen, "proxy.shout()") == "'\\x1b[31mred'\n"


def test_tab_completes_and_reads_nothing(url: str, folder: Path, bank: Any) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        screen.type(f"proxy.dep{TAB}5)\n")
        assert screen.read_to(PROMPT) == "proxy.deposit(5)\n5\n"
        screen.type(f"proxy.{TAB}{TAB}")
        shown = screen.read_to(PROMPT)
        assert {"proxy.balance", "proxy.deposit(", "proxy.risk", "proxy.entries"} <= set(shown.split())
        screen.type(f"ri{TAB}.{TAB}{TAB}")
        screen.read_to("proxy.risk.")
        screen.read_to("\a")
        screen.read_to("\a")
        screen.interrupt()
        screen.read_to(f"KeyboardInterrupt\n{PROMPT}")
        assert bank.READS == []
        assert answer(screen, "proxy.risk") == "'\\x1b[31mhigh[/b]'\n"
        assert bank.READS == ["risk"]


def test_ctrl_c_among_short_calls_keeps_the_session(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        answer(screen, "calls = iter(lambda: proxy.deposit(1), None)")
        for _ in range(10):
            # The key comes at any moment of a call: nothing waits for a good one.
            screen.type("for call in calls: print('.' if call % 50 == 0 else '', end='')\n\n")
            screen.read_to("... ")
            screen.read_to(".")
            screen.type("\x03")
            assert "lost" not in screen.read_to(f"KeyboardInterrupt\n{PROMPT}")
        assert answer(screen, "session.is_closed, proxy.deposit(1) > 500") == "(False, True)\n"


def test_an_exception_shows_the_user_s_frames_and_the_server_s(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        assert answer(screen, "def pay():", "    proxy.deposit(-1)", "") == ""
        lines = answer(screen, "pay()").splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == "ValueError: cannot deposit -1"
        frames = [line.strip() for line in lines if line.startswith("  File ")]
        assert [frame.rpartition(" in ")[2] for frame in frames] == ["<module>", "pay", "deposit"]
        assert frames[2].startswith('File "<limpet 127.0.0.1:')
        assert answer(screen, "proxy.deposit(1)") == "1\n"


def test_a_refusal(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        lines = answer(screen, "proxy.missing").splitlines()
        assert lines[-1].startswith("limpet.errors.AccessDenied: 'missing' of the Account: nothing to see")
        assert len(lines) == 3
        assert "cannot be a remote name" in answer(screen, "proxy._private")
        assert answer(screen, "proxy.balance") == "0\n"


def test_ctrl_c_cancels_the_call_that_runs(url: str, folder: Path, bank: Any) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        screen.type("proxy.wait()\n")
        screen.read_to("proxy.wait()\n")
        assert bank.WAITING.wait(20)
        screen.interrupt()
        assert screen.read_to(PROMPT) == "^C\nKeyboardInterrupt\n"
        # It ran until it saw that it was cancelled: the calls of a session run one after the other.
        assert answer(screen, "proxy.deposit(5)") == "5\n"


def test_ctrl_c_at_a_prompt_drops_what_was_typed(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        screen.interrupt()
        assert screen.read_to(PROMPT).endswith("\nKeyboardInterrupt\n")
        screen.type("proxy.depo")
        screen.read_to("proxy.depo")
        screen.interrupt()
        assert screen.read_to(PROMPT).endswith("\nKeyboardInterrupt\n")
        assert answer(screen, "proxy.balance") == "0\n"


@pytest.mark.parametrize(
    ("keys", "status"), [(LEAVE, 0), ("exit()\n", 0), ("quit()\n", 0), ("exit(3)\n", 3), ("raise SystemExit\n", 0)]
)
def test_leaving(keys: str, status: int, url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        assert answer(screen, "proxy.balance") == "0\n"
        screen.type(keys)
        assert screen.status() == status
        assert "Traceback" not in screen.seen
        assert screen.seen.endswith("\n")


def test_a_server_that_stops_is_one_line(server: limpet.Server, folder: Path) -> None:
    with terminal("shell", server.url, "--open", "Ada", cwd=folder) as screen:
        screen.read_to(PROMPT)
        server.stop()
        said = answer(screen, "proxy.balance")
        assert said.startswith("limpet: Session")
        hint = f"to go on: session = limpet.connect('{server.url}'); proxy = session.open('Ada')"
        assert said.endswith(f"; {hint}\n")
        assert said.count("\n") == 1
        assert answer(screen, "1 + 1") == "2\n"
        screen.type(LEAVE)
        assert screen.status() == 0


def test_a_server_that_was_killed_is_one_line_and_another_takes_over(folder: Path) -> None:
    words = ("bank:Account", "--listen", f"limpet+unix://{folder}/socket")
    with serving(*words, cwd=folder) as (first, line):
        url = line.split()[-1]
        with terminal("shell", url, cwd=folder) as screen:
            screen.read_to(PROMPT)
            assert answer(screen, "proxy.deposit(5)") == "5\n"
            first.kill()
            first.wait(20)
            said = answer(screen, "proxy.deposit(5)")
            assert said.startswith("limpet: SessionLost: ")
            assert said.count("\n") == 1
            with serving(*words, cwd=folder):
                hint = said.strip().rpartition("to go on: ")[2]
                assert answer(screen, hint) == ""
                assert answer(screen, "proxy.deposit(3)") == "3\n"


def test_an_end_that_nothing_raised_is_told_once(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        said = answer(screen, "session.close()")
        assert said.startswith("limpet: SessionClosed: ")
        assert "; to go on: session = limpet.connect(" in said
        assert said.count("\n") == 1
        assert answer(screen, "1 + 1") == "2\n"
        assert answer(screen, "session = limpet.connect(session.url); proxy = session.open()") == ""
        assert answer(screen, "proxy.balance") == "0\n"


def test_a_connection_that_is_refused_is_one_line(url: str, folder: Path) -> None:
    with terminal("shell", url, cwd=folder) as screen:
        screen.read_to(PROMPT)
        said = answer(screen, "limpet.connect('limpet://127.0.0.1:1')")
        assert said.startswith("limpet: ConnectRefused: no server at limpet://127.0.0.1:1: ")
        assert said.count("\n") == 1
        assert answer(screen, "proxy.balance") == "0\n"


def test_each_input_has_the_time_that_was_given(url: str, folder: Path) -> None:
    with terminal("shell", url, "--timeout", "1", cwd=folder) as screen:
        screen.read_to(PROMPT)
        assert answer(screen, "proxy.wait()").splitlines()[-1].startswith("limpet.errors.CallTimeout: ")
        assert answer(screen, "proxy.balance") == "0\n"


def test_what_cannot_be_opened_leaves_the_session(url: str, folder: Path) -> None:
    with terminal("shell", url, "--service", "nope", cwd=folder) as screen:
        greeting = screen.read_to(PROMPT)
        assert "limpet: the service could not be opened: AccessDenied: there is no service named 'nope'\n" in greeting
        assert "\n  proxy " not in greeting
        assert answer(screen, "session.open('Eve').owner") == "'Eve'\n"


# ---------------------------------------------------------------- behind a pipe


def piped(url: str, folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "limpet", "shell", url, *words],
        cwd=folder,
        input=script,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=40,
        check=False,
    )


def test_a_script_runs_and_shows_what_a_prompt_would(url: str, folder: Path) -> None:
    script = "proxy.owner\nfor n in (1, 2):\n    proxy.deposit(n)\nproxy.shout(); print('done')\nNone\nx = 5"
    done = piped(url, folder, script, "--open", "Ada")
    assert (done.stdout, done.stderr, done.returncode) == ("'Ada'\n1\n3\n'\\x1b[31mred'\ndone\n", "", 0)


def test_a_script_ends_at_what_it_raises(url: str, folder: Path) -> None:
    done = piped(url, folder, "proxy.deposit(1)\n\nproxy.deposit(-1)\nproxy.deposit(2)\n")
    assert (done.stdout, done.returncode) == ("1\n", 1)
    lines = done.stderr.splitlines()
    assert lines[:2] == ["Traceback (most recent call last):", '  File "<stdin>", line 3, in <module>']
    assert lines[2].startswith('  File "<limpet ')
    assert lines[-1] == "ValueError: cannot deposit -1"


@pytest.mark.parametrize(
    "script", ["print(1)\nx = = 5\n", "print(1)\nreturn\n", "print(1)\nif True:\n", "print(1)\n\0", "print(1)\n\udcff"]
)
def test_of_a_script_with_a_mistake_nothing_runs(script: str, url: str, folder: Path) -> None:
    done = piped(url, folder, script)
    assert (done.stdout, done.returncode) == ("", 1)
    assert "Error: " in done.stderr
    assert "limpet" not in done.stderr


def test_an_empty_script(url: str, folder: Path) -> None:
    done = piped(url, folder, "")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_script_may_say_its_status(url: str, folder: Path) -> None:
    assert piped(url, folder, "exit(7)\nprint(1)").returncode == 7


def test_a_script_that_is_interrupted(url: str, folder: Path) -> None:
    done = piped(url, folder, "import signal\nsignal.raise_signal(signal.SIGINT)\nprint(1)\n")
    assert (done.stdout, done.stderr, done.returncode) == ("", "\nKeyboardInterrupt\n", 130)


def test_a_script_that_loses_its_server(folder: Path) -> None:
    (folder / "brief.py").write_text("import os\n\nclass Brief:\n    def end(self):\n        os._exit(0)\n")
    with serving("brief:Brief", "--listen", "limpet://127.0.0.1:0", cwd=folder) as (_, line):
        done = piped(line.split()[-1], folder, "proxy.end()\nprint(1)\n")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("limpet: SessionLost: ")
    assert done.stderr.count("\n") == 1


# ---------------------------------------------------------------- in this process


def test_nothing_stays_of_it(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.displayhook
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"proxy.owner\nproxy._x\n")))
    assert main(["shell", url, "--open", "owner=Eve"]) == 1
    said = capsys.readouterr()
    assert said.out == "'Eve'\n"
    assert said.err.splitlines()[-1].startswith("limpet.errors.AccessDenied: '_x' cannot be a remote name")
    assert sys.displayhook is before


def test_a_server_that_answers_with_a_plain_value(url: str) -> None:
    with limpet.connect(url) as session:
        assert "\n  proxy    a dict\n" in _greeting({"proxy": {}}, session)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["limpet://127.0.0.1:1"], "no server at"),
        (["nonsense"], "is no URL of limpet's"),
        (["limpet://127.0.0.1:1", "--timeout", "0"], "a timeout must be more than 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shell", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("limpet: ")
    assert said in shown.err
    assert shown.err.count("\n") == 1
