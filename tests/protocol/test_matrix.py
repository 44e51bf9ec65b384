"""Every kind of message at every moment: what is accepted, what ends the session and how, and what ends it silently."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from limpet.errors import Code, ConnectRefused, ProtocolError, SessionClosed, SessionError
from limpet.session.body import Body
from limpet.session.connection import Phase
from limpet.session.messages import Kind
from tests.support.pair import Stranger
from tests.support.wire import Message, fragments, framed

KINDS = range(256)
REQUESTS = range(1, 9)
ONLY_TO_SERVERS = {Kind.OPEN, Kind.DESCRIBE}
ACCEPTED, SILENT = "accepted", "silent"
CLOSED, MALFORMED, UNEXPECTED = "closed", Code.MALFORMED, Code.UNEXPECTED

Outcome = Code | str


def outcome(stranger: Stranger, body: bytes) -> Outcome:
    """Send a frame and return what became of the connection. Whatever it is, a further frame changes nothing."""
    stranger.raw()
    before = stranger.connection.phase
    stranger.say(body)
    connection = stranger.connection
    if connection.phase is before:
        assert connection.failure is None
        return ACCEPTED
    assert connection.phase is Phase.CLOSED
    failure = connection.failure
    if before is not Phase.OPEN:
        assert stranger.raw() == b""
        assert type(failure) is (ProtocolError if connection.is_server else ConnectRefused)
        result: Outcome = SILENT
    elif type(failure) is SessionClosed:
        assert stranger.heard() == []
        result = CLOSED
    else:
        assert type(failure) is ProtocolError
        (goodbye,) = [message for message in stranger.heard() if message.kind == Kind.GOODBYE]
        assert goodbye.id == failure.code
        assert goodbye.payload.decode() == str(failure)[:256]
        result = failure.code
    stranger.say(Message(Kind.PING, id=1), body)
    assert stranger.raw() == b""
    assert connection.failure is failure
    return result


def bare(kind: int) -> bytes:
    return Message(kind, id=1).pack()


def outcomes(make: Callable[[], Stranger], body: Callable[[int], bytes] = bare) -> dict[int, Outcome]:
    return {kind: outcome(make(), body(kind)) for kind in KINDS}


def expected(changes: dict[int, Outcome]) -> dict[int, Outcome]:
    """Return what becomes of each kind; one that is not named has none of the known numbers."""
    return {kind: changes.get(kind, UNEXPECTED) for kind in KINDS}


def in_phase(phase: Phase, *, is_server: bool) -> Callable[[], Stranger]:
    return lambda: Stranger(is_server=is_server, phase=phase)


sides = pytest.mark.parametrize("is_server", [True, False], ids=["server", "client"])


@sides
@pytest.mark.parametrize("phase", [Phase.HELLO, Phase.PROOF], ids=lambda phase: phase.name)
def test_before_a_session_no_message_is_legal_and_nothing_is_said(phase: Phase, is_server: bool) -> None:
    assert outcomes(in_phase(phase, is_server=is_server)) == dict.fromkeys(KINDS, SILENT)


@sides
def test_a_session_in_which_nothing_was_said_yet(is_server: bool) -> None:
    # Answers to nothing, a Release of nothing, a Cancel of what has not come, a Pong for no Ping.
    senseless = dict.fromkeys((16, 17, 32, 33, 49), MALFORMED)
    requests = {kind: ACCEPTED if is_server or kind not in ONLY_TO_SERVERS else UNEXPECTED for kind in REQUESTS}
    # Goodbye with the number 1 is a server that stops.
    legal = {48: ACCEPTED, 50: ACCEPTED, 51: ACCEPTED, 64: CLOSED}
    changes: dict[int, Outcome] = {**requests, **senseless, **legal}
    assert outcomes(in_phase(Phase.OPEN, is_server=is_server)) == expected(changes)


def busy(*, is_server: bool) -> Stranger:
    """Return a peer that waits for the answers to request 1 and ping 1, and serves a request 1 itself."""
    stranger = Stranger(is_server=is_server)
    session = stranger.session
    session.tables.exports.grant(stranger, 1)
    assert session.request(Kind.CALL, 1, 1, Body(b"")) is not None
    session.ping()
    stranger.say(Message(Kind.CALL, 3, id=1, target=1))
    assert session.schedule.start() is not None
    return stranger


@sides
def test_a_session_in_which_all_of_it_means_something(is_server: bool) -> None:
    answers = dict.fromkeys((16, 17), ACCEPTED)
    requests = {kind: ACCEPTED if is_server or kind not in ONLY_TO_SERVERS else UNEXPECTED for kind in REQUESTS}
    control = dict.fromkeys((33, 48, 49, 50, 51), ACCEPTED)

    def body(kind: int) -> bytes:
        return Message(kind, 1 if kind in REQUESTS else 0, id=2 if kind in REQUESTS else 1, target=1).pack()

    changes: dict[int, Outcome] = {**requests, **answers, 32: MALFORMED, **control, 64: CLOSED}
    assert outcomes(lambda: busy(is_server=is_server), body) == expected(changes)


@sides
@pytest.mark.parametrize("kind", [Kind.CALL, Kind.RETURN], ids=["request", "answer"])
def test_while_a_message_comes_in_several_frames(is_server: bool, kind: int) -> None:
    rest: list[bytes] = []

    def make() -> Stranger:
        stranger = Stranger(is_server=is_server)
        session = stranger.session
        session.tables.exports.grant(stranger, 1)
        assert session.request(Kind.CALL, 1, 1, Body(b"")) is not None
        session.ping()
        stranger.say(Message(Kind.CALL, 1, id=1, target=1))
        first, second, *_ = fragments(Message(kind, 0, id=2 - (kind == Kind.RETURN), payload=b"x" * 2_048), [1_024])
        stranger.say(first)
        rest.append(second)
        return stranger

    # Nothing of what may not pass is looked at any further: it belongs to no message.
    control = dict.fromkeys((33, 48, 49, 50, 51), ACCEPTED)
    # That the answer under way ends with a frame that has nothing in it is malformed, too.
    assert outcomes(make) == {kind: control.get(kind, MALFORMED) for kind in KINDS}
    for other in control:
        stranger = make()
        stranger.say(bare(other), rest[-1])
        assert stranger.connection.phase is Phase.OPEN
        assert stranger.session.received == 1 + 2 + (other in (33, 51))


@sides
@pytest.mark.parametrize(
    ("end", "failure"),
    [
        (lambda stranger: stranger.connection.close(), SessionClosed),
        (lambda stranger: stranger.say(Message(Kind.GOODBYE)), SessionClosed),
        (lambda stranger: stranger.say(b"short"), ProtocolError),
        (lambda stranger: stranger.connection.receive_eof(), SessionError),
        (lambda stranger: stranger.connection.lose(SessionError("broken")), SessionError),
    ],
    ids=["closed", "goodbye", "error", "eof", "lost"],
)
def test_after_the_end_nothing_is_read(
    is_server: bool, end: Callable[[Stranger], None], failure: type[SessionError]
) -> None:
    stranger = busy(is_server=is_server)
    end(stranger)
    stranger.raw()
    connection, session = stranger.connection, stranger.session
    assert isinstance(connection.failure, failure)
    why, received, running = connection.failure, session.received, dict(session.schedule.requests)
    stranger.give(b"".join(framed(bare(kind)) for kind in KINDS) + b"\xff\xff\xff\xff")
    for kind in KINDS:
        stranger.say(bare(kind))
    assert connection.failure is why
    assert (session.received, dict(session.schedule.requests)) == (received, running)
    assert stranger.raw() == b""


@sides
@pytest.mark.parametrize("phase", [Phase.HELLO, Phase.PROOF], ids=lambda phase: phase.name)
def test_after_the_end_of_a_handshake_nothing_is_read(is_server: bool, phase: Phase) -> None:
    stranger = Stranger(is_server=is_server, phase=phase)
    stranger.connection.receive_eof()
    why = stranger.connection.failure
    assert type(why) is ConnectRefused
    stranger.give(b"\x00" * 2_000)
    assert stranger.connection.failure is why
    assert stranger.raw() == b""
    assert stranger.connection.session is None


@sides
@pytest.mark.parametrize("flags", [1, 2, 8, 16, 32, 64, 128, 251])
def test_flags_that_a_kind_does_not_have(is_server: bool, flags: int) -> None:
    known = dict.fromkeys(REQUESTS, 1 | 2 | 8)

    def body(kind: int) -> bytes:
        return Message(kind, flags, id=2 if kind in REQUESTS else 1, target=1).pack()

    for kind in (*REQUESTS, 16, 17, 32, 33, 48, 49, 50, 51, 64):
        allowed = known.get(kind, 0) | (32 if kind == Kind.CALL else 0)
        if flags & ~allowed:
            assert outcome(busy(is_server=is_server), body(kind)) in (MALFORMED, UNEXPECTED)
        elif kind not in ONLY_TO_SERVERS or is_server:
            assert outcome(busy(is_server=is_server), body(kind)) == ACCEPTED


@sides
@pytest.mark.parametrize("counts", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (65_535, 65_535, 65_535)])
def test_control_messages_carry_nothing(is_server: bool, counts: tuple[int, int, int]) -> None:
    for kind in (33, 48, 49, 50, 51, 64):
        assert outcome(busy(is_server=is_server), Message(kind, id=1, counts=counts).pack()) is MALFORMED
    for kind in (33, 48, 49, 50, 51):
        assert outcome(busy(is_server=is_server), Message(kind, id=1, payload=b"x").pack()) is MALFORMED


@sides
@pytest.mark.parametrize("size", [0, 1, 39])
def test_a_frame_shorter_than_a_head(is_server: bool, size: int) -> None:
    assert outcome(busy(is_server=is_server), bytes(size)) is MALFORMED


@sides
@pytest.mark.parametrize("kind", [0, 65, 80, 81, 82, 83, 128, 255])
def test_a_kind_that_nobody_agreed_to_is_unexpected_whatever_it_carries(is_server: bool, kind: int) -> None:
    assert outcome(busy(is_server=is_server), Message(kind, id=1, payload=b"x").pack()) is UNEXPECTED
