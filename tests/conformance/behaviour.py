"""A behaviour: one thing that users of remote objects expect, as one test for every system."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance.system import Feature, NotOffered, NotYet, System

__all__ = ["Behaviour", "Outcome", "behaviour", "behaviours", "position"]

FOLDER: Final = Path(__file__).parent / "behaviours"
PACKAGE: Final = "tests.conformance.behaviours"


@dataclass(frozen=True)
class Outcome:
    """What came of one behaviour with one system.

    Attributes:
        verdict: "passes", "fails", "not offered" or "not yet".
        why: a few words; none if it passes.
    """

    verdict: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.why}" if self.why else self.verdict

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Return the outcome that ``str`` made this text of."""
        verdict, _, why = text.partition(": ")
        return cls(verdict, why)


@dataclass(frozen=True)
class Behaviour:
    """One thing that users expect.

    Attributes:
        number: under which the table has it.
        line: what is expected, in one line.
        needs: what of a system it uses without naming it.
        body: shows it with a system; an assertion that fails gives its text as the reason.
    """

    number: str
    line: str
    needs: tuple[Feature, ...]
    body: Callable[[System], None]

    def check(self, system: System) -> None:
        """Show that ``system`` behaves so.

        Raises:
            NotOffered: if it has nothing of the kind.
            Exception: whatever shows that it does not.
        """
        for feature in self.needs:
            if feature in system.lacks:
                raise NotOffered(system.lacks[feature])
        self.body(system)

    def outcome(self, system: System) -> Outcome:
        """Return what comes of it, whatever that is."""
        try:
            self.check(system)
        except NotYet as missing:
            return Outcome("not yet", str(missing))
        except NotOffered as lack:
            return Outcome("not offered", str(lack))
        except AssertionError as failure:
            return Outcome("fails", str(failure).partition("\n")[0] or "wrong result")
        except Exception as error:
            # Not its text, which may tell of ports and addresses: an outcome is the same each time.
            return Outcome("fails", type(error).__name__.rpartition(".")[2])
        return Outcome("passes")


def behaviour(number: str, line: str, *needs: Feature) -> Callable[[Callable[[System], None]], Behaviour]:
    """Make a function that shows a behaviour with a system into that `Behaviour`."""

    def mark(body: Callable[[System], None]) -> Behaviour:
        return Behaviour(number, line, needs, body)

    return mark


def position(number: str) -> tuple[int, int, str]:
    """Return what sorts numbers as the table has them: R2, R10, P1, P12, P12b."""
    digits = number[1:].rstrip("bcdef")
    return "RPMX".index(number[0]), int(digits), number[1 + len(digits) :]


def behaviours() -> dict[str, Behaviour]:
    """Return all that are written, by their numbers and in that order.

    Raises:
        ValueError: if two have one number.
    """
    found: dict[str, Behaviour] = {}
    for path in sorted(FOLDER.rglob("*.py")):
        name = ".".join((PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts))
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Behaviour) and found.setdefault(value.number, value) is not value:
                raise ValueError(f"two behaviours have the number {value.number}")
    return dict(sorted(found.items(), key=lambda entry: position(entry[0])))
