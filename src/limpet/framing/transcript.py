"""What both sides of a handshake have said, and the keys that come of it (wire-protocol, Handshake).

Without a key nothing is sealed: tags and ephemerals are zeros, and must be. With one it is
Noise; in the local suite without its key exchange, for what never leaves the machine.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from limpet.errors import ProtocolError
from limpet.framing.noise import TAG_BYTES, Ephemeral, SymmetricState
from limpet.framing.seal import CLIENT, SERVER, AeadSeal, HmacSeal, Opener, Sealer

__all__ = [
    "BIND_BYTES",
    "EPHEMERAL_BYTES",
    "UNBOUND",
    "ClearTranscript",
    "NoiseTranscript",
    "Protection",
    "Suite",
    "Transcript",
]

EPHEMERAL_BYTES: Final = 32
BIND_BYTES: Final = 32
UNBOUND: Final = bytes(BIND_BYTES)
"""What stands for the certificate where there is no TLS."""


class Suite(IntEnum):
    """How a connection is proven and sealed. Set by both profiles, never negotiated."""

    NONE = 0
    """Nothing is proven or sealed; for connections that stay on one machine."""
    AEAD = 1
    """Proven by a key, and encrypted."""
    HMAC = 2
    """Proven by a key, frame by frame, and readable on the way."""
    LOCAL = 3
    """Proven by a key of this machine's user, and then in the clear; never leaves the machine."""


class Protection(NamedTuple):
    """What seals this side's frames and opens the peer's; None where nothing does.

    Attributes:
        lasts: whether it is for all frames, or for the first of each side alone.
        resume_secret: what a resume proves to know; empty if no key gave one.
    """

    sealer: Sealer | None = None
    opener: Opener | None = None
    lasts: bool = False
    resume_secret: bytes = b""


class Transcript(Protocol):
    """The handshake as one side sees it. Calls come in the order of the messages."""

    def speak(self) -> bytes:
        """Return this side's ephemeral, about to be sent."""
        ...

    def hear(self, ephemeral: bytes) -> None:
        """Take in the peer's.

        Raises:
            ProtocolError: if it cannot be one.
        """
        ...

    def seal(self, plain: bytes) -> bytes:
        """Return ``plain`` sealed, with all that came before bound to it."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """Return what the peer sealed.

        Raises:
            ProtocolError: if it did not, or saw something else before.
        """
        ...

    def finish(self, *, is_server: bool) -> Protection:
        """Return what protects the frames that follow."""
        ...


class ClearTranscript:
    """Suite 0: no key, no secret, no proof."""

    __slots__ = ()

    def speak(self) -> bytes:
        """Return zeros."""
        return bytes(EPHEMERAL_BYTES)

    def hear(self, ephemeral: bytes) -> None:
        """Refuse all but zeros."""
        if ephemeral != bytes(EPHEMERAL_BYTES):
            raise ProtocolError("an ephemeral key in suite 0")

    def seal(self, plain: bytes) -> bytes:
        """Return ``plain``, with zeros where other suites have a tag."""
        return plain + bytes(TAG_BYTES)

    def open(self, sealed: bytes) -> bytes:
        """Return what is in front of the zeros."""
        if sealed[-TAG_BYTES:] != bytes(TAG_BYTES):
            raise ProtocolError("a tag in suite 0")
        return sealed[:-TAG_BYTES]

    def finish(self, *, is_server: bool) -> Protection:  # noqa: ARG002 - both sides are alike here
        """Return that nothing protects anything."""
        return Protection()


class NoiseTranscript:
    """Suites 1 to 3: both sides have one key.

    Args:
        suite: which of them.
        prologue: the head of Hello, and what the connection is bound to.
        psk: derived from the key.
        private: 32 random bytes, for this connection alone.
    """

    __slots__ = ("_own", "_private", "_state", "_suite", "_theirs")

    def __init__(self, suite: Suite, prologue: bytes, psk: bytes, private: bytes) -> None:
        self._suite = suite
        self._private = private
        self._own: Ephemeral | bytes | None = None
        self._theirs: bytes | None = None
        self._state = SymmetricState(prologue)
        self._state.mix_key_and_hash(psk)

    def speak(self) -> bytes:
        """Return this side's ephemeral: a public key, or random bytes where there is no exchange."""
        self._own = own = self._private if self._suite is Suite.LOCAL else Ephemeral(self._private)
        public = own if isinstance(own, bytes) else own.public
        self._mix(public)
        return public

    def hear(self, ephemeral: bytes) -> None:
        """Take in the peer's."""
        own = self._own
        if own is not None and ephemeral == (own if isinstance(own, bytes) else own.public):
            raise ProtocolError("an ephemeral key that comes back to its owner")
        self._theirs = ephemeral
        self._mix(ephemeral)

    def _mix(self, public: bytes) -> None:
        self._state.mix_hash(public)
        self._state.mix_key(public)
        if isinstance(self._own, Ephemeral) and self._theirs is not None:
            self._state.mix_key(self._own.exchange(self._theirs))

    def seal(self, plain: bytes) -> bytes:
        """Return ``plain`` sealed."""
        return self._state.encrypt_and_hash(plain)

    def open(self, sealed: bytes) -> bytes:
        """Return what the peer sealed."""
        return self._state.decrypt_and_hash(sealed)

    def finish(self, *, is_server: bool) -> Protection:
        """Return the seals of both directions, each with a key of its own. The transcript forgets its own."""
        to_server, to_client, resume_secret = self._state.split()
        self._own, self._private = None, b""
        client, server = self._seal(to_server, CLIENT), self._seal(to_client, SERVER)
        sealer, opener = (server, client) if is_server else (client, server)
        return Protection(sealer, opener, self._suite is not Suite.LOCAL, resume_secret)

    def _seal(self, key: bytes, direction: int) -> AeadSeal | HmacSeal:
        return HmacSeal(key, direction) if self._suite is Suite.HMAC else AeadSeal(key)
