"""``with`` blocks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import Feature, System


@expose
class Door:
    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def __enter__(self) -> str:
        self._seen.append("enter")
        return "inside"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._seen.append("leave" if kind is None else f"leave with {kind.__name__}")


class House:
    def __init__(self) -> None:
        self._seen: list[str] = []

    def door(self) -> Door:
        return Door(self._seen)

    @contextmanager
    def gate(self) -> Generator[str]:
        self._seen.append("enter")
        try:
            yield "inside"
        except ValueError:
            self._seen.append("leave with ValueError")
            raise
        else:
            self._seen.append("leave")

    def seen(self) -> str:
        return ", ".join(self._seen)


@behaviour(
    "R22", "`with` on a remote context manager enters it, gives its value and leaves it after the block", Feature.WITH
)
def entered_and_left(system: System) -> None:
    for way in ("door", "gate"):
        with system.opened(House) as house:
            with getattr(house, way)() as place:
                assert place == "inside"
                assert house.seen() == "enter"
            assert house.seen() == "enter, leave"


@behaviour(
    "R23", "An error in a `with` block reaches the remote context manager, and is then raised unchanged", Feature.WITH
)
def error_in_a_block(system: System) -> None:
    mine = ValueError("mine")

    def fail() -> None:
        raise mine

    for way in ("door", "gate"):
        with system.opened(House) as house:
            with raises(ValueError) as caught, getattr(house, way)():
                fail()
            assert caught.error is mine, "another error is raised"
            assert house.seen() == "enter, leave with ValueError", f"it saw: {house.seen()}"
