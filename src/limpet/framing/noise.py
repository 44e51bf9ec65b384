"""The handshake's cryptography: Noise_NNpsk0_25519_ChaChaPoly_SHA256 (Noise specification, revision 34).

Composed of primitives from ``cryptography``. What is mixed in, and when, is the pattern
NNpsk0: psk, e, then e, ee. Names are those of the specification.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from limpet.errors import ProtocolError

__all__ = ["TAG_BYTES", "Ephemeral", "SymmetricState", "hkdf", "nonce"]

PROTOCOL_NAME: Final = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
TAG_BYTES: Final = 16
_NONCE: Final = Struct("<4xQ")
nonce: Final = _NONCE.pack
"""Return the 12 bytes that stand for a counter: four zeros, then the counter, little-endian."""


def hkdf(chaining_key: bytes, material: bytes, count: int) -> tuple[bytes, ...]:
    """Return ``count`` keys of 32 bytes (Noise specification, section 4.3)."""
    secret = hmac.digest(chaining_key, material, sha256)
    keys: list[bytes] = []
    last = b""
    for number in range(1, count + 1):
        last = hmac.digest(secret, last + bytes([number]), sha256)
        keys.append(last)
    return tuple(keys)


class Ephemeral:
    """A key pair that lives for one handshake.

    Args:
        private: 32 random bytes.
    """

    __slots__ = ("_private", "public")

    def __init__(self, private: bytes) -> None:
        self._private = X25519PrivateKey.from_private_bytes(private)
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def exchange(self, public: bytes) -> bytes:
        """Return the secret shared with the owner of ``public``.

        Raises:
            ProtocolError: if ``public`` is a point of low order, which would share a secret with everybody.
        """
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            pass  # Raised below: as its context, this error would keep the frames that have the key.
        raise ProtocolError("an ephemeral key of low order")


class SymmetricState:
    """What both sides know so far: a chaining key, a transcript hash, and a cipher key once there is one.

    Args:
        prologue: what both must have seen alike before the first message.
    """

    __slots__ = ("_chaining_key", "_counter", "_key", "hash")

    def __init__(self, prologue: bytes) -> None:
        self.hash: bytes = sha256(PROTOCOL_NAME).digest()
        self._chaining_key = self.hash
        self._key = b""
        self._counter = 0
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        """Let the transcript go on with ``data``."""
        self.hash = sha256(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        """Let all keys from here on depend on ``material``."""
        self._chaining_key, self._key = hkdf(self._chaining_key, material, 2)
        self._counter = 0

    def mix_key_and_hash(self, material: bytes) -> None:
        """Do both with ``material``: for a key that was shared before."""
        self._chaining_key, mixed, self._key = hkdf(self._chaining_key, material, 3)
        self.mix_hash(mixed)
        self._counter = 0

    def encrypt_and_hash(self, plain: bytes) -> bytes:
        """Return ``plain`` sealed, with the transcript bound to it."""
        sealed = ChaCha20Poly1305(self._key).encrypt(nonce(self._counter), plain, self.hash)
        self._counter += 1
        self.mix_hash(sealed)
        return sealed

    def decrypt_and_hash(self, sealed: bytes) -> bytes:
        """Return what is in ``sealed``.

        Raises:
            ProtocolError: if it was not sealed by who shares all that was mixed in, or was changed.
        """
        try:
            plain = ChaCha20Poly1305(self._key).decrypt(nonce(self._counter), sealed, self.hash)
        except InvalidTag:
            plain = None
        if plain is None:
            raise ProtocolError("a handshake message that does not open: its key is another, or not known here")
        self._counter += 1
        self.mix_hash(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes, bytes]:
        """Return the keys from client to server, from server to client, and the secret that a resume proves to know.

        What led to them is forgotten.
        """
        client, server = hkdf(self._chaining_key, b"", 2)
        resume = hmac.digest(self._chaining_key, b"limpet/1 resume" + self.hash, sha256)
        self._chaining_key = self._key = b""
        return client, server, resume
