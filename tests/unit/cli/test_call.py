"""``limpet call`` against a server in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

import limpet
from limpet.cli import main


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["deposit", "5"], "5"),
        (["deposit", "amount=5"], "5"),
        (["balance"], "0"),
        (["owner"], "'nobody'"),
        (["owner", "--open", "Ada"], "'Ada'"),
        (["--open", "owner=Ada", "owner"], "'Ada'"),
        (["deposit", "5", "--open", "Ada", "--open", "balance=7"], "12"),
        (["deposit", "--open", "Ada", "--open=-7", "5"], "-2"),
        (["describe", "1", "x", "y=z", "'a=b'"], "\"((1, 'x', 'a=b'), {'y': 'z'})\""),
        (["describe", "--open", "Ada", "1", "-2", "y=3"], "\"((1, -2), {'y': 3})\""),
        (["describe", "--", "--text"], "\"(('--text',), {})\""),
        (["entries"], "[]"),
        (["entries.count", "1"], "0"),
        (["currency"], "'EUR'"),
        (["shout"], r"'\x1b[31mred'"),
        (["--timeout", "20", "balance"], "0"),
    ],
)
def test_a_call_prints_its_result(words: list[str], printed: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = words.index("balance") if "--timeout" in words else 0
    assert main(["call", *words[:options], url, *words[options:]]) == 0
    said = capsys.readouterr()
    assert said.out == f"{printed}\n"
    assert said.err == ""


def test_what_cannot_be_copied_is_shown_as_the_proxy_it_is(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, "branch"]) == 0
    assert "Branch" in capsys.readouterr().out


def test_a_named_service(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = {"sums": limpet.functions(add=lambda a, b: a + b)}
    with limpet.Server(table, "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["call", server.url, "add", "2", "3", "--service", "sums"]) == 0
    assert capsys.readouterr().out == "5\n"


def test_an_error_of_the_served_code_is_shown_with_its_stack(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, "deposit", "-1"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Traceback (most recent call last):\n")
    assert "in deposit" in said.err
    assert said.err.endswith("ValueError: cannot deposit -1\n")
    assert "limpet/cli" not in said.err


def test_an_error_of_an_unknown_type(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, "fail_in_a_way_of_its_own"]) == 1
    said = capsys.readouterr().err
    assert "in fail_in_a_way_of_its_own" in said
    assert "Overdrawn" in said


def test_an_error_cannot_steer_the_terminal(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, "fail_loudly"]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\\x1b[31mred" in said


def test_what_is_not_there_is_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, "no_such_method", "5"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("limpet: AccessDenied: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("member", ["_private", "__class__", "entries.__class__", "", "a..b", "a b"])
def test_what_cannot_be_a_name_is_not_asked_for(member: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "limpet://127.0.0.1:1", member]) == 2
    assert "cannot be a remote name" in capsys.readouterr().err


@pytest.mark.parametrize("member", ["owner.upper", "deposit.mine"])
def test_only_objects_of_the_server_have_members(member: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", url, member]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"limpet: there is no {member.partition('.')[2]!r} to be had")


def test_a_constructor_without_its_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(Strict, "limpet://127.0.0.1:0", local="anyone") as server:
        assert main(["call", server.url, "owner"]) == 1
    said = capsys.readouterr().err
    assert "TypeError: " in said
    assert "--open" in said


class Strict:
    def __init__(self, owner: str) -> None:
        self.owner = owner


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_no_time_is_one_line_and_status_2(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", f"--timeout={seconds}", "limpet://127.0.0.1:1", "method"]) == 2
    assert capsys.readouterr().err.startswith("limpet: a timeout must be more than 0")


@pytest.mark.parametrize(
    "address", ["limpet://127.0.0.1:1", "limpet+unix:///no/such/socket", "http://127.0.0.1:80", "nonsense", ""]
)
def test_no_server_is_one_line_and_status_2(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", address, "method"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("limpet: ")
    assert address in said
    assert said.count("\n") == 1
