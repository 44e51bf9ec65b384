"""What must happen in time, by a clock that the test moves."""

from __future__ import annotations

import pytest

from limpet.errors import Code, ConnectRefused, ProtocolError, SessionClosed
from limpet.limits import Limits
from limpet.session.body import Body
from limpet.session.connection import Phase
from limpet.session.messages import Kind
from tests.support.pair import Clock, Pair, Stranger
from tests.support.wire import Message, fragments, framed

CALL, RETURN = int(Kind.CALL), int(Kind.RETURN)
LIMITS = Limits(handshake_seconds=10, frame_seconds=30, idle_seconds=600, call_seconds=60)
sides = pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])


def one_end(*, is_server: bool, phase: Phase = Phase.OPEN) -> Stranger:
    stranger = Stranger(is_server=is_server, phase=phase, limits=LIMITS, clock=Clock())
    if phase is Phase.OPEN:
        stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def pass_time(stranger: Stranger, seconds: float) -> None:
    stranger.clock.now += seconds
    stranger.connection.handle_deadline()
    stranger.connection.check()


# ---------------------------------------------------------------- the handshake


@sides
@pytest.mark.parametrize("phase", [Phase.HELLO, Phase.PROOF], ids=lambda phase: phase.name)
def test_a_handshake_has_so_much_time_and_no_more(is_server: bool, phase: Phase) -> None:
    stranger = one_end(is_server=is_server, phase=phase)
    connection = stranger.connection
    assert connection.next_deadline() == stranger.clock.now + 10
    pass_time(stranger, 9.9)
    assert connection.phase is phase
    stranger.give(b"\x00\x00\x00" if phase is Phase.PROOF else b"\x00" if not is_server else b"\x89")
    assert connection.next_deadline() == 1_010
    pass_time(stranger, 0.1)
    failure = connection.failure
    assert failure is not None
    assert "the handshake was not finished in time" in str(failure)
    if is_server:
        assert isinstance(failure, ProtocolError)
        assert failure.code is Code.LIMIT
    else:
        assert type(failure) is ConnectRefused
        assert isinstance(failure.__cause__, ProtocolError)
    assert stranger.raw() == b""
    assert connection.next_deadline() is None


def test_a_handshake_that_was_finished_has_no_deadline() -> None:
    pair = Pair(client=LIMITS, server=LIMITS).open()
    pair.clock.now += 100
    for connection in (pair.client, pair.server):
        connection.handle_deadline()
        assert connection.phase is Phase.OPEN
    assert pair.client.next_deadline() is None
    assert pair.server.next_deadline() == pair.clock.now + 600


# ---------------------------------------------------------------- a frame


@sides
def test_a_frame_has_so_much_time_from_its_first_byte(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    connection = stranger.connection
    data = framed(Message(CALL, 1, id=1, target=1, payload=bytes(1_000)).pack())
    begun = stranger.clock.now
    for byte in range(29):
        stranger.give(data[byte : byte + 1])
        assert connection.next_deadline() == begun + 30
        pass_time(stranger, 1)
        assert connection.failure is None
    pass_time(stranger, 1)
    failure = connection.failure
    assert isinstance(failure, ProtocolError)
    assert failure.code is Code.LIMIT
    assert str(failure) == "a frame was not finished in time"
    assert [(message.kind, message.id) for message in stranger.heard()] == [(Kind.GOODBYE, Code.LIMIT)]


@sides
def test_a_frame_that_was_finished_has_no_deadline(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    data = framed(Message(Kind.PING, id=1).pack())
    stranger.give(data[:-1])
    pass_time(stranger, 29)
    stranger.give(data[-1:])
    pass_time(stranger, 29)
    assert stranger.connection.failure is None
    assert stranger.connection.deadline is None


@sides
def test_each_frame_has_its_own_time(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    data = framed(Message(Kind.PING, id=1).pack())
    stranger.give(data[:10])
    for _ in range(5):
        pass_time(stranger, 20)
        # The end of one and the beginning of the next, in one read.
        stranger.give(data[10:] + data[:10])
        assert stranger.connection.next_deadline() == stranger.clock.now + 30
    assert stranger.connection.failure is None
    # Of a frame in the middle of what came nobody waits for anything.
    stranger.give(data[10:] + data + data[:7])
    pass_time(stranger, 29)
    stranger.give(data[7:9])
    pass_time(stranger, 1)
    assert isinstance(stranger.connection.failure, ProtocolError)


@sides
def test_nothing_at_all_does_not_move_the_deadline_of_a_frame(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.give(b"\x00")
    pass_time(stranger, 10)
    stranger.give(b"")
    assert stranger.connection.next_deadline() == 1_030


def test_a_frame_that_begins_behind_the_handshake_has_its_time() -> None:
    stranger = one_end(is_server=True, phase=Phase.PROOF)
    pass_time(stranger, 5)
    stranger.give(framed(b"\x01\x00") + b"\x00")
    assert stranger.connection.phase is Phase.OPEN
    assert stranger.connection.next_deadline() == stranger.clock.now + 30


# ---------------------------------------------------------------- idle


def test_a_session_in_which_nothing_is_asked_ends() -> None:
    stranger = one_end(is_server=True)
    connection = stranger.connection
    assert connection.next_deadline() == stranger.clock.now + 600
    pass_time(stranger, 600)
    failure = connection.failure
    assert type(failure) is SessionClosed
    assert "nothing was asked for 600 seconds" in str(failure)
    (goodbye,) = stranger.heard()
    assert (goodbye.kind, goodbye.id) == (Kind.GOODBYE, Code.IDLE)


def test_no_session_ends_before_its_time() -> None:
    stranger = one_end(is_server=True)
    stranger.connection.next_deadline()
    pass_time(stranger, 0)
    pass_time(stranger, 599)
    assert stranger.connection.failure is None


def test_a_call_that_has_ended_does_not_make_its_deadline_that_of_the_session() -> None:
    stranger = one_end(is_server=True)
    stranger.say(Message(CALL, 1, id=1, target=1))
    request = stranger.session.schedule.start()
    assert request is not None
    assert stranger.connection.next_deadline() == stranger.clock.now + 60
    stranger.session.answer(request, RETURN, Body(b""))
    pass_time(stranger, 60)
    assert stranger.connection.failure is None


@pytest.mark.parametrize("seconds", [1, 60])
def test_a_session_ends_after_a_call_whose_end_nobody_told(seconds: float) -> None:
    stranger = one_end(is_server=True)
    stranger.say(Message(CALL, 1, id=1, target=1))
    request = stranger.session.schedule.start()
    assert request is not None
    due = stranger.connection.next_deadline()
    pass_time(stranger, seconds)
    assert request.cancelled == (stranger.clock.now == due)
    due = stranger.connection.next_deadline()
    stranger.session.answer(request, RETURN, Body(b""))
    while stranger.connection.failure is None:
        assert due is not None
        pass_time(stranger, due - stranger.clock.now)
        due = stranger.connection.next_deadline()
    assert "nothing was asked for 600 seconds" in str(stranger.connection.failure)


def test_a_request_in_between_makes_a_session_live_on() -> None:
    stranger = one_end(is_server=True)
    for id_ in range(1, 5):
        assert stranger.connection.next_deadline() == stranger.clock.now + 600
        stranger.clock.now += 599
        stranger.say(Message(CALL, 1, id=id_, target=1))
        request = stranger.session.schedule.start()
        assert request is not None
        stranger.session.answer(request, RETURN, Body(b""))
        pass_time(stranger, 1)
        assert stranger.connection.failure is None


def test_pings_are_no_requests() -> None:
    stranger = one_end(is_server=True)
    stranger.connection.next_deadline()
    stranger.clock.now += 599
    stranger.say(Message(Kind.PING, id=1), Message(Kind.ACK))
    pass_time(stranger, 1)
    assert type(stranger.connection.failure) is SessionClosed


def test_a_client_is_never_idle() -> None:
    stranger = one_end(is_server=False)
    assert stranger.connection.next_deadline() is None
    pass_time(stranger, 1e9)
    assert stranger.connection.failure is None


# ---------------------------------------------------------------- calls


@sides
def test_what_runs_for_too_long_is_cancelled(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    connection, session = stranger.connection, stranger.session
    stranger.say(Message(CALL, 1, id=1, target=1))
    request = session.schedule.start()
    assert request is not None
    assert connection.next_deadline() == stranger.clock.now + 60
    stranger.clock.now += 30
    assert connection.next_deadline() == stranger.clock.now + 30
    pass_time(stranger, 29)
    was_cancelled = request.cancelled
    pass_time(stranger, 1)
    assert (was_cancelled, request.cancelled) == (False, True)
    assert connection.failure is None
    # It may take its time to stop: nobody is called again and again for it.
    due = connection.next_deadline()
    assert due is None or due > stranger.clock.now
    session.answer(request, RETURN, Body(b""))
    assert [(message.kind, message.id) for message in stranger.heard()] == [(RETURN, 1)]


def test_the_first_of_several_calls_counts() -> None:
    stranger = Stranger(is_server=True, limits=LIMITS, clock=Clock(), concurrent=True)
    stranger.session.tables.exports.grant(stranger, 1)
    requests = []
    for id_ in (1, 2, 3):
        stranger.say(Message(CALL, 1, id=id_, target=1))
        requests.append(stranger.session.schedule.start())
        assert stranger.connection.next_deadline() == 1_060
        stranger.clock.now += 10
    pass_time(stranger, 30)
    assert [request is not None and request.cancelled for request in requests] == [True, False, False]
    due = stranger.connection.next_deadline()
    assert due == 1_070


@sides
def test_nothing_is_due_when_it_is_over(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.say(Message(CALL, 1, id=1, target=1))
    stranger.give(b"\x00")
    stranger.connection.close()
    assert stranger.connection.next_deadline() is None
    pass_time(stranger, 1e9)
    assert type(stranger.connection.failure) is SessionClosed


@sides
def test_a_long_message_is_held_to_the_time_of_each_frame(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    for frame in fragments(Message(CALL, 1, id=1, target=1, payload=bytes(8_000)), [2_000] * 3):
        stranger.give(framed(frame)[:50])
        pass_time(stranger, 29)
        stranger.give(framed(frame)[50:])
    assert stranger.connection.failure is None
    assert list(stranger.session.schedule.requests) == [1]
