"""limpet behaves as users of remote objects expect, and the table says how it does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import pytest

from tests.conformance import record
from tests.conformance.behaviour import Behaviour, Outcome, behaviours
from tests.conformance.catalogue import DOES_NOT_APPLY, LETTERED, NOT_YET, SUITES
from tests.conformance.columns import COLUMNS
from tests.conformance.system import NotYet
from tests.conformance.systems.limpet import SYSTEM

AT_LEAST: Final = 143
"""How many behaviours limpet has to show."""
BEHAVIOURS: Final = behaviours()
RECORD: Final = record.load()


@pytest.mark.parametrize("behaviour", BEHAVIOURS.values(), ids=lambda behaviour: behaviour.number)
def test_limpet(behaviour: Behaviour) -> None:
    expected = RECORD.outcomes[behaviour.number]["limpet"]
    if expected.verdict == "not yet":
        with pytest.raises(NotYet, match=re.escape(expected.why)):
            behaviour.check(SYSTEM)
    else:
        behaviour.check(SYSTEM)


def limpet_cells() -> Mapping[str, Outcome]:
    return {number: row["limpet"] for number, row in RECORD.outcomes.items()}


def test_no_cell_of_limpet_fails() -> None:
    assert {n: str(cell) for n, cell in limpet_cells().items() if cell.verdict not in {"passes", "not yet"}} == {}


def test_enough_pass() -> None:
    assert sum(cell.verdict == "passes" for cell in limpet_cells().values()) >= AT_LEAST


def test_the_record_has_each_behaviour_with_each_system() -> None:
    assert RECORD.outcomes.keys() == BEHAVIOURS.keys()
    assert {tuple(row) for row in RECORD.outcomes.values()} == {COLUMNS}


def test_the_page_is_that_of_the_record() -> None:
    assert record.PAGE.read_text(encoding="utf-8") == record.page(RECORD), "make conformance"


def test_each_number_has_one_place() -> None:
    numbers = {f"{suite}{number}" for suite, count in SUITES.items() for number in range(1, count + 1)} | {*LETTERED}
    places = Counter([*BEHAVIOURS, *DOES_NOT_APPLY, *NOT_YET])
    assert places == Counter(numbers)
