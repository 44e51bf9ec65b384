"""The handshake's cryptography, beside a second implementation of the same specification."""

from __future__ import annotations

from typing import Any

import pytest
from noise.connection import Keypair, NoiseConnection

from limpet.errors import ProtocolError
from limpet.framing.noise import PROTOCOL_NAME, Ephemeral, SymmetricState, hkdf, nonce

PSK = bytes(range(32))
PROLOGUE = b"HEAD and BIND"
CLIENT_PRIVATE = bytes(range(32, 64))
SERVER_PRIVATE = bytes(range(64, 96))


def other_side(*, initiates: bool, private: bytes) -> Any:
    """Return the second implementation's end of the handshake."""
    side = NoiseConnection.from_name(PROTOCOL_NAME)
    side.set_as_initiator() if initiates else side.set_as_responder()
    side.set_psks(PSK)
    side.set_prologue(PROLOGUE)
    side.set_keypair_from_private_bytes(Keypair.EPHEMERAL, private)
    with pytest.warns(UserWarning, match="OK for testing"):  # of an ephemeral key that was chosen
        side.start_handshake()
    return side


def client_first(plain: bytes) -> tuple[SymmetricState, Ephemeral, bytes]:
    state, own = SymmetricState(PROLOGUE), Ephemeral(CLIENT_PRIVATE)
    state.mix_key_and_hash(PSK)
    state.mix_hash(own.public)
    state.mix_key(own.public)
    return state, own, own.public + state.encrypt_and_hash(plain)


def server_second(message: bytes, plain: bytes) -> tuple[SymmetricState, bytes, bytes]:
    state, own, theirs = SymmetricState(PROLOGUE), Ephemeral(SERVER_PRIVATE), message[:32]
    state.mix_key_and_hash(PSK)
    state.mix_hash(theirs)
    state.mix_key(theirs)
    got = state.decrypt_and_hash(message[32:])
    state.mix_hash(own.public)
    state.mix_key(own.public)
    state.mix_key(own.exchange(theirs))
    return state, got, own.public + state.encrypt_and_hash(plain)


def client_last(state: SymmetricState, own: Ephemeral, message: bytes) -> bytes:
    state.mix_hash(message[:32])
    state.mix_key(message[:32])
    state.mix_key(own.exchange(message[:32]))
    return state.decrypt_and_hash(message[32:])


def test_both_sides_of_ours_agree() -> None:
    client, own, first = client_first(b"offer")
    server, offer, second = server_second(first, b"terms")
    assert (offer, client_last(client, own, second)) == (b"offer", b"terms")
    assert client.hash == server.hash
    assert client.split() == server.split()


def test_a_client_of_ours_and_a_server_of_theirs_byte_for_byte() -> None:
    theirs, alike = (
        other_side(initiates=False, private=SERVER_PRIVATE),
        other_side(initiates=True, private=CLIENT_PRIVATE),
    )
    client, own, first = client_first(b"offer")
    assert first == alike.write_message(b"offer")
    assert theirs.read_message(first) == b"offer"
    second = bytes(theirs.write_message(b"terms"))
    assert client_last(client, own, second) == b"terms"
    assert client.hash == theirs.noise_protocol.handshake_hash
    to_server, to_client, _ = client.split()
    assert theirs.noise_protocol.cipher_state_decrypt.k == to_server
    assert theirs.noise_protocol.cipher_state_encrypt.k == to_client


def test_a_server_of_ours_and_a_client_of_theirs_byte_for_byte() -> None:
    theirs, alike = (
        other_side(initiates=True, private=CLIENT_PRIVATE),
        other_side(initiates=False, private=SERVER_PRIVATE),
    )
    first = bytes(theirs.write_message(b"offer"))
    server, offer, second = server_second(first, b"terms")
    alike.read_message(first)
    assert offer == b"offer"
    assert second == alike.write_message(b"terms")
    assert theirs.read_message(second) == b"terms"
    assert server.hash == theirs.noise_protocol.handshake_hash


def test_hkdf_is_that_of_rfc_5869_with_no_info() -> None:
    # RFC 5869, appendix A.3: no salt, no info; its first 32 bytes of output.
    material = bytes.fromhex("0b" * 22)
    assert hkdf(bytes(32), material, 2)[0].hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert [len(key) for key in hkdf(b"k" * 32, b"", 3)] == [32, 32, 32]


def test_a_nonce_is_four_zeros_and_the_counter() -> None:
    assert nonce(1) == bytes(4) + b"\x01" + bytes(7)
    assert nonce((1 << 64) - 1) == bytes(4) + b"\xff" * 8


@pytest.mark.parametrize("place", range(0, 54, 5))
def test_a_changed_byte_does_not_open(place: int) -> None:
    _, _, first = client_first(b"offer!")
    changed = bytearray(first)
    changed[place] ^= 1
    with pytest.raises(ProtocolError):
        server_second(bytes(changed), b"terms")


@pytest.mark.parametrize("low", [bytes(32), b"\x01" + bytes(31)])
def test_a_point_of_low_order_is_refused(low: bytes) -> None:
    with pytest.raises(ProtocolError, match="low order"):
        Ephemeral(CLIENT_PRIVATE).exchange(low)


def test_what_led_to_the_keys_is_forgotten() -> None:
    client, *_ = client_first(b"offer")
    first = client.split()
    assert client.split() != first
    assert client._key == client._chaining_key == b""
