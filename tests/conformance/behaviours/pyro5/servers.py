"""Servers: what they serve, and how they start and end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import ClassVar

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import Feature, Server, System


class Counter:
    def __init__(self) -> None:
        self._count = 0

    def add(self) -> int:
        self._count += 1
        return self._count

    def process(self) -> int:
        return os.getpid()


@behaviour("P21", "What cannot be served raises a clear error when the server is made")
def not_a_service(system: System) -> None:
    for target, name in ((42, "int"), (None, "None"), ("limpet", "str"), (2.5, "float"), ([1], "list")):
        with raises(*system.misuse) as caught:
            system.publish(target)
        assert name in str(caught.error), "the error does not say what it was given"


@behaviour("P22", "A service name that is reserved, empty, no text or no identifier is refused")
def not_a_name(system: System) -> None:
    for name in ("", "_private", "two words", "a.b", "a-b", 42, None, b"counter"):
        with raises(*system.misuse), system.named({name: Counter}):
            pass


@behaviour("P22b", "Stopping twice is harmless, and serving leaves no mark on the user's object")
def no_marks(system: System) -> None:
    counter = Counter()
    before, of_its_class = {*vars(counter)}, {*vars(Counter)}
    server = system.publish(counter)
    with server, system.connect(server.url) as session:
        assert session.open().add() == 1
        server.stop()
    server.stop()
    assert {*vars(counter)} == before, "the object has a mark"
    assert {*vars(Counter)} == of_its_class, "its class has a mark"
    assert counter.add() == 2


@behaviour("P23", "A class and an object are served side by side, under names in any script")
def side_by_side(system: System) -> None:
    with (
        system.named({"Zähler": Counter, "計数": Counter()}) as address,
        system.connect(address) as first,
        system.connect(address) as second,
    ):
        services = [system.service(first, "Zähler"), system.service(second, "Zähler")]
        assert [service.open().add() for service in services] == [1, 1], "the class is shared"
        services = [system.service(first, "計数"), system.service(second, "計数")]
        assert [service.open().add() for service in services] == [1, 2], "the object is not shared"


@behaviour("P24", "Opening a service that is not there raises, and the connection lives")
def missing_service(system: System) -> None:
    with system.named({"counter": Counter}) as address, system.connect(address) as session:
        service = system.service(session, "counter")
        counter = service.open()
        with raises(*system.denied):
            system.service(session, "missing").open()
        assert counter.add() == 1
        assert service.open().add() == 1


@behaviour("P25", "A server's `with` block stops it after an error too, and it cannot be started twice")
def block(system: System) -> None:
    server = system.server(Counter)
    with suppress(KeyError), server:
        url = server.url
        with raises(Exception), server:
            pass
        raise KeyError
    with raises(*system.lost), system.connect(url) as session:
        session.open()


@behaviour("P26", "What waits for a server's end goes on when it is stopped")
def waited_for(system: System) -> None:
    server = system.server(Counter)
    with ThreadPoolExecutor(1) as pool:
        with server, system.connect(server.url) as session:
            waiting = pool.submit(server.wait)
            assert session.open().add() == 1
            assert not waiting.done(), "it does not wait"
        waiting.result(5)


@behaviour("P30", "Two servers run side by side in one process", Feature.IN_PROCESS)
def two_servers(system: System) -> None:
    with (
        system.server(Counter) as first,
        system.server(Counter) as second,
        system.connect(first.url) as here,
        system.connect(second.url) as there,
    ):
        counters = here.open(), there.open()
        assert [counter.add() for counter in counters] == [1, 1]
        assert {counter.process() for counter in counters} == {os.getpid()}


class Gate:
    """Holds back whoever waits until it is opened."""

    waiting: ClassVar = Event()
    event: ClassVar = Event()

    def wait(self) -> None:
        self.waiting.set()
        self.event.wait(10)


@behaviour("P31", "What is slow at one server does not hold up another of the same process", Feature.IN_PROCESS)
def slow_server(system: System) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        system.server(Gate) as slow,
        system.server(Counter) as quick,
        system.connect(slow.url) as here,
        system.connect(quick.url) as there,
    ):
        gate = here.open()

        def wait() -> None:
            system.adopt(gate)
            gate.wait()

        call = pool.submit(wait)
        try:
            until(Gate.waiting.is_set, "the call does not start")
            assert there.open().add() == 1
            assert not call.done()
        finally:
            Gate.event.set()
        call.result()


class Speaker:
    """Can be asked to stop the server that it is served by."""

    server: ClassVar[Server]

    def say(self, text: str) -> str:
        return text

    def fail(self) -> None:
        raise ValueError("lost the thread")

    def count(self, most: int) -> Iterator[int]:
        yield from range(most)

    def stop(self) -> None:
        Thread(target=self.server.stop).start()


@behaviour(
    "P34",
    "Echoes, remote errors and the end of a generator arrive, and the server can be asked to stop",
    Feature.IN_PROCESS,
)
def asked_to_stop(system: System) -> None:
    server = Speaker.server = system.server(Speaker)
    server.start()
    with system.connect(server.url) as session:
        speaker = session.open()
        assert speaker.say("limpet") == "limpet"
        with raises(ValueError):
            speaker.fail()
        numbers = iter(speaker.count(3))
        assert [next(numbers), next(numbers), next(numbers)] == [0, 1, 2]
        for _again in range(2):
            with raises(StopIteration):
                next(numbers)
        with suppress(*system.lost):  # it may be quicker than the answer
            speaker.stop()
        server.wait()
        server.stop()
        with raises(*system.lost):
            speaker.say("gone")
