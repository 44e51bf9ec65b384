"""Which addresses may connect."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from limpet.errors import ConfigurationError
from limpet.peer import Peer
from limpet.policy.decision import ALLOW, Decision, Deny

__all__ = ["LOOPBACK", "Addresses"]

_MAPPED: Final = 0xFFFF
"""The upper 96 bits of an IPv6 address that stands for an IPv4 one (RFC 4291, section 2.5.5.2)."""
_SHOWN: Final = 60

_Block: TypeAlias = tuple[int, int, int]
"""Version, mask, and what an address of that version must be under the mask."""


@dataclass(frozen=True, slots=True, init=False)
class Addresses:
    """Accepts peers by their address: ``Addresses("10.0.0.0/8", "192.168.1.*", "::1")``.

    An entry is one address, a block as address and prefix length, or an IPv4 address with
    whole octets left open; a ``*`` at the end stands for all octets that are missing. An
    IPv4-mapped IPv6 address is the IPv4 address it stands for, in entries and in peers.
    ``::/0`` therefore holds no IPv4 peer; that is ``0.0.0.0/0``.

    Unix sockets and peers in memory have no address, and pass: the modes of the socket
    and its folder, and the peer's user id, say who may use them. With no entry at all
    every peer that has an address is refused.

    Args:
        entries: what is accepted.

    Raises:
        ConfigurationError: if an entry is none of these, naming it. Host bits behind the
            prefix, leading zeros, parts of octets, netmasks and zones are mistakes.
    """

    entries: tuple[str, ...]
    _blocks: tuple[_Block, ...] = field(repr=False, compare=False)

    def __init__(self, *entries: str) -> None:
        object.__setattr__(self, "_blocks", tuple(map(_parse, entries)))
        object.__setattr__(self, "entries", entries)

    def judge(self, peer: Peer, /) -> Decision:
        """Decide whether ``peer`` may connect."""
        address = peer.address
        if address is None:
            return ALLOW
        # As numbers, for which no zone and no version of Python makes a difference.
        version, value = address.version, int(address)
        if version == 6 and value >> 32 == _MAPPED:
            version, value = 4, value & 0xFFFF_FFFF
        for wanted, mask, prefix in self._blocks:
            if wanted == version and value & mask == prefix:
                return ALLOW
        return _REFUSED


_REFUSED: Final = Deny("address not accepted", "list the address in Addresses(...)")


def _parse(entry: object) -> _Block:
    # Exact: bytes and numbers are addresses to the standard library, and a subclass may read as it likes.
    if type(entry) is not str:
        _refuse(entry, f"an entry must be str, not {type(entry).__name__}")
    if "%" in entry:
        _refuse(entry, "a zone names an interface of one machine; leave it out")
    if "*" in entry:
        return _parse_wildcard(entry)
    text, slash, length = entry.partition("/")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        _refuse(entry, "not an address; host names are not looked up")
    bits = address.max_prefixlen
    ones = _number(length, bits) if slash else bits
    if ones is None:
        _refuse(entry, f"behind the slash goes a prefix length of 0 to {bits}, without leading zeros")
    value, mask = int(address), (1 << bits) - (1 << (bits - ones))
    if value & ~mask:
        block = ipaddress.ip_network((value & mask, ones))
        _refuse(entry, f"the address has bits behind the prefix; the block is {str(block)!r}")
    if address.version == 6 and ones >= 96 and value >> 32 == _MAPPED:
        return 4, mask & 0xFFFF_FFFF, value & 0xFFFF_FFFF
    return address.version, mask, value


def _parse_wildcard(entry: str) -> _Block:
    octets = entry.split(".")
    if len(octets) == 1 or len(octets) > 4 or (len(octets) < 4 and octets[-1] != "*"):
        _refuse(entry, "a wildcard stands for whole octets of an IPv4 address, as in '192.168.1.*'")
    mask = prefix = 0
    for octet in octets + ["*"] * (4 - len(octets)):
        mask, prefix = mask << 8, prefix << 8
        if octet != "*":
            number = _number(octet, 255)
            if number is None:
                _refuse(entry, f"{octet!r} is no whole octet")
            mask, prefix = mask | 0xFF, prefix | number
    return 4, mask, prefix


def _number(text: str, most: int) -> int | None:
    """Return the number that ``text`` is, written in the one way a number of its size can be."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        return None
    number = int(text)
    return number if number <= most and text == str(number) else None


def _refuse(entry: object, why: str) -> NoReturn:
    shown = ascii(entry)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    raise ConfigurationError(f"Addresses: {shown}: {why}")


LOOPBACK: Final = Addresses("127.0.0.0/8", "::1")
"""This machine alone."""
