"""Sending what a socket takes, and keeping the rest in order."""

from __future__ import annotations

import os
import random
import select
import socket
import time
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.sender import Sender, poll
from limpet.peer import Peer
from limpet.profile import Profile
from limpet.session.connection import Connection
from limpet.session.messages import Kind
from tests.support.wire import Message, framed
from tests.unit.drivers.threads.joined import open_session


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def connection() -> Connection:
    connection = Connection.client(Profile.local(), peer=Peer(), clock=time.monotonic, entropy=os.urandom)
    open_session(connection)
    return connection


def drain(sock: socket.socket, sender: Sender, connection: Connection) -> bytes:
    """Read, and let the sender go on, until there is nothing more."""
    received = bytearray()
    while True:
        sender.send(connection)
        try:
            received += sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            assert not sender.unsent
            return bytes(received)


def test_what_is_taken_at_once(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    ours, theirs = pair
    sender = Sender(ours)
    connection.outbox.put(b"frame")
    sender.send(connection)
    assert (list(sender.unsent), sender.stalled_since, connection.outbox.size) == ([], None, 0)
    assert theirs.recv(100) == b"frame"
    sender.send(connection)
    connection.outbox.put(b"one")
    connection.outbox.put_pieces([b"t", b"wo"])
    connection.outbox.put_urgent(b"first")
    sender.send(connection)
    assert theirs.recv(100) == b"firstonetwo"


def test_what_is_not_taken_goes_first_later(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    ours, theirs = pair
    sender = Sender(ours)
    data = random.Random(1).randbytes(3_000_000)
    connection.outbox.put(data[:1_000_000])
    connection.outbox.put_pieces([data[at : at + 1_000] for at in range(1_000_000, 3_000_000, 1_000)])
    began = time.monotonic()
    sender.send(connection)
    assert sender.unsent
    assert sender.stalled_since is not None
    assert sender.stalled_since >= began
    connection.outbox.put(b"and this behind it")
    assert drain(theirs, sender, connection) == data + b"and this behind it"
    assert sender.stalled_since is None


class Slow:
    """A socket that takes a byte at a time."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.seen = 0

    def send(self, piece: bytes | memoryview, flags: int) -> int:
        return self.sendmsg([piece], (), flags)

    def sendmsg(self, pieces: Iterable[bytes | memoryview], _: object, flags: int) -> int:
        pieces = list(pieces)
        self.seen += len(pieces)
        self.taken += pieces[0][:1]
        return min(len(pieces[0]), 1)


def test_a_piece_without_bytes_is_passed_over(connection: Connection) -> None:
    slow: Any = Slow()
    connection.outbox.put_pieces([b"", b"ab", b"", b"", b"c", b""])
    sender = Sender(slow)
    sender.send(connection)
    assert slow.taken == b"abc"
    assert not sender.unsent


def test_what_waits_is_never_copied(connection: Connection) -> None:
    slow: Any = Slow()
    for _ in range(2_000):
        connection.outbox.put_urgent(b"!")
    connection.outbox.put(b"x")
    sender = Sender(slow)
    waiting = sender.unsent
    sender.send(connection)
    assert sender.unsent is waiting
    assert slow.taken == b"!" * 2_000 + b"x"
    assert slow.seen <= 2_001 * 512


def test_since_when_it_stalls(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    ours, theirs = pair
    sender = Sender(ours)
    connection.outbox.put(bytes(1_000_000))
    sender.send(connection)
    since = sender.stalled_since
    sender.send(connection)
    assert sender.stalled_since == since
    theirs.recv(100_000)
    sender.send(connection)
    assert sender.stalled_since != since


def test_one_frame_in_one_step(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    ours, theirs = pair
    sender = Sender(ours)
    sender.send_frame(b"frame", connection)
    assert (list(sender.unsent), sender.stalled_since) == ([], None)
    assert theirs.recv(100) == b"frame"
    data = random.Random(2).randbytes(1_000_000)
    sender.send_frame(data, connection)
    assert sender.unsent
    assert sender.stalled_since is not None
    kept = list(sender.unsent)
    sender.unsent.clear()
    sender.send_frame(b"no room at all", connection)
    assert [bytes(piece) for piece in sender.unsent] == [b"no room at all"]
    sender.unsent.extendleft(kept)
    assert drain(theirs, sender, connection) == data + b"no room at all"


def test_a_broken_connection(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    ours, theirs = pair
    sender = Sender(ours)
    theirs.close()
    connection.outbox.put(b"x" * 10)
    connection.outbox.put(b"x" * 10)
    with pytest.raises(BrokenPipeError):
        sender.send(connection)
    assert not sender.unsent
    with pytest.raises(BrokenPipeError):
        sender.send_frame(b"x", connection)


def test_what_is_sent_can_be_traced(pair: tuple[socket.socket, socket.socket], connection: Connection) -> None:
    log = StringIO()
    limpet.log(2, log)
    try:
        sender = Sender(pair[0])
        session = connection.session
        assert session is not None
        session.ping()
        sender.send(connection)
        sender.send_frame(framed(Message(int(Kind.PING), 0, 2).pack()), connection)
    finally:
        limpet.log(0)
    assert log.getvalue().count("SEND 44 BYTES") == 2


def test_poll() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert poll(ours, select.POLLIN, 0) == 0
        assert poll(ours, select.POLLIN, -5) == 0
        assert poll(ours, select.POLLIN | select.POLLOUT, 1) == select.POLLOUT
        theirs.send(b"x")
        assert poll(ours, select.POLLIN, 1) == select.POLLIN
        began = time.monotonic()
        ours.recv(1)
        assert poll(ours, select.POLLIN, 0.05) == 0
        assert time.monotonic() - began >= 0.04
    assert poll(ours, select.POLLIN, 1) == select.POLLIN
