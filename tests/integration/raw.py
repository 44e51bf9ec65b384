"""Peers on real sockets that say what a test wants, spoken by the wire protocol and not by the code under test."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from msgpack import packb  # type: ignore[import-untyped]

import limpet
from limpet import Code
from limpet.framing.handshake import ClientHandshake, Proof, Ready, ServerHandshake
from limpet.sansio import Kind
from limpet.testing.driver import until
from tests.support.wire import HEAD_BYTES, Message, framed

__all__ = [
    "FRAMES",
    "GOODBYE",
    "MEBIBYTE",
    "WANT",
    "RawClient",
    "RawPeer",
    "RawServer",
    "call",
    "hello",
    "payload",
    "serving",
]

MEBIBYTE = 1 << 20
WANT = 1
GOODBYE = int(Kind.GOODBYE)
SECONDS = 10.0
"""How long a raw peer waits for anything."""


FRAMES: dict[str, tuple[bytes, Code]] = {
    "as long as can be said": (b"\xff\xff\xff\xff", Code.LIMIT),
    "a byte too long": (struct.pack("!I", MEBIBYTE + 1), Code.LIMIT),
    "empty": (bytes(4), Code.MALFORMED),
    "a byte shorter than a head": (framed(bytes(HEAD_BYTES - 1)), Code.MALFORMED),
    "zeros": (framed(bytes(HEAD_BYTES)), Code.UNEXPECTED),
    "text": (b"GET / HTTP/1.1\r\n\r\n" * 100, Code.LIMIT),
}
"""Frames of no legal form, and why they end the session."""


def payload(*values: Any) -> bytes:
    return bytes(packb(list(values)))


def call(id_: int, target: int, name: object, *args: object, **changes: Any) -> Message:
    return Message(int(Kind.CALL), WANT, id_, target, payload=payload(name, list(args)), **changes)


def hello() -> bytes:
    return ClientHandshake([1], limpet.Limits()).hello


class RawPeer:
    """One end of a TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(SECONDS)
        self.sock = sock
        self._read = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def try_to_send(self, data: bytes) -> None:
        """Send, unless the other side has hung up."""
        try:
            self.sock.sendall(data)
        except OSError:
            return

    def say(self, *messages: Message) -> None:
        self.send(framed(*(message.pack() for message in messages)))

    def read(self, size: int) -> bytes:
        """Return so many bytes; EOFError if the other side hangs up first."""
        while len(self._read) < size:
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError
            self._read += data
        data, self._read = self._read[:size], self._read[size:]
        return data

    def frame(self) -> bytes:
        """Return the next frame, without its length."""
        return self.read(int.from_bytes(self.read(4)))

    def hear(self, *kinds: Kind) -> Message:
        """Return the next message, of one of ``kinds`` if any is given; those passed over are whole, too."""
        while True:
            message = Message.unpack(self.frame())
            if not kinds or message.kind in kinds:
                return message

    def ask(self, message: Message) -> Message:
        """Send a request and return its answer."""
        self.say(message)
        answer = self.hear(Kind.RETURN, Kind.RAISE)
        assert answer.id == message.id
        return answer

    def rest(self) -> bytes:
        """Return all that comes until the other side hangs up; TimeoutError if it does not."""
        data, self._read = self._read, b""
        try:
            while more := self.sock.recv(1 << 20):
                data += more
        except ConnectionResetError:
            pass  # It hung up on something that it had not read.
        return data

    def goodbye(self) -> Code:
        """Return why the other side ends the session, and see that it hangs up."""
        while (message := self.hear()).kind != GOODBYE:
            pass
        assert self.rest() == b""
        return Code(message.id)

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()


class RawClient(RawPeer):
    """A client of the server at ``url``, with a session begun unless ``shake`` says no."""

    def __init__(
        self, url: str, *, shake: bool = True, receive_bytes: int | None = None, source: str | None = None
    ) -> None:
        parts = urlsplit(url)
        assert parts.port is not None
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if source is not None:
            sock.bind((source, 0))
        sock.connect((parts.hostname, parts.port))
        super().__init__(sock)
        if shake:
            handshake = ClientHandshake([1], limpet.Limits())
            self.send(handshake.hello)
            while handshake.receive(self.sock.recv(65_536)) is None:
                pass
            self.send(framed(Proof().pack()))
            Ready.unpack(self.frame())

    def open(self, *args: Any, id_: int = 1, service: str = "") -> int:
        """Open the service; return the handle of what came."""
        answer = self.ask(Message(int(Kind.OPEN), WANT, id_, payload=payload(service, list(args), {})))
        assert answer.kind == Kind.RETURN, answer
        return answer.references[0][4]


class RawServer:
    """Listens, and gives the clients that come one by one."""

    def __init__(self, receive_bytes: int | None = None) -> None:
        self._listener = socket.socket()
        if receive_bytes is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._listener.settimeout(SECONDS)
        self.url = f"limpet://127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self, *, shake: bool = True) -> RawPeer:
        """Return the next client, with a session begun unless ``shake`` says no."""
        peer = RawPeer(self._listener.accept()[0])
        if shake:
            handshake = ServerHandshake([1], limpet.Limits())
            while handshake.receive(peer.sock.recv(65_536)) is None:
                pass
            peer.send(handshake.answer)
            Proof.unpack(peer.frame())
            peer.send(framed(Ready(bytes(16), 1, 0, bytes(32)).pack()))
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._listener.close()


@contextmanager
def serving(
    service: object, next_client: Callable[[limpet.ClientSession], object] | None = None, **limits: Any
) -> Iterator[limpet.Server]:
    """Serve; in the end see that the next client is served at once, and that no session is left."""
    with limpet.Server(service, "limpet://127.0.0.1:0", limits=limpet.Limits(**limits)) as server:
        yield server
        began = time.monotonic()
        with limpet.connect(server.url) as session, limpet.timeout(SECONDS):
            (next_client or limpet.ClientSession.ping)(session)
        assert time.monotonic() - began < 5
        until(lambda: server.sessions == 0)
