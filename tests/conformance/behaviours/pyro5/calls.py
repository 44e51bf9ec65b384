"""Calls: errors, deadlines."""

from __future__ import annotations

from threading import Event

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System


class Calculator:
    def divide(self, left: int, right: int) -> float:
        return left / right

    def multiply(self, left: object, right: object) -> object:
        return left * right  # type: ignore[operator]  # whether that goes is what is tested


@behaviour("P52", "An error of a built-in type is raised by the client as that type")
def errors_keep_their_type(system: System) -> None:
    with system.opened(Calculator) as calculator:
        with raises(ZeroDivisionError):
            calculator.divide(1, 0)
        with raises(TypeError):
            calculator.multiply("a", "b")
        assert calculator.divide(1, 2) == 0.5


class Gate:
    """Holds back whoever waits until it is opened."""

    def __init__(self) -> None:
        self._event = Event()

    def wait(self) -> None:
        self._event.wait(10)

    def unlock(self) -> None:
        self._event.set()


@behaviour("P66", "A call that takes longer than its timeout raises before it has ended")
def deadlines(system: System) -> None:
    with (
        system.serve(Gate, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        gate = session.open()
        try:
            with raises(*system.late), system.timeout(0.1, gate):
                gate.wait()
        finally:
            other.open().unlock()
