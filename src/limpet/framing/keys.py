"""Shared keys: what each end of a connection proves to have (wire-protocol, Keys)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Final, NoReturn

from limpet.errors import ConfigurationError

__all__ = ["KEY_BYTES", "KEY_ID_BYTES", "Key", "KeyRing"]

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16


class Key:
    """A shared secret of 32 random bytes, and the name of who has it besides this side.

    It is never a passphrase: what people choose is guessed, here without asking anybody.

    Args:
        secret: 32 bytes from the system's source of random bytes.
        name: whom it proves. It never travels.

    Raises:
        ConfigurationError: if ``secret`` cannot be one, or ``name`` is empty.
    """

    __slots__ = ("_secret", "id", "name", "psk")

    def __init__(self, secret: bytes, name: str) -> None:
        if type(secret) is not bytes or len(secret) != KEY_BYTES:
            raise ConfigurationError(f"a key is {KEY_BYTES} random bytes, as `limpet keys new` makes them")
        if len(set(secret)) < 8:
            raise ConfigurationError("a key is random bytes, and these are not; `limpet keys new` makes one")
        if type(name) is not str or not name:
            raise ConfigurationError("a key needs the name of whom it proves")
        self._secret: Final = secret
        self.name: Final = name
        self.id: Final = _derive(secret, b"limpet/1 key id")[:KEY_ID_BYTES]
        """What a client calls the key on the wire: it tells nothing of the key, and a watcher can tell it again."""
        self.psk: Final = _derive(secret, b"limpet/1 psk")
        """What the handshake mixes in. Made here, so that a known key takes a server no longer than an unknown one."""

    def reveal(self) -> bytes:
        """Return the secret itself, to be written to a file that its owner alone can read."""
        return self._secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Key of {self.name!r}, id {self.id.hex()[:8]}>"

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a key is not pickled or copied; it lives in its file")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys a server accepts: one, or two while it is replaced, for each name.

    Args:
        keys: those that are valid.

    Raises:
        ConfigurationError: if a name has more than two, or a key is there twice.
    """

    keys: Iterable[Key] = ()
    by_id: Mapping[bytes, Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = tuple(self.keys)
        by_id = {key.id: key for key in keys}
        if len(by_id) < len(keys):
            raise ConfigurationError("a key stands twice in a key ring")
        names = [key.name for key in keys]
        for name in names:
            if names.count(name) > 2:
                raise ConfigurationError(f"{name!r} has more than two keys; two are valid while one replaces the other")
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "by_id", MappingProxyType(by_id))

    def get(self, key_id: bytes) -> Key | None:
        """Return the key of that id, None if it is not valid here."""
        return self.by_id.get(key_id)


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, purpose, sha256)
