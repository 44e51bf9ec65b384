"""Credit, one-way requests and pings: what each side may have in flight, and what it gets back."""

from __future__ import annotations

import pytest

from limpet.errors import Code, LimitExceeded
from limpet.limits import Limits
from limpet.session.body import Body, Mine
from limpet.session.connection import Phase
from limpet.session.messages import Flag, Kind
from limpet.session.session import Session
from tests.support.pair import Pair, Stranger
from tests.support.wire import HEAD_BYTES, Message

CALL, RETURN, WANT = int(Kind.CALL), int(Kind.RETURN), int(Flag.WANT)


def one_end(*, is_server: bool, limits: Limits | None = None) -> Stranger:
    stranger = Stranger(is_server=is_server, limits=limits)
    stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def refused_by_limit(stranger: Stranger) -> bool:
    failure = stranger.connection.failure
    if failure is None:
        return False
    assert type(failure) is LimitExceeded
    assert stranger.heard()[-1].id == Code.LIMIT
    return True


# ---------------------------------------------------------------- more than was granted


@pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])
@pytest.mark.parametrize("flags", [WANT, 0], ids=["wanted", "one-way"])
def test_calls_beyond_the_credit(is_server: bool, flags: int) -> None:
    stranger = one_end(is_server=is_server, limits=Limits(calls_in_flight=64))
    for id_ in range(1, 65):
        stranger.say(Message(CALL, flags, id=id_, target=1))
    assert not refused_by_limit(stranger)
    stranger.say(Message(CALL, flags, id=65, target=1))
    assert refused_by_limit(stranger)


def test_bytes_beyond_the_credit() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096)
    stranger = one_end(is_server=True, limits=limits)
    stranger.say(Message(CALL, WANT, id=1, target=1, payload=bytes(4_096 - 2 * HEAD_BYTES)))
    stranger.say(Message(CALL, WANT, id=2, target=1))
    assert not refused_by_limit(stranger)
    stranger.say(Message(CALL, WANT, id=3, target=1))
    assert refused_by_limit(stranger)


def test_one_request_of_the_largest_size_always_has_credit() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096)
    stranger = one_end(is_server=True, limits=limits)
    stranger.say(Message(CALL, WANT, id=1, target=1, payload=bytes(4_096 - HEAD_BYTES)))
    request = stranger.session.schedule.start()
    assert request is not None
    stranger.session.answer(request, RETURN, Body(b""))
    stranger.say(Message(CALL, WANT, id=2, target=1, payload=bytes(4_096 - HEAD_BYTES)))
    assert not refused_by_limit(stranger)


def test_an_answer_gives_credit_back() -> None:
    stranger = one_end(is_server=True, limits=Limits(calls_in_flight=64))
    session = stranger.session
    for id_ in range(1, 1_000):
        stranger.say(Message(CALL, WANT, id=id_, target=1))
        request = session.schedule.start()
        assert request is not None
        session.answer(request, RETURN, Body(b""))
    assert not refused_by_limit(stranger)
    assert [message.kind for message in stranger.heard()] == [RETURN] * 999


def test_a_cancelled_request_holds_its_credit_until_it_is_answered() -> None:
    stranger = one_end(is_server=True, limits=Limits(calls_in_flight=64))
    for id_ in range(1, 65):
        stranger.say(Message(CALL, WANT, id=id_, target=1), Message(Kind.CANCEL, id=id_))
    assert not refused_by_limit(stranger)
    stranger.say(Message(CALL, WANT, id=65, target=1))
    assert refused_by_limit(stranger)


# ---------------------------------------------------------------- one-way requests


def test_one_way_requests_get_no_answer_and_their_credit_comes_back() -> None:
    stranger = one_end(is_server=True, limits=Limits(calls_in_flight=64))
    session = stranger.session
    stranger.say(Message(CALL, WANT, id=1, target=1))
    running = session.schedule.start()
    assert running is not None
    session.schedule._serial = None  # as if it were concurrent
    for id_ in range(2, 33):
        stranger.say(Message(CALL, 0, id=id_, target=1))
        request = session.schedule.start()
        assert request is not None
        session.answer(request, RETURN, Body(b"nobody reads this"))
    # Its answer will give credit back, and with a few more it is worth a message.
    assert stranger.heard() == []
    stranger.say(Message(CALL, 0, id=33, target=1, payload=b"12345"))
    request = session.schedule.start()
    assert request is not None
    session.answer(request, Kind.RAISE, Body(b"nor this"))
    (credit,) = stranger.heard()
    assert (credit.kind, credit.id, credit.target) == (Kind.CREDIT, 32, 32 * HEAD_BYTES + 5)


def test_the_last_one_way_request_gives_its_credit_back_at_once() -> None:
    stranger = one_end(is_server=True)
    stranger.say(Message(CALL, 0, id=1, target=1))
    request = stranger.session.schedule.start()
    assert request is not None
    stranger.session.answer(request, RETURN, Body(b""))
    (credit,) = stranger.heard()
    assert (credit.kind, credit.id, credit.target) == (Kind.CREDIT, 1, HEAD_BYTES)


@pytest.mark.parametrize("first", [0, 1], ids=["one-way-first", "one-way-last"])
def test_no_request_of_a_legal_size_waits_for_ever(first: int) -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096)
    pair = Pair(client=limits, server=limits, concurrent=True).open()
    client, service = pair.session(is_server=False), pair.session(is_server=True)
    for flags in (0, WANT):
        assert client.request(Kind.OPEN, flags, 0, Body(b"")) is not None
    pair.flow()
    requests = [service.schedule.start(), service.schedule.start()]
    for request in (requests[first], requests[1 - first]):
        assert request is not None
        service.answer(request, RETURN, Body(b""))
    pair.flow()
    # Nothing is in flight any more, so that nothing will come that could give credit back.
    assert client.request(Kind.OPEN, WANT, 0, Body(bytes(4_096 - HEAD_BYTES))) is not None
    pair.flow()
    assert pair.server.failure is None


def test_what_a_one_way_request_answers_is_never_granted() -> None:
    stranger = one_end(is_server=True)
    session = stranger.session
    stranger.say(Message(CALL, 0, id=1, target=1))
    request = session.schedule.start()
    assert request is not None
    session.answer(request, RETURN, Body(b"", [Mine(object(), 1, b"type")]))
    assert len(session.tables.exports.by_handle) == 1
    assert not session.tables.types.sent


def test_one_way_requests_go_on_for_ever_between_two_peers() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096, calls_in_flight=64)
    pair = Pair(client=limits, server=limits).open()
    client, service = pair.session(is_server=False), pair.session(is_server=True)
    sent = 0
    for round_ in range(100):
        for place in range(10):
            if client.request(Kind.OPEN, 0, 0, Body(bytes((round_ * place) % 700))) is not None:
                sent += 1
        pair.flow()
        while (request := service.schedule.start()) is not None:
            service.answer(request, RETURN, Body(b""))
        pair.flow()
    assert sent > 300
    assert pair.server.failure is None
    assert not client.pending


# ---------------------------------------------------------------- waiting for credit


def full(session: Session) -> int:
    count = 0
    while session.request(CALL, WANT, 1, Body(b"")) is not None:
        count += 1
    return count


def test_every_side_may_send_64_calls_unasked_and_a_server_lets_more() -> None:
    stranger = one_end(is_server=False)
    assert full(stranger.session) == 64
    pair = Pair().open()
    assert full(pair.session(is_server=False)) == Limits().calls_in_flight
    assert full(pair.session(is_server=True)) == 64
    pair.flow()
    assert pair.client.phase is pair.server.phase is Phase.OPEN


def test_a_ticket_is_settled_by_an_answer() -> None:
    stranger = one_end(is_server=False)
    session = stranger.session
    full(session)
    ticket = session.await_credit()
    stranger.say(Message(Kind.PING, id=1))
    assert ticket not in session.settled
    stranger.say(Message(RETURN, id=1))
    assert ticket.done
    assert ticket in session.settled
    assert full(session) == 1


def test_a_ticket_is_settled_by_credit() -> None:
    stranger = one_end(is_server=False)
    session = stranger.session
    full(session)
    tickets = [session.await_credit() for _ in range(3)]
    stranger.say(Message(Kind.CREDIT, id=2, target=0))
    assert all(ticket.done for ticket in tickets)
    assert full(session) == 2


def test_a_ticket_is_settled_by_the_end() -> None:
    stranger = one_end(is_server=False)
    full(stranger.session)
    ticket = stranger.session.await_credit()
    stranger.connection.receive_eof()
    assert ticket.done
    assert ticket in stranger.session.settled


def test_tickets_that_were_given_up_are_not_kept() -> None:
    session = one_end(is_server=False).session
    for _ in range(5):
        session.cancel(session.await_credit())
    assert not session._tickets


# ---------------------------------------------------------------- what is charged


def test_a_request_never_goes_over_the_credit_of_the_peer() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096)
    for size in range(3_000, 4_000, 37):
        pair = Pair(client=limits, server=limits).open()
        client = pair.session(is_server=False)
        assert client.request(Kind.OPEN, WANT, 0, Body(bytes(size))) is not None
        for _ in range(3):
            client.request(Kind.OPEN, WANT, 0, Body(b"", [Mine(object(), 1, b"d" * size)], [b"12", b"3"]))
            client.request(Kind.OPEN, WANT, 0, Body(b"", [Mine(object(), 1, b"d" * (size % 90))], [b""] * 20))
        pair.flow()
        assert pair.server.failure is None


def test_both_sides_charge_the_same() -> None:
    limits = Limits(frame_bytes=4_096, message_bytes=1 << 20)
    pair = Pair(client=limits, server=limits).open()
    client, service = pair.session(is_server=False), pair.session(is_server=True)
    bodies = [
        Body(b""),
        Body(b"x" * 10_000),
        Body(b"y", [Mine(object(), 1, b"type"), Mine(object(), 2, b"type")], [b"large" * 2_000, b""]),
    ]
    pendings = [client.request(Kind.OPEN, WANT, 0, body) for body in bodies]
    pair.flow()
    sizes = [request.size for request in service.schedule.requests.values()]
    assert sizes == [pending.size for pending in pendings if pending is not None]
    assert service._grant.size == client.window.spent == sum(sizes)


# ---------------------------------------------------------------- pings


def test_pings_are_answered_with_their_number() -> None:
    stranger = one_end(is_server=True)
    stranger.say(Message(Kind.PING, id=0), Message(Kind.PING, id=(1 << 64) - 1), Message(Kind.PING, id=0))
    assert [(message.kind, message.id) for message in stranger.heard()] == [
        (Kind.PONG, 0),
        (Kind.PONG, (1 << 64) - 1),
        (Kind.PONG, 0),
    ]


def test_pongs_reach_the_pings_they_answer() -> None:
    stranger = one_end(is_server=False)
    first, second = stranger.session.ping(), stranger.session.ping()
    stranger.say(Message(Kind.PONG, id=2))
    assert (first.done, second.done) == (False, True)
    stranger.say(Message(Kind.PONG, id=1))
    assert stranger.session.settled == [second, first]
    stranger.say(Message(Kind.PONG, id=1))
    assert stranger.heard()[-1].id == Code.MALFORMED


def test_a_ping_and_a_request_with_one_number_are_two() -> None:
    stranger = one_end(is_server=False)
    pending, ping = stranger.session.request(CALL, WANT, 1, Body(b"")), stranger.session.ping()
    assert pending is not None
    assert pending.id == ping.id
    stranger.heard()
    stranger.session.cancel(ping)
    assert stranger.heard() == []
    assert not pending.abandoned


# ---------------------------------------------------------------- a peer that does not read


@pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])
def test_what_waits_for_a_peer_that_does_not_read_has_a_limit(is_server: bool) -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096, outbox_bytes=4_096)
    stranger = one_end(is_server=is_server, limits=limits)
    pending = stranger.session.request(CALL, WANT, 1, Body(b""))
    assert pending is not None
    for _ in range(200):
        stranger.say(Message(Kind.PING, id=1))
    assert stranger.connection.outbox.size < 4_096 + 500
    failure = stranger.connection.failure
    assert type(failure) is LimitExceeded
    assert "a peer that does not read" in str(failure)
    assert pending.failure is failure


def test_answers_and_requests_for_a_peer_that_does_not_read() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=4_096, outbox_bytes=4_096)
    stranger = one_end(is_server=True, limits=limits)
    session = stranger.session
    for id_ in (1, 2, 3):
        stranger.say(Message(CALL, WANT, id=id_, target=1))
    for _ in range(2):
        request = session.schedule.start()
        assert request is not None
        session.answer(request, RETURN, Body(bytes(4_000)))
    assert len(session.tables.exports.by_handle) == 1
    request = session.schedule.start()
    assert request is not None
    session.answer(request, RETURN, Body(bytes(4_000)))
    assert type(session.ended) is LimitExceeded
    with pytest.raises(LimitExceeded, match="does not read"):
        session.request(CALL, WANT, 1, Body(b""))
    other = one_end(is_server=False, limits=limits).session
    assert other.request(CALL, WANT, 1, Body(bytes(4_000))) is not None
    for _ in range(10):
        other.ping()
    with pytest.raises(LimitExceeded, match="does not read"):
        other.request(CALL, WANT, 1, Body(b""))


def test_a_session_that_ended_itself_takes_nothing_in_any_more() -> None:
    stranger = one_end(is_server=True)
    session = stranger.session
    assert session.request(CALL, WANT, 1, Body(b"")) is not None
    why = LimitExceeded("too much waits")
    session.end(why, Code.LIMIT)
    stranger.say(Message(CALL, WANT, id=1, target=1))
    assert not session.schedule.can_start
    assert not session.schedule.requests
    assert stranger.connection.failure is why
    other = one_end(is_server=False)
    assert other.session.request(CALL, WANT, 1, Body(b"")) is not None
    other.session.end(why, Code.LIMIT)
    other.say(Message(RETURN, id=1))
    assert other.connection.failure is why
