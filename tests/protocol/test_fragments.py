"""Messages in several frames: what they become, and what may come between them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, ProtocolError
from limpet.limits import Limits
from limpet.session.body import Body, Mine
from limpet.session.messages import Flag, Kind
from tests.support.pair import Bell, Cut, Pair, Stranger, at_random, one_by_one, whole
from tests.support.wire import HEAD_BYTES, Message, drop, fragments, mine, yours

CALL, RETURN = int(Kind.CALL), int(Kind.RETURN)
SMALL = Limits(frame_bytes=4_096, message_bytes=1 << 20)
LONG = Message(
    CALL,
    1,
    id=7,
    target=1,
    references=(mine(1), mine(2), yours(1)),
    types=((1, b"descriptor" * 50),),
    payload=bytes(range(256)) * 16,
    buffers=(b"first" * 500, b"", b"third"),
)


def server() -> Stranger:
    stranger = Stranger(is_server=True, limits=SMALL)
    stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def facts(stranger: Stranger) -> tuple[object, ...]:
    request = stranger.session.schedule.requests[7]
    described = [getattr(entry, "descriptor", getattr(entry, "handle", None)) for entry in request.references]
    return request.kind, request.flags, request.payload, request.buffers, request.size, described, request.cancelled


def test_fragments_become_the_message_they_were_cut_from() -> None:
    limits = Limits(frame_bytes=1 << 16, message_bytes=1 << 20)
    plain = Stranger(is_server=True, limits=limits)
    plain.session.tables.exports.grant(plain, 1)
    plain.say(LONG)
    expected = facts(plain)
    assert expected[2:4] == (LONG.payload, list(LONG.buffers))
    for sizes in ([4_000], [2_000, 2_500], [1_024] * 6, [4_056, 1_500], [3_300, 1_100]):
        stranger = server()
        stranger.say(*fragments(LONG, sizes))
        assert facts(stranger) == expected


@given(st.integers(1_024, 4_056), st.integers(0, 9_000), st.integers(0, 4_000))
def test_any_length_goes_there_and_back(room: int, size: int, large: int) -> None:
    limits = Limits(frame_bytes=max(room + HEAD_BYTES, 4096), message_bytes=1 << 20)
    pair = Pair(client=limits, server=limits).open()
    client, service = pair.session(is_server=False), pair.session(is_server=True)
    pending = client.request(Kind.OPEN, 1, 0, Body(b"q" * size, buffers=[b"b" * large, b""]))
    assert pending is not None
    pair.flow()
    request = service.schedule.start()
    assert request is not None
    assert (request.payload, request.buffers, request.size) == (b"q" * size, [b"b" * large, b""], pending.size)
    service.answer(request, RETURN, Body(b"a" * large, [Mine(pair, 1, b"type")], [b"c" * size]))
    pair.flow()
    assert pending.done
    assert (pending.payload, pending.buffers, len(pending.references)) == (b"a" * large, [b"c" * size], 1)
    assert client.received == service.sent
    assert service.received == client.sent


def test_no_frame_is_longer_than_was_agreed() -> None:
    pair = Pair(client=SMALL, server=Limits(frame_bytes=5_000, message_bytes=1 << 20)).open()
    pair.session(is_server=False).request(Kind.OPEN, 1, 0, Body(b"q" * 20_000))
    before = len(pair.sent[False])
    pair.take(is_server=False)
    sent, lengths, at = bytes(pair.sent[False]), [], before
    while at < len(sent):
        lengths.append(int.from_bytes(sent[at : at + 4]))
        at += 4 + lengths[-1]
    assert max(lengths) <= 4_096
    pair.flow()
    assert pair.session(is_server=True).schedule.requests[1].payload == b"q" * 20_000


PASSING = {
    "ping": Message(Kind.PING, id=9),
    "pong": Message(Kind.PONG, id=1),
    "ack": Message(Kind.ACK),
    "credit": Message(Kind.CREDIT, id=1),
    "cancel": Message(Kind.CANCEL, id=3),
}


@pytest.mark.parametrize("message", PASSING.values(), ids=PASSING)
def test_what_may_come_between(message: Message) -> None:
    stranger = server()
    stranger.session.ping()
    stranger.say(Message(CALL, 1, id=3, target=1))
    first, second, third = fragments(LONG, [2_000, 2_500])
    stranger.say(first, message, second)
    assert 7 not in stranger.session.schedule.requests
    stranger.say(third)
    assert facts(stranger)[2:4] == (LONG.payload, list(LONG.buffers))
    assert stranger.session.schedule.requests[3].cancelled is (message.kind == Kind.CANCEL)


NOT_PASSING = {
    "release": Message(Kind.RELEASE, references=(drop(1),)),
    "call": Message(CALL, 1, id=8, target=1),
    "call of an earlier id": Message(CALL, 1, id=6, target=1),
    "return": Message(RETURN, id=1),
    "raise": Message(Kind.RAISE, id=1),
    "goodbye": Message(Kind.GOODBYE),
    "another message in several frames": fragments(Message(CALL, 1, id=8, payload=bytes(5_000)), [2_000])[0],
    "the same with another kind": Message(Kind.GET, 1, 7, 1, references=LONG.references, types=LONG.types).pack(),
    "the same with other flags": fragments(Message(CALL, 3, 7, 1, payload=bytes(5_000)), [2_000])[0],
}


@pytest.mark.parametrize("message", NOT_PASSING.values(), ids=NOT_PASSING)
def test_what_may_not_come_between(message: Message | bytes) -> None:
    stranger = server()
    assert stranger.session.request(CALL, 1, 1, Body(b"")) is not None
    stranger.say(fragments(LONG, [2_000])[0], message)
    failure = stranger.connection.failure
    assert isinstance(failure, ProtocolError)
    assert failure.code is Code.MALFORMED
    assert "between the frames of one" in str(failure)


@pytest.mark.parametrize("field", ["id", "target", "cause", "references", "types", "buffers"])
def test_every_field_of_the_heads_must_agree(field: str) -> None:
    first, second = fragments(LONG, [4_000])
    offset = {"references": 3, "types": 5, "buffers": 7, "id": 15, "target": 23, "cause": 31}[field]
    changed = bytearray(second)
    changed[offset] ^= 1
    stranger = server()
    stranger.say(first, bytes(changed))
    assert isinstance(stranger.connection.failure, ProtocolError)
    assert "between the frames of one" in str(stranger.connection.failure)


def test_acknowledgements_go_on_in_the_heads_of_fragments() -> None:
    stranger = server()
    sent = stranger.session.sent
    first, second = fragments(LONG, [4_000])
    stranger.say(first, second[:32] + sent.to_bytes(8) + second[40:])
    assert stranger.connection.failure is None
    stranger.say(Message(Kind.PING, id=1, ack=sent))
    assert stranger.connection.failure is None


def test_fragments_that_add_nothing_are_no_way_to_fill_the_memory() -> None:
    stranger = server()
    head = Message(CALL, 1 | int(Flag.MORE), id=1, target=1).pack()
    stranger.say(head)
    for _ in range(20):
        if stranger.connection.failure is not None:
            break
        stranger.say(head)
    assert isinstance(stranger.connection.failure, ProtocolError)


@pytest.mark.parametrize("kind", [Kind.RELEASE, Kind.GOODBYE, Kind.PING, Kind.CREDIT, Kind.CANCEL, Kind.STREAM, 0])
def test_messages_that_are_never_long(kind: int) -> None:
    stranger = server()
    stranger.say(Message(kind, int(Flag.MORE), id=1, payload=bytes(2_000)))
    failure = stranger.connection.failure
    assert isinstance(failure, ProtocolError)
    assert type(failure) is ProtocolError


@pytest.mark.parametrize("cut", [whole, one_by_one, at_random(Random(3))], ids=["whole", "bytes", "chunks"])
def test_control_messages_pass_a_long_answer(cut: Cut) -> None:
    limits = Limits(frame_bytes=4_096, message_bytes=8 << 20)
    pair = Pair(client=limits, server=limits, cut=cut).open()
    client, service = pair.session(is_server=False), pair.session(is_server=True)
    pending = client.request(Kind.OPEN, 1, 0, Body(b""))
    assert pending is not None
    pending.waker = Bell()
    pair.flow()
    request = service.schedule.start()
    assert request is not None
    size = 3 << 20 if cut is not one_by_one else 1 << 14
    service.answer(request, RETURN, Body(b"a" * size))
    before = len(pair.sent[True])
    pair.take(is_server=True)
    ping = client.ping()
    pair.take(is_server=False)
    pair.deliver(pair.waiting(is_server=False), is_server=False)
    pair.flow()
    assert client.settled == ([ping, pending] if cut is not one_by_one else [pending, ping])
    assert pair.client.failure is None
    frames, at = [], before
    while at < len(pair.sent[True]):
        frames.append(pair.sent[True][at + 4])
        at += 4 + int.from_bytes(pair.sent[True][at : at + 4])
    assert frames.count(Kind.PONG) == 1
    if cut is not one_by_one:
        assert 0 < frames.index(Kind.PONG) < len(frames) - 1


def test_a_session_that_ends_in_the_middle_of_a_message_lets_go_of_it() -> None:
    stranger = server()
    stranger.say(fragments(LONG, [2_000])[0])
    stranger.connection.close()
    assert stranger.session.assembly is None
