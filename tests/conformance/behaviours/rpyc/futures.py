"""Calls that are not waited for, and calls that must not take long."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from typing import Any

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import System


class Gate:
    """Holds back whoever waits until it is opened."""

    def __init__(self) -> None:
        self._event = Event()

    def wait(self) -> str:
        return "open" if self._event.wait(10) else "closed"

    def unlock(self) -> None:
        self._event.set()

    def is_open(self) -> bool:
        return self._event.is_set()

    def fail(self) -> None:
        raise ValueError("stuck")


@contextmanager
def gates(system: System) -> Generator[tuple[Any, Any]]:
    """Give two proxies of one gate, each with a connection of its own. Opens it after."""
    with (
        system.serve(Gate, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        gate, key = session.open(), other.open()
        try:
            yield gate, key
        finally:
            key.unlock()


@behaviour("R3", "A call that is not waited for and takes longer than its timeout ends with the timeout error")
def late_future(system: System) -> None:
    with gates(system) as (gate, _):
        future = system.later(gate.wait, seconds=0.1)
        with raises(*system.late):
            future.result()


@behaviour("R4", "Each function that waits for a future's end is called once, after it")
def called_when_done(system: System) -> None:
    called: list[tuple[str, bool]] = []
    with gates(system) as (gate, key):
        future = system.later(gate.wait)
        future.add_done_callback(lambda _: called.append(("first", future.done())))
        future.add_done_callback(lambda _: called.append(("second", future.done())))
        assert called == [], "it is called too early"
        key.unlock()
        assert future.result() == "open"
        until(lambda: len(called) >= 2, "it is never called")
        future.add_done_callback(lambda _: called.append(("third", future.done())))
        until(lambda: len(called) >= 3, "it is never called")
        assert gate.is_open()
    assert sorted(called) == [("first", True), ("second", True), ("third", True)]


@behaviour("R5", "With one timeout, a call that is quicker gives its result, and a slower one raises")
def quick_and_slow(system: System) -> None:
    with gates(system) as (gate, _), system.timeout(0.3, gate):
        assert gate.is_open() is False
        with raises(*system.late):
            gate.wait()


@behaviour("R6", "A future of a call that failed raises the remote error, of its own type")
def failed_future(system: System) -> None:
    with gates(system) as (gate, _):
        future = system.later(gate.fail)
        for _again in range(2):
            with raises(ValueError) as caught:
                future.result()
            assert caught.error.args[0] == "stuck"
