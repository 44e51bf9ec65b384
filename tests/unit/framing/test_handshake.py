"""The handshake: literal bytes, every cut, every flipped byte, junk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, ProtocolError
from limpet.framing.handshake import (
    HELLO_BYTES,
    Agreement,
    ClientHandshake,
    Proof,
    Ready,
    ServerHandshake,
    Suite,
)
from limpet.limits import Limits

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "handshake.json").read_text())
LIMITS = Limits()

# Written out here as well, so that the file of vectors cannot drift along with the code.
HELLO = bytes.fromhex("894c50542f310d0a 00 00") + bytes(16) + bytes(32) + bytes.fromhex("0014 01 01 0000") + bytes(16)
SERVER_HELLO = bytes(32) + bytes.fromhex("001f 01 0000 00100000 08000000 00000000") + bytes(16)
READY = b"\x02" + b"s" * 16 + bytes(7) + b"\x01" + bytes(8) + b"r" * 32 + b"\x00\x01t" + b"\x00\x04host"


def cases(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", VECTORS[name], ids=[case["name"] for case in VECTORS[name]])


def client(codecs: tuple[int, ...] = (1,), features: int = 0, limits: Limits = LIMITS) -> ClientHandshake:
    return ClientHandshake(codecs, limits, features=features)


def server(codecs: tuple[int, ...] = (1,), features: int = 0) -> ServerHandshake:
    return ServerHandshake(codecs, LIMITS, features=features)


def ready(case: dict[str, Any]) -> Ready:
    return Ready(
        bytes.fromhex(case["session"]),
        case["attach"],
        case["next_expected"],
        bytes.fromhex(case["resume_secret"]),
        bytes.fromhex(case["ticket"]),
        case["address"],
    )


# ---------------------------------------------------------------- vectors


def test_the_bytes_of_the_simplest_handshake() -> None:
    ours, theirs = client(), server()
    assert ours.hello == HELLO
    agreement = Agreement(Suite.NONE, 1, 0, 1 << 20, 128 << 20, 0)
    assert theirs.receive(HELLO) == agreement
    assert theirs.answer == SERVER_HELLO
    assert ours.receive(SERVER_HELLO) == agreement
    assert ours.rest == b""


@cases("agreed")
def test_agreed(case: dict[str, Any]) -> None:
    ours = ClientHandshake(case["client"]["codecs"], LIMITS, features=case["client"]["features"])
    theirs = ServerHandshake(
        case["server"]["codecs"],
        LIMITS,
        features=case["server"]["features"],
        grace_seconds=case["server"]["grace_seconds"],
    )
    agreement = Agreement(suite=Suite.NONE, **case["agreement"])
    assert ours.hello.hex() == case["hello"]
    assert theirs.receive(ours.hello) == agreement
    assert theirs.answer.hex() == case["server_hello"]
    assert ours.receive(theirs.answer) == agreement


@cases("refused_hello")
def test_refused_hello(case: dict[str, Any]) -> None:
    theirs = server()
    with pytest.raises(ProtocolError):
        theirs.receive(bytes.fromhex(case["bytes"]))
    assert theirs.answer == b""


@cases("refused_hello")
def test_a_refused_hello_is_refused_byte_by_byte_too(case: dict[str, Any]) -> None:
    theirs, data = server(), bytes.fromhex(case["bytes"])
    if case["name"] == "a byte behind":
        data = data[:-1]
        assert feed(theirs, data) is not None
        return
    with pytest.raises(ProtocolError):
        feed(theirs, data)


@cases("refused_server_hello")
def test_refused_server_hello(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        client(features=4).receive(bytes.fromhex(case["bytes"]))


def test_proof() -> None:
    assert Proof().pack().hex() == VECTORS["proof"]["bytes"]
    assert Proof.unpack(bytes.fromhex(VECTORS["proof"]["bytes"])) == Proof()
    assert Proof.unpack(memoryview(b"\x01\x00")) == Proof()


@cases("refused_proof")
def test_refused_proof(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as caught:
        Proof.unpack(bytes.fromhex(case["bytes"]))
    assert caught.value.code is (Code.UNEXPECTED if case["name"] == "resume" else Code.MALFORMED)


@cases("ready")
def test_ready(case: dict[str, Any]) -> None:
    assert ready(case).pack().hex() == case["bytes"]
    assert Ready.unpack(bytes.fromhex(case["bytes"])) == ready(case)
    assert Ready.unpack(memoryview(bytes.fromhex(case["bytes"]))) == ready(case)


@cases("refused_ready")
def test_refused_ready(case: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        Ready.unpack(bytes.fromhex(case["bytes"]))


def test_secrets_of_ready_are_not_in_its_repr() -> None:
    text = repr(Ready(b"s" * 16, 1, 0, b"r" * 32, b"ticket"))
    assert "rrrr" not in text
    assert "ticket=" not in text


# ---------------------------------------------------------------- pieces, cuts and flips


def feed(side: ClientHandshake | ServerHandshake, data: bytes) -> Agreement | None:
    """Give ``data`` byte by byte; nothing may be agreed before the last one."""
    agreement = None
    for at in range(len(data)):
        assert agreement is None
        agreement = side.receive(data[at : at + 1])
    return agreement


def test_byte_by_byte_is_the_same_as_whole() -> None:
    one, other = server(), server()
    assert feed(one, HELLO) == other.receive(memoryview(HELLO))
    assert one.answer == other.answer == SERVER_HELLO
    assert feed(client(), SERVER_HELLO) == client().receive(memoryview(SERVER_HELLO))


@pytest.mark.parametrize("end", range(len(HELLO)))
def test_a_hello_that_is_cut_waits(end: int) -> None:
    theirs = server()
    assert theirs.receive(HELLO[:end]) is None
    assert theirs.answer == b""
    assert theirs.receive(HELLO[end:]) is not None


@pytest.mark.parametrize("end", range(len(SERVER_HELLO)))
def test_a_server_hello_that_is_cut_waits(end: int) -> None:
    ours = client()
    assert ours.receive(SERVER_HELLO[:end]) is None
    assert ours.receive(SERVER_HELLO[end:]) is not None


@pytest.mark.parametrize("end", range(len(READY)))
def test_a_ready_that_is_cut_is_refused(end: int) -> None:
    with pytest.raises(ProtocolError):
        Ready.unpack(READY[:end])


def flipped(data: bytes) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "data", [data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in range(len(data)) for bit in (1, 128)]
    )


@flipped(HELLO)
def test_a_flipped_hello_is_refused_or_says_something_else(data: bytes) -> None:
    theirs = server(features=0xFFFF)
    try:
        agreement = theirs.receive(data)
    except ProtocolError:
        return
    # The length and the features are the only fields that can be otherwise and still be right.
    if agreement is None:
        assert data[58:60] != HELLO[58:60]
    else:
        assert agreement.features != 0


@flipped(SERVER_HELLO)
def test_a_flipped_server_hello_is_refused_or_says_something_else(data: bytes) -> None:
    ours = ClientHandshake([1], Limits(frame_bytes=1 << 32, message_bytes=1 << 33, outbox_bytes=1 << 33))
    plain = ClientHandshake([1], Limits(frame_bytes=1 << 32, message_bytes=1 << 33, outbox_bytes=1 << 33))
    try:
        agreement = ours.receive(data)
    except ProtocolError:
        return
    if agreement is None:
        assert data[32:34] != SERVER_HELLO[32:34]
    else:
        assert agreement != plain.receive(SERVER_HELLO)


@flipped(READY)
def test_a_flipped_ready_is_refused_or_says_something_else(data: bytes) -> None:
    try:
        other = Ready.unpack(data)
    except ProtocolError:
        return
    assert other != Ready.unpack(READY)


@flipped(b"\x01\x00")
def test_a_flipped_proof_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Proof.unpack(data)


@given(st.binary(max_size=2_000))
def test_junk_is_refused_by_both_sides(data: bytes) -> None:
    for receive in (server().receive, client().receive, Ready.unpack, Proof.unpack):
        try:
            receive(data)
        except ProtocolError:
            continue


@given(st.binary(max_size=1_100), st.integers(0, 0xFFFF))
def test_junk_behind_a_true_head_is_refused_or_waits(data: bytes, length: int) -> None:
    for side, head in ((server(), HELLO[:58]), (client(), bytes(32))):
        try:
            agreement = side.receive(head + length.to_bytes(2) + data)
        except ProtocolError:
            continue
        assert agreement is None or agreement.codec == 1


# ---------------------------------------------------------------- rules


def test_the_longest_hello_is_accepted_and_no_byte_more() -> None:
    ours = client(codecs=tuple(range(1, 256)))
    assert len(ours.hello) < HELLO_BYTES == 1_084
    assert server(codecs=(255,)).receive(ours.hello) is not None
    head = HELLO[:58] + (1_024).to_bytes(2)
    longest = head + bytes([1]) + bytes(1_023)
    assert len(longest) == HELLO_BYTES
    with pytest.raises(ProtocolError, match="offers 1 codecs"):
        server().receive(longest)
    with pytest.raises(ProtocolError, match="behind Hello"):
        server().receive(longest + b"\x00")


def test_no_more_than_the_longest_hello_is_held() -> None:
    theirs = server()
    with pytest.raises(ProtocolError):
        theirs.receive(HELLO + bytes(1 << 20))
    assert len(theirs._partial) <= HELLO_BYTES


def test_what_comes_behind_server_hello_is_left_for_the_frames() -> None:
    ours = client()
    assert ours.receive(SERVER_HELLO[:40]) is None
    assert ours.receive(SERVER_HELLO[40:] + b"\x00\x00\x00\x01x") is not None
    assert ours.rest == b"\x00\x00\x00\x01x"


def test_the_client_keeps_its_own_limits_where_they_are_lower() -> None:
    limits = Limits(frame_bytes=8_192, message_bytes=65_536)
    agreement = client(limits=limits).receive(SERVER_HELLO)
    assert agreement is not None
    assert (agreement.frame_bytes, agreement.message_bytes) == (8_192, 65_536)


def test_limits_over_32_bits_are_told_as_the_most_that_fits() -> None:
    huge = Limits(frame_bytes=1 << 33, message_bytes=1 << 34, outbox_bytes=1 << 34)
    agreement = ServerHandshake([1], huge).receive(HELLO)
    assert agreement is not None
    assert agreement.frame_bytes == agreement.message_bytes == 0xFFFF_FFFF


def test_the_servers_preference_decides() -> None:
    ours = client(codecs=(1, 2))
    agreement = server(codecs=(3, 2, 1)).receive(ours.hello)
    assert agreement is not None
    assert agreement.codec == 2
