"""The wire is what docs/reference/wire-protocol.md says, and what the vectors hold: no byte may move unnoticed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, IntFlag
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

import limpet
from limpet.codec import Codec, MsgpackCodec, RestrictedCodec, layout
from limpet.errors import Code, DecodeError
from limpet.objects.operations import Operation
from limpet.sansio import Body, Flag, Kind, Phase, View, What
from limpet.session.messages import HEAD
from tests.conformance.conversation import PATH, Talk, record, split
from tests.support.documents import blocks
from tests.support.sources import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "wire-protocol.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")

HEX = re.compile(r"(?:[0-9a-f]{2} ?)*")


def vectors(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PATH.parent / f"{name}.json").read_text(encoding="utf-8"))
    return found


def frame(kind: int, id_: int = 0, *, flags: int = 0, payload: bytes = b"") -> bytes:
    target = 1 if kind == Kind.CALL else 0
    body = HEAD.pack(kind, flags, 0, 0, 0, id_, target, 0, 2) + payload
    return len(body).to_bytes(4, "big") + body


CONVERSATION: list[dict[str, str]] = vectors("conversation")["conversation"]
BYTES = {step["name"]: bytes.fromhex(step["bytes"]) for step in CONVERSATION}
REFUSED: list[dict[str, str]] = vectors("refused")["refused"]
MSGPACK = vectors("msgpack")
RESTRICTED = vectors("restricted")


def opened() -> Talk:
    """Return two peers that have said what stands before the third request of the vectors."""
    talk = Talk()
    talk.greet()
    talk.client.answer(talk.client.request(Kind.OPEN, 0, ["", ["Ada"], {}]))
    return talk


# ---------------------------------------------------------------- the conversation


@pytest.mark.parametrize("chunk", [None, 1, 7])
def test_two_peers_say_what_the_vectors_hold(chunk: int | None) -> None:
    assert record(chunk) == CONVERSATION


def test_every_message_has_a_name_of_its_own() -> None:
    assert len(BYTES) == len(CONVERSATION)


def test_a_control_message_may_pass_between_the_frames_of_another() -> None:
    talk = opened()
    server = talk.server
    payload = BYTES["Call"][4 + HEAD.size :]
    first = frame(Kind.CALL, 2, flags=Flag.WANT | Flag.MORE, payload=payload[:5])
    last = frame(Kind.CALL, 2, flags=Flag.WANT, payload=payload[5:])
    server.connection.receive(first + frame(Kind.PING, 1))
    assert [HEAD.unpack_from(said, 4)[0] for said in split(b"".join(server.connection.outgoing()))] == [Kind.PONG]
    assert not server.session.schedule.can_start
    server.connection.receive(last)
    request = server.session.schedule.start()
    assert request is not None
    server.run(request)
    (answer,) = split(b"".join(server.connection.outgoing()))
    *_, received = HEAD.unpack_from(answer, 4)
    assert received == 3  # Open and both frames; a Ping is not counted.
    assert answer[4 + HEAD.size :] == BYTES["Return of Call"][4 + HEAD.size :]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused["name"])
@pytest.mark.parametrize("chunk", [None, 1])
def test_what_breaks_the_protocol_ends_the_session(refused: Mapping[str, str], chunk: int | None) -> None:
    talk = opened()
    side = talk.client if refused["to"] == "client" else talk.server
    data = bytes.fromhex(refused["bytes"])
    size = chunk or len(data)
    for start in range(0, len(data), size):
        side.connection.receive(data[start : start + size])
    assert side.connection.phase is Phase.CLOSED
    assert isinstance(side.connection.failure, limpet.ProtocolError)
    last = split(b"".join(side.connection.outgoing()))[-1]
    kind, *_, code, _, _, _ = HEAD.unpack_from(last, 4)
    assert (kind, Code(code).name) == (Kind.GOODBYE, refused["code"])


# ---------------------------------------------------------------- credit


def test_an_answer_refunds_what_its_request_charged() -> None:
    talk = opened()
    session = talk.client.session
    largest = Body(bytes(session.limits.message_bytes - HEAD.size))
    calls = session.window.calls
    assert calls == 100
    pending = session.request(Kind.CALL, Flag.WANT, 1, largest)
    assert pending is not None
    assert session.window.calls == calls - 1
    assert session.request(Kind.CALL, Flag.WANT, 1, Body(b"\xc0")) is None
    talk.go_on(pending)
    assert session.window.calls == calls
    assert session.request(Kind.CALL, Flag.WANT, 1, Body(b"\xc0")) is not None


def test_one_call_more_than_granted_ends_the_session() -> None:
    talk = opened()
    for id_ in range(2, 102):
        talk.server.connection.receive(frame(Kind.CALL, id_, flags=Flag.WANT, payload=b"\xc0"))
    assert talk.server.connection.failure is None
    talk.server.connection.receive(frame(Kind.CALL, 102, flags=Flag.WANT, payload=b"\xc0"))
    assert isinstance(talk.server.connection.failure, limpet.LimitExceeded)


def test_credit_comes_back_for_thirty_two_one_way_requests() -> None:
    talk = opened()
    for _ in range(32):
        assert talk.client.session.request(Kind.CALL, 0, 1, talk.client.endpoint.encode(["deposit", [1]])) is not None
    talk.ask()
    talk.serve()
    (credit,) = split(b"".join(talk.server.connection.outgoing()))
    kind, _, _, _, _, calls, size, _, _ = HEAD.unpack_from(credit, 4)
    assert (kind, calls, size) == (Kind.CREDIT, 32, 32 * (len(BYTES["Call"]) - 4))


# ---------------------------------------------------------------- the codec


class Nothing:
    """The leaves of a message with one reference and no buffer."""

    def refer(self, value: object) -> int:
        return 0

    def attach(self, data: bytes) -> int:
        return 0

    def reference(self, index: int) -> object:
        if index:
            raise DecodeError("no such reference")
        return object()

    def buffer(self, index: int) -> bytes:
        raise DecodeError("no such buffer")


def check_value(vector: Mapping[str, str], codec: Codec) -> None:
    kinds = {kind.__name__: kind for kind in (date, datetime, time, timedelta, timezone, Decimal, Fraction, UUID)}
    value = eval(vector["python"], kinds)
    limits, data = limpet.Limits(), bytes.fromhex(vector["bytes"])
    assert codec.encode(value, Nothing(), limits) == data
    decoded = codec.decode(data, Nothing(), limits)
    assert type(decoded) is type(value)
    assert repr(decoded) == repr(value)


@pytest.mark.parametrize("vector", MSGPACK["values"], ids=lambda vector: vector["python"])
def test_a_value_has_its_bytes_and_comes_back(vector: Mapping[str, str]) -> None:
    check_value(vector, MsgpackCodec())


@pytest.mark.parametrize("vector", RESTRICTED["values"], ids=lambda vector: vector["python"])
def test_a_value_has_its_pickle_and_comes_back(vector: Mapping[str, str]) -> None:
    check_value(vector, RestrictedCodec())


@pytest.mark.parametrize("vector", RESTRICTED["refused"], ids=lambda vector: vector["name"])
def test_what_is_no_pickle_of_a_value_is_refused(vector: Mapping[str, str]) -> None:
    with pytest.raises(DecodeError):
        RestrictedCodec().decode(bytes.fromhex(vector["bytes"]), Nothing(), limpet.Limits())


@pytest.mark.parametrize("vector", MSGPACK["refused"], ids=lambda vector: vector["name"])
def test_what_is_no_value_is_refused(vector: Mapping[str, str]) -> None:
    with pytest.raises(DecodeError):
        MsgpackCodec().decode(bytes.fromhex(vector["bytes"]), Nothing(), limpet.Limits())


# ---------------------------------------------------------------- the document


def quotes() -> Iterator[tuple[str, bytes]]:
    """Yield the hex blocks of the document: the vector each quotes, and its bytes."""
    for block in blocks(DOCUMENT):
        if block.info[0] == "hex":
            lines = (HEX.match(line) for line in block.text.splitlines())
            yield " ".join(block.info[1:]), bytes.fromhex("".join(match[0] for match in lines if match))


QUOTES = list(quotes())


@pytest.mark.parametrize(("name", "data"), QUOTES, ids=[name for name, _ in QUOTES])
def test_the_document_quotes_the_vectors(name: str, data: bytes) -> None:
    assert data == BYTES[name]


def test_the_document_quotes_all_that_matters() -> None:
    assert [name for name, _ in QUOTES[:4]] == ["Hello", "ServerHello", "Proof", "Ready"]
    kinds = {HEAD.unpack_from(data, 4)[0] for _, data in QUOTES[4:]}
    assert {Kind.OPEN, Kind.CALL, Kind.GET, Kind.RETURN, Kind.RAISE, Kind.RELEASE, Kind.CANCEL} <= kinds
    assert {Kind.PING, Kind.PONG, Kind.CREDIT, Kind.GOODBYE} <= kinds


def table(heading: str) -> dict[str, int]:
    """Return names and numbers of the rows ``| number | NAME | ...`` of one section."""
    section = TEXT.partition(f"\n{heading}\n")[2]
    section = re.split(r"\n#+ ", section, maxsplit=1)[0]
    return {name: int(number) for number, name in re.findall(r"^\| (\d+) +\| (\w+)", section, re.MULTILINE)}


def members(kinds: type[IntEnum | IntFlag]) -> dict[str, int]:
    return {member.name or "": int(member) for member in kinds}


@pytest.mark.parametrize(
    ("heading", "kinds"),
    [
        ("### Kinds", Kind),
        ("### Flags", Flag),
        ("### The table of references", What),
        ("### Views", View),
        ("### Goodbye", Code),
        ("### Operations", Operation),
    ],
)
def test_the_numbers_in_the_document_are_those_of_the_code(heading: str, kinds: type[IntEnum | IntFlag]) -> None:
    assert table(heading) == members(kinds)


def test_the_extensions_in_the_document_are_those_of_the_code() -> None:
    codes = {name: value for name, value in vars(layout).items() if type(value) is int and name in layout.__all__}
    assert table("### Extensions") == codes
