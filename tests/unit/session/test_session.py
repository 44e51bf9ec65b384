"""What one side hears, and what it answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.errors import CallCancelled, CallError, Code, EncodeError, LimitExceeded, ProtocolError, SessionClosed
from limpet.limits import Limits
from limpet.session.body import Body, Mine, Yours
from limpet.session.messages import Flag, Kind
from limpet.session.outbox import Outbox
from limpet.session.schedule import Pending, Request
from limpet.session.session import Session
from limpet.session.tables import Import
from tests.support.wire import HEAD_BYTES, Message, cut, drop, forget, fragments, mine, promise, yours

OPEN, CALL, RETURN, RAISE = int(Kind.OPEN), int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE)
WANT, KEEP = int(Flag.WANT), int(Flag.WANT | Flag.KEEP)
LIMITS = Limits(
    error_bytes=1_024,
    frame_bytes=4_096,
    message_bytes=8_192,
    outbox_bytes=16_384,
    nested_calls=2,
    promises=2,
    references=2,
    calls_in_flight=70,
)


def session(*, is_server: bool = True, concurrent: bool = False, limits: Limits = LIMITS) -> Session:
    """Return one whose object 1 the peer holds."""
    made = Session(limits, is_server=is_server, concurrent=concurrent, frame_bytes=4_096, message_bytes=8_192)
    made.tables.exports.grant(made, 2)
    return made


def hear(hearing: Session, *messages: Message | bytes) -> None:
    for message in messages:
        hearing.receive(memoryview(message if isinstance(message, bytes) else message.pack()))
        hearing.check()


def said(hearing: Session) -> list[Message]:
    return [Message.unpack(body) for body in cut(b"".join(hearing.outbox.take(1 << 30)))]


def started(hearing: Session) -> Request:
    request = hearing.schedule.start()
    assert request is not None
    return request


def call(id_: int = 1, flags: int = WANT, target: int = 1, cause: int = 0, ack: int = 0) -> Message:
    return Message(CALL, flags, id_, target, cause, ack)


def refused(hearing: Session, message: Message | bytes, match: str, code: Code = Code.MALFORMED) -> None:
    with pytest.raises(ProtocolError, match=match) as caught:
        hear(hearing, message)
    assert caught.value.code is code


# ---------------------------------------------------------------- requests that come in


def test_a_request_says_what_it_is_and_of_what() -> None:
    hearing = session()
    message = Message(
        CALL, KEEP, 7, 1, references=(yours(1), mine(4)), types=((1, b"t"),), payload=b"p", buffers=(b"b",)
    )
    hear(hearing, message)
    request = started(hearing)
    assert (request.kind, request.flags, request.id, request.cause) == (CALL, KEEP, 7, 0)
    assert (request.target, request.view) == (hearing, 2)
    assert (request.payload, request.buffers, request.size) == (b"p", [b"b"], len(message.pack()))
    assert request.references[0] is hearing.tables.exports.by_handle[1]
    assert request.promise is hearing.tables.promises[7]
    assert request.fault is None


@pytest.mark.parametrize("flags", [WANT, int(Flag.WANT | Flag.PROMISE)])
def test_open_has_no_target(flags: int) -> None:
    hearing = session()
    hear(hearing, Message(OPEN, flags, id=1, payload=b"p"))
    request = started(hearing)
    assert request.fault is None
    assert request.target is None


def test_what_is_not_there_fails_its_request_alone() -> None:
    hearing = session()
    hear(hearing, call(1, target=2), call(2, int(Flag.WANT | Flag.PROMISE)), call(3))
    faults = [str(request.fault) for request in hearing.schedule.requests.values()]
    assert faults == ["no such object", "no such object", "None"]


def test_a_promise_is_a_target_and_an_argument() -> None:
    hearing = session()
    hear(hearing, call(1, KEEP), call(2, int(Flag.WANT | Flag.PROMISE)))
    hear(hearing, Message(CALL, WANT, 3, 1, references=(promise(1),)))
    first = started(hearing)
    kept = first.promise
    assert kept is not None
    second, third = hearing.schedule.requests[2], hearing.schedule.requests[3]
    assert second.target is kept
    assert second.promises == third.promises == (kept,)
    assert hearing.schedule.start() is None
    hearing.answer(first, RETURN, Body(b""))
    assert started(hearing) is second


@pytest.mark.parametrize(
    ("message", "match", "code"),
    [
        (call(0), "request 0 after request 0: ids count up", Code.MALFORMED),
        (call(1, 16), "a request with the flags 16", Code.MALFORMED),
        (Message(CALL, WANT, 1, 1, references=(yours(1),) * 3), "3 references; the limit is 2", Code.LIMIT),
        (Message(CALL, WANT, 1, 1, counts=(1, 0, 0)), "shorter than its tables", Code.MALFORMED),
        (Message(200, id=1), "the unknown kind 200", Code.UNEXPECTED),
        (bytes(39), "a frame of 39 bytes; the shortest has 40", Code.MALFORMED),
        (call(ack=1), "an acknowledgement of 1 frames, of which 0 were sent", Code.MALFORMED),
    ],
)
def test_what_is_refused(message: Message | bytes, match: str, code: Code) -> None:
    refused(session(), message, match, code)


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.DESCRIBE])
def test_some_requests_have_one_direction(kind: Kind) -> None:
    refused(
        session(is_server=False), Message(kind, WANT, 1), f"{kind.name.title()} goes to the server", Code.UNEXPECTED
    )
    hear(session(), Message(kind, WANT, 1, 1))


def test_credit_and_kept_results_have_limits() -> None:
    hearing = session()
    hear(hearing, call(1, KEEP), call(2, KEEP))
    refused(hearing, call(3, KEEP), "more than 2 kept results", Code.LIMIT)
    hearing = session()
    hear(hearing, *(call(id_) for id_ in range(1, 71)))
    refused(hearing, call(71), "beyond the credit of 70 calls", Code.LIMIT)
    hearing = session()
    hear(hearing, Message(CALL, WANT, 1, 1, payload=bytes(4_000)), Message(CALL, WANT, 2, 1, payload=bytes(4_000)))
    refused(hearing, Message(CALL, WANT, 3, 1, payload=bytes(100)), "beyond the credit", Code.LIMIT)


def test_a_message_in_several_frames() -> None:
    hearing = session()
    first, second, third = fragments(Message(CALL, WANT, 1, 1, payload=bytes(range(200))), [80, 80])
    hear(hearing, first, Message(Kind.PING, id=1), second)
    assert not hearing.schedule.requests
    hear(hearing, third)
    request = started(hearing)
    assert (request.payload, request.size) == (bytes(range(200)), HEAD_BYTES + 200)
    assert not request.cancelled
    refused(hearing, Message(Kind.RELEASE, int(Flag.MORE), references=(drop(1),)), "kind 32 in several frames")


# ---------------------------------------------------------------- nested


def asked(hearing: Session, flags: int = WANT) -> Pending:
    pending = hearing.request(CALL, flags, 1, Body(b""))
    assert pending is not None
    return pending


def test_nested_requests_go_to_their_waiter() -> None:
    hearing = session()
    pending = asked(hearing)
    hear(hearing, call(1, cause=1), call(2, cause=1))
    assert pending.nested is not None
    assert [(request.id, request.depth, request.fault) for request in pending.nested] == [(1, 2, None), (2, 2, None)]
    assert hearing.settled == [pending, pending]
    assert hearing.schedule.start() is None
    assert list(hearing.schedule.requests) == [1, 2]


def test_nested_requests_that_cannot_run_fail() -> None:
    hearing = session()
    pending = asked(hearing)
    pending.depth = 2
    hear(hearing, call(1, cause=1))
    pending.depth = 1
    hear(hearing, call(2, KEEP), call(3, int(Flag.WANT | Flag.PROMISE), target=2, cause=1))
    assert pending.nested is not None
    deep, promised = pending.nested
    assert type(deep.fault) is type(promised.fault) is CallError
    assert "more than 2 deep" in str(deep.fault)
    assert "cannot come before its own" in str(promised.fault)


def test_what_nobody_waits_for_is_queued() -> None:
    hearing = session(concurrent=True)
    asked(hearing, 0)
    given_up = asked(hearing)
    hearing.cancel(given_up)
    hear(hearing, call(1, cause=1), call(2, cause=2), call(3, cause=9))
    assert [started(hearing).id for _ in range(3)] == [1, 2, 3]


# ---------------------------------------------------------------- answering


def test_an_answer_is_said_and_its_credit_given_back() -> None:
    hearing = session()
    hear(hearing, call(1), call(2))
    hearing.answer(started(hearing), RETURN, Body(b"value"))
    hearing.answer(started(hearing), RAISE, Body(b"error"))
    assert said(hearing) == [
        Message(RETURN, id=1, payload=b"value", ack=2),
        Message(RAISE, id=2, payload=b"error", ack=2),
    ]
    assert (hearing._grant.calls, hearing._grant.size) == (0, 0)
    assert hearing.schedule.is_idle
    assert hearing.sent == 2


def test_an_answer_with_references_and_a_long_one() -> None:
    hearing = session()
    hear(hearing, call(1), call(2))
    hearing.answer(started(hearing), RETURN, Body(b"v", [Mine(object(), 1, b"type")], [b"large"]))
    (message,) = said(hearing)
    assert (message.references, message.types, message.buffers) == ((mine(2, 1, 1),), ((1, b"type"),), (b"large",))
    hearing.answer(started(hearing), RETURN, Body(bytes(5_000)))
    assert [len(body) for body in cut(b"".join(hearing.outbox.take(1 << 30)))] == [4_096, 984]


def test_an_answer_that_may_not_go_can_be_answered_again() -> None:
    hearing = session()
    hear(hearing, call(1))
    request = started(hearing)
    with pytest.raises(EncodeError, match="a message of 9040 bytes"):
        hearing.answer(request, RETURN, Body(bytes(9_000)))
    assert said(hearing) == []
    assert not hearing.schedule.is_idle
    hearing.answer(request, RAISE, Body(b"too long"))
    assert [message.kind for message in said(hearing)] == [RAISE]


def test_what_was_dropped_is_released_behind_the_answer() -> None:
    hearing = session()
    hear(hearing, Message(CALL, WANT, 1, 1, references=(mine(4),), types=((1, b"t"),)))
    request = started(hearing)
    (entry,) = request.references
    assert isinstance(entry, Import)
    hearing.disown([entry])
    hearing.answer(request, RETURN, Body(b"", [Yours(entry, entry)]))
    answer, release = said(hearing)
    assert (answer.kind, answer.references) == (RETURN, (yours(4),))
    assert (release.kind, release.references) == (Kind.RELEASE, (drop(4),))


def test_one_way_requests_get_credit_instead() -> None:
    hearing = session(concurrent=True)
    hear(hearing, call(1, 0), call(2, 0))
    first, second = started(hearing), started(hearing)
    hearing.answer(first, RETURN, Body(b"", [Mine(object(), 1, b"type")]))
    assert said(hearing) == []
    hearing.answer(second, RETURN, Body(b""))
    (credit,) = said(hearing)
    assert (credit.kind, credit.id, credit.target) == (Kind.CREDIT, 2, 2 * HEAD_BYTES)
    assert len(hearing.tables.exports.by_handle) == 1


def test_what_is_owed_comes_back_with_the_last_answer() -> None:
    hearing = session(concurrent=True)
    hear(hearing, call(1, 0), call(2))
    first, second = started(hearing), started(hearing)
    hearing.answer(first, RETURN, Body(b""))
    hearing.answer(second, RETURN, Body(b""))
    # Credit is counted, so that it passes nothing else that is.
    assert [message.kind for message in said(hearing)] == [RETURN, Kind.CREDIT]
    assert (hearing._grant.calls, hearing._grant.owed_calls) == (0, 0)


def test_at_the_start_a_server_lets_more_calls_go() -> None:
    hearing = session()
    hearing.open_credit()
    assert said(hearing) == [Message(Kind.CREDIT, id=6)]
    least = session(limits=Limits(calls_in_flight=64))
    least.open_credit()
    assert said(least) == []


# ---------------------------------------------------------------- control


def test_cancels() -> None:
    hearing = session()
    hear(hearing, call(1), call(2), Message(Kind.CANCEL, id=2))
    cancelled = started(hearing)
    assert (cancelled.id, type(cancelled.fault)) == (2, CallCancelled)
    first, second = fragments(Message(CALL, WANT, 3, 1, payload=bytes(50)), [20])
    hear(hearing, first, Message(Kind.CANCEL, id=3), second)
    assert hearing.schedule.requests[3].cancelled
    refused(hearing, Message(Kind.CANCEL, id=4), "request 4, which has not come")


def test_giving_up() -> None:
    hearing = session()
    pending, ticket, ping = asked(hearing), hearing.await_credit(), hearing.ping()
    hear(hearing, call(1, cause=1))
    said(hearing)
    for each in (ticket, ping):
        hearing.cancel(each)
    assert said(hearing) == []
    hearing.cancel(pending)
    assert said(hearing) == [Message(Kind.CANCEL, id=1, ack=1)]
    assert pending.abandoned
    assert started(hearing).id == 1
    hear(hearing, Message(RETURN, id=1))
    hearing.cancel(pending)
    assert said(hearing) == []


def test_pings_and_credit_and_acks() -> None:
    hearing = session()
    hear(hearing, Message(Kind.PING, id=7), Message(Kind.ACK), Message(Kind.CREDIT, id=5, target=10))
    assert said(hearing) == [Message(Kind.PONG, id=7)]
    assert hearing.window.calls == 69
    assert hearing.received == 1
    ping = hearing.ping()
    hear(hearing, Message(Kind.PONG, id=1))
    assert ping.done


def test_a_peer_that_asks_and_does_not_read() -> None:
    hearing = session(limits=replace(LIMITS, pongs=3))
    hear(hearing, *[Message(Kind.PING, id=id_) for id_ in (1, 2, 3)])
    refused(hearing, Message(Kind.PING, id=4), "over 3 Pongs wait", Code.LIMIT)
    assert [message.id for message in said(hearing)] == [1, 2, 3]
    hear(hearing, Message(Kind.PING, id=5))


@pytest.mark.parametrize("kind", [Kind.PING, Kind.PONG, Kind.ACK, Kind.CREDIT, Kind.CANCEL])
@pytest.mark.parametrize("spoil", [{"flags": 1}, {"payload": b"x"}, {"counts": (1, 0, 0)}, {"counts": (0, 0, 1)}])
def test_control_messages_are_bare(kind: Kind, spoil: dict[str, bytes]) -> None:
    refused(session(), Message(kind, id=1, **spoil), f"a malformed {kind.name.title()}")  # type: ignore[arg-type]


def test_releases() -> None:
    hearing = session()
    hear(hearing, call(5, KEEP), Message(Kind.RELEASE, references=(forget(5), drop(1))))
    assert not hearing.tables.promises
    assert not hearing.tables.exports.by_handle
    refused(hearing, Message(Kind.RELEASE, references=(forget(5),)), "the result of 5, which is not kept")
    refused(hearing, Message(Kind.RELEASE, references=(drop(1),)), "handle 1, which has fewer")
    refused(hearing, Message(Kind.RELEASE, references=((5, 0, 0, 2, 5),)), "the result of 5, which is not kept")
    refused(hearing, Message(Kind.RELEASE, references=(mine(1),)), "a malformed entry in a Release")
    refused(hearing, Message(Kind.RELEASE), "a malformed Release")


def test_acknowledgements() -> None:
    hearing = session()
    for _ in range(3):
        asked(hearing)
    hear(hearing, Message(Kind.ACK, ack=3), Message(Kind.ACK, ack=2), Message(Kind.PING, ack=3))
    refused(hearing, Message(Kind.ACK, ack=4), "4 frames, of which 3 were sent")


def test_much_that_comes_in_is_acknowledged() -> None:
    limits = Limits(calls_in_flight=1_000)
    hearing = Session(limits, is_server=True, concurrent=False, frame_bytes=4_096, message_bytes=1 << 20)
    for id_ in range(1, 65):
        hear(hearing, Message(CALL, WANT, id_, 1, payload=bytes(4_056)))
    assert said(hearing) == []
    hear(hearing, Message(CALL, WANT, 65, 1))
    assert said(hearing) == [Message(Kind.ACK, ack=65)]
    hear(hearing, Message(CALL, WANT, 66, 1))
    assert said(hearing) == []


# ---------------------------------------------------------------- the end


def test_the_end_settles_and_forgets_everything() -> None:
    hearing = session()
    hear(hearing, call(1, KEEP), Message(CALL, WANT, 2, 1, references=(mine(4),), types=((1, b"t"),)))
    running = started(hearing)
    pending, ticket, ping = asked(hearing), hearing.await_credit(), hearing.ping()
    said(hearing)
    why = SessionClosed("enough")
    hearing.end(why, Code.SHUTDOWN, "bye")
    assert said(hearing) == [Message(Kind.GOODBYE, id=1, payload=b"bye", ack=2)]
    assert hearing.ended is why
    assert all(each.done for each in (pending, ticket, ping))
    assert (pending.failure, ping.failure, ticket.failure) == (why, why, None)
    assert {id(each) for each in hearing.settled} == {id(pending), id(ping), id(ticket)}
    assert running.cancelled
    assert not hearing.schedule.can_start
    assert not hearing.tables.exports.by_handle
    assert not hearing.tables.imports.by_handle
    assert not hearing.tables.promises
    hearing.answer(running, RETURN, Body(b"too late"))
    hearing.end(SessionClosed("again"), Code.DONE)
    hear(hearing, call(3))
    assert hearing.ended is why
    assert said(hearing) == []
    assert hearing.schedule.is_idle


def test_what_has_come_of_a_request_counts_before_it_is_whole() -> None:
    hearing = session()
    hear(hearing, call(1, 0), fragments(Message(CALL, 1, id=2, target=1, payload=bytes(8_000)), [4_000])[0])
    hearing.end(SessionClosed("over"))
    hearing = session()
    hear(hearing, Message(CALL, 1, id=1, target=1, payload=bytes(4_000)))
    first, second, *_ = fragments(Message(CALL, 1, id=2, target=1, payload=bytes(8_000)), [4_000, 1_000])
    hear(hearing, first)
    refused(hearing, second, "beyond the credit", Code.LIMIT)


def test_an_answer_that_nobody_waits_for_is_refused_with_its_first_frame() -> None:
    first, *_ = fragments(Message(RETURN, id=9, payload=bytes(8_000)), [4_000])
    refused(session(), first, "which does not wait for one")


def test_results_that_are_not_kept_any_more_are_let_go_of_by_the_driver() -> None:
    hearing = session()
    for id_ in (1, 2):
        hear(hearing, call(id_, KEEP))
    first, second = hearing.tables.promises.values()
    hear(hearing, Message(Kind.RELEASE, references=(forget(1),)))
    assert list(hearing.tables.exports.buried) == [first]
    hearing.tables.exports.buried.clear()
    hearing.end(SessionClosed("over"))
    assert second in hearing.tables.exports.buried
    assert not hearing.tables.promises


# ---------------------------------------------------------------- calls that are not wanted any more


def asked_for(hearing: Session, cause: Request | None) -> Pending:
    pending = hearing.request(CALL, WANT, 1, Body(b"back"), cause=cause)
    assert pending is not None
    return pending


def test_what_was_asked_for_a_call_is_not_waited_for_once_that_is_cancelled() -> None:
    hearing = session()
    hear(hearing, call(1))
    cause = started(hearing)
    back, other = asked_for(hearing, cause), asked_for(hearing, None)
    said(hearing)
    hear(hearing, Message(Kind.CANCEL, id=1))
    assert (cause.cancelled, back.done, other.done) == (True, True, False)
    assert isinstance(back.failure, CallCancelled)
    assert hearing.settled == [back]
    assert [(message.kind, message.id) for message in said(hearing)] == [(Kind.CANCEL, back.id)]
    # It may still be answered.
    failure = back.failure
    hear(hearing, Message(RETURN, id=back.id, references=(mine(1),), types=((1, b"x"),)))
    assert back.failure is failure
    assert back.id not in hearing.pending
    hearing.release()
    assert not hearing.tables.imports.by_handle


def test_a_call_that_is_cancelled_asks_for_nothing_more() -> None:
    hearing = session()
    hear(hearing, call(1), Message(Kind.CANCEL, id=1))
    cause = started(hearing)
    for flags in (WANT, 0):
        with pytest.raises(CallCancelled):
            hearing.request(CALL, flags, 1, Body(b""), cause=cause)


def test_nor_does_it_wait_for_credit() -> None:
    hearing = session()
    hear(hearing, call(1))
    cause = started(hearing)
    ticket = hearing.await_credit(cause)
    hearing.cancel_request(1)
    assert (ticket.done, hearing.settled) == (True, [ticket])


def test_calls_inside_a_callback_end_with_the_call_around_it() -> None:
    hearing = session(limits=replace(LIMITS, nested_calls=8))
    hear(hearing, call(1))
    outer = started(hearing)
    back = asked_for(hearing, outer)
    hear(hearing, call(2, cause=back.id))
    assert back.nested is not None
    inner = back.nested.popleft()
    hearing.schedule.begin(inner)
    further = asked_for(hearing, inner)
    hear(hearing, call(3, cause=further.id))
    hearing.cancel_request(1)
    # Whether or not the peer hears that its callback is not wanted.
    assert inner.cancelled
    assert (back.done, further.done) == (True, True)
    waiting = started(hearing)
    assert (waiting.id, type(waiting.fault)) == (3, CallCancelled)
    hearing.end(SessionClosed("over"))
    assert isinstance(further.failure, CallCancelled)


def test_an_error_is_never_raised_twice() -> None:
    hearing = session()
    hearing.end(ProtocolError("broken", Code.UNEXPECTED))
    errors = []
    for _ in range(2):
        with pytest.raises(ProtocolError, match="broken") as raised:
            hearing.request(CALL, WANT, 1, Body(b""))
        errors.append(raised.value)
        with pytest.raises(ProtocolError, match="broken") as raised:
            hearing.ping()
        errors.append(raised.value)
    assert len({id(error) for error in (*errors, hearing.ended)}) == 5
    assert {error.code for error in errors} == {Code.UNEXPECTED}
    assert hearing.ended is not None
    assert hearing.ended.__traceback__ is None


def test_an_end_without_a_code_says_nothing() -> None:
    hearing = session()
    hearing.end(SessionClosed("lost"))
    assert said(hearing) == []


def test_the_reason_of_the_end_keeps_no_frames_alive() -> None:
    hearing = session()
    try:
        hear(hearing, bytes(3))
    except ProtocolError as error:
        hearing.end(error)
    assert hearing.ended is not None
    assert hearing.ended.__traceback__ is None


def test_goodbye() -> None:
    hearing = session()
    hear(hearing, Message(Kind.GOODBYE, id=1, payload=b"maintenance"))
    assert type(hearing.ended) is SessionClosed
    assert said(hearing) == []
    refused(session(), Message(Kind.GOODBYE, id=99), "a malformed Goodbye")


def test_a_peer_that_does_not_read_ends_the_session() -> None:
    for act in (
        lambda hearing: hear(hearing, call(1)),
        lambda hearing: hearing.answer(Request(CALL, WANT, 1, 0, b"", 40), RETURN, Body(b"")),
    ):
        hearing = session()
        hearing.outbox.put(bytes(16_385))
        act(hearing)
        assert type(hearing.ended) is LimitExceeded
        assert cut(b"".join(hearing.outbox.take(1 << 30)[1:]))[0][0] == Kind.GOODBYE


def test_an_outbox_may_be_shared_with_a_connection() -> None:
    outbox = Outbox()
    made = Session(LIMITS, is_server=True, concurrent=False, frame_bytes=4_096, message_bytes=8_192, outbox=outbox)
    assert made.outbox is outbox


def test_the_check_sees_what_is_wrong() -> None:
    def acked(hearing: Session) -> None:
        hearing._acked = 99

    def number(hearing: Session) -> None:
        hearing.pending[7] = hearing.pending.pop(1)

    def done(hearing: Session) -> None:
        hearing.pending[1].done = True

    for spoil in (acked, number, done):
        hearing = session()
        asked(hearing)
        hearing.check()
        spoil(hearing)
        with pytest.raises(AssertionError):
            hearing.check()
