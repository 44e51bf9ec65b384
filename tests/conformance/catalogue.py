"""Behaviours without a test, and why: every number is here, or a test has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ABSENT", "LETTERED", "SUITES", "Absent"]

SUITES: Final[Mapping[str, int]] = {"R": 65, "P": 75, "M": 14, "X": 13}
"""How many numbers each suite has."""
LETTERED: Final = (
    *("P12b", "P22b", "P29b", "P37b", "P37c", "P69b", "P69c", "P69d", "P69e"),
    *("M12b", "M12c", "M12d", "M12e", "M12f"),
)
"""Numbers that stand beside those without a letter."""


@dataclass(frozen=True)
class Absent:
    """A behaviour that has no test.

    Attributes:
        line: what is expected, in one line.
        verdict: "does not apply" if limpet has no such thing on purpose, else "not yet".
        why: what it would need.
    """

    line: str
    verdict: str
    why: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.why}"


ABSENT: Final[Mapping[str, Absent]] = {}
