"""Servers that a client must not trust: what they do wrong ends in a clear error for the caller, in time."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import limpet
from limpet import Code
from limpet.sansio import Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import FRAMES, MEBIBYTE, WANT, RawPeer, RawServer, call, payload
from tests.support.hostile import HOSTILE
from tests.support.wire import Message, drop, framed, mine

FRAME_SECONDS = 0.3


@contextlib.contextmanager
def facing(**limits: Any) -> Iterator[tuple[limpet.ClientSession, RawPeer]]:
    """Give a client's session, and the other end of it."""
    profile = limpet.Profile.local(limits=limpet.Limits(**limits))
    with RawServer() as server:
        connecting = Task(lambda: limpet.connect(server.url, profile=profile))
        with server.accept() as peer, connecting.result() as session:
            yield session, peer


ANSWERS = {
    "junk": random.Random(2).randbytes(4096),
    "zeros": bytes(4096),
    "a wrong byte": b"\x01",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "nothing": b"",
    "half of it": bytes(32) + b"\x00",
}


@pytest.mark.parametrize("data", ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_server_is_refused(data: bytes) -> None:
    with RawServer() as server:
        connecting = Task(limpet.connect, server.url)
        with server.accept(shake=False) as peer:
            peer.send(data)
            peer.sock.shutdown(socket.SHUT_WR)
            with pytest.raises(limpet.ConnectRefused):
                connecting.result()


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with RawServer() as server:
        connecting = Task(lambda: limpet.connect(server.url, timeout=0.2))
        with server.accept(shake=False), pytest.raises(limpet.ConnectRefused, match="in time"):
            connecting.result(2)


LIES: dict[str, tuple[bytes, Code]] = {
    **{name: (data, code) for name, (data, code) in FRAMES.items()},
    "an answer to nothing": (framed(Message(int(Kind.RETURN), 0, 99).pack()), Code.MALFORMED),
    "an error with references": (
        framed(Message(int(Kind.RAISE), 0, 1, references=(mine(1),), types=((1, b"x"),)).pack()),
        Code.MALFORMED,
    ),
    "an answer with flags": (framed(Message(int(Kind.RETURN), WANT, 1).pack()), Code.MALFORMED),
    "an Open": (framed(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})).pack()), Code.UNEXPECTED),
    "a Describe": (framed(Message(int(Kind.DESCRIBE), WANT, 1, 1, payload=payload()).pack()), Code.UNEXPECTED),
    "a redirect": (framed(Message(int(Kind.REDIRECT)).pack()), Code.UNEXPECTED),
    "a release of what it never had": (
        framed(Message(int(Kind.RELEASE), references=(drop(1),)).pack()),
        Code.MALFORMED,
    ),
}


@pytest.mark.parametrize(("data", "code"), LIES.values(), ids=LIES)
def test_a_server_that_breaks_the_protocol(data: bytes, code: Code) -> None:
    with facing() as (session, peer):
        asking = Task(session.open)
        assert peer.hear().kind == Kind.OPEN
        peer.send(data)
        with pytest.raises(limpet.ProtocolError) as caught:
            asking.result()
        assert caught.value.code is code
        assert peer.goodbye() is code


def test_a_server_that_answers_nonsense_fails_that_call() -> None:
    with facing() as (session, peer):
        for data in (b"\xc1", b"", HOSTILE["3000 arrays"], b"\xd5\x10\x00\x05"):
            asking = Task(session.open)
            peer.say(Message(int(Kind.RETURN), 0, peer.hear(Kind.OPEN).id, payload=data))
            with pytest.raises(limpet.DecodeError):
                asking.result()
        asking = Task(session.open)
        peer.say(Message(int(Kind.RETURN), 0, peer.hear(Kind.OPEN).id, payload=b"\x05"))
        assert asking.result() == 5


def test_a_server_that_stops_inside_a_frame() -> None:
    with facing(frame_seconds=FRAME_SECONDS) as (session, peer):
        asking = Task(session.open)
        peer.hear(Kind.OPEN)
        peer.send(b"\x00\x00\x01\x00abc")
        began = time.monotonic()
        with pytest.raises(limpet.ProtocolError, match="not finished in time"):
            asking.result(5)
        assert time.monotonic() - began < 3


def test_a_server_that_stops_inside_a_frame_while_nobody_asks() -> None:
    with facing(frame_seconds=FRAME_SECONDS) as (session, peer):
        peer.send(b"\x00\x00\x01\x00abc")
        until(lambda: session.is_closed, 4)


def test_a_server_that_hangs_up_inside_an_answer() -> None:
    with facing() as (session, peer):
        asking = Task(session.open)
        peer.hear(Kind.OPEN)
        peer.send(framed(Message(int(Kind.RETURN), 0, 1, payload=bytes(100)).pack())[:-1])
        peer.close()
        with pytest.raises(limpet.SessionLost):
            asking.result()


@contextlib.contextmanager
def flooding(peer: RawPeer, kind: Kind) -> Iterator[None]:
    """Have the peer send, without end, what calls for nothing but to be read."""
    stopping = threading.Event()

    def flood() -> None:
        data = framed(Message(int(kind)).pack())
        while not stopping.is_set():
            peer.try_to_send(data)

    task = Task(flood)
    yield
    stopping.set()
    task.result()


@pytest.mark.parametrize("kind", [Kind.PING, Kind.ACK])
def test_a_server_that_floods_does_not_stop_the_clock(kind: Kind) -> None:
    with facing() as (session, peer), flooding(peer, kind):
        began = time.monotonic()
        with pytest.raises(limpet.CallTimeout), limpet.timeout(0.3):
            session.open()
        assert time.monotonic() - began < 2


def test_a_server_that_floods_does_not_stop_the_limit_of_answers() -> None:
    with facing(answer_seconds=0.3) as (session, peer), flooding(peer, Kind.ACK), pytest.raises(limpet.CallTimeout):
        Task(session.open).result(20)


def test_a_deadline_holds_while_sending_and_the_session_lives() -> None:
    with RawServer(receive_bytes=16_384) as server:
        connecting = Task(limpet.connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            began = time.monotonic()
            with pytest.raises(limpet.CallTimeout), limpet.timeout(0.2):
                session.open(bytes(32 * MEBIBYTE))
            assert time.monotonic() - began < 2
            # The rest of it goes when the server reads again, although nobody makes another call; then the Cancel.
            while (kind := peer.frame()[0]) == Kind.OPEN:
                pass
            assert kind == Kind.CANCEL
            asking = Task(session.open)
            peer.say(Message(int(Kind.RETURN), 0, peer.hear(Kind.OPEN).id, payload=b"\x05"))
            assert asking.result() == 5


def test_a_server_that_calls_what_it_was_not_given() -> None:
    with facing() as (session, peer):
        for id_, handle in enumerate((0, 1, 99), 1):
            answer = peer.ask(call(id_, handle, "", 1))
            assert answer.kind == Kind.RAISE
            assert b"no such object" in answer.payload
        assert not session.is_closed


def test_a_large_answer_of_a_callback_gets_home_while_nobody_asks() -> None:
    size = 6_000_000
    with RawServer(receive_bytes=16_384) as server:
        connecting = Task(limpet.connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            asking = Task(session.open, lambda: "x" * size)
            opening = peer.hear(Kind.OPEN)
            peer.say(Message(int(Kind.RETURN), 0, opening.id, payload=b"\x01"))
            assert asking.result() == 1
            peer.say(call(1, opening.references[0][4], ""))
            # This side is slow to begin, and sends nothing while it reads.
            threading.Event().wait(1.2)
            received = 0
            while True:
                message = peer.hear()
                assert message.kind in (Kind.RETURN, Kind.RELEASE)
                received += len(message.payload)
                if message.kind == Kind.RETURN and not message.flags & 4:
                    break
            assert received >= size


def test_a_server_that_never_reads() -> None:
    profile = limpet.Profile.local(limits=limpet.Limits(write_seconds=0.4))
    with RawServer(receive_bytes=16_384) as server:
        connecting = Task(lambda: limpet.connect(server.url, profile=profile))
        with server.accept(), connecting.result() as session:
            with pytest.raises(limpet.SessionLost, match="read nothing for"):
                session.open(bytes(32 * MEBIBYTE))
            assert session.is_closed
