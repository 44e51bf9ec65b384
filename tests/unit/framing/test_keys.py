from __future__ import annotations

import copy
import hmac
import os
import pickle
from hashlib import sha256
from typing import Any

import pytest

from limpet.errors import ConfigurationError
from limpet.framing.keys import Key, KeyRing

SECRET = bytes(range(32))


def test_what_is_derived_is_what_the_wire_protocol_says() -> None:
    key = Key(SECRET, "ada")
    assert key.id == hmac.digest(SECRET, b"limpet/1 key id", sha256)[:16]
    assert key.psk == hmac.digest(SECRET, b"limpet/1 psk", sha256)
    assert key.reveal() == SECRET


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), "x" * 32, bytearray(SECRET), bytes(32), b"ab" * 16])
def test_what_is_no_key_is_refused(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="random bytes"):
        Key(secret, "ada")


@pytest.mark.parametrize("name", ["", None, b"ada"])
def test_a_key_has_a_name(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        Key(SECRET, name)


def test_it_tells_nothing_of_its_secret() -> None:
    key = Key(SECRET, "ada")
    shown = f"{key!r} {key} {vars(Key).keys()}"
    assert SECRET.hex() not in shown
    assert repr(SECRET) not in shown
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(ConfigurationError, match="not pickled"):
            leave(key)


def test_keys_are_equal_by_secret_and_name() -> None:
    assert Key(SECRET, "ada") == Key(SECRET, "ada")
    assert Key(SECRET, "ada") != Key(SECRET, "eve")
    assert Key(SECRET, "ada") != Key(os.urandom(32), "ada")
    assert len({Key(SECRET, "ada"), Key(SECRET, "ada")}) == 1


def test_a_ring_finds_keys_by_their_id() -> None:
    first, second = Key(SECRET, "ada"), Key(SECRET[::-1], "ada")
    ring = KeyRing([first, second])
    assert ring.get(first.id) is first
    assert ring.get(second.id) is second
    assert ring.get(bytes(16)) is None


def test_two_keys_of_a_name_are_for_replacing_one_and_three_are_a_mistake() -> None:
    keys = [Key(os.urandom(32), "ada") for _ in range(3)]
    with pytest.raises(ConfigurationError, match="more than two"):
        KeyRing(keys)
    with pytest.raises(ConfigurationError, match="twice"):
        KeyRing([keys[0], keys[0]])
