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


class AeadSeal:
    """ChaCha20-Poly1305: secrecy and proof (suite 1).

    Args:
        key: of this direction, 32 bytes.
    """

    __slots__ = ("_counter", "_decrypt", "_encrypt")

    def __init__(self, key: bytes) -> None:
        cipher = ChaCha20Poly1305(key)
        self._encrypt, self._decrypt = cipher.encrypt, cipher.decrypt
        self._counter = 0

    def seal(self, body: bytes) -> bytes:
        """Return ``body`` encrypted, with its tag."""
        sealed = self._encrypt(nonce(self._counter), body, None)
        self._counter += 1
        return sealed

    def open(self, sealed: memoryview) -> memoryview:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it is not the next frame of the peer's.
        """
        try:
            body = self._decrypt(nonce(self._counter), sealed, None)
        except InvalidTag:
            body = None  # Raised below: as its context, this error would keep the frames that have the key.
        if body is None:
            raise ProtocolError("a frame that does not open")
        self._counter += 1
        return memoryview(body)


class HmacSeal:
    """HMAC-SHA256, cut to 16 bytes: proof without secrecy (suite 2).

    Args:
        key: of this direction, 32 bytes.
        direction: CLIENT or SERVER. It stands in each tag, so that no frame can be turned back.
    """

    __slots__ = ("_counter", "_direction", "_key")

    def __init__(self, key: bytes, direction: int) -> None:
        self._key = key
        self._direction = direction
        self._counter = 0

    def _tag(self, body: bytes | memoryview) -> bytes:
        header = _HEADER.pack(self._direction, self._counter, len(body))
        return hmac.digest(self._key, header + body, sha256)[:TAG_BYTES]

    def seal(self, body: bytes) -> bytes:
        """Return ``body`` with its tag behind it."""
        sealed = body + self._tag(body)
        self._counter += 1
        return sealed

    def open(self, sealed: memoryview) -> memoryview:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it is not the next frame of the peer's.
        """
        end = len(sealed) - TAG_BYTES
        if end < 0 or not hmac.compare_digest(self._tag(sealed[:end]), sealed[end:]):
            raise ProtocolError("a frame that does not open")
        self._counter += 1
        return sealed[:end]
