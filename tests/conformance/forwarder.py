"""A forwarder between clients and a server, which sees what passes and may add to it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

__all__ = ["Forwarder", "port_of"]

PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)\d+")
"""Where each system has the port in its addresses."""
READ_BYTES: Final = 65_536


def port_of(address: str) -> int:
    """Return the port of 127.0.0.1 in a system's address."""
    found = PORT.search(address)
    assert found is not None, "no port"
    return int(found[0])


class Forwarder:
    """Passes on what comes to a port of 127.0.0.1, both ways, while its ``with`` block runs.

    Attributes:
        port: where clients come.
        clients: how many are connected.
        sent: bytes they have sent.
        holds: set once it holds something back.
        requests: in how many pieces they came; a small message is one.
        answers: how many pieces came from servers.
        ended: how many connections the server has ended.

    Args:
        source: the address that the server sees.
        most: bytes that clients may send before the rest is held back; all if not given.
    """

    def __init__(self, source: str = "127.0.0.1", *, most: int | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.clients = 0
        self.sent = 0
        self.holds = Event()
        self._most = most
        self._may_pass = Event()
        self.requests = 0
        self.answers = 0
        self.ended = 0
        self._source = source
        self._target = 0
        self._clients: list[socket.socket] = []
        self._servers: list[socket.socket] = []
        self._threads = [Thread(target=self._accept, daemon=True)]

    def through(self, address: str) -> str:
        """Return what to connect to in order to reach ``address`` through this."""
        self._target = port_of(address)
        return PORT.sub(str(self.port), address)

    def let_pass(self) -> None:
        """Hold nothing back any more."""
        self._may_pass.set()

    def inject(self, data: bytes, *, hang_up: bool = False) -> None:
        """Send the server something in the name of the client that came last.

        Args:
            data: what.
            hang_up: say nothing more after it.
        """
        server = self._servers[-1]
        server.sendall(data)
        if hang_up:
            server.shutdown(socket.SHUT_WR)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.let_pass()
        self._end(self._listener)
        self._threads[0].join()
        for sock in (*self._clients, *self._servers):
            self._end(sock)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._clients, *self._servers):
            sock.close()

    def _end(self, sock: socket.socket) -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                server = socket.create_connection(("127.0.0.1", self._target), source_address=(self._source, 0))
                self._servers.append(server)
                self.clients += 1
                for run in (self._ask, self._answer):
                    thread = Thread(target=run, args=(client, server), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        for data in chunks(client):
            self.sent += len(data)
            self.requests += 1
            if self._most is not None and self.sent > self._most:
                self.holds.set()
                self._may_pass.wait()
            pass_on(data, server)
        self.clients -= 1
        pass_on(b"", server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        for data in chunks(server):
            self.answers += 1
            pass_on(data, client)
        self.ended += 1
        pass_on(b"", client)


def chunks(origin: socket.socket) -> Iterator[bytes]:
    """Yield what comes until it ends."""
    with suppress(OSError):
        while data := origin.recv(READ_BYTES):
            yield data


def pass_on(data: bytes, goal: socket.socket) -> None:
    """Send ``data``, or that nothing more comes if there is none; to whoever is gone, nothing."""
    with suppress(OSError):
        if data:
            goal.sendall(data)
        else:
            goal.shutdown(socket.SHUT_WR)
