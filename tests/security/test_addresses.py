"""Addresses against a slow model that shares nothing with the policy: SECURITY.md, rows 61 to 63."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from limpet.errors import ConfigurationError
from limpet.peer import Address, Peer, parse_address
from limpet.policy import Addresses

POLICIES = 250
PEERS = 200


def is_inside(entry: str, address: Address) -> bool:
    """Decide by the text of octets and by the standard library's networks, one rule for each form."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if "*" in entry:
        wanted = entry.split(".")
        wanted += ["*"] * (4 - len(wanted))
        if isinstance(address, IPv6Address):
            return False
        return all(want in ("*", got) for want, got in zip(wanted, str(address).split("."), strict=True))
    network = ip_network(entry)
    if network.version == 6 and str(network.network_address).startswith("::ffff:") and network.prefixlen >= 96:
        inner = IPv6Address(str(network.network_address)).ipv4_mapped
        network = ip_network(f"{inner}/{network.prefixlen - 96}")
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address))
    return address in network


class Chance:
    """Draws entries, and addresses that are near them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def entry(self) -> str:
        octets = [str(self.random.choice((0, 1, 10, 127, 192, 255, self.random.randrange(256)))) for _ in range(4)]
        match self.random.randrange(7):
            case 0:
                return ".".join(octets)
            case 1:
                return str(ip_network((int(IPv4Address(".".join(octets))), self.random.randrange(33)), strict=False))
            case 2:
                return ".".join([*octets[: self.random.randrange(1, 4)], "*"])
            case 3:
                return ".".join(self.random.choice(("*", octet)) for octet in octets)
            case 4:
                return str(ip_network((self.random.getrandbits(128), self.random.randrange(129)), strict=False))
            case 5:
                number, length = int(IPv4Address(".".join(octets))), self.random.randrange(96, 129)
                return str(ip_network((0xFFFF << 32 | number, length), strict=False))
            case _:
                return str(IPv6Address(self.random.getrandbits(128) >> self.random.randrange(128)))

    def near(self, entry: str) -> Address:
        text = entry.partition("/")[0].replace("*", str(self.random.randrange(256)))
        while "." in text and ":" not in text and text.count(".") < 3:
            text += f".{self.random.randrange(256)}"
        address = ip_address(text)
        bits = int(address)
        for _ in range(self.random.randrange(4)):
            bits ^= 1 << self.random.randrange(address.max_prefixlen)
        near: Address = type(address)(bits)
        match self.random.randrange(6):
            case 0 if near.version == 4:
                return IPv6Address(0xFFFF << 32 | bits)
            case 1 if near.version == 6:
                return IPv6Address(f"{near}%eth0")
            case 2:
                return IPv4Address(self.random.getrandbits(32))
            case _:
                return near


def test_the_policy_is_what_the_model_says() -> None:
    chance, agreed = Chance(62), {True: 0, False: 0}
    for _ in range(POLICIES):
        entries = [entry for _ in range(3) if (entry := chance.entry()) != "*"]
        policy = Addresses(*entries)
        for _ in range(PEERS):
            address = chance.near(chance.random.choice(entries))
            expected = any(is_inside(entry, address) for entry in entries)
            for peer in (Peer(address=address), Peer(address=parse_address(str(address)))):
                assert bool(policy.judge(peer)) is expected, (entries, address)
            agreed[expected] += 1
    assert min(agreed.values()) > 10_000, "both answers were given often enough to mean something"


@pytest.mark.parametrize(
    ("entry", "address", "accepted"),
    [
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("10.0.0.0/8", "::ffff:11.0.0.1", False),
        ("10.1.*", "10.100.5.6", False),
        ("127.0.0.1", "127.0.0.100", False),
        ("10.0.0.0/8", "2002:0a00:0001::", False),
        ("10.0.0.0/8", "64:ff9b::10.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("fe80::1", "fe80::1%eth0", True),
    ],
)
def test_the_pitfalls(entry: str, address: str, *, accepted: bool) -> None:
    assert bool(Addresses(entry).judge(Peer(address=parse_address(address)))) is accepted


@pytest.mark.parametrize(
    "entry", ["10.1.2.3/8", "010.0.0.1", "10.1*", "", b"10.0.0.1", "10.0.0.0/0.0.0.255", True, "127.1", "0x7f.0.0.1"]
)
def test_what_is_not_meant_is_refused_at_the_start(entry: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Addresses(entry)  # type: ignore[arg-type]
    assert ascii(entry) in str(caught.value)


@pytest.mark.parametrize(
    "entry", ["fe80::1%a\nb", "fe80::1%\x1b[2J", "10.0.0.1\r\n", "10.0.0.1\u2028", "\u202e10.0.0.1", "x" * 10_000]
)
def test_an_error_is_one_line_that_is_safe_to_print(entry: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Addresses(entry)
    text = str(caught.value)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) < 300


def test_a_zone_never_reaches_a_peer() -> None:
    peer = Peer(address=parse_address("fe80::1%a\nb"), port=1)
    assert str(peer) == "[fe80::1]:1"
