"""How the network cuts the bytes makes no difference to anything."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limpet.errors import Code
from limpet.limits import Limits
from limpet.session.body import Body, Mine, Yours
from limpet.session.connection import Phase
from limpet.session.messages import Flag, Kind
from limpet.session.schedule import Pending, Request
from tests.support.pair import Bell, Cut, Pair, Stranger, at_random, one_by_one, whole
from tests.support.wire import Message, drop, fragments, framed, mine, promise, yours
from tests.support.wire import cut as read_frames

SMALL = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=16_384)
KINDS = (Kind.CALL, Kind.GET, Kind.SET, Kind.DELETE, Kind.OPERATE, Kind.COPY)
CUTS: dict[str, Callable[[], Cut]] = {
    "whole": lambda: whole,
    "bytes": lambda: one_by_one,
    "chunks": lambda: at_random(Random(1)),
}


class Talk:
    """Two peers that do what a script says; what has happened is in ``story``."""

    def __init__(self, cut: Cut, *, concurrent: bool = False) -> None:
        self.pair = Pair(client=SMALL, server=SMALL, cut=cut, concurrent=concurrent).open()
        self.story: list[object] = []
        self.asked: dict[bool, list[Pending]] = {False: [], True: []}
        self.running: dict[bool, list[Request]] = {False: [], True: []}
        self.things = [object() for _ in range(4)]

    def run(self, steps: list[tuple[Any, ...]]) -> list[object]:
        for step, side, *more in steps:
            getattr(self, step)(side, *more)
            self.pair.flow()
            self.note()
        self.story.append({side: bytes(sent) for side, sent in self.pair.sent.items()})
        return self.story

    def note(self) -> None:
        for side in (False, True):
            session = self.pair.session(is_server=side)
            for pending in session.settled:
                described = [type(entry).__name__ for entry in pending.references]
                facts = (pending.id, pending.done, pending.kind, pending.payload, described, pending.buffers)
                self.story.append((side, *facts, str(pending.failure)))
            session.settled.clear()
            while (request := session.schedule.start()) is not None:
                self.running[side].append(request)
                self.story.append((side, request.id, request.kind, request.payload, str(request.fault)))
            connection = self.pair.end(is_server=side)
            self.story.append((connection.phase, str(connection.failure), session.sent, session.received))

    def ask(self, side: bool, kind: Kind, flags: int, target: int, size: int, buffer: int) -> None:
        session = self.pair.session(is_server=side)
        if session.ended is not None:
            return
        held = [Yours(entry, entry) for entry in list(session.tables.imports.by_handle.values())[:2]]
        body = Body(b"q" * size, [Mine(self.things[target % 4], 1, b"type"), *held], [b"b" * buffer] if buffer else [])
        pending = session.request(kind, flags, target, body)
        if pending is not None:
            pending.waker = Bell()
            self.asked[side].append(pending)

    def answer(self, side: bool, kind: Kind, size: int) -> None:
        if self.running[side]:
            request = self.running[side].pop(0)
            mine_ = [Mine(self.things[size % 4], 2, b"other")] if kind is Kind.RETURN else []
            self.pair.session(is_server=side).answer(request, kind, Body(b"a" * size, mine_))

    def cancel(self, side: bool) -> None:
        if self.asked[side]:
            self.pair.session(is_server=side).cancel(self.asked[side].pop())

    def ping(self, side: bool) -> None:
        session = self.pair.session(is_server=side)
        if session.ended is None:
            session.ping()

    def release(self, side: bool) -> None:
        session = self.pair.session(is_server=side)
        for entry in session.tables.imports.by_handle.values():
            session.tables.imports.dropped.extend([entry] * (entry.uses - session.tables.imports.dropped.count(entry)))
        session.release()

    def close(self, side: bool) -> None:
        self.pair.end(is_server=side).close(Code.DONE, "that was all")


WANT, KEEP = int(Flag.WANT), int(Flag.KEEP)
SCRIPT: list[tuple[Any, ...]] = [
    ("ask", False, Kind.OPEN, WANT | KEEP, 0, 10, 0),
    ("answer", True, Kind.RETURN, 20),
    ("ask", False, Kind.CALL, WANT, 1, 9_000, 3_000),
    ("ping", False),
    ("ask", True, Kind.CALL, WANT, 1, 5, 0),
    ("cancel", False),
    ("answer", False, Kind.RETURN, 5_000),
    ("answer", True, Kind.RAISE, 100),
    ("ask", False, Kind.SET, 0, 1, 5, 0),
    ("answer", True, Kind.RETURN, 1),
    ("ping", True),
    ("release", True),
    ("release", False),
    ("close", False),
]


def test_a_scripted_conversation_is_the_same_however_it_is_cut() -> None:
    stories = {name: Talk(make()).run(SCRIPT) for name, make in CUTS.items()}
    assert stories["bytes"] == stories["whole"]
    assert stories["chunks"] == stories["whole"]
    assert Phase.CLOSED in [step[0] for step in stories["whole"] if isinstance(step, tuple)]


SIDES = st.booleans()
STEPS = st.one_of(
    st.tuples(
        st.just("ask"),
        SIDES,
        st.sampled_from(KINDS),
        st.sampled_from([0, WANT, WANT | KEEP]),
        st.integers(0, 4),
        st.sampled_from([0, 1, 100, 4_039, 4_040, 4_056, 5_000]),
        st.sampled_from([0, 0, 1, 4_500]),
    ),
    st.tuples(
        st.just("answer"), SIDES, st.sampled_from([Kind.RETURN, Kind.RAISE]), st.sampled_from([0, 1, 4_056, 9_000])
    ),
    st.tuples(st.just("cancel"), SIDES),
    st.tuples(st.just("ping"), SIDES),
    st.tuples(st.just("release"), SIDES),
)


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_any_conversation_is_the_same_however_it_is_cut(
    steps: list[tuple[Any, ...]], random: Random, concurrent: bool
) -> None:
    story = Talk(whole, concurrent=concurrent).run(steps)
    assert Talk(at_random(random), concurrent=concurrent).run(steps) == story


# ---------------------------------------------------------------- hostile streams


def outcome(data: bytes, cut: Cut, *, is_server: bool, phase: Phase) -> tuple[object, ...]:
    """Give ``data`` to a connection and return all that can be seen of what it made of it."""
    stranger = Stranger(is_server=is_server, phase=phase, limits=SMALL, terms=SMALL)
    at = 0
    while at < len(data):
        size = cut(len(data) - at)
        stranger.give(data[at : at + size])
        at += size
    connection = stranger.connection
    said = stranger.raw()
    failure = connection.failure
    code = getattr(failure, "code", None)
    seen: tuple[object, ...] = (connection.phase, type(failure), str(failure), code, said)
    session = connection.session
    if session is not None:
        seen += (session.received, [(r.id, r.payload, r.cancelled) for r in session.schedule.requests.values()])
    return seen


HELLO = bytes.fromhex("894c50542f310d0a 00 00") + bytes(48) + bytes.fromhex("0014 01 01 0000") + bytes(16)
SERVER_HELLO = bytes(32) + bytes.fromhex("001f 01 0000 00100000 08000000 00000000") + bytes(16)
READY = framed(b"\x02" + bytes(16) + bytes(16) + bytes(32) + bytes(4))
BUSY = [
    Message(48, id=1).pack(),
    Message(1, 1, id=1, references=(mine(1),), types=((1, b"descriptor"),), payload=b"open").pack(),
    *fragments(
        Message(2, 3, id=2, references=(promise(1), yours(5)), payload=b"x" * 100, buffers=(b"large",)), [60, 30]
    ),
    Message(33, id=2).pack(),
    Message(2, 0, id=3, references=(mine(1), mine(2))).pack(),
    Message(51, id=5).pack(),
    Message(32, references=(drop(1),)).pack(),
]


@pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])
@pytest.mark.parametrize("phase", [Phase.HELLO, Phase.PROOF, Phase.OPEN], ids=lambda phase: phase.name)
def test_a_stream_with_an_error_at_its_end_is_the_same_however_it_is_cut(is_server: bool, phase: Phase) -> None:
    stream = framed(*BUSY)
    if phase is Phase.PROOF:
        stream = (framed(b"\x01\x00") if is_server else READY) + stream
    elif phase is Phase.HELLO:
        stream = HELLO + framed(b"\x01\x00") + stream if is_server else SERVER_HELLO + READY + stream
    outcomes = {name: outcome(stream, make(), is_server=is_server, phase=phase) for name, make in CUTS.items()}
    if phase is Phase.HELLO and is_server:
        # Nothing may follow Hello before its answer; who waits for each byte has waited for the answer.
        assert outcomes.pop("whole")[3] is Code.UNEXPECTED
        assert outcomes["chunks"][0] is outcomes["bytes"][0] is Phase.CLOSED
        return
    assert outcomes["bytes"] == outcomes["whole"]
    assert outcomes["chunks"] == outcomes["whole"]
    assert outcomes["whole"][0] is Phase.CLOSED


@pytest.mark.parametrize("cut", CUTS)
def test_messages_right_behind_the_proof(cut: str) -> None:
    stranger = Stranger(is_server=True, phase=Phase.PROOF)
    stream = framed(b"\x01\x00", Message(48, id=7).pack(), Message(1, 1, id=1, payload=b"open").pack())
    steps = CUTS[cut]()
    while stream:
        size = steps(len(stream))
        stranger.give(stream[:size])
        stream = stream[size:]
    ready, *rest = read_frames(stranger.raw())
    assert ready[0] == 2
    assert sorted(frame[0] for frame in rest) == [49, 51]
    assert stranger.session.schedule.requests[1].payload == b"open"


@pytest.mark.parametrize(
    "end",
    [
        Message(64, id=0).pack(),
        Message(64, id=1, payload=b"bye").pack(),
        Message(200).pack(),
        Message(2, 1, id=1).pack(),
        b"",
    ],
    ids=["done", "shutdown", "unknown", "call", "short"],
)
@pytest.mark.parametrize("tail", [b"\xff\xff\xff\xff", b"\x00", b"\x00\x00\x00\x00", b""])
def test_what_stands_before_junk_counts_however_it_is_cut(end: bytes, tail: bytes) -> None:
    stream = framed(BUSY[1], end) + tail
    outcomes = [outcome(stream, make(), is_server=True, phase=Phase.OPEN) for make in CUTS.values()]
    assert outcomes[1:] == outcomes[:1] * 2


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a stream of messages, most of them right, with a few bytes changed, lost or added."""
    bodies = draw(st.lists(st.one_of(st.sampled_from(BUSY), st.binary(min_size=38, max_size=60)), max_size=8))
    data = bytearray(framed(*bodies))
    for _ in range(draw(st.integers(0, 3))):
        if data:
            at = draw(st.integers(0, len(data) - 1))
            data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@given(damaged(), st.randoms(use_true_random=False), st.booleans())
def test_a_damaged_stream_has_one_outcome_however_it_is_cut(data: bytes, random: Random, is_server: bool) -> None:
    expected = outcome(data, whole, is_server=is_server, phase=Phase.OPEN)
    assert outcome(data, one_by_one, is_server=is_server, phase=Phase.OPEN) == expected
    assert outcome(data, at_random(random), is_server=is_server, phase=Phase.OPEN) == expected


@given(st.binary(max_size=300), st.sampled_from([Phase.HELLO, Phase.PROOF, Phase.OPEN]), st.booleans())
def test_junk_ends_a_connection_or_waits(data: bytes, phase: Phase, is_server: bool) -> None:
    seen = outcome(data, whole, is_server=is_server, phase=phase)
    assert seen[0] in (phase, Phase.CLOSED)
    if seen[0] is Phase.CLOSED and phase is not Phase.OPEN:
        assert seen[4] == b""
