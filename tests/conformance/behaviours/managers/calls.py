"""Calls: many of them, ones that fail, ones that are disturbed."""

from __future__ import annotations

import os
import signal
import socket
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.process import server_process
from tests.conformance.system import Feature, System


class Worker:
    def square(self, number: int) -> int:
        return number * number

    def fail(self, text: str) -> None:
        raise ValueError(text)

    def take(self, value: object) -> str:
        return type(value).__name__

    def lock(self) -> object:
        return Lock()

    def squares(self, most: int) -> Iterator[int]:
        for number in range(most):
            yield number * number

    def falls_short(self) -> Iterator[int]:
        yield from range(5)
        raise ZeroDivisionError("no more")

    def overflow(self, size: int) -> None:
        self._spill(size)

    def _spill(self, size: int) -> None:
        raise ValueError("x" * size)

    def _hidden(self) -> str:
        return "pearl"


@behaviour(
    "M7",
    "Only public methods are shown, errors keep their type, generators are exhausted, the server ends cleanly",
)
def a_worker(system: System) -> None:
    with server_process(system, Worker) as server:
        with system.connect(server.address) as session:
            worker = session.open()
            assert worker.square(3) == 9
            with raises(ValueError) as caught:
                worker.fail("stuck")
            assert caught.error.args == ("stuck",)
            with raises(*system.denied):
                worker._hidden()
            squares = worker.squares(4)
            assert list(squares) == [0, 1, 4, 9]
            assert list(squares) == [], "it goes on after its end"
        assert server.stop() == 0, "the server's process fails"


@behaviour("M12", "Many calls under way give their results in the order asked for, none for none")
def many(system: System) -> None:
    with system.opened(Worker) as worker:
        for count in (0, 1, 50):
            futures = [system.later(worker.square, number) for number in range(count)]
            assert [future.result() for future in futures] == [number * number for number in range(count)]


@behaviour("M12b", "The function that waits for a call's end is called exactly once, with result or error")
def told_once(system: System) -> None:
    told: list[object] = []

    def tell(ended: Any) -> None:
        try:
            told.append(ended.result())
        except ValueError as error:
            told.append(error.args[0])

    with system.opened(Worker) as worker:
        future = system.later(worker.square, 3)
        future.add_done_callback(tell)
        assert future.result() == 9
        until(lambda: told == [9], "it is not told of the result")
        future = system.later(worker.fail, "stuck")
        future.add_done_callback(tell)
        with raises(ValueError):
            future.result()
        until(lambda: told == [9, "stuck"], "it is not told of the error")
        assert worker.square(2) == 4
    assert told == [9, "stuck"], "it is told again"


@behaviour(
    "M12c", "A value that cannot travel raises in the caller, time after time, and loses no worker", Feature.REFUSALS
)
def cannot_travel(system: System) -> None:
    with system.opened(Worker) as worker:
        for number in range(20):
            with raises(*system.unsendable):
                worker.take(Lock())
            with raises(*system.unsendable):
                worker.lock()
            assert worker.square(number) == number * number


@behaviour(
    "M12d", "A generator that fails at some item gives those before it, and then that error, in chunks of any size"
)
def falls_short(system: System) -> None:
    with system.opened(Worker) as worker:
        for count in (1, 2, 3, 5, 6, 100):
            items: list[int] = []
            with raises(ZeroDivisionError):
                for item in system.prefetch(worker.falls_short(), count):
                    items.append(item)  # noqa: PERF402 - an error on the way is what is tested
            assert items == [0, 1, 2, 3, 4], f"in chunks of {count} it gives {items}"


@expose
class Shell:
    def __init__(self, size: int) -> None:
        self._size = size

    def size(self) -> int:
        return self._size


class Beach:
    def __init__(self) -> None:
        self._shells: weakref.WeakSet[Shell] = weakref.WeakSet()

    def find(self, size: Callable[[], int]) -> Shell:
        shell = Shell(size())
        self._shells.add(shell)
        return shell

    def left(self) -> int:
        return len(self._shells)


@behaviour("M12e", "Arguments and results are not kept alive after the call", Feature.CALLBACKS, Feature.REFERENCES)
def not_kept(system: System) -> None:
    with system.opened(Beach) as beach:

        def size() -> int:
            return 3

        argument = weakref.ref(size)
        shell = beach.find(size)
        assert shell.size() == 3
        assert beach.left() == 1
        del size, shell
        until(lambda: beach.left() == 0, "the result is kept")
        until(lambda: beach.left() == 0 and argument() is None, "the argument is kept")


@behaviour("M12f", "The remote stack comes with an error, and an error of a megabyte holds up nothing")
def large_error(system: System) -> None:
    with system.opened(Worker) as worker:
        for _again in range(3):
            with raises(ValueError) as caught:
                worker.overflow(1 << 20)
            assert "_spill" in system.printed(caught.error), "the remote stack is lost"
            assert worker.square(3) == 9


class Sleeper:
    def wait(self, seconds: float) -> str:
        Event().wait(seconds)
        return "waited"


@contextmanager
def default_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def signals(times: int, seconds: float) -> Iterator[list[int]]:
    """Send this process a signal now and then; gives those that came."""
    came: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: came.append(number))
    ended = Event()

    def send() -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGUSR1)
            if ended.wait(seconds):
                break

    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(send)
            yield came
            ended.set()
    finally:
        signal.signal(signal.SIGUSR1, before)


@behaviour("M14", "A default timeout of sockets, and signals, do not break calls")
def disturbed(system: System) -> None:
    with default_timeout(0.05), system.opened(Sleeper) as sleeper:
        assert sleeper.wait(0.15) == "waited"
    with system.opened(Sleeper) as sleeper, signals(20, 0.005) as came:
        assert sleeper.wait(0.1) == "waited"
        assert came
