"""Two peers that do all they may, while the network cuts and delays, against a model of who holds what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from limpet.errors import CallCancelled, CallError, SessionClosed
from limpet.limits import Limits
from limpet.session.body import Body, Mine, Yours
from limpet.session.connection import Phase
from limpet.session.messages import Flag, Kind
from limpet.session.schedule import Pending, Promise, Request, Stage
from limpet.session.session import Session
from limpet.session.tables import Export, Import
from tests.support.pair import Pair
from tests.support.wire import HEAD_BYTES, Message

LIMITS = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=16_384, calls_in_flight=64, nested_calls=3, types=3)
WANT, KEEP, PROMISED, MORE = int(Flag.WANT), int(Flag.KEEP), int(Flag.PROMISE), int(Flag.MORE)
MINE, DROP = 1, 4
SIDES = (False, True)

Reference = Mine | Yours | Pending
T = TypeVar("T")

sides = st.booleans()
numbers = st.integers(0, 20)
sizes = st.sampled_from([0, 1, 500, 4_000, 7_500])
references = st.lists(st.tuples(st.sampled_from(["thing", "thing", "held", "kept"]), numbers), max_size=4)


def pick(choices: Sequence[T], number: int) -> T | None:
    return choices[number % len(choices)] if choices else None


class Thing:
    """What is sent by reference. Two of them share a descriptor."""

    def __init__(self, number: int) -> None:
        self.descriptor = b"descriptor %d" % (number % 5)


@dataclass(eq=False)
class Asked:
    """A request as the side knows it that made it."""

    pending: Pending
    tag: bytes
    target: Import | Pending | None
    sent: list[Reference]
    cause: Request | None
    expected: tuple[int, bytes, list[Reference]] | None = None
    times_started: int = 0


@dataclass(eq=False)
class End:
    """What the user of one side has in hands."""

    session: Session
    things: list[Thing] = field(default_factory=lambda: [Thing(number) for number in range(6)])
    asked: dict[int, Asked] = field(default_factory=dict)
    open: list[Asked] = field(default_factory=list)
    """Of which somebody waits for the answer, or has given up and it has not come."""
    kept: list[Pending] = field(default_factory=list)
    held: list[Import] = field(default_factory=list)
    running: list[Request] = field(default_factory=list)
    in_turn: Request | None = None
    last_started: int = 0
    pings: list[Pending] = field(default_factory=list)


class Tap:
    """The messages that one side has sent and the other has not read yet."""

    def __init__(self, pair: Pair, *, is_server: bool) -> None:
        self.pair, self.is_server = pair, is_server
        self.at = len(pair.sent[is_server])
        self.parts: list[bytes] = []
        self.flying: list[tuple[int, Message]] = []

    def messages(self) -> list[Message]:
        sent = self.pair.sent[self.is_server]
        while self.at < len(sent):
            end = self.at + 4 + int.from_bytes(sent[self.at : self.at + 4])
            self._read(bytes(sent[self.at + 4 : end]), end)
            self.at = end
        self.flying = [entry for entry in self.flying if entry[0] > self.pair.delivered[self.is_server]]
        return [message for _, message in self.flying]

    def _read(self, frame: bytes, end: int) -> None:
        kind = frame[0]
        if kind < Kind.RELEASE:
            self.parts.append(frame[HEAD_BYTES:] if self.parts else frame)
            if frame[1] & MORE:
                return
            frame = b"".join(self.parts)
            self.parts.clear()
        self.flying.append((end, Message.unpack(frame)))

    def count(self, what: int) -> Counter[int]:
        found: Counter[int] = Counter()
        for message in self.messages():
            for entry, _, _, count, handle in message.references:
                if entry == what:
                    found[handle] += count if what == DROP else 1
        return found


class Peers(RuleBasedStateMachine):
    """Steps of two well-behaved peers. Whatever order they come in, nothing may ever go wrong."""

    pair: Pair

    @initialize(concurrent=st.booleans())
    def open(self, concurrent: bool) -> None:
        self.concurrent = concurrent
        self.pair = Pair(client=LIMITS, server=LIMITS, concurrent=concurrent).open()
        self.ends = {side: End(self.pair.session(is_server=side)) for side in SIDES}
        self.taps = {side: Tap(self.pair, is_server=side) for side in SIDES}
        self.tags = 0
        # Each has something of the other's to begin with.
        self.ask(False, WANT, ("open", 0), [("thing", 0), ("thing", 3)], 0, None, False)
        self.pair.flow()
        self.start(True)
        self.answer(True, 0, False, [("thing", 1), ("thing", 4)], 0)
        self.pair.flow()
        self.attend(False)

    # What the users do.

    def choose(self, end: End, choices: list[tuple[str, int]]) -> list[Reference]:
        chosen: list[Reference | None] = []
        for what, number in choices:
            if what == "thing":
                thing = end.things[number % len(end.things)]
                chosen.append(Mine(thing, 1 + number % 2, thing.descriptor))
            elif what == "kept":
                chosen.append(pick(end.kept, number))
            elif (entry := pick(end.held, number)) is not None:
                chosen.append(Yours(entry, entry))
        return [entry for entry in chosen if entry is not None]

    @rule(
        side=sides,
        wants=st.sampled_from([WANT, WANT, WANT | KEEP, KEEP, 0]),
        aimed=st.tuples(st.sampled_from(["open", "held", "kept"]), numbers),
        sent=references,
        size=sizes,
        cause=st.one_of(st.none(), numbers, numbers),
        large=st.booleans(),
    )
    def ask(
        self,
        side: bool,
        wants: int,
        aimed: tuple[str, int],
        sent: list[tuple[str, int]],
        size: int,
        cause: int | None,
        large: bool,
    ) -> None:
        end = self.ends[side]
        choices: Sequence[Import | Pending] = end.kept if aimed[0] == "kept" else end.held
        aim = pick(choices, aimed[1]) if side or aimed[0] != "open" else None
        if aim is None and side:
            return
        self.tags += 1
        tag = b"%08d" % self.tags
        carried = self.choose(end, sent)
        body = Body(tag + b"q" * size, carried, [b"b" * size] if large else [])
        kind, number, flags = Kind.OPEN, 0, wants
        if isinstance(aim, Import):
            kind, number = Kind.CALL, aim.handle
        elif aim is not None:
            kind, number, flags = Kind.CALL, aim.id, wants | PROMISED
        reason = pick(end.running, cause) if cause is not None else None
        try:
            pending = end.session.request(kind, flags, number, body, cause=reason)
        except CallCancelled:
            assert reason is not None
            assert reason.cancelled
            return
        except CallError:
            assert reason is not None
            assert reason.depth == LIMITS.nested_calls
            return
        if pending is None:
            assert end.session.window.spent
            return
        asked = end.asked[pending.id] = Asked(pending, tag, aim, carried, reason)
        if wants & WANT:
            end.open.append(asked)
        if wants & KEEP:
            end.kept.append(pending)

    @rule(side=sides)
    def start(self, side: bool) -> None:
        end = self.ends[side]
        request = end.session.schedule.start()
        if request is None:
            return
        if request.fault is None:
            if side and self.concurrent:
                assert all(promise.settled for promise in request.promises)
            else:
                assert end.in_turn is None
                end.in_turn = request
            if not request.cause:
                assert request.id > end.last_started
                end.last_started = request.id
        self.begin(side, request)

    def begin(self, side: bool, request: Request) -> None:
        """Read a request as whoever runs it does."""
        end, asked = self.ends[side], self.ends[not side].asked[request.id]
        assert request.payload.startswith(asked.tag)
        asked.times_started += 1
        assert asked.times_started == 1
        assert all(promise.settled for promise in request.promises) or request.fault is not None
        self.compare(request.references, asked.sent, side)
        if request.fault is None:
            if isinstance(asked.target, Pending):
                assert isinstance(request.target, Promise)
                assert request.target in request.promises
            elif asked.target is not None:
                assert request.target in end.things
            end.held += [entry for entry in request.references if isinstance(entry, Import)]
        else:
            # Nothing is denied to a peer that names only what it has.
            assert type(request.fault) in (CallCancelled, CallError)
            assert asked.pending.abandoned or (type(request.fault) is CallError and request.cause)
            end.session.disown(request.references)
        end.running.append(request)

    def compare(self, got: list[object], sent: list[Reference], side: bool) -> None:
        """Check that references mean on one side what they meant on the other."""
        assert len(got) == len(sent)
        for entry, meant in zip(got, sent, strict=True):
            if isinstance(meant, Mine):
                assert isinstance(entry, Import)
                assert (entry.descriptor, entry.view) == (meant.descriptor, meant.view)
            elif isinstance(meant, Yours):
                assert isinstance(entry, Export)
                assert (entry.handle, entry.view) == (meant.entry.handle, meant.entry.view)
                assert entry.target in self.ends[side].things
            else:
                assert isinstance(entry, Promise)

    @precondition(lambda self: any(end.running for end in self.ends.values()))
    @rule(side=sides, number=numbers, fails=st.sampled_from([False, False, True]), sent=references, size=sizes)
    def answer(self, side: bool, number: int, fails: bool, sent: list[tuple[str, int]], size: int) -> None:
        end = self.ends[side]
        request = pick(end.running, number)
        if request is None:
            return
        asked = self.ends[not side].asked[request.id]
        fails = fails or request.fault is not None
        carried = [] if fails else self.choose(end, sent)
        kind = Kind.RAISE if fails else Kind.RETURN
        asked.expected = kind, b"re:" + asked.tag + b"a" * (size % 900 if fails else size), carried
        end.session.answer(request, kind, Body(asked.expected[1], carried))
        end.running.remove(request)
        if end.in_turn is request:
            end.in_turn = None

    @rule(side=sides)
    def attend(self, side: bool) -> None:
        """Do what those do who wait: run what was nested, take what was answered."""
        end = self.ends[side]
        for asked in list(end.open):
            pending = asked.pending
            while pending.nested and not pending.abandoned:
                request = pending.nested.popleft()
                end.session.schedule.begin(request)
                self.begin(side, request)
            if pending.done:
                self.finish(side, asked)
        end.pings = [ping for ping in end.pings if not ping.done]
        end.session.settled.clear()

    def finish(self, side: bool, asked: Asked) -> None:
        end, pending = self.ends[side], asked.pending
        end.open.remove(asked)
        if pending.failure is not None:
            # It was asked on behalf of a call that was cancelled: nobody waits, whatever becomes of it over there.
            assert type(pending.failure) is CallCancelled
            assert asked.cause is not None
            assert asked.cause.cancelled
            assert pending.abandoned
            return
        assert asked.times_started == 1
        assert asked.expected is not None
        assert pending.failure is None
        assert (pending.kind, pending.payload) == asked.expected[:2]
        if pending.abandoned:
            assert pending.references == []
        else:
            self.compare(pending.references, asked.expected[2], side)
            end.held += [entry for entry in pending.references if isinstance(entry, Import)]

    @precondition(lambda self: any(end.open for end in self.ends.values()))
    @rule(side=sides, number=numbers)
    def cancel(self, side: bool, number: int) -> None:
        end = self.ends[side]
        asked = pick([asked for asked in end.open if not asked.pending.done], number)
        if asked is not None:
            end.session.cancel(asked.pending)

    @precondition(lambda self: any(end.kept for end in self.ends.values()))
    @rule(side=sides, number=numbers)
    def forget(self, side: bool, number: int) -> None:
        end = self.ends[side]
        pending = pick(end.kept, number)
        if pending is not None:
            end.session.forget(pending)
            end.kept.remove(pending)

    @precondition(lambda self: any(end.held for end in self.ends.values()))
    @rule(side=sides, number=numbers, count=st.integers(1, 5))
    def drop(self, side: bool, number: int, count: int) -> None:
        end = self.ends[side]
        for _ in range(count):
            entry = pick(end.held, number)
            if entry is not None:
                # By identity: two entries may be of the same handle, one behind the other in time.
                end.held.pop(next(place for place, other in enumerate(end.held) if other is entry))
                end.session.tables.imports.dropped.append(entry)

    @rule(side=sides)
    def release(self, side: bool) -> None:
        self.ends[side].session.release()

    @rule(side=sides)
    def ping(self, side: bool) -> None:
        self.ends[side].pings.append(self.ends[side].session.ping())

    # What the network does.

    @rule(side=sides)
    def take(self, side: bool) -> None:
        self.pair.take(is_server=side)

    @rule(side=sides, size=st.one_of(st.integers(1, 60), st.integers(1, 300), st.just(100_000)), attends=st.booleans())
    def deliver(self, side: bool, size: int, attends: bool) -> None:
        if not self.pair.waiting(is_server=side):
            self.pair.take(is_server=side)
        if waiting := self.pair.waiting(is_server=side):
            self.pair.deliver(min(size, waiting), is_server=side)
        if attends:
            self.attend(not side)
            self.start(not side)

    # What is always so.

    @invariant()
    def nobody_broke_the_protocol(self) -> None:
        for connection in (self.pair.client, self.pair.server):
            connection.check()
            assert connection.failure is None
            assert connection.phase is Phase.OPEN

    @invariant()
    def every_use_has_a_user(self) -> None:
        for end in self.ends.values():
            imports = end.session.tables.imports
            uses = Counter(id(entry) for entry in end.held)
            uses.update(id(entry) for entry in imports.dropped)
            for request in end.session.schedule.requests.values():
                if request.stage is Stage.QUEUED:
                    uses.update(id(entry) for entry in request.references if isinstance(entry, Import))
            for asked in end.open:
                if not asked.pending.abandoned:
                    uses.update(id(entry) for entry in asked.pending.references if isinstance(entry, Import))
            assert uses == {id(entry): entry.uses for entry in imports.by_handle.values()}

    @invariant()
    def references_are_conserved(self) -> None:
        if any(end.session.outbox.size for end in self.ends.values()):
            return
        for side in SIDES:
            given = {handle: e.count for handle, e in self.ends[side].session.tables.exports.by_handle.items()}
            found = Counter({h: e.count for h, e in self.ends[not side].session.tables.imports.by_handle.items()})
            found += self.taps[side].count(MINE)
            found += self.taps[not side].count(DROP)
            assert found == given

    # At the end everything comes to an end.

    def teardown(self) -> None:
        if not hasattr(self, "ends") or self.pair.client.failure or self.pair.server.failure:
            return
        self.let_all_finish()
        for end in self.ends.values():
            assert not end.open
            assert not end.session.pending
            assert not end.session._pings
            assert not end.pings
            assert end.session.schedule.is_idle
            assert all(asked.times_started == 1 for asked in end.asked.values())
            end.session.disown([*end.held])
            end.held.clear()
            for pending in end.kept:
                end.session.forget(pending)
            end.session.release()
        self.pair.flow()
        for side in SIDES:
            mine, other = self.ends[side].session, self.ends[not side].session
            assert not mine.tables.exports.by_handle
            assert not mine.tables.imports.by_handle
            assert not mine.tables.imports.dropped
            assert not mine.tables.promises
            assert mine.sent == other.received
            assert 64 - mine.window.calls == other._grant.calls == other._grant.owed_calls
            assert mine.window.spent == other._grant.size == other._grant.owed_size
        self.pair.client.close()
        self.pair.flow()
        assert type(self.pair.server.failure) is SessionClosed

    def let_all_finish(self) -> None:
        for _ in range(1_000):
            self.pair.flow()
            self.nobody_broke_the_protocol()
            busy = False
            for side, end in self.ends.items():
                busy |= bool(end.open or end.running or end.session.schedule.can_start)
                self.attend(side)
                self.start(side)
                if end.running:
                    self.answer(side, 0, False, [("thing", 1)], 0)
            self.nobody_broke_the_protocol()
            self.every_use_has_a_user()
            self.pair.flow()
            self.references_are_conserved()
            if not busy:
                return
        raise AssertionError("it does not come to an end")


TestPeers = Peers.TestCase
TestPeers.settings = settings(max_examples=250, stateful_step_count=60)
