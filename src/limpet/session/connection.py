"""One connection, without I/O: bytes in, bytes out, a handshake, then a session's frames.

    connection.receive(data)            what came from the network
    connection.outgoing()               what is to be sent to it
    connection.session                  what may be done once the phase is OPEN

Two of them can be run against each other in memory, whole or one byte at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from limpet.errors import Code, ConnectRefused, ProtocolError, SessionClosed, SessionError, SessionLost
from limpet.framing.handshake import Acceptance, Agreement, ClientHandshake, Credential, Proof, Ready, ServerHandshake
from limpet.framing.keys import Key
from limpet.framing.noise import TAG_BYTES
from limpet.framing.seal import Opener, Sealer
from limpet.framing.stream import LENGTH, FrameReader
from limpet.limits import Limits
from limpet.peer import Peer
from limpet.policy.decision import Deny
from limpet.profile import Profile
from limpet.session.fragments import Assembly
from limpet.session.outbox import Outbox
from limpet.session.schedule import Stage
from limpet.session.session import Session

__all__ = ["Connection", "Phase"]

_SEND_BYTES: Final = 1 << 20
"""About how much is handed to the network at a time: what comes after may still be passed by a Pong."""


_QUEUE_SECONDS: Final = 1.0
"""How often it is looked up, at least, whether a request that waits for its turn has begun to run."""
_PROOF_BYTES: Final = 1_024
"""The longest first frame, Proof or Ready. Nothing before it makes this side hold more."""


class Phase(Enum):
    """How far a connection has come. It only ever moves down this list."""

    HELLO = auto()
    """Unsealed, unframed: Hello and ServerHello."""
    PROOF = auto()
    """Framed: the server waits for Proof, the client for Ready."""
    OPEN = auto()
    """There is a session."""
    CLOSED = auto()
    """Nothing more is read. What is still in ``outgoing`` may be sent."""


_OPEN: Final = Phase.OPEN


class Connection:
    """One end of a connection. Use `client` or `server` to make one.

    Args:
        profile: policies, limits and codecs.
        peer: who is at the other end, as the transport knows it.
        clock: returns seconds that only ever grow.
        entropy: returns so many random bytes; the client needs none yet.
        concurrent: let requests of this session run at the same time.

    Raises:
        ConnectRefused: if the profile's address policy refuses the peer; nothing was read from it.
    """

    __slots__ = (
        "_concurrent",
        "_early_in",
        "_entropy",
        "_frame_due",
        "_handshake",
        "_heard",
        "_idle_since",
        "_opener",
        "_reader",
        "_sealer",
        "_timed",
        "agreement",
        "clock",
        "deadline",
        "failure",
        "is_server",
        "limits",
        "next_frame",
        "outbox",
        "peer",
        "phase",
        "profile",
        "session",
        "session_id",
    )

    def __init__(
        self,
        profile: Profile,
        handshake: ClientHandshake | ServerHandshake,
        *,
        peer: Peer,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
        concurrent: bool = False,
    ) -> None:
        self.profile: Profile = profile
        self.limits: Limits = profile.limits
        self.peer: Peer = peer
        self.is_server: bool = isinstance(handshake, ServerHandshake)
        self._handshake = handshake
        self.clock: Callable[[], float] = clock
        """Returns seconds that only ever grow."""
        self._entropy = entropy
        self._concurrent = concurrent
        self._reader = FrameReader(self.limits.frame_bytes)
        self._early_in = bytearray()
        self.outbox: Outbox = Outbox()
        """What is to be sent."""
        self.next_frame: Callable[[], bytes | None] = self.outbox.take_only
        """Takes out the one frame that waits, if it is the only one and in one piece: the common case."""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self.deadline: float | None = clock() + self.limits.handshake_seconds
        """When what has begun must be whole: the handshake, a frame, a message. None if nothing has."""
        self._frame_due: float | None = None
        self._heard = 0
        self._idle_since: float | None = None
        self._timed = 0
        self.agreement: Agreement | None = None
        self.session: Session | None = None
        self.session_id: bytes = b""
        self.phase: Phase = Phase.HELLO
        self.failure: SessionError | None = None
        """Why the connection is closed, once it is."""
        if isinstance(handshake, ClientHandshake):
            self.outbox.put_plain(handshake.hello)

    @classmethod
    def client(
        cls, profile: Profile, *, peer: Peer, clock: Callable[[], float], entropy: Callable[[int], bytes]
    ) -> Connection:
        """Return the end that connects. Its Hello is in ``outgoing`` already."""
        offers = [codec.id for codec in profile.codecs]
        credential = Credential() if profile.key is None else Credential(profile.suite, profile.key, entropy(32))
        handshake = ClientHandshake(offers, profile.limits, credential=credential)
        return cls(profile, handshake, peer=peer, clock=clock, entropy=entropy)

    @classmethod
    def server(
        cls,
        profile: Profile,
        *,
        peer: Peer,
        clock: Callable[[], float],
        entropy: Callable[[int], bytes],
        concurrent: bool = False,
        decoy: bytes = b"",
    ) -> Connection:
        """Return the end that was connected to, if the profile lets this peer in.

        Args:
            decoy: a secret of the process, which stands for keys that there are not.
        """
        decision = profile.addresses.judge(peer)
        if isinstance(decision, Deny):
            raise ConnectRefused(f"{peer} may not connect: {decision.reason}")
        accepts = [codec.id for codec in profile.codecs]
        acceptance = Acceptance()
        if profile.keys is not None:
            acceptance = Acceptance({profile.suite: profile.keys}, entropy, decoy or entropy(32))
        return cls(
            profile,
            ServerHandshake(accepts, profile.limits, acceptance=acceptance),
            peer=peer,
            clock=clock,
            entropy=entropy,
            concurrent=concurrent,
        )

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what the network brought. Nothing is raised: see ``failure``.

        Args:
            data: any number of bytes; it may be reused after the call.
        """
        try:
            session = self.session
            if self.phase is _OPEN and session is not None:
                reader = self._reader
                opener = self._opener
                for frame in reader.feed(memoryview(data)):
                    session.receive(frame if opener is None else opener.open(frame))
                if session.ended is not None:
                    self._close(session.ended)
                elif reader.partial or self.deadline is not None or session.assembly is not None:
                    self._note_deadline(reader, session.assembly)
            elif self.phase is not Phase.CLOSED:
                self._receive_early(memoryview(data))
        except ProtocolError as error:
            self._fail(error)

    def _note_deadline(self, reader: FrameReader, assembly: Assembly | None) -> None:
        """Note when a frame and a message that have begun must be whole: absolute from their first byte."""
        if reader.fault is not None:
            raise reader.fault
        if not reader.partial:
            self._frame_due = None
        elif self._timed != reader.begun:
            self._timed = reader.begun
            self._frame_due = self.clock() + self.limits.frame_seconds
        if assembly is not None and assembly.due is None:
            assembly.due = self.clock() + self.limits.message_seconds
        dues = [due for due in (self._frame_due, assembly.due if assembly is not None else None) if due is not None]
        self.deadline = min(dues, default=None)

    def _receive_early(self, data: memoryview) -> None:
        if self.phase is Phase.HELLO:
            self.agreement = self._handshake.receive(bytes(data))
            if self.agreement is None:
                return
            self.phase = Phase.PROOF
            self._sealer, self._opener, *_ = self._handshake.protection
            if isinstance(self._handshake, ServerHandshake):
                self.outbox.put_plain(self._handshake.answer)
                return
            self.outbox.put_plain(self._framed(Proof().pack()))
            data = memoryview(self._handshake.rest)
        if data and not self.is_server and self.outbox.size:
            raise ProtocolError("bytes behind ServerHello, before Proof was sent", Code.UNEXPECTED)
        self._early_in += data
        if len(self._early_in) < LENGTH.size:
            return
        (length,) = LENGTH.unpack_from(self._early_in)
        if length > _PROOF_BYTES:
            raise ProtocolError(f"a first frame of {length} bytes; the longest is {_PROOF_BYTES}")
        end = LENGTH.size + length
        if len(self._early_in) < end:
            return
        rest = memoryview(bytes(self._early_in[end:]))
        self._open(bytes(self._early_in[LENGTH.size : end]))
        self._early_in.clear()
        self.receive(rest)

    def _open(self, first: bytes) -> None:
        """Begin the session that the peer's first frame proves it may have."""
        agreement, protection = self.agreement, self._handshake.protection
        assert agreement is not None  # noqa: S101 - it is what ends the phase HELLO
        if self._opener is not None:
            first = bytes(self._opener.open(memoryview(first)))
        if isinstance(self._handshake, ServerHandshake):
            Proof.unpack(first)
            if self._handshake.key is not None:
                # Only now: whoever replays a Hello gets as far as this, and no further.
                self.peer = replace(self.peer, identity=self._handshake.key.name)
            self.session_id = self._entropy(16)
            secret = b"" if protection.resume_secret else self._entropy(32)
            self.outbox.put_plain(self._framed(Ready(self.session_id, 1, 0, secret).pack()))
        else:
            self.session_id = Ready.unpack(first, has_secret=not protection.resume_secret).session
        if not protection.lasts:
            self._sealer = self._opener = None
        elif self._sealer is not None:
            self.next_frame = self._next_sealed
            # The limit is that of what is sealed, whose tag comes on top.
            self._reader = FrameReader(self.limits.frame_bytes + TAG_BYTES)
        self.phase = Phase.OPEN
        self.deadline = None
        self.session = Session(
            self.limits,
            is_server=self.is_server,
            concurrent=self._concurrent,
            frame_bytes=agreement.frame_bytes,
            message_bytes=agreement.message_bytes,
            outbox=self.outbox,
        )
        if self.is_server:
            self.session.open_credit()

    @property
    def key(self) -> Key | None:
        """Return the key that the client named in its Hello. It is proven once there is a session."""
        return self._handshake.key if isinstance(self._handshake, ServerHandshake) else None

    def receive_eof(self) -> None:
        """Take in that the peer sends nothing more. Without a Goodbye before it, that is never an end."""
        if self.phase is Phase.OPEN:
            self._close(SessionLost("the connection was closed without a Goodbye"))
        else:
            # A server says nothing to whom it does not know. What this side knows itself tells where to look.
            hint = ""
            if not self.is_server and self.profile.key is None:
                hint = "; no key was given: it may let in only who has one"
            elif not self.is_server:
                hint = "; it may not take this key, or not any more, or take none"
            self._close(ConnectRefused(f"the peer closed the connection during the handshake{hint}"))

    def lose(self, why: SessionError) -> None:
        """Take in that the connection broke, or that the driver gives it up."""
        self._close(why)

    def close(self, code: Code = Code.DONE, text: str = "") -> None:
        """End the session on purpose: a Goodbye is in ``outgoing`` afterwards."""
        if self.session is not None:
            self.session.end(SessionClosed(text or "the session was closed"), code, text)
        self._close(SessionClosed(text or "the session was closed"))

    def _fail(self, error: ProtocolError) -> None:
        """End because the peer broke the protocol; before a session it is told nothing at all."""
        # A traceback would keep the frames of this reading, and with them the bytes that were read.
        error = error.with_traceback(None)
        if self.session is not None:
            self.session.end(error, error.code, str(error))
            self._close(self.session.ended or error)
        else:
            self._close(error if self.is_server else _refused(error))

    def _close(self, why: SessionError) -> None:
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self.deadline = None
        self.failure = why
        if self.session is not None:
            self.session.end(why)
        else:
            # Before a session the peer is told nothing, whatever went wrong.
            self.outbox.clear()

    def outgoing(self) -> list[bytes | memoryview]:
        """Take out what is to be sent next, in order; call again until it is empty."""
        if self._sealer is None or self.phase is Phase.PROOF:
            return self.outbox.take(_SEND_BYTES)
        pieces = self.outbox.take_plain()
        pieces += [self._framed(b"".join(frame)[LENGTH.size :]) for frame in self.outbox.take_frames(_SEND_BYTES)]
        return pieces

    def _next_sealed(self) -> bytes | None:
        frame = self.outbox.take_only()
        return None if frame is None else self._framed(frame[LENGTH.size :])

    def _framed(self, body: bytes) -> bytes:
        """Return ``body`` sealed, if anything is, with its length in front."""
        sealed = body if self._sealer is None else self._sealer.seal(body)
        return LENGTH.pack(len(sealed)) + sealed

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` wants to be called, in the clock's seconds; None for never.

        Call it when nothing has come for a moment: the idle time counts from here, so that
        no call on the way pays for a look at the clock.
        """
        if self.phase is Phase.CLOSED:
            return None
        session = self.session
        if session is None:
            return self.deadline
        now = self.clock()
        deadlines = [] if self.deadline is None else [self.deadline]
        if session.schedule.is_idle:
            if self._heard != session.heard or self._idle_since is None:
                self._heard, self._idle_since = session.heard, now
            if self.is_server:
                deadlines.append(self._idle_since + self.limits.idle_seconds)
        else:
            self._idle_since = None
            if self.is_server:
                # Calls that are over by then have told nobody: it is asked again whether all is idle.
                deadlines.append(now + self.limits.idle_seconds)
            deadlines += self._call_deadlines(session, now)
        return min(deadlines, default=None)

    def _call_deadlines(self, session: Session, now: float) -> Iterator[float]:
        """Yield when requests must have ended. Their time counts from where they are first seen to run."""
        for request in session.schedule.requests.values():
            if request.stage is Stage.QUEUED:
                yield now + min(_QUEUE_SECONDS, self.limits.call_seconds)
            elif not request.cancelled:
                if request.deadline is None:
                    request.deadline = now + self.limits.call_seconds
                yield request.deadline

    def handle_deadline(self) -> None:
        """Do what time asks for: end what was too slow, cancel what runs too long."""
        now = self.clock()
        if self.phase is Phase.CLOSED:
            return
        session = self.session
        if self.deadline is not None and now >= self.deadline:
            begun = "a frame" if self.deadline == self._frame_due else "a message"
            what = "the handshake" if session is None else begun
            self._fail(ProtocolError(f"{what} was not finished in time", Code.LIMIT))
        if session is None or session.ended is not None:
            return
        for request in list(session.schedule.requests.values()):
            if request.deadline is not None and now >= request.deadline:
                session.cancel_request(request.id)
        idle_since = self._idle_since
        is_idle = session.schedule.is_idle and self.is_server and session.heard == self._heard
        if is_idle and idle_since is not None and now >= idle_since + self.limits.idle_seconds:
            self.close(Code.IDLE, f"nothing was asked for {self.limits.idle_seconds:g} seconds")

    def check(self) -> None:
        """Raise AssertionError if anything in the session's tables contradicts something else."""
        assert (self.failure is not None) == (self.phase is Phase.CLOSED)  # noqa: S101 - what check() is for
        if self.session is not None:
            self.session.check()


def _refused(error: ProtocolError) -> ConnectRefused:
    refused = ConnectRefused(f"the handshake failed: {error}")
    refused.__cause__ = error
    return refused
