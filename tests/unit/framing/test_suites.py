"""The handshake with a key, in each suite: who gets through, who does not, and what a stranger costs."""

from __future__ import annotations

from typing import Any

import pytest
from noise.connection import NoiseConnection

from limpet.errors import ProtocolError
from limpet.framing.handshake import HELLO_BYTES, Acceptance, Agreement, ClientHandshake, Credential, ServerHandshake
from limpet.framing.keys import Key, KeyRing
from limpet.framing.noise import PROTOCOL_NAME
from limpet.framing.seal import AeadSeal, HmacSeal
from limpet.framing.transcript import UNBOUND, NoiseTranscript, Suite
from limpet.limits import Limits

KEY = Key(bytes(range(32)), "ada")
OTHER = Key(bytes(range(32, 64)), "eve")
DECOY = b"d" * 32
PROVEN = (Suite.AEAD, Suite.HMAC, Suite.LOCAL)
LIMITS = Limits()

proven = pytest.mark.parametrize("suite", PROVEN, ids=lambda suite: suite.name)


def client(
    suite: Suite = Suite.AEAD, key: Key = KEY, *, bind: bytes = UNBOUND, private: bytes = b"c" * 32
) -> ClientHandshake:
    return ClientHandshake([1], LIMITS, credential=Credential(suite, key, private, bind))


class Chance:
    """Gives fixed bytes, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, count: int) -> bytes:
        self.asked += 1
        return b"s" * count


def server(
    *suites: Suite, keys: tuple[Key, ...] = (KEY,), bind: bytes = UNBOUND, chance: Any = None
) -> ServerHandshake:
    rings = {suite: KeyRing(keys) for suite in suites or (Suite.AEAD,)}
    return ServerHandshake([1], LIMITS, acceptance=Acceptance(rings, chance or Chance(), DECOY, bind))


def shaken(ours: ClientHandshake, theirs: ServerHandshake) -> tuple[Agreement, Agreement]:
    at_server = theirs.receive(ours.hello)
    assert at_server is not None
    at_client = ours.receive(theirs.answer)
    assert at_client is not None
    return at_client, at_server


@proven
def test_both_sides_get_keys_that_fit(suite: Suite) -> None:
    ours, theirs = client(suite), server(suite)
    at_client, at_server = shaken(ours, theirs)
    assert at_client == at_server
    assert at_client.suite is suite
    assert theirs.key == KEY
    for sealer, opener in (
        (ours.protection.sealer, theirs.protection.opener),
        (theirs.protection.sealer, ours.protection.opener),
    ):
        assert sealer is not None
        assert opener is not None
        assert bytes(opener.open(memoryview(sealer.seal(b"frame")))) == b"frame"
    assert ours.protection.resume_secret == theirs.protection.resume_secret
    assert len(ours.protection.resume_secret) == 32
    assert ours.protection.lasts is theirs.protection.lasts is (suite is not Suite.LOCAL)


@proven
def test_each_direction_has_a_key_of_its_own(suite: Suite) -> None:
    ours, theirs = client(suite), server(suite)
    shaken(ours, theirs)
    assert ours.protection.sealer is not None
    assert ours.protection.opener is not None
    with pytest.raises(ProtocolError):
        ours.protection.opener.open(memoryview(ours.protection.sealer.seal(b"turned back")))


def test_what_seals_the_frames_of_each_suite() -> None:
    kinds = {}
    for suite in PROVEN:
        ours = client(suite)
        shaken(ours, server(suite))
        kinds[suite] = type(ours.protection.sealer)
    assert kinds == {Suite.AEAD: AeadSeal, Suite.HMAC: HmacSeal, Suite.LOCAL: AeadSeal}


def test_a_noise_library_of_others_opens_our_hello_and_answers_it() -> None:
    ours = client()
    theirs: Any = NoiseConnection.from_name(PROTOCOL_NAME)
    theirs.set_as_responder()
    theirs.set_psks(KEY.psk)
    theirs.set_prologue(ours.hello[:26] + UNBOUND)
    theirs.start_handshake()
    message = ours.hello[26:58] + ours.hello[60:]
    assert bytes(theirs.read_message(message)) == b"\x01\x01\x00\x00"
    terms = bytes.fromhex("01 0000 00100000 08000000 00000000")
    answer = bytes(theirs.write_message(terms))
    sealed = answer[32:]
    agreement = ours.receive(answer[:32] + len(sealed).to_bytes(2, "big") + sealed)
    assert agreement == Agreement(Suite.AEAD, 1, 0, 1 << 20, 128 << 20, 0)
    assert ours.protection.sealer is not None
    assert bytes(theirs.decrypt(ours.protection.sealer.seal(b"proof"))) == b"proof"


@proven
@pytest.mark.parametrize(
    "keys", [(), (OTHER,), (Key(KEY.reveal()[::-1], "ada"),)], ids=["none", "another's", "a new one"]
)
def test_a_key_that_is_not_valid_gets_no_byte_and_no_work_on_the_curve(
    suite: Suite, keys: tuple[Key, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    hello, theirs = client(suite).hello, server(suite, keys=keys)
    spoken: list[NoiseTranscript] = []
    monkeypatch.setattr(NoiseTranscript, "speak", spoken.append)
    with pytest.raises(ProtocolError, match="does not open"):
        theirs.receive(hello)
    assert theirs.answer == b""
    assert spoken == []


@proven
def test_an_unknown_id_and_a_wrong_key_end_alike(suite: Suite) -> None:
    forged = bytearray(client(suite, OTHER).hello)
    forged[10:26] = KEY.id
    errors = []
    for hello in (client(suite, OTHER).hello, bytes(forged)):
        with pytest.raises(ProtocolError) as caught:
            server(suite).receive(hello)
        errors.append((str(caught.value), caught.value.code))
    assert errors[0] == errors[1]


@proven
def test_a_flipped_bit_anywhere_ends_it(suite: Suite) -> None:
    hello = client(suite).hello
    for place in range(len(hello) * 8):
        changed = bytearray(hello)
        changed[place // 8] ^= 1 << place % 8
        theirs = server(*PROVEN)
        _refused(theirs, changed)
        assert theirs.answer == b""
    ours, theirs = client(suite), server(suite)
    theirs.receive(ours.hello)
    for place in range(len(theirs.answer) * 8):
        changed = bytearray(theirs.answer)
        changed[place // 8] ^= 1 << place % 8
        _refused(client(suite), changed)


def _refused(side: ClientHandshake | ServerHandshake, data: bytearray) -> None:
    """See that there is no agreement: an error, or more bytes are waited for."""
    try:
        agreement = side.receive(bytes(data))
    except ProtocolError:
        return
    assert agreement is None


@proven
def test_a_client_never_takes_a_weaker_suite(suite: Suite) -> None:
    plain = ServerHandshake([1], LIMITS)
    plain.receive(ClientHandshake([1], LIMITS).hello)
    with pytest.raises(ProtocolError):
        client(suite).receive(plain.answer)


@proven
def test_a_server_answers_only_the_suites_it_lists(suite: Suite) -> None:
    others = [other for other in PROVEN if other is not suite]
    with pytest.raises(ProtocolError, match="not served"):
        server(*others).receive(client(suite).hello)
    with pytest.raises(ProtocolError, match="not served"):
        server(suite).receive(ClientHandshake([1], LIMITS).hello)
    with pytest.raises(ProtocolError, match="not served"):
        ServerHandshake([1], LIMITS).receive(client(suite).hello)


@proven
def test_a_replayed_hello_is_answered_and_is_of_no_use(suite: Suite) -> None:
    ours = client(suite)
    first, second = (
        server(suite),
        ServerHandshake([1], LIMITS, acceptance=Acceptance({suite: KeyRing([KEY])}, lambda count: b"t" * count, DECOY)),
    )
    shaken(ours, first)
    second.receive(ours.hello)
    assert ours.protection.sealer is not None
    assert second.protection.opener is not None
    proof = ours.protection.sealer.seal(b"\x01\x00")
    with pytest.raises(ProtocolError):
        second.protection.opener.open(memoryview(proof))


def test_what_it_is_bound_to_must_be_the_same() -> None:
    with pytest.raises(ProtocolError):
        server(bind=b"b" * 32).receive(client().hello)
    shaken(client(bind=b"b" * 32), server(bind=b"b" * 32))


def test_an_ephemeral_that_comes_back_is_refused() -> None:
    ours = client(Suite.LOCAL)
    theirs = server(Suite.LOCAL)
    theirs.receive(ours.hello)
    with pytest.raises(ProtocolError, match="comes back"):
        ours.receive(ours.hello[26:58] + theirs.answer[32:])


@proven
def test_fresh_randomness_gives_fresh_keys(suite: Suite) -> None:
    secrets = set()
    for number in range(50):
        ours = client(suite, private=bytes([number]) * 32)
        shaken(ours, server(suite))
        secrets.add(ours.protection.resume_secret)
    assert len(secrets) == 50


def test_a_hello_is_never_longer_than_its_bound() -> None:
    assert len(client().hello) <= HELLO_BYTES < 2_048


def test_nothing_of_a_key_is_in_a_repr() -> None:
    shown = repr(Credential(Suite.AEAD, KEY, b"p" * 32)) + repr(
        Acceptance({Suite.AEAD: KeyRing([KEY])}, Chance(), DECOY)
    )
    for secret in (KEY.reveal(), KEY.psk, b"p" * 32, DECOY):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
