"""What one side says, and what its answers become."""

from __future__ import annotations

import pytest

from limpet.errors import CallError, Code, EncodeError, LimitExceeded, ProtocolError, SessionClosed
from limpet.limits import Limits
from limpet.session.asking import Asking
from limpet.session.body import Body, Mine, Yours
from limpet.session.messages import Flag, Kind
from limpet.session.outbox import Outbox
from limpet.session.schedule import Pending, Request
from limpet.session.session import Session
from limpet.session.tables import Import
from tests.support.pair import Bell
from tests.support.wire import HEAD_BYTES, Message, cut, drop, forget, mine, yours

CALL, RETURN, RAISE, WANT = int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE), int(Flag.WANT)
LIMITS = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=8_192, outbox_bytes=16_384, nested_calls=2)


def session(limits: Limits = LIMITS) -> Session:
    return Session(limits, is_server=False, concurrent=False, frame_bytes=4_096, message_bytes=8_192)


def said(asking: Session) -> list[Message]:
    """Return what the session said, each message in one frame."""
    return [Message.unpack(body) for body in cut(b"".join(asking.outbox.take(1 << 30)))]


def hear(asking: Session, *messages: Message) -> None:
    for message in messages:
        asking.receive(memoryview(message.pack()))


def asked(asking: Session, flags: int = WANT, body: Body | None = None, cause: Request | None = None) -> Pending:
    pending = asking.request(CALL, flags, 5, body or Body(b"payload"), cause=cause)
    assert pending is not None
    return pending


def held(asking: Session, handle: int = 3) -> Import:
    """Let an object of the peer's arrive."""
    pending = asked(asking)
    types = () if asking.tables.types.received else ((1, b"type"),)
    hear(asking, Message(RETURN, id=pending.id, references=(mine(handle),), types=types))
    (entry,) = pending.references
    assert isinstance(entry, Import)
    said(asking)
    return entry


# ---------------------------------------------------------------- requests


def test_a_request_says_what_it_was_given() -> None:
    asking = session()
    pending = asking.request(CALL, int(Flag.WANT | Flag.KEEP | Flag.PROMISE), 7, Body(b"payload"))
    assert pending is not None
    assert said(asking) == [Message(CALL, 11, id=1, target=7, payload=b"payload")]
    assert (pending.id, pending.size, pending.depth, pending.done) == (1, HEAD_BYTES + 7, 1, False)
    assert asking.pending == {1: pending}
    assert asking.sent == 1


def test_numbers_count_up_and_one_way_requests_have_one_too() -> None:
    asking = session()
    assert [asked(asking, flags).id for flags in (WANT, 0, WANT)] == [1, 2, 3]
    assert list(asking.pending) == [1, 3]


def test_every_message_says_how_many_frames_came_in() -> None:
    asking = session()
    hear(asking, Message(Kind.CREDIT), Message(Kind.PING, id=1), Message(Kind.CREDIT))
    asked(asking)
    asking.release()
    asking.forget(asked(asking))
    asking.cancel(asking.pending[1])
    pong, *others = said(asking)
    assert (pong.kind, pong.ack) == (Kind.PONG, 1)
    assert [message.ack for message in others] == [2, 2, 2, 2]


def test_a_nested_request_names_its_cause_and_is_one_deeper() -> None:
    asking = session()
    cause = Request(CALL, WANT, 9, 0, b"", 40)
    pending = asked(asking, cause=cause)
    assert pending.depth == 2
    assert said(asking)[0].cause == 9
    cause.depth = 2
    with pytest.raises(CallError, match="nested 3 deep; the limit is 2"):
        asked(asking, cause=cause)
    assert said(asking) == []


def test_references_types_and_buffers_go_along() -> None:
    asking = session()
    entry = held(asking)
    body = Body(b"payload", [Mine(asking, 2, b"mine"), Yours(entry, entry)], [b"large"])
    pending = asked(asking, body=body)
    (message,) = said(asking)
    assert message.references == (mine(1, 1, 2), yours(3))
    assert (message.types, message.payload, message.buffers) == (((1, b"mine"),), b"payload", (b"large",))
    assert pending.size == len(message.pack())


def test_a_long_request_goes_in_several_frames() -> None:
    asking = session()
    pending = asked(asking, body=Body(bytes(5_000)))
    bodies = cut(b"".join(asking.outbox.take(1 << 30)))
    assert [len(body) for body in bodies] == [4_096, 5_000 - 4_056 + HEAD_BYTES]
    assert [body[1] for body in bodies] == [5, 1]
    assert asking.sent == 2
    assert pending.size == 5_040


def test_what_may_not_go_leaves_no_trace() -> None:
    asking = session()
    with pytest.raises(EncodeError, match="a message of 9064 bytes"):
        asked(asking, body=Body(bytes(9_000), [Mine(asking, 1, b"")]))
    assert said(asking) == []
    assert not asking.pending
    assert (asking.window.calls, asking.window.spent) == (64, 0)
    assert not asking.tables.exports.by_handle
    assert asked(asking).id == 1


@pytest.mark.parametrize("body", [Body(bytes(3_000)), Body(b"", [], [bytes(3_000)])], ids=["plain", "buffer"])
def test_without_credit_nothing_goes(body: Body) -> None:
    asking = session()
    asked(asking, body=Body(bytes(6_000)))
    said(asking)
    assert asking.request(CALL, WANT, 5, body) is None
    assert said(asking) == []
    hear(asking, Message(RETURN, id=1))
    assert asking.request(CALL, WANT, 5, body) is not None


def test_after_the_end_there_are_no_requests() -> None:
    asking = session()
    asking.end(SessionClosed("done"))
    with pytest.raises(SessionClosed, match="done"):
        asked(asking)
    with pytest.raises(SessionClosed, match="done"):
        asking.ping()
    asking.forget(Pending(1, 0, 1))
    assert said(asking) == []


def test_a_peer_that_does_not_read_ends_the_session() -> None:
    asking = session()
    for _ in range(400):
        asking.ping()
    with pytest.raises(LimitExceeded, match="over 16384 bytes wait for a peer that does not read"):
        asked(asking)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("kind", [RETURN, RAISE])
def test_an_answer_settles_its_request(kind: int) -> None:
    asking = session()
    pending, other = asked(asking), asked(asking)
    hear(asking, Message(kind, id=1, payload=b"value", buffers=(b"large",)))
    assert (pending.kind, pending.payload, pending.buffers, pending.references) == (kind, b"value", [b"large"], [])
    assert pending.done
    assert pending.failure is None
    assert not other.done
    assert asking.pending == {2: other}
    assert asking.window.spent == other.size


def test_only_who_waits_is_listed() -> None:
    asking = session()
    first, second = asked(asking), asked(asking)
    second.waker = Bell()
    hear(asking, Message(RETURN, id=1), Message(RETURN, id=2))
    assert first.done
    assert asking.settled == [second]


def test_an_answer_brings_references() -> None:
    asking = session()
    pending = asked(asking)
    asking.tables.exports.grant(asking, 1)
    hear(asking, Message(RETURN, id=1, references=(mine(4), yours(1)), types=((1, b"type"),), payload=b"v"))
    entry, home = pending.references
    assert isinstance(entry, Import)
    assert entry.uses == 1
    assert home is asking.tables.exports.by_handle[1]
    assert pending.payload == b"v"


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (Message(RETURN, id=2), "request 2, which does not wait"),
        (Message(RETURN, 1, id=1), "an answer with the flags 1"),
        (Message(RAISE, id=1, references=(yours(1),)), "an error that carries references"),
        (Message(RAISE, id=1, payload=bytes(1_025)), "an error of 1025 bytes; the limit is 1024"),
        (Message(RETURN, id=1, counts=(1, 0, 0)), "shorter than its tables"),
        (Message(Kind.PONG, id=1), "a Pong for 1"),
    ],
)
def test_a_malformed_answer_leaves_its_caller_to_the_end(answer: Message, match: str) -> None:
    asking = session()
    pending = asked(asking)
    with pytest.raises(ProtocolError, match=match) as caught:
        hear(asking, answer)
    asking.end(caught.value)
    assert pending.done
    assert pending.failure is caught.value
    assert pending in asking.settled


def test_an_answer_that_was_given_up_gives_up_what_it_brings() -> None:
    asking = session()
    pending = asked(asking)
    asking.cancel(pending)
    hear(asking, Message(RETURN, id=1, references=(mine(4),), types=((1, b"type"),)))
    assert [entry.handle for entry in asking.tables.imports.dropped] == [4]
    # Whoever still has it has nothing to give up once more.
    assert pending.references == []
    said(asking)
    asking.release()
    assert [message.references for message in said(asking)] == [(drop(4),)]


# ---------------------------------------------------------------- tickets and pings


def test_tickets_are_settled_by_credit_and_by_answers() -> None:
    asking = session()
    first = asking.await_credit()
    hear(asking, Message(Kind.CREDIT, id=3, target=100))
    assert first.done
    assert asking.window.calls == 67
    assert asking.window.size == 8_292
    asked(asking)
    second = asking.await_credit()
    hear(asking, Message(RETURN, id=1))
    assert second.done
    assert asking.settled == [first, second]


def test_pings_are_numbered_and_answered() -> None:
    asking = session()
    pings = [asking.ping() for _ in range(3)]
    assert [(message.kind, message.id) for message in said(asking)] == [(Kind.PING, id_) for id_ in (1, 2, 3)]
    hear(asking, Message(Kind.PONG, id=2))
    assert [ping.done for ping in pings] == [False, True, False]
    assert asking.settled == [pings[1]]


def test_a_late_pong_is_no_fault() -> None:
    asking = session()
    asking.cancel(asking.ping())
    hear(asking, Message(Kind.PONG, id=1))
    assert asking.settled == []
    for number in (0, 2):
        with pytest.raises(ProtocolError, match=f"a Pong for {number}"):
            hear(asking, Message(Kind.PONG, id=number))


def test_pings_are_not_counted_and_pass_what_waits() -> None:
    asking = session()
    asked(asking)
    asking.ping()
    assert asking.sent == 1
    assert [message.kind for message in said(asking)] == [Kind.PING, CALL]


# ---------------------------------------------------------------- releases


def test_what_was_dropped_is_released_behind_the_next_request() -> None:
    asking = session()
    entry = held(asking)
    asking.disown([entry, "something else"])
    asked(asking, body=Body(b"", [Yours(entry, entry)]))
    call, release = said(asking)
    assert (call.kind, call.references) == (CALL, (yours(3),))
    assert (release.kind, release.references) == (Kind.RELEASE, (drop(3),))
    asking.release()
    assert said(asking) == []


def test_after_the_end_nothing_is_released() -> None:
    asking = session()
    entry = held(asking)
    asking.end(SessionClosed("done"))
    asking.disown([entry])
    asking.release()
    assert said(asking) == []


def test_releases_are_cut_to_what_a_message_and_an_entry_hold() -> None:
    asking = session()
    asking.disown([held(asking, handle) for handle in range(1, 101)])
    asking.release()
    assert [len(message.references) for message in said(asking)] == [64, 36]
    entry = held(asking, 1_000)
    entry.count = 3 * 0xFFFF_FFFF + 7
    asking.disown([entry])
    asking.release()
    (message,) = said(asking)
    assert message.references == (*[drop(1_000, 0xFFFF_FFFF)] * 3, drop(1_000, 7))


def test_a_kept_result_is_forgotten_by_its_number() -> None:
    asking = session()
    asking.forget(asked(asking, int(Flag.WANT | Flag.KEEP)))
    assert said(asking)[1] == Message(Kind.RELEASE, references=(forget(1),))


def test_how_a_session_ends_is_for_the_whole_session_to_say() -> None:
    with pytest.raises(NotImplementedError):
        Asking(LIMITS, 4_096, 8_192, Outbox()).end(SessionClosed("done"), Code.DONE)
