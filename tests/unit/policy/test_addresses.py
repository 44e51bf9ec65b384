from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from limpet.errors import ConfigurationError
from limpet.peer import Peer, parse_address
from limpet.policy import ALLOW, LOOPBACK, Addresses, Deny


def peer(address: str) -> Peer:
    return Peer(address=parse_address(address), port=1)


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
        ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("::/0", "2001:db8::1", "1.2.3.4"),
        ("192.168.1.*", "192.168.1.200", "192.168.2.1"),
        ("192.168.*.*", "192.168.2.1", "192.169.0.0"),
        ("10.1.*", "10.1.200.1", "10.100.5.6"),
        ("10.*", "10.0.0.1", "100.0.0.1"),
        ("10.*.0.7", "10.99.0.7", "10.99.1.7"),
        ("*.*.*.*", "8.8.8.8", "::1"),
        ("::1", "::1", "::2"),
        ("2001:0DB8::/32", "2001:db8:ffff::", "2001:db9::"),
        ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ("::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.0"),
        ("::ffff:0:0/96", "1.2.3.4", "::1"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "::ffff:11.0.0.1"),
        ("fe80::/10", "fe80::1%eth0", "fec0::1"),
        ("fe80::1", "fe80::1%eth0", "fe80::2%eth0"),
    ],
)
def test_what_an_entry_holds(entry: str, inside: str, outside: str) -> None:
    policy = Addresses(entry)
    assert policy.judge(peer(inside)) is ALLOW
    assert isinstance(policy.judge(peer(outside)), Deny)


def test_any_entry_will_do() -> None:
    policy = Addresses("10.0.0.0/8", "192.168.1.*", "::1")
    assert policy.entries == ("10.0.0.0/8", "192.168.1.*", "::1")
    assert policy.judge(peer("::1"))
    assert policy.judge(peer("192.168.1.9"))
    assert not policy.judge(peer("192.168.2.9"))


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "::ffff:10.0.0.1%1"])
def test_an_address_that_was_not_normalised_is_judged_the_same(address: str) -> None:
    raw = Peer(address=IPv6Address(address))
    assert Addresses("10.0.0.0/8").judge(raw)
    assert not Addresses("::/0").judge(raw)


def test_no_entry_refuses_every_address() -> None:
    assert not Addresses().judge(peer("127.0.0.1"))


@pytest.mark.parametrize("unix", [Peer(uid=1000), Peer()])
def test_a_peer_without_address_passes(unix: Peer) -> None:
    assert Addresses().judge(unix)
    assert Addresses("10.0.0.0/8").judge(unix)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback(address: str) -> None:
    assert LOOPBACK.judge(peer(address))
    assert not LOOPBACK.judge(peer("10.0.0.1"))


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("10.1.2.3/8", "the block is '10.0.0.0/8'"),
        ("2001:db8::1/32", "the block is '2001:db8::/32'"),
        ("010.0.0.1", "not an address"),
        ("10.1", "not an address"),
        ("localhost", "not an address"),
        ("", "not an address"),
        (" 10.0.0.1", "not an address"),
        ("10.0.0.1\n", "not an address"),
        ("/8", "not an address"),
        ("10.0.0.0/0.0.0.255", "prefix length"),
        ("10.0.0.0/255.0.0.0", "prefix length"),
        ("10.0.0.0/", "prefix length"),
        ("10.0.0.0/33", "prefix length of 0 to 32"),
        ("::/129", "prefix length of 0 to 128"),
        ("10.0.0.0/08", "prefix length"),
        ("10.0.0.0/+8", "prefix length"),
        ("10.0.0.0/٨", "prefix length"),
        ("10.0.0.0/8/8", "prefix length"),
        ("10.0.0.0/" + "9" * 5000, "prefix length"),
        ("10.1*", "whole octets"),
        ("*", "whole octets"),
        ("10.*.1", "whole octets"),
        ("10.1.2.3.*", "whole octets"),
        ("::*", "whole octets"),
        ("10.1.2.3*", "no whole octet"),
        ("10.01.*", "no whole octet"),
        ("10.256.*", "no whole octet"),
        ("10..*", "no whole octet"),
        ("10.*.0.0/8", "no whole octet"),
        ("fe80::1%eth0", "zone"),
        ("10.0.0.1%a\nb", "zone"),
        (b"10.0.0.1", "must be str, not bytes"),
        (True, "must be str, not bool"),
        (["10.0.0.1"], "must be str, not list"),
        (None, "must be str"),
    ],
)
def test_a_mistake_is_named_when_the_policy_is_made(entry: object, why: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Addresses("10.0.0.1", entry)  # type: ignore[arg-type]
    text = str(caught.value)
    assert why in text
    assert ascii(entry)[:60] in text
    assert text.isprintable()


def test_a_subclass_of_str_is_no_entry() -> None:
    class Entry(str):
        __slots__ = ()

    with pytest.raises(ConfigurationError, match="must be str, not Entry"):
        Addresses(Entry("10.0.0.1"))


def test_policies_with_the_same_entries_are_equal() -> None:
    assert Addresses("::1") == Addresses("::1") != Addresses("::2")
    assert hash(Addresses("::1")) == hash(Addresses("::1"))
    assert repr(Addresses("::1")) == "Addresses(entries=('::1',))"
