"""Objects that several clients share."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.managers import Namespace
from queue import LifoQueue, Queue
from threading import Barrier, BoundedSemaphore, BrokenBarrierError, Condition, Event, Lock, Semaphore
from typing import Any

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.forwarder import port_of
from tests.conformance.process import server_process
from tests.conformance.system import Feature, System


# Which names an object has is for its own side to say in limpet: they are there from the start.
@behaviour(
    "M6",
    "Attributes of a remote namespace are set, read and deleted, and private ones do not show",
    Feature.NAMESPACES,
)
def namespace(system: System) -> None:
    with system.opened(Namespace, name="Ada", job="pilot") as person:
        assert (person.name, person.job) == ("Ada", "pilot")
        person.name = "Grace"
        assert person.name == "Grace"
        assert hasattr(person, "job")
        del person.job
        assert not hasattr(person, "job"), "it is there after it was deleted"
        with suppress(*system.denied):
            person._secret = "pearl"
        assert str(person) == "Namespace(name='Grace')"


@contextmanager
def two_of(system: System, kind: type, **settings: Any) -> Generator[tuple[Any, Any]]:
    """Give two proxies of one object, each with a connection of its own."""
    with (
        system.serve(kind, shared=True, **settings) as address,
        system.connect(address) as first,
        system.connect(address) as second,
    ):
        yield first.open(), second.open()


VALUES = (None, True, 7, 2.5, "Grüße", b"\x00\xff")


@behaviour("M8", "Two clients share a queue by its address, values arrive intact, and the server starts there again")
def a_queue(system: System) -> None:
    with (
        system.serve(Queue, shared=True) as address,
        system.connect(address) as here,
        system.connect(address) as there,
    ):
        queue, other = here.open(), there.open()
        for value in VALUES:
            queue.put(value)
        assert other.qsize() == len(VALUES)
        for value in VALUES:
            came = other.get()
            assert (type(came), came) == (type(value), value), f"{value!r} comes as another"
        other.put("left behind")
        del queue, other
    port = port_of(address)
    with system.serve(Queue, shared=True, port=port) as again, system.connect(again) as session:
        assert port_of(again) == port
        assert session.open().empty()


class Latch:
    """A lock; what makes those of the standard library is not a class in each version of Python."""

    def __init__(self) -> None:
        self._lock = Lock()

    def acquire(self, timeout: float) -> bool:
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        self._lock.release()


@behaviour("M9", "What one client changes in shared locks, semaphores, queues and containers the other sees")
def seen_by_the_other(system: System) -> None:
    with two_of(system, Latch) as (mine, yours):
        assert mine.acquire(1)
        assert not yours.acquire(0.01), "both have the lock"
        mine.release()
        assert yours.acquire(1)
        mine.release()
        with raises(RuntimeError):
            yours.release()
    with two_of(system, Event) as (mine, yours):
        assert not yours.is_set()
        mine.set()
        assert yours.is_set()
        assert yours.wait(1)
        yours.clear()
        assert not mine.is_set()
    for semaphore in (BoundedSemaphore, Semaphore):
        with two_of(system, semaphore) as (mine, yours):
            assert mine.acquire()
            assert not yours.acquire(False), "both have the only place"
            mine.release()
            assert yours.acquire(False)
            yours.release()
            if semaphore is BoundedSemaphore:
                with raises(ValueError):
                    mine.release()
    for queue, expected in ((LifoQueue, ["second", "first"]), (Queue, ["first", "second"])):
        with two_of(system, queue) as (mine, yours):
            mine.put("first")
            mine.put("second")
            assert [yours.get(), yours.get()] == expected
            assert mine.empty()
    with two_of(system, list) as (mine, yours):
        mine.extend([1, 2])
        yours.append(3)
        assert list(mine) == [1, 2, 3]
    with two_of(system, dict) as (mine, yours):
        mine["shell"] = 1
        yours["shell"] += 1
        assert mine["shell"] == 2


class Meeting:
    """Where clients wait for each other."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._event = Event()
        self._barrier = Barrier(2)
        self._waiting = 0
        self._count = 0

    def waiting(self) -> int:
        with self._condition:
            return self._waiting

    def wait(self, timeout: float) -> bool:
        with self._condition:
            self._waiting += 1
            try:
                return self._condition.wait(timeout)
            finally:
                self._waiting -= 1

    def wait_for(self, count: int, timeout: float) -> bool:
        with self._condition:
            self._waiting += 1
            try:
                return self._condition.wait_for(lambda: self._count >= count, timeout)
            finally:
                self._waiting -= 1

    def notify(self, clients: int) -> None:
        with self._condition:
            self._condition.notify(clients)

    def notify_all(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def event(self, timeout: float) -> bool:
        return self._event.wait(timeout)

    def happen(self) -> None:
        self._event.set()

    def meet(self, timeout: float) -> str:
        try:
            self._barrier.wait(timeout)
        except BrokenBarrierError:
            return "broken"
        return "met"

    def at_the_barrier(self) -> int:
        return self._barrier.n_waiting

    def abort(self) -> None:
        self._barrier.abort()

    def reset(self) -> None:
        self._barrier.reset()


@behaviour("M11", "Waiting for a condition, an event or a barrier, with and without timeout, works across processes")
def waiting(system: System) -> None:
    with (
        server_process(system, Meeting, shared=True) as server,
        ThreadPoolExecutor(3) as pool,
        ExitStack() as connections,
    ):
        proxies = [connections.enter_context(system.connect(server.address)).open() for _ in range(4)]
        host, *guests = proxies

        def ask(guest: Any, name: str, *args: object) -> Any:
            system.adopt(guest)
            return getattr(guest, name)(*args)

        assert not host.wait(0.01), "a condition that nobody notifies wakes"
        assert not host.wait_for(1, 0.01)
        calls = [pool.submit(ask, guest, "wait", 10) for guest in guests]
        until(lambda: host.waiting() == 3, "they do not wait")
        host.notify(2)
        until(lambda: host.waiting() == 1, "they do not wake")
        host.notify_all()
        assert [call.result() for call in calls] == [True, True, True]
        calls = [pool.submit(ask, guest, "wait_for", 3, 10) for guest in guests]
        for count in (2, 3):
            until(lambda: host.waiting() == 3, "they do not wait")
            assert not any(call.done() for call in calls), f"they wake before {count}"
            host.notify_all()
        assert [call.result() for call in calls] == [True, True, True]

        assert not host.event(0.01), "an event that did not happen has"
        call = pool.submit(ask, guests[0], "event", 10)
        host.happen()
        assert call.result()

        call = pool.submit(ask, guests[0], "meet", 10)
        assert host.meet(10) == "met"
        assert call.result() == "met"
        call = pool.submit(ask, guests[0], "meet", 10)
        until(lambda: host.at_the_barrier() == 1, "it does not wait")
        host.abort()
        assert call.result() == "broken"
        host.reset()
        assert host.meet(0.01) == "broken", "nobody else was there"
