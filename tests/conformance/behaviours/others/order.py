"""In which order calls run, and what they do not wait for: from the suites of Foolscap and Cap'n Web."""

from __future__ import annotations

from threading import Event

from limpet import concurrent
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System


class Log:
    def __init__(self) -> None:
        self._entries: list[int] = []
        self._pause = Event()

    def add(self, entry: int) -> None:
        if not entry:
            self._pause.wait(0.05)  # time for those behind it to pass it
        self._entries.append(entry)

    def entries(self) -> str:
        return " ".join(map(str, self._entries))


@behaviour("X1", "Calls on one object run in the order in which they were sent")
def in_order(system: System) -> None:
    with system.opened(Log) as log:
        calls = [system.later(log.add, entry) for entry in range(20)]
        for call in calls:
            call.result()
        assert log.entries() == " ".join(map(str, range(20))), "they run in another order"


class Gate:
    """Holds back whoever waits until it is opened."""

    def __init__(self) -> None:
        self._event = Event()

    def wait(self) -> str:
        return "open" if self._event.wait(2) else "closed"

    @concurrent  # limpet runs the other calls of one connection one at a time
    def unlock(self) -> None:
        self._event.set()


@behaviour("X13", "A first call that hangs does not hold up a second on the same object")
def hangs(system: System) -> None:
    with system.opened(Gate) as gate:
        first = system.later(gate.wait)
        gate.unlock()
        assert first.result() == "open", "the second call waits for the first"


class Tally:
    def __init__(self) -> None:
        self._calls = 0

    def add(self, amount: int) -> int:
        self._calls += 1
        return self._calls

    def calls(self) -> int:
        return self._calls


@behaviour(
    "X3", "A wrong method or number of arguments raises and names it, the object is not touched, later calls work"
)
def wrong_calls(system: System) -> None:
    with system.opened(Tally) as tally:
        for args in ((), (1, 2)):
            with raises(TypeError) as caught:
                tally.add(*args)
            assert "add" in str(caught.error), "the error does not name the method"
        with raises(*system.denied) as caught:
            tally.subtract(1)
        assert "subtract" in str(caught.error), "the error does not name the method"
        assert tally.calls() == 0
        assert tally.add(1) == 1
