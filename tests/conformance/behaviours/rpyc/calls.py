"""Calls: arguments, callbacks, calls that are not waited for."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot
from threading import Event

from tests.conformance.behaviour import behaviour
from tests.conformance.system import Feature, System

Point = tuple[int, int]


class Geometry:
    def distance(self, start: Point, end: Point) -> float:
        (left, bottom), (right, top) = start, end
        return hypot(right - left, top - bottom)

    def kinds(self, *args: object) -> str:
        return " ".join(type(arg).__name__ for arg in args)


@behaviour("R26", "Two tuples as arguments arrive as values")
def tuples(system: System) -> None:
    with system.opened(Geometry) as geometry:
        assert geometry.distance((2, 7), (5, 11)) == 5
        assert geometry.kinds((2, 7), (5, 11)) == "tuple tuple"


class Gate:
    """Holds back whoever waits until it is opened."""

    def __init__(self) -> None:
        self._event = Event()

    def wait(self) -> str:
        return "open" if self._event.wait(10) else "closed"

    def unlock(self) -> None:
        self._event.set()


@behaviour("R2", "A call that is not waited for returns at once; its future is done after the call, and has its result")
def later(system: System) -> None:
    with (
        system.serve(Gate, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        future = system.later(session.open().wait)
        assert not future.done()
        other.open().unlock()
        assert future.result() == "open"
        assert future.done()


class Clock:
    def tick(self, times: int, tell: Callable[[int], int]) -> int:
        return sum(tell(time) for time in range(times))


@behaviour("R63", "A served method calls a function of the client's while the client waits for it", Feature.CALLBACKS)
def callbacks(system: System) -> None:
    ticks: list[int] = []

    def tell(time: int) -> int:
        ticks.append(time)
        return 10 * time

    with system.opened(Clock) as clock:
        assert clock.tick(5, tell) == 100
    assert ticks == [0, 1, 2, 3, 4]
