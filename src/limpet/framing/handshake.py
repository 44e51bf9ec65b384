"""The first bytes of a connection: fixed structs that no codec reads (wire-protocol, Handshake).

Both sides are pure: bytes come in, bytes go out, and nothing of a peer that has not
finished is kept but the bytes of its one message. Every rule that is broken ends in
`ProtocolError`; its text is for the log, and a server closes without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final, Self

from limpet.errors import Code, ProtocolError
from limpet.limits import Limits

__all__ = ["HELLO_BYTES", "Agreement", "ClientHandshake", "Proof", "Ready", "ServerHandshake", "Suite"]

_MAGIC: Final = bytes.fromhex("89 4C 50 54 2F 31 0D 0A")
_HEAD: Final = Struct("!8sBB16s")  # magic, suite, 0, key id
_EPHEMERAL_BYTES: Final = 32
_LENGTH: Final = Struct("!H")
_SEALED: Final = range(16, 1_024 + 1)
_TAG: Final = bytes(16)
_FEATURES: Final = Struct("!H")
_TERMS: Final = Struct("!BHIII")  # codec, features, frame limit, message limit, grace seconds
_READY: Final = Struct("!B16sQQ32s")  # 2, session, attach, next expected, resume secret

_PROOF_KIND: Final = 1
_READY_KIND: Final = 2
_TICKET_BYTES: Final = 256
_ADDRESS_BYTES: Final = 512
_U32: Final = 0xFFFF_FFFF

HELLO_BYTES: Final = _HEAD.size + _EPHEMERAL_BYTES + _LENGTH.size + _SEALED[-1]
"""No Hello is longer."""


class Suite(IntEnum):
    """How a connection is proven and sealed. Set by both profiles, never negotiated."""

    NONE = 0
    """Nothing is proven or sealed; for connections that stay on one machine."""


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


class _Prefix:
    """The constant bytes of a message, compared as they come."""

    __slots__ = ("_parts", "size")

    def __init__(self, *parts: tuple[bytes, str]) -> None:
        self._parts: Final = parts
        self.size: Final = sum(len(expected) for expected, _ in parts)

    def check(self, data: bytes | bytearray) -> None:
        """Raise ProtocolError as soon as a byte of ``data`` differs."""
        start = 0
        for expected, complaint in self._parts:
            got = data[start : start + len(expected)]
            if got != expected[: len(got)]:
                raise ProtocolError(complaint)
            start += len(expected)

    def __bytes__(self) -> bytes:
        return b"".join(expected for expected, _ in self._parts)


# In suite 0 all that stands before the sealed part is constant: no key, no ephemerals.
_HELLO: Final = _Prefix(
    (_MAGIC, "not a limpet/1 client"),
    (bytes([Suite.NONE]), "the client asked for a suite that is not served"),
    (bytes(1), "the reserved byte of Hello is not zero"),
    (bytes(16), "a key id without a key"),
    (bytes(_EPHEMERAL_BYTES), "an ephemeral key in suite 0"),
)
_SERVER_HELLO: Final = _Prefix(
    (bytes(_EPHEMERAL_BYTES), "what answers is no limpet server that this version can talk to; is it the right port?")
)


def _sealed(plain: bytes) -> bytes:
    """Return ``plain`` with its length, and zeros where other suites have a tag."""
    return _LENGTH.pack(len(plain) + len(_TAG)) + plain + _TAG


def _sealed_end(data: bytes | bytearray, start: int) -> int | None:
    """Return where the sealed part at ``start`` ends, None while its length is not there."""
    if len(data) < start + _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data, start)
    if length not in _SEALED:
        raise ProtocolError(f"a sealed part of {length} bytes in a handshake")
    return start + _LENGTH.size + int(length)


def _opened(sealed: bytes) -> bytes:
    """Return what is in ``sealed``."""
    if sealed[-len(_TAG) :] != _TAG:
        raise ProtocolError("a tag in suite 0")
    return sealed[: -len(_TAG)]


def _open_at(data: bytes | bytearray, start: int, end: int) -> bytes:
    return _opened(bytes(data[start + _LENGTH.size : end]))


class ClientHandshake:
    """The client's side: send ``hello``, then give what comes to ``receive``.

    Args:
        codecs: ids of the codecs this client speaks.
        limits: bound the agreement.
        features: bits of the optional features this client has.
    """

    __slots__ = ("_codecs", "_features", "_limits", "_partial", "rest")

    def __init__(self, codecs: Sequence[int], limits: Limits, *, features: int = 0) -> None:
        self._codecs = bytes(codecs)
        self._features = features
        self._limits = limits
        self._partial = bytearray()
        self.rest = b""
        """What came behind ServerHello; it belongs to the frame reader."""

    @property
    def hello(self) -> bytes:
        """The message that begins the connection."""
        offer = bytes([len(self._codecs)]) + self._codecs + _FEATURES.pack(self._features)
        return bytes(_HELLO) + _sealed(offer)

    def receive(self, data: bytes | memoryview) -> Agreement | None:
        """Take bytes from the server; return the agreement once its ServerHello is whole.

        Raises:
            ProtocolError: if they are no ServerHello, or it settles what was not offered.
        """
        partial = self._partial
        partial += data
        _SERVER_HELLO.check(partial)
        end = _sealed_end(partial, _SERVER_HELLO.size)
        if end is None or len(partial) < end:
            return None
        agreement = self._judge(_open_at(partial, _SERVER_HELLO.size, end))
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
            Suite.NONE,
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
    """

    __slots__ = ("_codecs", "_features", "_grace_seconds", "_limits", "_partial", "answer")

    def __init__(self, codecs: Sequence[int], limits: Limits, *, features: int = 0, grace_seconds: int = 0) -> None:
        self._codecs = tuple(codecs)
        self._features = features
        self._limits = limits
        self._grace_seconds = grace_seconds
        self._partial = bytearray()
        self.answer = b""
        """ServerHello, once a Hello was accepted."""

    def receive(self, data: bytes | memoryview) -> Agreement | None:
        """Take bytes from the client; return the agreement once its Hello is whole.

        Raises:
            ProtocolError: at the first byte that is wrong, and for any byte behind Hello.
        """
        partial = self._partial
        room = HELLO_BYTES - len(partial)
        partial += data[:room]
        _HELLO.check(partial)
        end = _sealed_end(partial, _HELLO.size)
        if end is None or len(partial) < end:
            return None
        if len(partial) > end or len(data) > room:
            raise ProtocolError("bytes behind Hello, before ServerHello", Code.UNEXPECTED)
        return self._settle(_open_at(partial, _HELLO.size, end))

    def _settle(self, offer: bytes) -> Agreement:
        count = offer[0] if offer else 0
        if count == 0 or len(offer) != 1 + count + _FEATURES.size:
            raise ProtocolError(f"a Hello that offers {count} codecs in {len(offer)} bytes")
        offered = offer[1 : 1 + count]
        codec = next((codec for codec in self._codecs if codec in offered), None)
        if codec is None:
            raise ProtocolError(f"no codec in common; the client offers {list(offered)}")
        (features,) = _FEATURES.unpack_from(offer, 1 + count)
        agreement = Agreement(
            Suite.NONE,
            codec,
            features & self._features,
            min(self._limits.frame_bytes, _U32),
            min(self._limits.message_bytes, _U32),
            self._grace_seconds,
        )
        self.answer = bytes(_SERVER_HELLO) + _sealed(
            _TERMS.pack(
                agreement.codec,
                agreement.features,
                agreement.frame_bytes,
                agreement.message_bytes,
                agreement.grace_seconds,
            )
        )
        return agreement


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
        resume_secret: 32 random bytes that a resume proves to know. As secret as the channel.
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
        head = _READY.pack(_READY_KIND, self.session, self.attach, self.next_expected, self.resume_secret)
        return b"".join((head, _LENGTH.pack(len(self.ticket)), self.ticket, _LENGTH.pack(len(address)), address))

    @classmethod
    def unpack(cls, body: bytes | memoryview) -> Self:
        """Return the Ready in ``body``.

        Raises:
            ProtocolError: if it is none, too long, or has bytes behind its last field.
        """
        if len(body) < _READY.size or body[0] != _READY_KIND:
            raise ProtocolError("the server's first frame is no Ready")
        _, session, attach, next_expected, secret = _READY.unpack_from(body)
        ticket, at = _field(body, _READY.size, _TICKET_BYTES)
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
