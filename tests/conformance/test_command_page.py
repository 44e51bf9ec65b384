"""docs/reference/command.md has every command with its options, and no others."""

from __future__ import annotations

import argparse
import re

import pytest

from limpet.cli import _parser
from tests.support.sources import ROOT

PAGE = (ROOT / "docs" / "reference" / "command.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SHARED = "What the others share"
[COMMANDS] = [one.choices for one in _parser()._actions if isinstance(one, argparse._SubParsersAction)]


def rows(section: str) -> set[str]:
    """Return the options that the tables of a section have."""
    cells = re.findall(r"^\| (`-.+?) \|", SECTIONS[section], re.MULTILINE)
    return {option for cell in cells for option in re.findall(r"`(--[a-z-]+)", cell)}


def test_every_command_has_a_section_and_a_row() -> None:
    assert set(SECTIONS) == {SHARED, *COMMANDS}
    assert re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \|", PAGE, re.MULTILINE) == [
        (name, name) for name in SECTIONS if name != SHARED
    ]


def options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command, and of what it can do."""
    found = {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}
    inner = [one.choices.values() for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return found.union(*(options(action) for actions in inner for action in actions))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row(name: str) -> None:
    shown = rows(name) | (set() if name in {"serve", "keys"} else rows(SHARED))
    assert options(COMMANDS[name]) == shown
