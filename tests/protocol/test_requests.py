"""Requests that are given up, nested, or promised: which of them run, when, and what the others get."""

from __future__ import annotations

import gc

import pytest

from limpet.errors import CallCancelled, CallError, ProtocolError
from limpet.limits import Limits
from limpet.session.body import Body, Mine, Yours
from limpet.session.connection import Phase
from limpet.session.messages import Flag, Kind
from limpet.session.schedule import Pending, Promise, Request, Stage
from limpet.session.session import Session
from limpet.session.tables import Import
from tests.support.pair import Pair, Stranger
from tests.support.wire import Message, drop, forget, fragments, mine, promise

OPEN, CALL, RETURN, RAISE, CANCEL = int(Kind.OPEN), int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE), int(Kind.CANCEL)
WANT, KEEP, PROMISED = int(Flag.WANT), int(Flag.WANT | Flag.KEEP), int(Flag.WANT | Flag.PROMISE)
NOTHING = Body(b"")


def server(*, concurrent: bool = False, limits: Limits | None = None) -> Stranger:
    stranger = Stranger(is_server=True, concurrent=concurrent, limits=limits)
    stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def client(*, limits: Limits | None = None) -> Stranger:
    stranger = Stranger(is_server=False, limits=limits)
    stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def asked(session: Session, flags: int = WANT, target: int = 1, **more: Request) -> Pending:
    pending = session.request(CALL, flags, target, NOTHING, **more)
    assert pending is not None
    return pending


def started(session: Session) -> Request:
    request = session.schedule.start()
    assert request is not None
    return request


def nested(pending: Pending) -> Request:
    assert pending.nested
    return pending.nested.popleft()


def call(id_: int, flags: int = WANT, target: int = 1, cause: int = 0) -> Message:
    return Message(CALL, flags, id=id_, target=target, cause=cause)


# ---------------------------------------------------------------- order


def test_one_runs_at_a_time_in_the_order_they_came() -> None:
    session = (stranger := server()).session
    stranger.say(call(1), call(2), call(3))
    for id_ in (1, 2, 3):
        request = started(session)
        assert request.id == id_
        assert session.schedule.start() is None
        session.answer(request, RETURN, NOTHING)
    assert [message.id for message in stranger.heard()] == [1, 2, 3]


def test_a_concurrent_session_starts_all_that_came() -> None:
    session = (stranger := server(concurrent=True)).session
    stranger.say(call(1), call(2), call(3))
    requests = [started(session) for _ in range(3)]
    for request in reversed(requests):
        session.answer(request, RETURN, NOTHING)
    assert [message.id for message in stranger.heard()] == [3, 2, 1]


def test_what_fails_anyway_waits_for_nothing() -> None:
    session = (stranger := server()).session
    stranger.say(call(1), call(2), call(3, target=99))
    refused = started(session)
    assert (refused.id, str(refused.fault)) == (3, "no such object")
    assert started(session).id == 1
    assert session.schedule.start() is None


# ---------------------------------------------------------------- cancel


def test_a_queued_request_is_answered_without_being_run() -> None:
    session = (stranger := server()).session
    stranger.say(call(1), call(2), call(3), Message(CANCEL, id=2))
    first = started(session)
    assert first.id == 2 or first.fault is None
    by_id = {first.id: first}
    while (request := session.schedule.start()) is not None:
        by_id[request.id] = request
    assert type(by_id[2].fault) is CallCancelled
    assert by_id[2].cancelled
    session.answer(by_id[2], RAISE, NOTHING)
    session.answer(by_id[1], RETURN, NOTHING)
    assert started(session).id == 3
    assert [(message.kind, message.id) for message in stranger.heard()] == [(RAISE, 2), (RETURN, 1)]


def test_a_running_request_is_told_and_still_answers() -> None:
    session = (stranger := server()).session
    stranger.say(call(1))
    request = started(session)
    stranger.say(Message(CANCEL, id=1), Message(CANCEL, id=1))
    assert request.cancelled
    assert request.fault is None
    session.answer(request, RETURN, NOTHING)
    assert [(message.kind, message.id) for message in stranger.heard()] == [(RETURN, 1)]


def test_a_cancel_may_come_too_late_but_not_too_early() -> None:
    session = (stranger := server()).session
    stranger.say(call(5))
    session.answer(started(session), RETURN, NOTHING)
    stranger.say(Message(CANCEL, id=5), Message(CANCEL, id=3))
    assert stranger.connection.phase is Phase.OPEN
    stranger.say(Message(CANCEL, id=6))
    assert isinstance(stranger.connection.failure, ProtocolError)
    assert "request 6, which has not come" in str(stranger.connection.failure)


@pytest.mark.parametrize("is_running", [True, False])
def test_a_request_given_up_before_it_was_whole(is_running: bool) -> None:
    session = (stranger := server()).session
    stranger.say(call(1))
    if is_running:
        assert started(session).id == 1
    first, second = fragments(Message(CALL, WANT, id=2, target=1, payload=bytes(4_000)), [2_000])
    stranger.say(first, Message(CANCEL, id=2), second)
    request = session.schedule.requests[2]
    assert request.cancelled
    assert type(request.fault) is CallCancelled
    assert session.schedule.start() is request


def test_an_answer_and_a_request_with_one_number_are_two() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    stranger.say(call(1))
    request = started(session)
    first, second = fragments(Message(RETURN, id=1, payload=bytes(4_000)), [2_000])
    stranger.say(first, Message(CANCEL, id=1), second)
    assert request.cancelled
    assert stranger.connection.failure is None
    assert pending.payload == bytes(4_000)


def test_an_answer_that_nobody_waits_for_is_dropped_with_what_it_brought() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    session.cancel(pending)
    session.cancel(pending)
    stranger.heard()
    stranger.say(Message(RETURN, id=1, references=(mine(4), mine(4)), types=((1, b"type"),)))
    assert pending.done
    assert not session.pending
    session.release()
    assert [message.references for message in stranger.heard()] == [(drop(4, 2),)]
    assert not session.tables.imports.by_handle


def test_what_was_answered_is_not_cancelled() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    stranger.say(Message(RETURN, id=1))
    stranger.heard()
    session.cancel(pending)
    assert stranger.heard() == []


# ---------------------------------------------------------------- nested


def test_a_nested_request_goes_to_whoever_waits_for_its_cause() -> None:
    session = (stranger := client()).session
    stranger.say(call(1))
    first = started(session)
    pending = asked(session, cause=first)
    stranger.say(call(2, cause=pending.id), call(3))
    assert not session.schedule.can_start
    assert pending in session.settled
    inner = nested(pending)
    assert (inner.id, inner.depth, inner.stage) == (2, pending.depth + 1, Stage.QUEUED)
    session.schedule.begin(inner)
    session.answer(inner, RETURN, NOTHING)
    stranger.say(Message(RETURN, id=pending.id))
    session.answer(first, RETURN, NOTHING)
    assert started(session).id == 3


@pytest.mark.parametrize("cause", [1, 2, 99, (1 << 64) - 1])
def test_a_request_whose_cause_nobody_waits_for_is_queued(cause: int) -> None:
    session = (stranger := client()).session
    asked(session, flags=0)
    asked(session)
    stranger.say(Message(RETURN, id=2))
    stranger.say(call(1, cause=cause))
    request = started(session)
    assert (request.id, request.depth) == (1, 1)


def test_what_was_caused_by_a_request_given_up_is_still_answered() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    stranger.say(call(1, cause=1))
    session.cancel(pending)
    stranger.say(call(2, cause=1))
    stranger.heard()
    assert not pending.nested
    for id_ in (1, 2):
        request = started(session)
        assert request.id == id_
        session.answer(request, RETURN, NOTHING)
    assert [message.id for message in stranger.heard()] == [1, 2]


def test_nested_requests_may_be_cancelled() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    stranger.say(call(1, cause=1), Message(CANCEL, id=1))
    inner = nested(pending)
    assert inner.cancelled


def test_nesting_is_counted_along_the_causes_on_both_sides() -> None:
    limits = Limits(nested_calls=5)
    pair = Pair(client=limits, server=limits).open()
    sessions = [pair.session(is_server=False), pair.session(is_server=True)]
    for session in sessions:
        session.tables.exports.grant(pair, 1)
    asking, serving = sessions
    outer = asked(asking)
    pair.flow()
    running = started(serving)
    for depth in range(2, 6):
        asking, serving = serving, asking
        inner = asked(asking, cause=running)
        pair.flow()
        running = nested(outer)
        serving.schedule.begin(running)
        assert running.depth == inner.depth == depth
        assert running.fault is None
        outer = inner
    with pytest.raises(CallError, match="nested 6 deep; the limit is 5"):
        serving.request(CALL, WANT, 1, NOTHING, cause=running)
    assert serving.ended is None


def test_a_request_nested_too_deep_fails_alone() -> None:
    session = (stranger := client(limits=Limits(nested_calls=1))).session
    pending = asked(session)
    stranger.say(call(1, cause=1))
    inner = nested(pending)
    assert type(inner.fault) is CallError
    assert "more than 1 deep" in str(inner.fault)
    assert stranger.connection.failure is None


# ---------------------------------------------------------------- promises


def test_a_promise_is_kept_until_it_is_forgotten() -> None:
    session = (stranger := server()).session
    stranger.say(call(1, KEEP))
    kept = session.tables.promises[1]
    was_settled = kept.settled
    session.answer(started(session), RETURN, NOTHING)
    assert (was_settled, kept.settled) == (False, True)
    stranger.say(call(2, PROMISED, target=1))
    assert started(session).target is kept
    stranger.say(Message(Kind.RELEASE, references=(forget(1),)))
    assert not session.tables.promises
    stranger.say(call(3, PROMISED, target=1))
    assert str(session.schedule.requests[3].fault) == "no such object"


def test_a_result_without_keep_is_no_promise() -> None:
    session = (stranger := server()).session
    stranger.say(call(1), call(2, PROMISED, target=1))
    assert not session.tables.promises
    assert str(session.schedule.requests[2].fault) == "no such object"


def test_a_request_is_no_promise_of_itself_or_of_a_later_one() -> None:
    session = (stranger := server()).session
    stranger.say(call(1, int(Flag.WANT | Flag.KEEP | Flag.PROMISE), target=1))
    stranger.say(call(2, PROMISED, target=3), call(3, KEEP))
    requests = session.schedule.requests
    assert str(requests[1].fault) == str(requests[2].fault) == "no such object"
    assert requests[3].fault is None


@pytest.mark.parametrize("concurrent", [False, True])
def test_what_names_a_promise_waits_until_it_is_settled(concurrent: bool) -> None:
    session = (stranger := server(concurrent=concurrent)).session
    stranger.say(
        call(1, KEEP),
        call(2, PROMISED, target=1),
        Message(CALL, WANT, id=3, target=1, references=(promise(1), promise(1))),
    )
    first = started(session)
    assert not session.schedule.can_start
    assert session.schedule.start() is None
    session.answer(first, RETURN, NOTHING)
    for id_ in (2, 3):
        request = started(session)
        assert request.id == id_
        assert all(type(entry) is Promise and entry.settled for entry in request.promises)
        session.answer(request, RETURN, NOTHING)


def test_a_chain_of_promises_in_one_message_train() -> None:
    pair = Pair().open()
    client_, service = pair.session(is_server=False), pair.session(is_server=True)
    first = client_.request(OPEN, KEEP, 0, NOTHING)
    assert first is not None
    last = first
    for _ in range(5):
        last = asked(client_, KEEP | PROMISED, target=last.id)
        client_.forget(first)
        first = last
    client_.forget(last)
    pair.flow()
    count = 0
    while (request := service.schedule.start()) is not None:
        count += 1
        assert request.fault is None
        service.answer(request, RETURN, NOTHING)
    assert count == 6
    pair.flow()
    assert last.done
    assert not service.tables.promises
    assert pair.client.failure is pair.server.failure is None


def test_forgetting_before_it_is_settled_keeps_nobody_waiting() -> None:
    session = (stranger := server()).session
    stranger.say(call(1, KEEP), call(2, PROMISED, target=1), Message(Kind.RELEASE, references=(forget(1),)), call(3))
    session.answer(started(session), RETURN, NOTHING)
    for id_ in (2, 3):
        request = started(session)
        assert request.id == id_
        session.answer(request, RETURN, NOTHING)


@pytest.mark.parametrize("kind", [RETURN, RAISE])
def test_a_promise_is_settled_by_a_failure_too(kind: int) -> None:
    session = (stranger := server()).session
    stranger.say(call(1, KEEP), call(2, PROMISED, target=1), Message(CANCEL, id=1))
    request = started(session)
    assert type(request.fault) is CallCancelled
    session.answer(request, kind, NOTHING)
    assert started(session).id == 2


def test_a_one_way_request_may_keep_its_result() -> None:
    session = (stranger := server()).session
    stranger.say(call(1, int(Flag.KEEP)), call(2, PROMISED, target=1))
    session.answer(started(session), RETURN, NOTHING)
    assert started(session).target is session.tables.promises[1]


def test_a_promise_named_in_the_nested_call_that_its_request_waits_for_fails_at_once() -> None:
    session = (stranger := client()).session
    # Request 1 asks its peer back, which uses the result of 2 to answer; but 2 is queued behind 1 and never comes.
    stranger.say(call(1))
    first = started(session)
    pending = asked(session, cause=first)
    stranger.say(call(2, KEEP), call(3, PROMISED, target=2, cause=pending.id))
    inner = nested(pending)
    assert type(inner.fault) is CallError
    assert "cannot come" in str(inner.fault)
    stranger.say(Message(CALL, WANT, id=4, target=1, cause=pending.id, references=(promise(2),)))
    assert type(nested(pending).fault) is CallError


def test_a_promise_that_is_settled_may_be_named_in_a_nested_call() -> None:
    session = (stranger := client()).session
    stranger.say(call(1, KEEP))
    session.answer(started(session), RETURN, NOTHING)
    pending = asked(session)
    stranger.say(call(2, PROMISED, target=1, cause=pending.id))
    assert nested(pending).fault is None


def reachable(root: object) -> list[object]:
    """Return all that the tables of a session keep alive through ``root``."""
    found, edge = {id(root): root}, [root]
    while edge:
        for thing in gc.get_referents(edge.pop()):
            if id(thing) not in found and isinstance(thing, Promise | Request | tuple | list | dict | bytes):
                found[id(thing)] = thing
                edge.append(thing)
    return list(found.values())


def test_promises_that_were_forgotten_do_not_hang_together_for_ever() -> None:
    session = (stranger := server()).session
    stranger.say(call(1, KEEP))
    session.answer(started(session), RETURN, NOTHING)
    for id_ in range(2, 200):
        stranger.say(call(id_, KEEP | PROMISED, target=id_ - 1))
        session.answer(started(session), RETURN, NOTHING)
        stranger.say(Message(Kind.RELEASE, references=(forget(id_ - 1),)))
    assert list(session.tables.promises) == [199]
    assert sum(isinstance(thing, Promise | Request) for thing in reachable(session.tables.promises)) <= 4


def test_what_a_kept_result_was_made_from_is_not_kept() -> None:
    session = (stranger := server()).session
    payload = bytes(10_000)
    stranger.say(Message(CALL, KEEP, id=1, target=1, payload=payload, buffers=(payload,)))
    session.answer(started(session), RETURN, NOTHING)
    assert not any(isinstance(thing, bytes) and len(thing) == 10_000 for thing in reachable(session.tables.promises))


# ---------------------------------------------------------------- references both ways


def test_a_reference_goes_home_and_is_the_object_itself() -> None:
    pair = Pair().open()
    client_, service = pair.session(is_server=False), pair.session(is_server=True)
    thing = object()
    pending = client_.request(OPEN, WANT, 0, Body(b"", [Mine(thing, 2, b"type")]))
    assert pending is not None
    pair.flow()
    request = started(service)
    (entry,) = request.references
    assert isinstance(entry, Import)
    assert (entry.handle, entry.view, entry.descriptor, entry.count) == (1, 2, b"type", 1)
    service.answer(request, RETURN, Body(b"", [Yours(entry, entry), Mine(thing, 1, b"type")]))
    pair.flow()
    home, proxy = pending.references
    assert home is client_.tables.exports.by_handle[1]
    assert home.target is thing
    assert isinstance(proxy, Import)
    # Each side gives its own names: both are number 1.
    assert proxy.handle == 1


def test_a_release_crosses_an_object_that_is_sent_again() -> None:
    pair = Pair().open()
    client_, service = pair.session(is_server=False), pair.session(is_server=True)
    thing = object()
    entry = None
    for _ in range(3):
        pending = client_.request(OPEN, WANT, 0, NOTHING)
        pair.flow()
        service.answer(started(service), RETURN, Body(b"", [Mine(thing, 1, b"type")]))
        pair.take(is_server=True)
        if entry is not None:
            client_.disown([entry])
            client_.release()
            pair.take(is_server=False)
        pair.flow()
        assert pending is not None
        (entry,) = pending.references
        assert isinstance(entry, Import)
        assert entry.handle == 1
        assert entry.count == service.tables.exports.by_handle[1].count == 1
    client_.disown([entry])
    client_.release()
    pair.flow()
    assert not service.tables.exports.by_handle
    assert not client_.tables.imports.by_handle


def test_what_is_named_in_a_message_is_not_released_in_front_of_it() -> None:
    pair = Pair().open()
    client_, service = pair.session(is_server=False), pair.session(is_server=True)
    pending = client_.request(OPEN, WANT, 0, NOTHING)
    pair.flow()
    service.answer(started(service), RETURN, Body(b"", [Mine(pair, 1, b"type")]))
    pair.flow()
    assert pending is not None
    (entry,) = pending.references
    assert isinstance(entry, Import)
    body = Body(b"", [Yours(entry, entry)])
    client_.disown([entry])
    assert client_.request(CALL, WANT, 1, body) is not None
    client_.release()
    pair.flow()
    request = started(service)
    assert getattr(request.references[0], "target", None) is pair
    assert request.target is pair
    assert not service.tables.exports.by_handle
    assert not client_.tables.imports.by_handle


def test_more_references_than_an_entry_can_count_are_released_in_several() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    stranger.say(Message(RETURN, id=1, references=(mine(4),), types=((1, b"type"),)))
    (entry,) = pending.references
    assert isinstance(entry, Import)
    entry.count = (1 << 33) + 5
    stranger.heard()
    session.disown([entry])
    session.release()
    released = [reference for message in stranger.heard() for reference in message.references]
    assert sum(count for _, _, _, count, _ in released) == (1 << 33) + 5
    assert {handle for *_, handle in released} == {4}


def test_many_releases_go_in_several_messages() -> None:
    session = (stranger := client()).session
    pending = asked(session)
    table = tuple(mine(handle) for handle in range(1, 2_501))
    stranger.say(Message(RETURN, id=1, references=table, types=((1, b"type"),)))
    session.disown(pending.references)
    stranger.heard()
    session.release()
    released = [message.references for message in stranger.heard()]
    assert sum(map(len, released)) == 2_500
    assert all(count == 1 for part in released for _, _, _, count, _ in part)
