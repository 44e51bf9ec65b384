"""Errors that served code raises."""

from __future__ import annotations

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import Feature, System


class Temper:
    @property
    def absent(self) -> int:
        raise AttributeError("abcd")

    @property
    def broken(self) -> int:
        raise RuntimeError("efgh")

    def look_up(self) -> int:
        shelf: dict[str, int] = {}
        return shelf["spoons"]

    def divide(self) -> float:
        return 1 / len([])

    def read(self) -> str:
        raise FileNotFoundError(2, "no such file", "spoons")

    def burst(self) -> None:
        self._deep_inside()

    def _deep_inside(self) -> None:
        raise ValueError("too hot")


@behaviour(
    "R14", "An error raised by a property arrives with its type and text, AttributeError included", Feature.PROPERTIES
)
def property_that_fails(system: System) -> None:
    with system.opened(Temper) as temper:
        with raises(AttributeError) as caught:
            _ = temper.absent
        assert caught.error.args[0] == "abcd", "the text is another"
        with raises(RuntimeError) as caught:
            _ = temper.broken
        assert caught.error.args[0] == "efgh", "the text is another"


@behaviour("R42", "A remote error is caught by its class, and by that class's bases")
def caught_by_bases(system: System) -> None:
    with system.opened(Temper) as temper:
        for expected in (KeyError, LookupError, Exception):
            with raises(expected):
                temper.look_up()
        for expected in (ZeroDivisionError, ArithmeticError):
            with raises(expected):
                temper.divide()
        for expected in (FileNotFoundError, OSError):
            with raises(expected) as caught:
                temper.read()
            assert caught.error.args[0] == 2


@behaviour("R50", "A remote error shows the remote stack")
def remote_stack(system: System) -> None:
    with system.opened(Temper) as temper:
        with raises(ValueError) as caught:
            temper.burst()
        assert "_deep_inside" in system.printed(caught.error), "the remote stack is lost"


@behaviour("R51", "A server told to keep its stack to itself sends none")
def no_remote_stack(system: System) -> None:
    with system.session(Temper, stack=False) as session:
        temper = session.open()
        # What else of the error arrives is a system's own business.
        with raises(Exception) as caught:
            temper.burst()
        assert "_deep_inside" not in system.printed(caught.error), "the remote stack arrives"
        with raises(Exception):
            temper.divide()
