"""The first bytes of a connection: fixed structs that no codec reads (wire-protocol, Handshake).

Both sides are pure: bytes come in, bytes go out, and nothing of a peer that has not
finished is kept but the bytes of its one message. Every rule that is broken ends in
`ProtocolError`; its text is for the log, and a server closes without a word.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from types import MappingProxyType
from typing import Final, Self

from limpet.errors import Code, ProtocolError
from limpet.framing.keys import KEY_ID_BYTES, Key, KeyRing
from limpet.framing.transcript import (
    EPHEMERAL_BYTES,
    UNBOUND,
    ClearTranscript,
    NoiseTranscript,
    Protection,
    Suite,
    Transcript,
)
from limpet.limits import Limits

__all__ = [
    "HELLO_BYTES",
    "Acceptance",
    "Agreement",
    "ClientHandshake",
    "Credential",
    "Proof",
    "Ready",
    "ServerHandshake",
    "Suite",
]

_MAGIC: Final = bytes.fromhex("89 4C 50 54 2F 31 0D 0A")
_HEAD: Final = Struct("!8sBB16s")  # magic, suite, 0, key id
_LENGTH: Final = Struct("!H")
_SEALED: Final = range(16, 1_024 + 1)
_FEATURES: Final = Struct("!H")
_TERMS: Final = Struct("!BHIII")  # codec, features, frame limit, message limit, grace seconds
_READY: Final = Struct("!B16sQQ")  # 2, session, attach, next expected

_PROOF_KIND: Final = 1
_READY_KIND: Final = 2
_SECRET_BYTES: Final = 32
_TICKET_BYTES: Final = 256
_ADDRESS_BYTES: Final = 512
_U32: Final = 0xFFFF_FFFF

_SEALED_AT: Final = _HEAD.size + EPHEMERAL_BYTES
HELLO_BYTES: Final = _SEALED_AT + _LENGTH.size + _SEALED[-1]
"""No Hello is longer."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a client proves to have.

    Attributes:
        suite: how.
        key: which; None in suite 0 alone.
        private: 32 random bytes for this connection alone; not needed without a key.
        bind: SHA-256 of what the connection runs in, zeros if that is nothing.
    """

    suite: Suite = Suite.NONE
    key: Key | None = None
    private: bytes = field(default=b"", repr=False)
    bind: bytes = UNBOUND

    @property
    def head(self) -> bytes:
        """Return what Hello begins with."""
        return _HEAD.pack(_MAGIC, self.suite, 0, bytes(KEY_ID_BYTES) if self.key is None else self.key.id)

    def begin(self) -> Transcript:
        """Return a transcript that the client has begun."""
        if self.key is None:
            return ClearTranscript()
        return NoiseTranscript(self.suite, self.head + self.bind, self.key.psk, self.private)


def _no_chance(_count: int) -> bytes:
    raise ValueError("a server that has keys needs a source of random bytes")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What a server takes as a proof.

    Attributes:
        rings: the suites it answers, each with the keys that are valid in it; none in suite 0.
        entropy: returns so many random bytes.
        decoy: a secret of the process, which stands for the keys that there are not.
        bind: as in `Credential`.
    """

    rings: Mapping[Suite, KeyRing] = field(default_factory=lambda: MappingProxyType({Suite.NONE: KeyRing()}))
    entropy: Callable[[int], bytes] = _no_chance
    decoy: bytes = field(default=b"", repr=False)
    bind: bytes = UNBOUND

    def begin(self, head: bytes) -> tuple[Transcript, Key | None]:
        """Return a transcript for a client whose Hello began with ``head``, and the key it says it has.

        For an id that nobody has, the transcript is one that cannot go on: whoever asks sees
        and measures the same as with a wrong key.
        """
        _, number, _, key_id = _HEAD.unpack(head)
        suite = Suite(number)
        if suite is Suite.NONE:
            return ClearTranscript(), None
        # Computed for every id, so that time does not tell which are known.
        decoy = hmac.digest(self.decoy, key_id, sha256)
        key = self.rings[suite].get(key_id)
        psk = decoy if key is None else key.psk
        return NoiseTranscript(suite, head + self.bind, psk, self.entropy(_SECRET_BYTES)), key


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides settled.

    Attributes:
        suite: how frames are sealed.
        codec: the id of the codec that payloads use.
        features: the bits of the optional features both sides have.
        frame_bytes: the longest frame, without its length.
        message_bytes: the longest message, and the bytes that may be in flight at the start.
        grace_seconds: how long the server keeps a session whose connection broke.
    """

    suite: Suite
    codec: int
    features: int
    frame_bytes: int
    message_bytes: int
    grace_seconds: int


def _measured(sealed: bytes) -> bytes:
    """Return ``sealed`` with its length in front."""
    return _LENGTH.pack(len(sealed)) + sealed


def _sealed_end(data: bytes | bytearray, start: int) -> int | None:
    """Return where the sealed part at ``start`` ends, None while its length is not there."""
    if len(data) < start + _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data, start)
    if length not in _SEALED:
        raise ProtocolError(f"a sealed part of {length} bytes in a handshake")
    return start + _LENGTH.size + int(length)


def _sealed_at(data: bytes | bytearray, start: int, end: int) -> bytes:
    return bytes(data[start + _LENGTH.size : end])


class ClientHandshake:
    """The client's side: send ``hello``, then give what comes to ``receive``.

    Args:
        codecs: ids of the codecs this client speaks.
        limits: bound the agreement.
        features: bits of the optional features this client has.
        credential: what it proves to have.

    Attributes:
        hello: the message that begins the connection.
        rest: what came behind ServerHello; it belongs to the frame reader.
        protection: of the frames that follow, once there is an agreement.
    """

    __slots__ = ("_codecs", "_features", "_limits", "_partial", "_suite", "_transcript", "hello", "protection", "rest")

    def __init__(
        self, codecs: Sequence[int], limits: Limits, *, features: int = 0, credential: Credential | None = None
    ) -> None:
        credential = credential or Credential()
        self._codecs = bytes(codecs)
        self._features = features
        self._limits = limits
        self._partial = bytearray()
        self._suite = credential.suite
        self._transcript = credential.begin()
        offer = bytes([len(self._codecs)]) + self._codecs + _FEATURES.pack(self._features)
        self.hello: bytes = credential.head + self._transcript.speak() + _measured(self._transcript.seal(offer))
        self.protection: Protection = Protection()
        self.rest: bytes = b""

    def receive(self, data: bytes | memoryview) -> Agreement | None:
        """Take bytes from the server; return the agreement once its ServerHello is whole.

        Raises:
            ProtocolError: if they are no ServerHello, or it settles what was not offered.
        """
        partial = self._partial
        partial += data
        if self._suite is Suite.NONE and any(partial[:EPHEMERAL_BYTES]):
            # At the first byte: most likely it is no limpet at all.
            raise ProtocolError("what answers is no limpet server that this version can talk to; is it the right port?")
        end = _sealed_end(partial, EPHEMERAL_BYTES)
        if end is None or len(partial) < end:
            return None
        self._transcript.hear(bytes(partial[:EPHEMERAL_BYTES]))
        agreement = self._judge(self._transcript.open(_sealed_at(partial, EPHEMERAL_BYTES, end)))
        self.protection = self._transcript.finish(is_server=False)
        self.rest = bytes(partial[end:])
        return agreement

    def _judge(self, terms: bytes) -> Agreement:
        if len(terms) != _TERMS.size:
            raise ProtocolError(f"a ServerHello with {len(terms)} bytes of terms")
        codec, features, frame_bytes, message_bytes, grace_seconds = _TERMS.unpack(terms)
        if codec not in self._codecs:
            raise ProtocolError(f"the server chose codec {codec}, which was not offered")
        if features & ~self._features:
            raise ProtocolError("the server chose features that were not offered")
        # The least that Limits allows: below it a head or this handshake would not fit.
        if frame_bytes < 4_096 or message_bytes < frame_bytes:
            raise ProtocolError(f"the server takes frames of {frame_bytes} and messages of {message_bytes} bytes")
        return Agreement(
            self._suite,
            codec,
            features,
            min(frame_bytes, self._limits.frame_bytes),
            min(message_bytes, self._limits.message_bytes),
            grace_seconds,
        )


class ServerHandshake:
    """The server's side: give what comes to ``receive``, and once there is an agreement send ``answer``.

    At most `HELLO_BYTES` are held, and no user code, codec or session is touched.

    Args:
        codecs: ids of the codecs this server speaks, the preferred one first.
        limits: what the server tells the client it accepts.
        features: bits of the optional features this server has.
        grace_seconds: how long a session is kept when its connection breaks.
        acceptance: what it takes as a proof.

    Attributes:
        answer: ServerHello, once a Hello was accepted.
        key: which one the client has; None without one. It is proven when Proof opens.
        protection: of the frames that follow, once there is an agreement.
    """

    __slots__ = (
        "_acceptance",
        "_codecs",
        "_features",
        "_grace_seconds",
        "_limits",
        "_partial",
        "answer",
        "key",
        "protection",
    )

    def __init__(
        self,
        codecs: Sequence[int],
        limits: Limits,
        *,
        features: int = 0,
        grace_seconds: int = 0,
        acceptance: Acceptance | None = None,
    ) -> None:
        self._acceptance = acceptance or Acceptance()
        self._codecs = tuple(codecs)
        self._features = features
        self._limits = limits
        self._grace_seconds = grace_seconds
        self._partial = bytearray()
        self.answer: bytes = b""
        self.key: Key | None = None
        self.protection: Protection = Protection()

    def receive(self, data: bytes | memoryview) -> Agreement | None:
        """Take bytes from the client; return the agreement once its Hello is whole.

        Raises:
            ProtocolError: at the first byte that is wrong, and for any byte behind Hello.
        """
        partial = self._partial
        room = HELLO_BYTES - len(partial)
        partial += data[:room]
        self._check_start(partial)
        end = _sealed_end(partial, _SEALED_AT)
        if end is None or len(partial) < end:
            return None
        if len(partial) > end or len(data) > room:
            raise ProtocolError("bytes behind Hello, before ServerHello", Code.UNEXPECTED)
        transcript, self.key = self._acceptance.begin(bytes(partial[: _HEAD.size]))
        transcript.hear(bytes(partial[_HEAD.size : _SEALED_AT]))
        offer = transcript.open(_sealed_at(partial, _SEALED_AT, end))
        agreement = self._settle(Suite(partial[len(_MAGIC)]), offer)
        # Only for who has the key: a stranger costs no work on the curve.
        self.answer = transcript.speak() + _measured(transcript.seal(self._terms(agreement)))
        self.protection = transcript.finish(is_server=True)
        return agreement

    def _check_start(self, partial: bytearray) -> None:
        """Refuse a Hello at its first wrong byte."""
        if partial[: len(_MAGIC)] != _MAGIC[: len(partial)]:
            raise ProtocolError("not a limpet/1 client")
        if len(partial) > 8 and partial[8] not in self._acceptance.rings:
            raise ProtocolError("the client asked for a suite that is not served")
        if len(partial) > 9 and partial[9]:
            raise ProtocolError("the reserved byte of Hello is not zero")
        if len(partial) > 8 and partial[8] == Suite.NONE:
            if any(partial[10 : _HEAD.size]):
                raise ProtocolError("a key id without a key")
            if any(partial[_HEAD.size : _SEALED_AT]):
                raise ProtocolError("an ephemeral key in suite 0")

    def _settle(self, suite: Suite, offer: bytes) -> Agreement:
        count = offer[0] if offer else 0
        if count == 0 or len(offer) != 1 + count + _FEATURES.size:
            raise ProtocolError(f"a Hello that offers {count} codecs in {len(offer)} bytes")
        offered = offer[1 : 1 + count]
        codec = next((codec for codec in self._codecs if codec in offered), None)
        if codec is None:
            raise ProtocolError(f"no codec in common; the client offers {list(offered)}")
        (features,) = _FEATURES.unpack_from(offer, 1 + count)
        return Agreement(
            suite,
            codec,
            features & self._features,
            min(self._limits.frame_bytes, _U32),
            min(self._limits.message_bytes, _U32),
            self._grace_seconds,
        )

    def _terms(self, agreement: Agreement) -> bytes:
        return _TERMS.pack(
            agreement.codec,
            agreement.features,
            agreement.frame_bytes,
            agreement.message_bytes,
            agreement.grace_seconds,
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """The body of the client's first frame: it asks for a new session."""

    def pack(self) -> bytes:
        """Return the body."""
        return bytes([_PROOF_KIND, 0])

    @classmethod
    def unpack(cls, body: bytes | memoryview) -> Self:
        """Return the Proof in ``body``.

        Raises:
            ProtocolError: if it is none, or asks to resume, which no server offers without grace.
        """
        if body[:2] == bytes([_PROOF_KIND, 1]):
            raise ProtocolError("a resume, which was not offered", Code.UNEXPECTED)
        if body != bytes([_PROOF_KIND, 0]):
            raise ProtocolError("the first frame is no Proof")
        return cls()


@dataclass(frozen=True, slots=True)
class Ready:
    """The body of the server's first frame: the session exists.

    Args:
        session: the session's id, 16 bytes.
        attach: the number of this connection in the session.
        next_expected: the number of the first counted frame the server waits for.
        resume_secret: 32 random bytes that a resume proves to know, as secret as the channel.
            Empty if a key gave both sides one; then it is not sent.
        ticket: opaque to the client, at most 256 bytes.
        address: where to resume, empty for where it connected.
    """

    session: bytes
    attach: int
    next_expected: int
    resume_secret: bytes = field(repr=False)
    ticket: bytes = field(default=b"", repr=False)
    address: str = ""

    def pack(self) -> bytes:
        """Return the body."""
        address = self.address.encode()
        head = _READY.pack(_READY_KIND, self.session, self.attach, self.next_expected) + self.resume_secret
        return b"".join((head, _LENGTH.pack(len(self.ticket)), self.ticket, _LENGTH.pack(len(address)), address))

    @classmethod
    def unpack(cls, body: bytes | memoryview, *, has_secret: bool = True) -> Self:
        """Return the Ready in ``body``.

        Args:
            body: of the server's first frame, opened.
            has_secret: whether the secret of a resume is in it: there is no key.

        Raises:
            ProtocolError: if it is none, too long, or has bytes behind its last field.
        """
        if len(body) < _READY.size or body[0] != _READY_KIND:
            raise ProtocolError("the server's first frame is no Ready")
        _, session, attach, next_expected = _READY.unpack_from(body)
        secret_end = _READY.size + (_SECRET_BYTES if has_secret else 0)
        secret = bytes(body[_READY.size : secret_end])
        ticket, at = _field(body, secret_end, _TICKET_BYTES)
        encoded, at = _field(body, at, _ADDRESS_BYTES)
        if at != len(body):
            raise ProtocolError("bytes behind Ready")
        try:
            address = encoded.decode()
        except UnicodeDecodeError:
            raise ProtocolError("an address in Ready that is no UTF-8") from None
        if not address.isprintable():
            raise ProtocolError("an address in Ready with control characters")
        return cls(session, attach, next_expected, secret, ticket, address)


def _field(body: bytes | memoryview, start: int, limit: int) -> tuple[bytes, int]:
    """Return the bytes whose length stands at ``start``, and where they end."""
    at = start + _LENGTH.size
    if len(body) < at:
        raise ProtocolError("a Ready that is cut short")
    (length,) = _LENGTH.unpack_from(body, start)
    if length > limit or len(body) < at + length:
        raise ProtocolError(f"a field of {length} bytes in Ready")
    return bytes(body[at : at + length]), at + int(length)
