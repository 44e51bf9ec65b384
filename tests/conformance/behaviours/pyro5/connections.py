"""Connections: when they are made, how long calls may take, how they end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import ClassVar

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.forwarder import Forwarder
from tests.conformance.system import Feature, System


class Counter:
    def __init__(self) -> None:
        self._count = 0

    def add(self) -> int:
        self._count += 1
        return self._count


@behaviour("P3", "Naming what to use asks nothing of the server, and letting go of a proxy twice is harmless")
def asks_nothing(system: System) -> None:
    with system.named({"counter": Counter}) as address, system.connect(address) as session:
        service, missing = system.service(session, "counter"), system.service(session, "missing")
        counter = service.open()
        assert counter.add() == 1
        system.release(counter)
        system.release(counter)
        assert service.open().add() == 1
        with raises(*system.denied):
            missing.open()


@behaviour("P7", "The `with` block of a connection closes it, after an error too", Feature.CONNECTIONS)
def closes(system: System) -> None:
    with system.serve(Counter) as address, Forwarder() as forwarder:
        with suppress(KeyError), system.connect(forwarder.through(address)) as session:
            session.open()
            until(lambda: forwarder.clients == 1, "it does not connect")
            raise KeyError
        until(lambda: forwarder.clients == 0, "it stays open")


NONSENSE = (b"\xff" * 64, bytes(64), b"GET / HTTP/1.1\r\n\r\n" * 8)
"""What a client sends that has gone mad: too long a frame, an empty one, none at all."""


@behaviour("P39", "A frame that is malformed, cut short or too long ends its own connection alone", Feature.CONNECTIONS)
def nonsense(system: System) -> None:
    for data, hangs_up in (*((data, False) for data in NONSENSE), (bytes(2), True)):
        with (
            Forwarder() as forwarder,
            system.serve(Counter, seen_at=forwarder.port) as address,
            system.connect(forwarder.through(address)) as mad,
            system.connect(address) as sane,
        ):
            other, victim = sane.open(), mad.open()
            assert [other.add(), victim.add()] == [1, 1]
            forwarder.inject(data, hang_up=hangs_up)
            with raises(*system.lost):
                victim.add()
            assert other.add() == 2
            with system.connect(address) as session:
                assert session.open().add() == 1


class Gate:
    """Holds back whoever waits while it is shut."""

    def __init__(self) -> None:
        self._event = Event()
        self._waiting = 0

    def wait(self) -> bool:
        self._waiting += 1
        return self._event.wait(10)

    def waiting(self) -> int:
        return self._waiting

    def unlock(self) -> None:
        self._event.set()

    def lock(self) -> None:
        self._event.clear()


@behaviour("P9", "A timeout is set anew, before and after connecting, and the one that is set counts")
def timeouts(system: System) -> None:
    with (
        system.serve(Gate, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        gate, key = session.open(), other.open()
        try:
            # The first call of a proxy is what some systems connect for.
            with system.timeout(10, gate):
                with system.timeout(0.05, gate), raises(*system.late):
                    gate.wait()
                key.unlock()
                assert gate.wait()
                key.lock()
                with system.timeout(0.05, gate), raises(*system.late):
                    gate.wait()
        finally:
            key.unlock()


class Reception:
    """Says who calls, as code that is served by threads of this process knows it."""

    system: ClassVar[System]

    def who(self) -> tuple[str, str]:
        caller = self.system.caller
        return str(caller()), str(self.system.carried(caller))


@behaviour("P16", "Who is calling is known in another thread if the context is carried there", Feature.CALLER)
def who_calls(system: System) -> None:
    Reception.system = system
    with (
        system.serve(Reception, shared=True) as address,
        system.connect(address) as first,
        system.connect(address) as second,
    ):
        here, there = first.open().who()
        assert there == here, "the other thread does not know"
        other, _ = second.open().who()
        assert other != here, "two clients look the same"


@behaviour("P49", "A ping is answered while a call runs")
def ping(system: System) -> None:
    with (
        system.serve(Gate, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        gate, key = session.open(), other.open()

        def wait() -> bool:
            system.adopt(gate)
            return bool(gate.wait())

        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(wait)
            try:
                until(key.waiting, "the call does not start")
                system.ping(session)
                assert not call.done()
            finally:
                key.unlock()
            assert call.result()
