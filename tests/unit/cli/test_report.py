"""What is printed is fit for a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest

from limpet.cli.report import complain, origin, show


def test_a_peer_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show("a\x1b[2Jb\n\tc\rd\u202e\ud800")
    assert capsys.readouterr().out == "a\\x1b[2Jb\n    c\\rd\\u202e\\ud800\n"


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    show("да", file)
    file.seek(0)
    assert file.read() == "\\u0434\\u0430\n"


def test_a_file_without_an_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    show("é", file)
    assert file.getvalue() == "\\xe9\n"


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("one\n  two")
    said = capsys.readouterr()
    assert said.err == "limpet: one two\n"
    assert said.out == ""


def test_own_frames_are_left_out() -> None:
    def inner() -> None:
        raise ValueError("it")

    with pytest.raises(ValueError, match="it") as caught:
        inner()
    package = __name__.partition(".")[0]
    assert "in inner" in origin(caught.value)
    assert origin(caught.value, package) == "ValueError: it"


def raising(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause  # noqa: TRY301 - to be raised is all that is wanted
    except Exception as caught:
        return caught


def test_own_frames_are_left_out_wherever_they_stand() -> None:
    code = compile("def call(function):\n    function()", "<other>", "exec")
    names: dict[str, Any] = {"__name__": "other.code"}
    exec(code, names)

    def own() -> None:
        def fail() -> None:
            raise LookupError("it") from raising(ExceptionGroup("both", [raising(KeyError("member"))]))

        names["call"](fail)

    with pytest.raises(LookupError) as caught:
        names["call"](own)
    caught.value.__cause__.__cause__ = caught.value  # type: ignore[union-attr]  # a circle ends somewhere
    shown = origin(caught.value, __name__.partition(".")[0])
    assert [line for line in shown.splitlines() if "File" in line] == 2 * ['  File "<other>", line 2, in call']
    assert "KeyError: 'member'" in shown
    assert shown.endswith("LookupError: it")


def test_frames_of_unnamed_code_are_shown() -> None:
    code = compile("1 / 0", "<unnamed>", "exec")
    with pytest.raises(ZeroDivisionError) as caught:
        exec(code, {"__name__": None})
    assert "<unnamed>" in origin(caught.value, __name__.partition(".")[0])
