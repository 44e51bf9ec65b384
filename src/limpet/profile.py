"""All settings of one side in one frozen object, which refuses combinations that are not safe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from limpet.codec import Codec, MsgpackCodec
from limpet.errors import ConfigurationError
from limpet.framing.keys import Key, KeyRing
from limpet.framing.transcript import Suite
from limpet.limits import Limits
from limpet.peer import parse_address
from limpet.policy.addresses import LOOPBACK, Addresses
from limpet.policy.exposure import Exposure
from limpet.policy.names import NamePolicy
from limpet.policy.redaction import ErrorPolicy

__all__ = ["Profile"]


def _msgpack() -> tuple[Codec, ...]:
    return (MsgpackCodec(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Policies, limits and codecs. `dataclasses.replace` makes a changed copy.

    Attributes:
        addresses: who may connect to a server.
        names: which names a peer may choose.
        exposure: what of the server's objects peers reach.
        errors: what of an error peers see.
        limits: what one side accepts from the other.
        codecs: what payloads may be written in, the preferred one first.
        key: what a client proves to have; None for no proof.
        keys: whose proofs a server takes; None for none.
        confidential: whether what is proven by a key is encrypted, too; both sides must agree.
        local_access: "anyone" says on purpose that every user of this machine may
            connect. Until there are keys that is so without it, too.

    Raises:
        ConfigurationError: if a setting is of the wrong kind, or two contradict.
    """

    addresses: Addresses = LOOPBACK
    names: NamePolicy = field(default_factory=NamePolicy)
    exposure: Exposure = field(default_factory=Exposure)
    errors: ErrorPolicy = field(default_factory=ErrorPolicy)
    limits: Limits = field(default_factory=Limits)
    codecs: tuple[Codec, ...] = field(default_factory=_msgpack)
    key: Key | None = None
    keys: KeyRing | None = None
    confidential: bool = True
    local_access: Literal["anyone"] | None = None

    def __post_init__(self) -> None:
        for value, kind in (
            (self.addresses, Addresses),
            (self.names, NamePolicy),
            (self.exposure, Exposure),
            (self.errors, ErrorPolicy),
            (self.limits, Limits),
        ):
            if not isinstance(value, kind):
                raise ConfigurationError(f"a Profile needs a {kind.__name__} where it has {value!r:.60}")
        if type(self.codecs) is not tuple or not self.codecs:
            raise ConfigurationError("Profile.codecs must be a tuple with at least one codec")
        for codec in self.codecs:
            if not isinstance(codec, Codec):
                raise ConfigurationError(f"Profile.codecs: {codec!r:.60} is no codec")
        if len({codec.id for codec in self.codecs}) < len(self.codecs):
            raise ConfigurationError("Profile.codecs: two have the same id, so that a peer cannot tell them apart")
        if self.key is not None and not isinstance(self.key, Key):
            raise ConfigurationError("Profile.key must be a Key")
        if self.keys is not None and not isinstance(self.keys, KeyRing):
            raise ConfigurationError("Profile.keys must be a KeyRing")
        if self.key is not None and self.keys is not None and self.keys.get(self.key.id) is not None:
            raise ConfigurationError("one key cannot prove a client and let it in: whoever has it could be either side")
        if self.local_access not in (None, "anyone"):
            raise ConfigurationError(f"Profile.local_access is None or 'anyone', not {self.local_access!r:.60}")

    @property
    def suite(self) -> Suite:
        """Return how a key is proven, and whether its connections are encrypted."""
        return Suite.AEAD if self.confidential else Suite.HMAC

    @classmethod
    def local(cls, **changes: Any) -> Profile:
        """Return the profile for peers on this machine, with ``changes`` to its attributes.

        Raises:
            ConfigurationError: as the class does.
        """
        return cls(**changes)

    def check_bind(self, host: str | None) -> None:
        """Refuse to listen where others than this machine's users could connect.

        A name is not looked up here, and may mean another address tomorrow: ask again
        with the address that was bound.

        Args:
            host: an address or ``localhost``; None for a Unix socket.

        Raises:
            ConfigurationError: if ``host`` is not of this machine alone.
        """
        if host is None or host == "localhost":
            return
        try:
            is_loopback = parse_address(host).is_loopback
        except ValueError:
            raise ConfigurationError(
                f"cannot tell that {host!r:.60} is of this machine alone: "
                "listen on 127.0.0.1, ::1, localhost or a Unix socket"
            ) from None
        if not is_loopback:
            raise ConfigurationError(
                f"refusing to listen on {host!r:.60}: other machines could connect, and nothing would prove who they "
                "are; listen on 127.0.0.1, ::1 or a Unix socket (keys and TLS do not open networks yet)"
            )
