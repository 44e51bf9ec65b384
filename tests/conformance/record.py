"""What came of the behaviours, as a file beside them, and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.conformance.behaviour import Outcome, behaviours, position
from tests.conformance.catalogue import DOES_NOT_APPLY, NOT_YET
from tests.conformance.columns import COLUMNS
from tests.support.sources import ROOT

__all__ = ["FILE", "PAGE", "Record", "load", "page", "save"]

FILE: Final = ROOT / "tests" / "conformance" / "outcomes.json"
NO_TEST: Final = "no test"
PAGE: Final = ROOT / "docs" / "reference" / "conformance.md"

INTRODUCTION: Final = """\
# Conformance

What users expect of remote objects, as the test suites of other systems have it, and which system behaves so. The
letter tells which suite a behaviour comes from: R for RPyC's, P for Pyro5's, M for that of `multiprocessing.managers`,
X for those of Foolscap and Cap'n Web. The tests are limpet's own: each is written once, in
`tests/conformance/behaviours`, and run with every system in that system's own usual form. Where a suite tests what
only its own system has inside, the behaviour is what its users would see of it.

`make conformance` runs them all and writes this page; `make test` runs limpet's column, and fails if a cell of it is
wrong.

| cell | means |
|---|---|
| passes | it behaves so |
| fails | it does not; what is seen instead |
| not offered | it has nothing of the kind |
| does not apply | limpet has no such thing on purpose; why |
| not yet | limpet is to have it; what is missing |
| no test | nothing is known |
"""


@dataclass(frozen=True)
class Record:
    """What came of the behaviours when they were last run.

    Attributes:
        versions: of the systems.
        outcomes: by number and system.
    """

    versions: Mapping[str, str]
    outcomes: Mapping[str, Mapping[str, Outcome]]


def load() -> Record:
    """Return what is on file; an empty record if there is none."""
    if not FILE.exists():
        return Record({}, {})
    known = json.loads(FILE.read_text(encoding="utf-8"))
    outcomes = {
        number: {system: Outcome.parse(text) for system, text in row.items()}
        for number, row in known["outcomes"].items()
    }
    return Record(known["versions"], outcomes)


def save(record: Record) -> None:
    """Write the file and the page."""
    # A line for each behaviour, so that a change of one is a change of a line.
    rows = (
        f'"{number}": {json.dumps({system: str(outcome) for system, outcome in row.items()}, ensure_ascii=False)}'
        for number, row in record.outcomes.items()
    )
    versions, outcomes = json.dumps(record.versions), ",\n".join(rows)
    FILE.write_text(f'{{"versions": {versions},\n"outcomes": {{\n{outcomes}\n}}}}\n', encoding="utf-8")
    PAGE.write_text(page(record), encoding="utf-8")


def page(record: Record) -> str:
    """Return the page for a record."""
    written = behaviours()
    rows = [
        (number, written[number].line, [str(row[name]) for name in COLUMNS]) for number, row in record.outcomes.items()
    ]
    rows += [(number, line, untested(f"does not apply: {why}")) for number, (line, why) in DOES_NOT_APPLY.items()]
    rows += [(number, line, untested(f"not yet: {why}")) for number, (line, why) in NOT_YET.items()]
    rows.sort(key=lambda row: position(row[0]))
    heads = [f"{name} {record.versions[name]}" for name in COLUMNS]
    lines = [
        INTRODUCTION,
        f"Of {len(rows)} behaviours, {summary(record)}.\n",
        f"| number | behaviour | {' | '.join(heads)} |",
        "|---" * (2 + len(COLUMNS)) + "|",
        *(f"| {number} | {escaped(line)} | {' | '.join(map(escaped, texts))} |" for number, line, texts in rows),
    ]
    return "\n".join(lines) + "\n"


def untested(limpet: str) -> list[str]:
    """Return the cells of a row without a test: what is said of limpet, and nothing of its peers."""
    return [limpet, *[NO_TEST] * (len(COLUMNS) - 1)]


def summary(record: Record) -> str:
    passing = {name: sum(row[name].verdict == "passes" for row in record.outcomes.values()) for name in COLUMNS}
    return ", ".join(f"{passing[name]} pass with {name}" for name in COLUMNS)


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
