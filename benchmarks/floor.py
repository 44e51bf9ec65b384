"""The floor: what a call costs that is only a socket, and what msgpack adds.

Both block, have a thread for each connection, and send each message at once. A message is its whole length in four
bytes, then its body.
"""

from __future__ import annotations

import socket
import struct
import threading
from abc import abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from msgpack import packb, unpackb  # type: ignore[import-untyped]

from benchmarks.contender import ENTRIES, VALUE, Contender, Session

__all__ = ["MsgpackFloor", "SocketFloor"]

LENGTH = struct.Struct("!I")
FIRST_READ = 4_096
HOST = "127.0.0.1"

Message = bytes | bytearray


def frame(body: bytes) -> bytes:
    return LENGTH.pack(LENGTH.size + len(body)) + body


def receive(connection: socket.socket) -> Message:
    """Return the next message, its length included; nothing if the other side has closed."""
    start = connection.recv(FIRST_READ)
    if not start:
        return start
    while len(start) < LENGTH.size:
        start += connection.recv(FIRST_READ)
    [size] = LENGTH.unpack_from(start)
    if len(start) == size:  # as a small message always is
        return start
    message = bytearray(size)
    message[: len(start)] = start
    with memoryview(message)[len(start) :] as rest:
        done = 0
        while done < len(rest):
            count = connection.recv_into(rest[done:])
            if not count:
                raise ConnectionError("the connection closed within a message")
            done += count
    return message


class Exchange(Session):
    """The client's end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def ask(self, message: bytes) -> Message:
        self._connection.sendall(message)
        return receive(self._connection)


class Floor(Contender):
    """A server of messages."""

    session: type[Exchange]

    @abstractmethod
    def answer(self, message: Message) -> Message:
        """Return the whole answer to a whole message."""

    @contextmanager
    def serve(self) -> Generator[int]:
        # What is open at the end ends with the process.
        with socket.create_server((HOST, 0), backlog=512) as listener:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield listener.getsockname()[1]

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while message := receive(connection):
                connection.sendall(self.answer(message))

    @contextmanager
    def connect(self, port: int) -> Generator[Session]:
        with socket.create_connection((HOST, port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield self.session(connection)


# ---------------------------------------------------------------- bytes and nothing else


class SocketExchange(Exchange):
    """Whatever is asked, 20 bytes go there and come back; an echo sends its own bytes."""

    SMALL = frame(bytes(16))
    # Made once: the floor is the way there and back, and no copy in between.
    made = staticmethod(lru_cache(maxsize=4)(frame))

    def null(self) -> object:
        return self.ask(self.SMALL)

    def add(self, left: int, right: int) -> object:
        del left, right
        return self.ask(self.SMALL)

    def attribute(self) -> object:
        return self.ask(self.SMALL)

    def item(self, key: str) -> object:
        del key
        return self.ask(self.SMALL)

    def echo(self, data: bytes) -> object:
        return self.ask(self.made(data))


class SocketFloor(Floor):
    """What the kernel and Python's sockets cost."""

    answers = False
    session = SocketExchange

    def answer(self, message: Message) -> Message:
        return message


# ---------------------------------------------------------------- msgpack


def pack(value: object) -> bytes:
    return frame(cast(bytes, packb(value)))


class MsgpackExchange(Exchange):
    """A request is a name and arguments, an answer is a value."""

    def request(self, name: str, *args: object) -> object:
        answer = self.ask(pack((name, args)))
        return unpackb(memoryview(answer)[LENGTH.size :])

    def null(self) -> object:
        return self.request("null")

    def add(self, left: int, right: int) -> object:
        return self.request("add", left, right)

    def attribute(self) -> object:
        return self.request("attribute")

    def item(self, key: str) -> object:
        return self.request("item", key)

    def echo(self, data: bytes) -> object:
        return self.request("echo", data)


class MsgpackFloor(Floor):
    """What it costs to name a function and to pass values: no objects, no errors, no limits, no policy."""

    session = MsgpackExchange
    functions: dict[str, Callable[..., Any]] = {  # noqa: RUF012 - nobody changes it
        "null": lambda: None,
        "add": lambda left, right: left + right,
        "attribute": lambda: VALUE,
        "item": ENTRIES.__getitem__,
        "echo": lambda data: data,
    }

    def answer(self, message: Message) -> Message:
        name, args = unpackb(memoryview(message)[LENGTH.size :])
        return pack(self.functions[name](*args))
