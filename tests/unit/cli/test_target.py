"""What the options that all commands share mean."""

from __future__ import annotations

import argparse
import math

import pytest

import limpet
from limpet.cli.report import UsageError
from limpet.cli.target import connect, opening, split, value, within


def named(url: str, seconds: float | None) -> argparse.Namespace:
    """Return what the options of a command name."""
    return argparse.Namespace(url=url, timeout=seconds, key=None)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("5", 5),
        ("-5", -5),
        ("2.5", 2.5),
        ("True", True),
        ("None", None),
        ("[1, 'a']", [1, "a"]),
        ("{'a': (1,)}", {"a": (1,)}),
        ("'5'", "5"),
        ("Ada", "Ada"),
        ("", ""),
        ("two words", "two words"),
        ("1 + 1", "1 + 1"),
        ("print(1)", "print(1)"),
        ("0or", "0or"),
        ("1 if 1else 2", "1 if 1else 2"),
        ("[" * 10_000, "[" * 10_000),
        ("9" * 10_000, "9" * 10_000),
        ("{[]: 1}", "{[]: 1}"),
    ],
)
def test_a_word_is_a_literal_or_itself(word: str, meant: object) -> None:
    assert value(word) == meant
    assert type(value(word)) is type(meant)


def test_a_word_with_a_name_is_a_keyword_argument() -> None:
    assert split(["1", "a=2", "=3", "'b=4'", "c==5"]) == ([1, "=3", "b=4"], {"a": 2, "c": "=5"})


@pytest.mark.parametrize(
    ("service", "words", "shown"),
    [
        (None, [], "session.open()"),
        (None, ["Ada", "5", "balance=7"], "session.open('Ada', 5, balance=7)"),
        ("accounts", ["Ada"], "session.service('accounts').open('Ada')"),
    ],
)
def test_how_a_program_opens_it(service: str | None, words: list[str], shown: str) -> None:
    assert opening(argparse.Namespace(service=service, open=words)) == shown


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_no_time_is_no_use(seconds: float) -> None:
    with pytest.raises(UsageError, match="more than 0"), within(seconds):
        pass
    with pytest.raises(UsageError, match="more than 0"):
        connect(named("limpet://127.0.0.1:1", seconds))


def test_all_calls_inside_share_the_time(url: str) -> None:
    with connect(named(url, 20)) as session, within(1e-9), pytest.raises(limpet.CallTimeout):
        session.open()


def test_time_without_a_bound(url: str) -> None:
    with within(None), connect(named(url, None)) as session:
        assert session.open("Ada").owner == "Ada"
