"""What a socket has still to take: sending that never blocks."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from itertools import islice
from typing import Final

from limpet.logs import trace
from limpet.session.connection import Connection

__all__ = ["Sender", "poll"]

_AT_ONCE: Final = int(socket.MSG_DONTWAIT)
_PIECES: Final = 512
"""Pieces handed to one sendmsg; Linux takes 1024."""


class Sender:
    """Sends what a connection has to say, as far as the network takes it at once.

    Attributes:
        unsent: what it did not take. It goes before anything else.
        stalled_since: since when it takes nothing, in seconds of time.monotonic; None if it does.
    """

    __slots__ = ("_sock", "stalled_since", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.unsent: deque[bytes | memoryview] = deque()
        self.stalled_since: float | None = None

    def send_frame(self, frame: bytes, connection: Connection) -> None:
        """Send one frame, when nothing waits in front of it.

        Raises:
            OSError: if the connection broke.
        """
        try:
            sent = self._sock.send(frame, _AT_ONCE)
        except BlockingIOError:
            sent = 0
        if trace.level:
            trace.sent(connection.peer, frame[:sent])
        if sent == len(frame):
            self.stalled_since = None
        else:
            self.unsent.append(memoryview(frame)[sent:])
            self.stalled_since = self.stalled_since or time.monotonic()

    def send(self, connection: Connection) -> None:
        """Send until nothing is left or the network takes no more.

        Raises:
            OSError: if the connection broke.
        """
        pieces = self.unsent
        while pieces or self._refill(connection):
            try:
                if len(pieces) == 1:
                    sent = self._sock.send(pieces[0], _AT_ONCE)
                else:
                    sent = self._sock.sendmsg(islice(pieces, _PIECES), (), _AT_ONCE)
            except BlockingIOError:
                self.stalled_since = self.stalled_since or time.monotonic()
                return
            except OSError:
                pieces.clear()
                raise
            self.stalled_since = None
            if trace.level:
                trace.sent(connection.peer, b"".join(islice(pieces, _PIECES))[:sent])
            _drop(pieces, sent)

    def _refill(self, connection: Connection) -> bool:
        """Take what is to be sent next; tell whether there is anything."""
        if not connection.outbox.size:
            return False
        self.unsent.extend(connection.outgoing())
        return True


def _drop(pieces: deque[bytes | memoryview], sent: int) -> None:
    """Take the first ``sent`` bytes off. Each piece is looked at once, however often this is called."""
    while pieces and len(pieces[0]) <= sent:
        sent -= len(pieces.popleft())
    if sent:
        pieces[0] = memoryview(pieces[0])[sent:]


def poll(sock: socket.socket, events: int, seconds: float) -> int:
    """Wait for a socket; return what is ready, 0 when the time is up.

    A socket that is closed meanwhile is ready to read: reading tells why it cannot be.
    """
    waiter = select.poll()
    try:
        waiter.register(sock, events)
        ready = waiter.poll(max(0.0, seconds) * 1000)
    except (OSError, ValueError):
        return select.POLLIN
    return ready[0][1] if ready else 0
