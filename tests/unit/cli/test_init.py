"""The command as a whole: its words, its statuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import limpet.cli
from limpet._version import __version__
from limpet.cli import main


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"limpet {__version__}\n"


@pytest.mark.parametrize("argv", [["--help"], *([name, "--help"] for name in ("serve", "call", "shell", "describe"))])
def test_help(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("usage: limpet")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["no-such-command"],
        ["serve"],
        ["serve", "a:b", "c:d"],
        ["serve", "a:b", "--no-such-option"],
        ["serve", "a:b", "--serial", "--concurrent"],
        ["serve", "a:b", "--log", "4"],
        ["call", "limpet://127.0.0.1:1"],
        ["call", "limpet://127.0.0.1:1", "method", "--no-such-option"],
        ["call", "limpet://127.0.0.1:1", "method", "--open", "1", "2", "--no-such-option"],
        ["shell"],
        ["shell", "limpet://127.0.0.1:1", "word"],
        ["shell", "limpet://127.0.0.1:1", "--timeout", "soon"],
        ["describe"],
        ["describe", "limpet://127.0.0.1:1", "--color=red"],
    ],
)
def test_wrong_words_are_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(argv)
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("usage: limpet")
    assert "Traceback" not in said.err


def test_an_interrupt_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("limpet.cli.call.run", interrupted)
    assert limpet.cli.main(["call", "limpet://127.0.0.1:1", "method"]) == 130


def test_as_a_module(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "limpet", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert shown.stdout == f"limpet {__version__}\n"
