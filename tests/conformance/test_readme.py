"""The table in README.md says what came of the tests, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.conformance import record
from tests.conformance.columns import COLUMNS
from tests.support.sources import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| .+ \(`([RPMX]\d+[a-z]?)`\) \| (.+) \|$", README, re.MULTILINE)
TOTALS = re.findall(r"^\| all that were run \| (.+) \|$", README, re.MULTILINE)
WORDS = {"passes": "yes", "fails": "no", "not offered": "-"}
RECORD = record.load()


def test_there_is_a_table() -> None:
    assert len(ROWS) > 10
    assert len(TOTALS) == 1


@pytest.mark.parametrize(("number", "cells"), ROWS, ids=[number for number, _ in ROWS])
def test_a_row_says_what_came_of_it(number: str, cells: str) -> None:
    outcomes = [RECORD.outcomes[number][column].verdict for column in COLUMNS]
    assert cells.split(" | ") == [WORDS[outcome] for outcome in outcomes]


def test_the_last_row_counts_what_passes() -> None:
    counts = [sum(row[column].verdict == "passes" for row in RECORD.outcomes.values()) for column in COLUMNS]
    assert TOTALS[0].split(" | ") == [str(count) for count in counts]


def test_the_versions_are_those_that_were_run() -> None:
    for column in ("RPyC", "Pyro5", "managers"):
        assert RECORD.versions[column] in re.sub(r"\s+", " ", README)
