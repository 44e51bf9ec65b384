"""When objects are let go, and what travels inside an error: from the suite of Cap'n Web."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import WeakSet

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import Feature, System


@expose
class Shell:
    def size(self) -> int:
        return 1


class Beach:
    _shells: ClassVar[WeakSet[Shell]] = WeakSet()

    def some(self) -> tuple[Shell, ...]:
        first, second = Shell(), Shell()
        self._shells.update((first, second))
        return first, second, first

    def left(self) -> int:
        return len(self._shells)


@behaviour(
    "X7", "Each object in a result is let go once; twice is harmless; leaving lets go of all", Feature.REFERENCES
)
def let_go(system: System) -> None:
    with system.serve(Beach) as address, system.connect(address) as session:
        beach = session.open()
        with system.connect(address) as other:
            first, second, again = other.open().some()
            assert first == again
            assert beach.left() == 2
            system.release(first)
            system.release(first)
            until(lambda: beach.left() == 1, "it is never let go")
            assert second.size() == 1
        until(lambda: beach.left() == 0, "the others are never let go")


class Shelf:
    def __init__(self) -> None:
        self._things: dict[str, Shell] = {}

    def reach(self) -> Shell:
        try:
            return self._things["spoons"]
        except KeyError as error:
            raise ValueError("no spoons", Shell()) from error


def objects_in(error: BaseException) -> list[Any]:
    """Return the arguments and attributes of an error that are objects to be called."""
    values = (*error.args, *vars(error).values())
    return [value for value in values if hasattr(value, "size")]


@behaviour("X10", "The cause of an error arrives, and no object travels inside an error")
def inside_an_error(system: System) -> None:
    with system.opened(Shelf) as shelf:
        with raises(ValueError) as caught:
            shelf.reach()
        assert caught.error.args[0] == "no spoons"
        assert objects_in(caught.error) == [], "the object travels inside the error"
        cause = caught.error.__cause__
        assert isinstance(cause, KeyError), "the cause is lost"
        assert cause.args == ("spoons",)
