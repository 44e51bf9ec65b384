"""A connection: bytes in, bytes out, and how it begins and ends."""

from __future__ import annotations

import pytest

from limpet.errors import (
    Code,
    ConnectRefused,
    LimitExceeded,
    ProtocolError,
    SessionClosed,
    SessionError,
    SessionLost,
)
from limpet.framing.handshake import Ready, ServerHandshake
from limpet.limits import Limits
from limpet.peer import Peer, parse_address
from limpet.policy.addresses import Addresses
from limpet.profile import Profile
from limpet.session.body import Body
from limpet.session.connection import Connection, Phase
from limpet.session.messages import Kind
from tests.support.pair import Clock, Pair, Stranger, connect, entropy
from tests.support.wire import Message, fragments, framed

LIMITS = Limits(handshake_seconds=10, frame_seconds=30, idle_seconds=600, call_seconds=60)
CALL, RETURN = int(Kind.CALL), int(Kind.RETURN)
sides = pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])


def one_end(*, is_server: bool, phase: Phase = Phase.OPEN) -> Stranger:
    stranger = Stranger(is_server=is_server, phase=phase, limits=LIMITS)
    if phase is Phase.OPEN:
        stranger.session.tables.exports.grant(stranger, 1)
    return stranger


# ---------------------------------------------------------------- the beginning


def test_two_ends_come_to_a_session() -> None:
    pair = Pair(client=Limits(frame_bytes=5_000), server=Limits(frame_bytes=6_000), concurrent=True)
    assert (pair.client.phase, pair.server.phase) == (Phase.HELLO, Phase.HELLO)
    assert (pair.client.is_server, pair.server.is_server) == (False, True)
    pair.open()
    assert pair.client.session_id == pair.server.session_id == entropy(16)
    assert pair.client.agreement is not None
    assert pair.client.agreement.frame_bytes == 5_000
    assert pair.server.agreement is not None
    assert pair.server.agreement.codec == pair.client.agreement.codec
    assert pair.session(is_server=True).schedule.is_concurrent
    assert pair.session(is_server=False).window.calls == 1_024


def test_a_server_judges_who_connects_before_anything_is_read() -> None:
    profile = Profile.local(addresses=Addresses("192.0.2.1"))
    for text in ("192.0.2.1", None):
        peer = Peer(address=parse_address(text)) if text else Peer()
        Connection.server(profile, peer=peer, clock=Clock(), entropy=entropy)
    stranger = Peer(address=parse_address("192.0.2.2"), port=7)
    with pytest.raises(ConnectRefused, match=r"192\.0\.2\.2:7 may not connect"):
        Connection.server(profile, peer=stranger, clock=Clock(), entropy=entropy)
    Connection.client(profile, peer=stranger, clock=Clock(), entropy=entropy)


def test_a_client_speaks_first() -> None:
    assert connect(is_server=True).outgoing() == []
    assert b"".join(connect(is_server=False).outgoing()).startswith(b"\x89LPT/1\r\n")


@sides
def test_a_handshake_byte_by_byte(is_server: bool) -> None:
    pair = Pair(client=LIMITS, server=LIMITS, cut=lambda _: 1)
    pair.open()
    assert pair.end(is_server=is_server).deadline is None


def test_what_comes_with_the_last_of_the_handshake_is_read() -> None:
    stranger = one_end(is_server=True, phase=Phase.PROOF)
    stranger.give(framed(b"\x01\x00", Message(Kind.OPEN, 1, id=1, payload=b"p").pack()) + b"\x00")
    assert list(stranger.session.schedule.requests) == [1]
    assert stranger.connection.deadline == stranger.clock.now + 30


@sides
def test_a_first_frame_has_a_limit(is_server: bool) -> None:
    stranger = one_end(is_server=is_server, phase=Phase.PROOF)
    stranger.give((1_025).to_bytes(4))
    assert "a first frame of 1025 bytes" in str(stranger.connection.failure)
    stranger = one_end(is_server=is_server, phase=Phase.PROOF)
    stranger.give((1_024).to_bytes(4) + bytes(1_023))
    assert stranger.connection.failure is None
    stranger.give(b"\x00")
    assert stranger.connection.failure is not None


@sides
@pytest.mark.parametrize("phase", [Phase.HELLO, Phase.PROOF], ids=lambda phase: phase.name)
def test_a_handshake_that_fails_says_nothing(is_server: bool, phase: Phase) -> None:
    stranger = one_end(is_server=is_server, phase=phase)
    stranger.give(b"\x00\x00\x00\x02no" if phase is Phase.PROOF else b"GET / HTTP/1.1\r\n")
    failure = stranger.connection.failure
    assert stranger.connection.phase is Phase.CLOSED
    assert stranger.raw() == b""
    if is_server:
        assert type(failure) is ProtocolError
    else:
        assert type(failure) is ConnectRefused
        assert isinstance(failure.__cause__, ProtocolError)
        assert str(failure) == f"the handshake failed: {failure.__cause__}"


# ---------------------------------------------------------------- the end


@sides
def test_the_end_of_the_bytes_is_no_end_of_a_session(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.connection.receive_eof()
    assert type(stranger.connection.failure) is SessionLost
    assert stranger.session.ended is stranger.connection.failure
    early = one_end(is_server=is_server, phase=Phase.HELLO)
    early.connection.receive_eof()
    assert type(early.connection.failure) is ConnectRefused


@sides
def test_the_first_reason_stays(is_server: bool) -> None:
    connection = one_end(is_server=is_server).connection
    why = SessionLost("the cable")
    connection.lose(why)
    connection.receive_eof()
    connection.close()
    connection.lose(SessionError("other"))
    assert connection.failure is why
    connection.check()


@sides
def test_closing_says_goodbye(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.connection.close(Code.SHUTDOWN, "maintenance")
    assert str(stranger.connection.failure) == "maintenance"
    (goodbye,) = stranger.heard()
    assert (goodbye.kind, goodbye.id, goodbye.payload) == (Kind.GOODBYE, Code.SHUTDOWN, b"maintenance")
    other = one_end(is_server=is_server)
    other.connection.close()
    assert type(other.connection.failure) is SessionClosed
    assert other.heard()[0].id == Code.DONE


@sides
def test_closing_a_handshake_says_nothing(is_server: bool) -> None:
    connection = connect(is_server=is_server)
    connection.close()
    assert type(connection.failure) is SessionClosed
    assert connection.outgoing() == []


@sides
def test_an_error_of_the_peer_is_told_to_it_and_kept_without_its_frames(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.say(b"short")
    failure = stranger.connection.failure
    assert type(failure) is ProtocolError
    assert failure.__traceback__ is None
    (goodbye,) = stranger.heard()
    assert (goodbye.kind, goodbye.id, goodbye.payload.decode()) == (Kind.GOODBYE, Code.MALFORMED, str(failure))


@sides
def test_a_session_that_ended_by_itself_closes_the_connection(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    why = LimitExceeded("too much")
    stranger.session.end(why, Code.LIMIT)
    stranger.give(b"\x00" if is_server else framed(b"short"))
    assert stranger.connection.failure is why
    stranger.give(b"anything")


@sides
def test_good_frames_in_front_of_a_bad_length_count(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.give(framed(Message(CALL, 1, id=1, target=1).pack()) + b"\xff\xff\xff\xff")
    assert stranger.session.received == 1
    assert type(stranger.connection.failure) is LimitExceeded


# ---------------------------------------------------------------- time


def expire(stranger: Stranger, seconds: float) -> SessionError | None:
    stranger.clock.now += seconds
    stranger.connection.handle_deadline()
    return stranger.connection.failure


@sides
def test_the_deadline_of_the_handshake(is_server: bool) -> None:
    stranger = one_end(is_server=is_server, phase=Phase.HELLO)
    assert stranger.connection.next_deadline() == stranger.clock.now + 10
    assert expire(stranger, 9) is None
    assert "the handshake was not finished in time" in str(expire(stranger, 1))
    assert stranger.connection.next_deadline() is None
    assert expire(stranger, 1) is stranger.connection.failure


@sides
def test_the_deadline_of_a_frame(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    stranger.give(b"\x00")
    stranger.give(b"\x00")
    assert stranger.connection.next_deadline() == stranger.clock.now + 30
    stranger.give(framed(Message(Kind.PING).pack())[2:])
    assert stranger.connection.deadline is None
    stranger.give(b"\x00")
    assert str(expire(stranger, 30)) == "a frame was not finished in time"


def test_the_deadline_of_silence() -> None:
    stranger = one_end(is_server=True)
    assert expire(stranger, 10_000) is None
    begun = stranger.clock.now
    assert stranger.connection.next_deadline() == begun + 600
    assert expire(stranger, 599) is None
    assert stranger.connection.next_deadline() == begun + 600
    stranger.say(Message(CALL, 1, id=1, target=1))
    request = stranger.session.schedule.start()
    assert request is not None
    stranger.session.answer(request, RETURN, Body(b""))
    assert expire(stranger, 1) is None
    assert stranger.connection.next_deadline() == stranger.clock.now + 600
    assert type(expire(stranger, 600)) is SessionClosed
    client = one_end(is_server=False)
    assert client.connection.next_deadline() is None
    assert expire(client, 1e9) is None


@sides
def test_the_deadline_of_calls(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    connection = stranger.connection
    stranger.say(Message(CALL, 1, id=1, target=1))
    running = stranger.session.schedule.start()
    assert running is not None
    assert connection.next_deadline() == stranger.clock.now + 60
    stranger.clock.now += 1
    assert connection.next_deadline() == stranger.clock.now + 59
    assert expire(stranger, 58) is None
    was_cancelled = running.cancelled
    assert expire(stranger, 1) is None
    assert (was_cancelled, running.cancelled) == (False, True)
    assert connection.next_deadline() == (stranger.clock.now + 600 if is_server else None)


def test_a_call_that_waits_its_turn_spends_none_of_its_time() -> None:
    stranger = one_end(is_server=True)
    connection, schedule = stranger.connection, stranger.session.schedule
    for id_ in (1, 2):
        stranger.say(Message(CALL, 1, id=id_, target=1))
    first = schedule.start()
    assert first is not None
    # It is looked at soon again: what begins to run meanwhile is timed from where it is seen.
    assert connection.next_deadline() == stranger.clock.now + 1
    assert expire(stranger, 59) is None
    stranger.session.answer(first, RETURN, Body(b""))
    second = schedule.start()
    assert second is not None
    assert connection.next_deadline() == stranger.clock.now + 60
    assert expire(stranger, 59) is None
    was_cancelled = second.cancelled
    assert expire(stranger, 1) is None
    assert (was_cancelled, second.cancelled) == (False, True)


def test_the_deadline_of_a_call_waits_for_no_frame() -> None:
    stranger = one_end(is_server=True)
    stranger.say(Message(CALL, 1, id=1, target=1))
    request = stranger.session.schedule.start()
    assert request is not None
    assert stranger.connection.next_deadline() == stranger.clock.now + 60
    stranger.clock.now += 50
    stranger.give(b"\x00")
    assert stranger.connection.next_deadline() == stranger.clock.now + 10
    assert expire(stranger, 10) is None
    assert request.cancelled
    assert stranger.connection.next_deadline() == stranger.clock.now + 20


@sides
def test_a_message_has_so_much_time_from_its_first_frame(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    begun = stranger.clock.now
    frames = fragments(Message(CALL, 1, id=1, target=1, payload=bytes(100)), [1] * 99)
    for frame in frames[:10]:
        stranger.say(frame)
        assert stranger.connection.deadline == begun + 3_600
        stranger.clock.now += 350
    stranger.say(frames[10])
    assert str(expire(stranger, 100)) == "a message was not finished in time"


@sides
def test_a_message_that_was_finished_has_no_deadline(is_server: bool) -> None:
    stranger = one_end(is_server=is_server)
    for id_ in (1, 2):
        stranger.say(*fragments(Message(CALL, 1, id=id_, target=1, payload=bytes(100)), [50]))
        assert stranger.connection.deadline is None


def test_a_part_of_a_message_does_not_keep_a_session_from_being_idle() -> None:
    stranger = one_end(is_server=True)
    stranger.connection.next_deadline()
    stranger.clock.now += 599
    stranger.say(*fragments(Message(CALL, 1, id=1, target=1, payload=bytes(100)), [50])[:1])
    assert type(expire(stranger, 1)) is SessionClosed


def test_a_server_says_nothing_before_the_proof_is_sent() -> None:
    for ready in (b"", framed(Ready(bytes(16), 1, 0, bytes(32)).pack())):
        client = connect(is_server=False)
        server = ServerHandshake([1], Limits())
        server.receive(b"".join(client.outgoing()))
        client.receive(server.answer + ready)
        if not ready:
            assert client.phase is Phase.PROOF
            client.receive(b"\x00")
        assert "before Proof was sent" in str(client.failure)


def test_a_connection_that_is_neither_here_nor_there_has_no_deadline() -> None:
    connection = connect(is_server=True)
    connection.deadline = None
    assert connection.next_deadline() is None
    connection.handle_deadline()
    assert connection.failure is None


def test_the_check_sees_what_is_wrong() -> None:
    connection = connect(is_server=True)
    connection.check()
    connection.failure = SessionError("but it goes on")
    with pytest.raises(AssertionError):
        connection.check()
