from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from limpet.codec import MsgpackCodec
from limpet.errors import ConfigurationError
from limpet.framing.keys import Key, KeyRing
from limpet.framing.transcript import Suite
from limpet.limits import Limits
from limpet.peer import Peer, parse_address
from limpet.policy import LOOPBACK, Addresses, ErrorPolicy, Exposure, Level, NamePolicy
from limpet.profile import Profile


def test_the_local_profile() -> None:
    profile = Profile.local()
    assert profile.addresses is LOOPBACK
    assert not profile.addresses.judge(Peer(address=parse_address("10.0.0.1")))
    assert profile.names == NamePolicy()
    assert profile.exposure == Exposure()
    assert profile.errors == ErrorPolicy()
    assert profile.limits == Limits()
    assert [codec.name for codec in profile.codecs] == ["msgpack"]
    assert profile.local_access is None


def test_changes() -> None:
    addresses = Addresses("10.0.0.0/8")
    profile = Profile.local(addresses=addresses, local_access="anyone", errors=ErrorPolicy(local=Level.REFERENCE))
    assert profile.addresses is addresses
    assert profile.local_access == "anyone"
    copy = replace(profile, addresses=LOOPBACK)
    assert copy.addresses is LOOPBACK
    assert copy.errors is profile.errors


def test_a_profile_cannot_be_changed() -> None:
    profile = Profile.local()
    with pytest.raises(FrozenInstanceError):
        profile.addresses = Addresses("0.0.0.0/0")  # type: ignore[misc]


def test_two_profiles_share_no_codec() -> None:
    assert Profile.local().codecs[0] is not Profile.local().codecs[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"addresses": "10.0.0.0/8"}, "Addresses"),
        ({"names": None}, "NamePolicy"),
        ({"exposure": [int]}, "Exposure"),
        ({"errors": Level.FULL}, "ErrorPolicy"),
        ({"limits": {}}, "Limits"),
        ({"codecs": ()}, "at least one codec"),
        ({"codecs": [MsgpackCodec()]}, "must be a tuple"),
        ({"codecs": ("msgpack",)}, "is no codec"),
        ({"codecs": (MsgpackCodec(), MsgpackCodec())}, "the same id"),
        ({"local_access": "everyone"}, "'anyone'"),
        ({"local_access": True}, "'anyone'"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Profile.local(**changes)


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="password"):
        Profile.local(password="secret")


@pytest.mark.parametrize("setting", ["key", "keys"])
def test_a_key_is_no_text(setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Profile.{setting} must be"):
        Profile.local(**{setting: "clients.keys"})


def test_one_key_is_not_both_sides() -> None:
    key = Key(bytes(range(32)), "ada")
    with pytest.raises(ConfigurationError, match="either side"):
        Profile.local(key=key, keys=KeyRing([key]))


def test_what_is_proven_is_encrypted_unless_somebody_says_otherwise() -> None:
    assert Profile.local().suite is Suite.AEAD
    assert Profile.local(confidential=False).suite is Suite.HMAC


@pytest.mark.parametrize("host", [None, "localhost", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_this_machine_may_be_bound(host: str | None) -> None:
    Profile.local().check_bind(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "fe80::1", "::ffff:0.0.0.0", "::ffff:10.0.0.1", "169.254.0.1"]
)
def test_anything_beyond_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1, ::1 or a Unix socket \(keys and TLS"):
        Profile.local(local_access="anyone").check_bind(host)


@pytest.mark.parametrize("host", ["", "example.org", "LOCALHOST.example", "127.1", "0", "localhost.", b"127.0.0.1", 0])
def test_a_name_that_may_mean_anything_is_refused(host: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"listen on 127\.0\.0\.1, ::1, localhost or a Unix socket"):
        Profile.local().check_bind(host)
