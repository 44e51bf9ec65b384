"""Two peers in memory, and one peer facing whoever sends it raw bytes. Time and randomness are the test's."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from limpet.framing.handshake import ClientHandshake, Proof, Ready, ServerHandshake
from limpet.limits import Limits
from limpet.peer import Peer
from limpet.profile import Profile
from limpet.session.connection import Connection, Phase
from limpet.session.session import Session
from tests.support.wire import Message, cut, framed

__all__ = [
    "Bell",
    "Clock",
    "Cut",
    "Pair",
    "Stranger",
    "at_random",
    "connect",
    "entropy",
    "one_by_one",
    "opened",
    "whole",
]

Cut: TypeAlias = Callable[[int], int]
"""How many of so many bytes come next."""


def whole(size: int) -> int:
    return size


def one_by_one(size: int) -> int:
    return 1


def at_random(random: Random) -> Cut:
    return lambda size: random.randint(1, size)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Bell:
    """What stands for somebody who waits: only then does a session list who was answered."""

    def __init__(self) -> None:
        self.rung = 0

    def release(self) -> None:
        self.rung += 1


def entropy(size: int) -> bytes:
    return bytes(range(size))


def connect(
    *, is_server: bool, limits: Limits | None = None, clock: Clock | None = None, concurrent: bool = False
) -> Connection:
    """Return one end, before its handshake."""
    profile = Profile.local(limits=limits or Limits())
    clock = clock or Clock()
    if is_server:
        return Connection.server(profile, peer=Peer(), clock=clock, entropy=entropy, concurrent=concurrent)
    return Connection.client(profile, peer=Peer(), clock=clock, entropy=entropy)


def opened(connection: Connection) -> Session:
    """Return the session of an end that has one."""
    assert connection.session is not None
    return connection.session


def give(connection: Connection, data: bytes) -> None:
    """Let ``data`` come in, in a buffer that its owner uses again at once."""
    buffer = bytearray(data)
    connection.receive(buffer)
    buffer[:] = b"\xa5" * len(buffer)


class Pair:
    """Two connections against each other; each is checked after every step.

    Attributes:
        sent: all bytes that the client and the server have sent so far.
        delivered: how many of them have come in at the other end.
    """

    def __init__(
        self,
        *,
        client: Limits | None = None,
        server: Limits | None = None,
        concurrent: bool = False,
        cut: Cut = whole,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.cut = cut
        self.client = connect(is_server=False, limits=client, clock=self.clock)
        self.server = connect(is_server=True, limits=server, clock=self.clock, concurrent=concurrent)
        self.sent = {True: bytearray(), False: bytearray()}
        self.delivered = {True: 0, False: 0}
        self.check()

    def end(self, *, is_server: bool) -> Connection:
        return self.server if is_server else self.client

    def session(self, *, is_server: bool) -> Session:
        return opened(self.end(is_server=is_server))

    def check(self) -> None:
        self.client.check()
        self.server.check()

    def take(self, *, is_server: bool) -> None:
        """Move what one end wants to send to the network, as much as it gives at a time."""
        for piece in self.end(is_server=is_server).outgoing():
            self.sent[is_server] += piece
        self.check()

    def waiting(self, *, is_server: bool) -> int:
        """Return how many bytes of that end the other has not got yet."""
        return len(self.sent[is_server]) - self.delivered[is_server]

    @property
    def is_quiet(self) -> bool:
        """Tell whether all that was sent has come in."""
        return not self.waiting(is_server=False) and not self.waiting(is_server=True)

    def deliver(self, size: int, *, is_server: bool) -> None:
        """Let ``size`` bytes of one end come in at the other, all at once."""
        start = self.delivered[is_server]
        self.delivered[is_server] = start + size
        give(self.end(is_server=not is_server), bytes(self.sent[is_server][start : start + size]))
        self.check()

    def flow(self) -> None:
        """Let everything come in, on both sides, until there is nothing more to send."""
        while self.client.outbox.size or self.server.outbox.size or not self.is_quiet:
            for side in (False, True):
                self.take(is_server=side)
                while size := self.waiting(is_server=side):
                    self.deliver(self.cut(size), is_server=side)

    def open(self) -> Pair:
        """Finish the handshake."""
        self.flow()
        assert self.client.phase is Phase.OPEN
        assert self.server.phase is Phase.OPEN
        return self


class Stranger:
    """Whoever is at the other end of one connection, and says what the test wants.

    Args:
        is_server: whether the connection under test is the one that serves.
        phase: how far the handshake has come.
    """

    def __init__(
        self,
        *,
        is_server: bool,
        phase: Phase = Phase.OPEN,
        limits: Limits | None = None,
        clock: Clock | None = None,
        concurrent: bool = False,
        terms: Limits | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.connection = connect(is_server=is_server, limits=limits, clock=self.clock, concurrent=concurrent)
        self._advance(phase, terms or Limits())
        self.raw()

    def _advance(self, phase: Phase, terms: Limits) -> None:
        if phase is Phase.HELLO:
            return
        if self.connection.is_server:
            first, second = ClientHandshake([1], terms).hello, framed(Proof().pack())
        else:
            handshake = ServerHandshake([1], terms)
            handshake.receive(ClientHandshake([1], terms).hello)
            first, second = handshake.answer, framed(Ready(bytes(16), 1, 0, bytes(32)).pack())
        self.give(first)
        if phase is Phase.OPEN:
            self.raw()
            self.give(second)
        assert self.connection.phase is phase

    @property
    def session(self) -> Session:
        return opened(self.connection)

    def give(self, data: bytes) -> None:
        """Send raw bytes."""
        give(self.connection, data)
        self.connection.check()

    def say(self, *messages: Message | bytes) -> None:
        """Send messages, or bodies of frames, each in a frame of its own and one at a time."""
        for message in messages:
            self.give(framed(message if isinstance(message, bytes) else message.pack()))

    def raw(self) -> bytes:
        """Return all the bytes the connection wants to send."""
        data = bytearray()
        while pieces := self.connection.outgoing():
            for piece in pieces:
                data += piece
        return bytes(data)

    def heard(self) -> list[Message]:
        """Return the messages that the connection wants to send; none of them may be in several frames."""
        data = self.raw()
        return [Message.unpack(body) for body in cut(data)]
