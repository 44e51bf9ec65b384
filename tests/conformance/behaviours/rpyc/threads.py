"""Several threads, several connections, and what they do to each other."""

from __future__ import annotations

import os
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, Lock
from typing import Any

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import until
from tests.conformance.forwarder import Forwarder
from tests.conformance.process import server_process
from tests.conformance.system import System

MEBIBYTE = 1 << 20


class Echo:
    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def back(self, value: int) -> int:
        return value

    def size(self) -> int:
        return len(self._data)


def call(echo: Any, first: int, count: int) -> bool:
    """Tell whether so many calls are each answered with what was sent."""
    return [echo.back(number) for number in range(first, first + count)] == [*range(first, first + count)]


def called_from_threads(system: System, threads: int, count: int) -> None:
    """Let so many threads share one connection for so many calls each."""
    with system.opened(Echo) as echo, ThreadPoolExecutor(threads) as pool:
        right = pool.map(lambda thread: call(echo, thread * count, count), range(threads))
        assert all(right), "an answer reaches another caller"


@contextmanager
def on_one_processor() -> Generator[None]:
    """Keep the calling thread, and those it starts, on one processor."""
    if not hasattr(os, "sched_setaffinity"):  # there is none on macOS, and the threads go where they like
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@behaviour("R1", "On one processor, calls of a client with several threads on one connection all end")
def one_processor(system: System) -> None:
    with on_one_processor():
        called_from_threads(system, 3, 20)


@behaviour("R45", "Answers that arrive while other threads wait wake the right ones, however it falls")
def threads_on_one_connection(system: System) -> None:
    called_from_threads(system, 8, 50)


class Gate:
    """Holds back whoever waits, and tells how many do."""

    def __init__(self) -> None:
        self._event = Event()
        self._lock = Lock()
        self._waiting = 0

    def wait(self) -> str:
        with self._lock:
            self._waiting += 1
        return "open" if self._event.wait(10) else "closed"

    def waiting(self) -> int:
        return self._waiting

    def unlock(self) -> None:
        self._event.set()


CONNECTIONS = 50


@behaviour("R36", "Fifty connections each wait inside a call at the same time")
def fifty_connections(system: System) -> None:
    with system.serve(Gate, shared=True) as address, system.connect(address) as session, ExitStack() as stack:
        gate = session.open()
        clients = [stack.enter_context(system.connect(address)).open() for _ in range(CONNECTIONS)]
        pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))

        def wait(client: Any) -> Any:
            system.adopt(client)
            return client.wait()

        def all_wait_of(count: int) -> bool:
            return bool(gate.waiting() == count)

        waiting: list[Future[Any]] = []
        try:
            # Ten at a time: how long the queue of a listener may be is no question here.
            for first in range(0, CONNECTIONS, 10):
                waiting += [pool.submit(wait, client) for client in clients[first : first + 10]]
                until(partial(all_wait_of, first + 10), "not all of them get in")
        finally:
            gate.unlock()
        assert {call.result() for call in waiting} == {"open"}


@behaviour("R55", "A large transfer on one connection does not hold up short calls on another")
def large_and_short(system: System) -> None:
    data = os.urandom(8 * MEBIBYTE)  # some systems compress
    with (
        server_process(system, Echo) as server,
        system.connect(server.address) as session,
        Forwarder(most=MEBIBYTE) as between,
        ThreadPoolExecutor(1) as pool,
    ):

        def send() -> int:
            with system.connect(between.through(server.address)) as slow:
                return int(slow.open(data).size())

        transfer = pool.submit(send)
        try:
            until(between.holds.is_set, "the transfer does not begin")
            echo = session.open()
            assert [echo.back(number) for number in range(30)] == [*range(30)]
            assert not transfer.done()
        finally:
            between.let_pass()
        assert transfer.result() == len(data)
