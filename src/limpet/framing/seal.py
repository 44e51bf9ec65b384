"""What stands around the body of each frame: nothing, a cipher with a tag, or a tag alone (wire-protocol, Frames).

Each direction has a key and a counter of its own. The counter is never sent: a frame that
was dropped, doubled, moved or turned back does not open, and the first that does not ends
the connection.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from struct import Struct
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from limpet.errors import ProtocolError
from limpet.framing.noise import TAG_BYTES, nonce

__all__ = ["CLIENT", "SERVER", "AeadSeal", "HmacSeal", "Opener", "Sealer"]

CLIENT: Final = 0
"""The direction from client to server, as it stands in a tag."""
SERVER: Final = 1

_MOST_FRAMES: Final = 1 << 48
_MOST_BYTES: Final = 1 << 40
_HEADER: Final = Struct("!BQI")  # direction, counter, length


class Sealer(Protocol):
    """What seals the frames of one direction."""

    def seal(self, body: bytes) -> bytes:
        """Return ``body`` sealed, `TAG_BYTES` longer."""
        ...


class Opener(Protocol):
    """What opens the frames of one direction."""

    def open(self, sealed: memoryview) -> memoryview:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it is not the next frame of the peer's.
        """
        ...


class _Counted:
    """A direction: how many frames and bytes it has carried."""

    __slots__ = ("_bytes", "counter")

    def __init__(self) -> None:
        self.counter = 0
        """Of the next frame."""
        self._bytes = 0

    @property
    def is_worn(self) -> bool:
        """Tell whether this key has sealed as much as one should; a new connection has new keys."""
        return self.counter >= _MOST_FRAMES or self._bytes >= _MOST_BYTES


class AeadSeal(_Counted):
    """ChaCha20-Poly1305: secrecy and proof (suite 1).

    Args:
        key: of this direction, 32 bytes.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._cipher = ChaCha20Poly1305(key)

    def seal(self, body: bytes) -> bytes:
        """Return ``body`` encrypted, with its tag."""
        sealed = self._cipher.encrypt(nonce(self.counter), body, None)
        self.counter += 1
        self._bytes += len(body)
        return sealed

    def open(self, sealed: memoryview) -> memoryview:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it is not the next frame of the peer's.
        """
        try:
            body = self._cipher.decrypt(nonce(self.counter), sealed, None)
        except InvalidTag:
            raise ProtocolError("a frame that does not open") from None
        self.counter += 1
        self._bytes += len(body)
        return memoryview(body)


class HmacSeal(_Counted):
    """HMAC-SHA256, cut to 16 bytes: proof without secrecy (suite 2).

    Args:
        key: of this direction, 32 bytes.
        direction: CLIENT or SERVER. It stands in each tag, so that no frame can be turned back.
    """

    __slots__ = ("_direction", "_key")

    def __init__(self, key: bytes, direction: int) -> None:
        super().__init__()
        self._key = key
        self._direction = direction

    def _tag(self, body: bytes | memoryview) -> bytes:
        header = _HEADER.pack(self._direction, self.counter, len(body))
        return hmac.digest(self._key, header + body, sha256)[:TAG_BYTES]

    def seal(self, body: bytes) -> bytes:
        """Return ``body`` with its tag behind it."""
        sealed = body + self._tag(body)
        self.counter += 1
        self._bytes += len(body)
        return sealed

    def open(self, sealed: memoryview) -> memoryview:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it is not the next frame of the peer's.
        """
        end = len(sealed) - TAG_BYTES
        if end < 0 or not hmac.compare_digest(self._tag(sealed[:end]), sealed[end:]):
            raise ProtocolError("a frame that does not open")
        self.counter += 1
        self._bytes += end
        return sealed[:end]
