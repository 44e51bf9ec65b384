"""Finalizers of users' objects: they may run any code, so they run where users' code runs, and under no lock."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

import limpet
from limpet.sansio import Flag, Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import WANT, RawClient, RawServer, call, payload, serving
from tests.support.wire import Message, drop, forget, mine, yours
from tests.unit.drivers.threads.test_channel import function_descriptor

KEEP = int(Flag.WANT | Flag.KEEP)
CALL = int(Kind.CALL)


@limpet.expose
class Mortal:
    """Tells how it ended."""

    ends: ClassVar[list[tuple[str, bool]]] = []
    """The thread of each end, and whether the lock of a session was held."""
    server: limpet.Server
    inside = threading.Event()
    passing = threading.Event()
    last_words: Callable[[], Any] | None = None

    def use(self, *others: Any) -> None:
        Mortal.inside.set()
        Mortal.passing.wait(10)

    def __del__(self) -> None:
        is_locked = any(channel.lock.locked() for channel in Mortal.server._snapshot())
        if Mortal.last_words is not None:
            Mortal.last_words()
        Mortal.ends.append((threading.current_thread().name, is_locked))


class Service:
    """Makes mortals and keeps none."""

    def make(self) -> Mortal:
        return Mortal()

    def subscribe(self, function: Callable[[], Any]) -> None:
        Mortal.last_words = function

    def wait(self) -> None:
        Mortal.inside.set()
        Mortal.passing.wait(10)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    Mortal.ends.clear()
    Mortal.inside.clear()
    Mortal.passing.clear()
    gc.disable()  # A collection would free what should have been freed without it.
    yield
    gc.enable()
    Mortal.last_words = None


@pytest.fixture
def peer() -> Iterator[RawClient]:
    with serving(Service) as server, RawClient(server.url) as client:
        Mortal.server = server
        assert client.open() == 1
        yield client
        Mortal.passing.set()


WORKER = [("limpet-worker", False)]


def kept(peer: RawClient, id_: int = 2) -> int:
    """Have a mortal made, held by its promise and its handle; return that."""
    answer = peer.ask(Message(CALL, KEEP, id_, 1, payload=payload("make", [])))
    return int(answer.references[0][4])


def test_a_result_that_is_forgotten(peer: RawClient) -> None:
    peer.say(Message(int(Kind.RELEASE), references=(drop(kept(peer)),)))
    peer.say(Message(int(Kind.RELEASE), references=(forget(2),)))
    until(lambda: Mortal.ends)
    assert Mortal.ends == WORKER


def test_a_finalizer_that_calls_the_client_by_the_same_session(peer: RawClient) -> None:
    lent: dict[str, Any] = {"references": (mine(5),), "types": ((1, function_descriptor()),)}
    peer.say(Message(CALL, WANT, 2, 1, payload=b"\x92\xa9subscribe\x91\xd5\x10\x00\x00", **lent))
    assert peer.hear().kind == Kind.RETURN
    peer.say(Message(int(Kind.RELEASE), references=(drop(kept(peer, 3)),)))
    peer.say(Message(int(Kind.RELEASE), references=(forget(3),)))
    asked = peer.hear(Kind.CALL, Kind.OPERATE)
    assert asked.target == 5
    peer.say(Message(int(Kind.RETURN), 0, asked.id, payload=b"\xc0"))
    until(lambda: Mortal.ends)
    with limpet.connect(Mortal.server.url) as another:
        assert another.ping() < 10


@pytest.mark.parametrize("how", ["a goodbye", "hanging up", "idling"])
def test_what_a_session_held_when_it_ended(how: str) -> None:
    limits: dict[str, Any] = {"idle_seconds": 0.05} if how == "idling" else {}
    with serving(Service, **limits) as server, RawClient(server.url) as peer:
        Mortal.server = server
        peer.open()
        kept(peer)
        if how == "a goodbye":
            peer.say(Message(int(Kind.GOODBYE)))
        elif how == "hanging up":
            peer.close()
        until(lambda: Mortal.ends)
        assert Mortal.ends == WORKER


def test_what_sessions_held_when_the_server_stopped() -> None:
    with limpet.Server(Service, "limpet://127.0.0.1:0") as server, RawClient(server.url) as peer:
        Mortal.server = server
        peer.open()
        kept(peer)
        server.stop()
        assert Mortal.ends == [(threading.current_thread().name, False)]


def test_a_target_and_what_a_request_named(peer: RawClient) -> None:
    handle = kept(peer)
    peer.say(Message(int(Kind.RELEASE), references=(forget(2),)))
    peer.say(Message(CALL, WANT, 3, handle, payload=payload("use", []), references=(yours(handle),)))
    peer.say(Message(int(Kind.RELEASE), references=(drop(handle),)))
    assert Mortal.inside.wait(5)
    Mortal.passing.set()
    assert peer.hear().id == 3
    until(lambda: Mortal.ends)
    assert Mortal.ends == WORKER


def test_a_request_that_waited_when_the_session_ended(peer: RawClient) -> None:
    handle = kept(peer)
    peer.say(call(3, 1, "wait"), call(4, handle, "use"))
    peer.say(Message(int(Kind.RELEASE), references=(forget(2),)))
    peer.say(Message(int(Kind.RELEASE), references=(drop(handle),)))
    assert Mortal.inside.wait(5)
    peer.close()
    until(lambda: Mortal.server.sessions == 0)
    Mortal.passing.set()
    until(lambda: Mortal.ends)
    assert Mortal.ends == WORKER


class Lent:
    """What a client lends: its end is told of by a weak reference."""

    def __call__(self) -> None: ...


@pytest.mark.parametrize("how", ["a release", "hanging up"])
def test_the_thread_that_looks_after_a_clients_sessions_runs_none(how: str) -> None:
    ends: list[str] = []
    with RawServer() as server:
        connecting = Task(limpet.connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            lent = Lent()
            weakref.finalize(lent, lambda: ends.append(threading.current_thread().name))
            asking = Task(session.open, limpet.ref(lent))
            opened = peer.hear(Kind.OPEN)
            peer.say(Message(int(Kind.RETURN), 0, opened.id, payload=b"\xc0"))
            asking.result()
            del lent, asking
            until(lambda: not session._channel.reader)
            if how == "a release":
                peer.say(Message(int(Kind.RELEASE), references=(drop(opened.references[0][4]),)))
            else:
                peer.close()
            until(lambda: ends)
            assert ends == ["limpet-callback"]
