"""Facts about the other side, taken once from the accepted socket and never from a message."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

__all__ = ["Address", "Peer", "parse_address"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address:
    """Return the address in ``text``, an IPv4-mapped IPv6 address as the IPv4 address it is.

    Zone ids are dropped: they name an interface of one machine, may hold any
    character, and would make two spellings of one address differ.

    Raises:
        ValueError: if ``text`` is no address.
    """
    if type(text) is not str:
        raise ValueError(f"an address must be str, not {type(text).__name__}")
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end.

    Attributes:
        address: the IP address of a TCP peer; None for a Unix socket or memory.
        port: the port of a TCP peer, else 0.
        uid: the user id of a Unix peer as the kernel tells it, else None.
        identity: the name a proof established, None without one.
    """

    address: Address | None = None
    port: int = 0
    uid: int | None = None
    identity: str | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether the peer is on this machine."""
        return self.address is None or self.address.is_loopback

    def __str__(self) -> str:
        if self.address is not None:
            host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
            return f"{host}:{self.port}"
        return f"uid {self.uid}" if self.uid is not None else "memory"
