"""Messages that lie about what is in them. Each ends the session with one code, and nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded, ProtocolError
from limpet.limits import Limits
from limpet.session.body import Body
from limpet.session.connection import Phase
from limpet.session.messages import Kind
from tests.support.pair import Stranger
from tests.support.wire import HEAD_BYTES, INLINE, Message, drop, forget, fragments, mine, promise, yours

CALL, RETURN, RAISE, RELEASE = int(Kind.CALL), int(Kind.RETURN), int(Kind.RAISE), int(Kind.RELEASE)
U64 = (1 << 64) - 1


def refused(stranger: Stranger, *messages: Message | bytes, code: Code = Code.MALFORMED, match: str = "") -> None:
    """Expect the last of ``messages``, and no one before it, to end the session."""
    stranger.raw()
    for message in messages[:-1]:
        stranger.say(message)
        assert stranger.connection.failure is None
    stranger.say(messages[-1])
    failure = stranger.connection.failure
    assert isinstance(failure, ProtocolError)
    assert type(failure) is (LimitExceeded if code is Code.LIMIT else ProtocolError)
    assert failure.code is code
    assert match in str(failure)
    assert stranger.connection.phase is Phase.CLOSED
    assert stranger.heard()[-1].id == code


def server(**more: Any) -> Stranger:
    """Return a stranger to a server whose object 1 the stranger holds once."""
    stranger = Stranger(is_server=True, **more)
    stranger.session.tables.exports.grant(stranger, 1)
    return stranger


def client(**more: Any) -> Stranger:
    """Return a stranger to a client that has asked once and waits."""
    stranger = Stranger(is_server=False, **more)
    assert stranger.session.request(CALL, 1, 1, Body(b"")) is not None
    return stranger


def call(id_: int = 1, **more: Any) -> Message:
    return Message(CALL, 1, id=id_, target=1, **more)


# ---------------------------------------------------------------- heads


def test_ids_count_up() -> None:
    refused(server(), call(0), match="ids count up")
    refused(server(), call(1), call(1), match="request 1 after request 1")
    refused(server(), call(7), call(9), call(8), match="request 8 after request 9")
    stranger = server()
    stranger.say(call(U64))
    refused(stranger, call(U64))


def test_ids_may_leave_some_out() -> None:
    stranger = server()
    stranger.say(call(5), call(1_000), call(U64))
    assert list(stranger.session.schedule.requests) == [5, 1_000, U64]


@pytest.mark.parametrize("kind", [RETURN, RAISE])
def test_answers_to_nothing(kind: int) -> None:
    refused(client(), Message(kind, id=2), match="request 2, which does not wait")
    refused(client(), Message(kind, id=0))
    refused(client(), Message(kind, id=U64))
    refused(client(), Message(kind, id=1), Message(kind, id=1), match="request 1, which does not wait")
    refused(server(), Message(kind, id=1))


def test_an_answer_to_a_one_way_request() -> None:
    stranger = client()
    assert stranger.session.request(CALL, 0, 1, Body(b"")) is not None
    refused(stranger, Message(RETURN, id=2), match="request 2, which does not wait")


def test_the_caller_of_a_malformed_answer_is_not_left_waiting() -> None:
    for answer in (
        Message(RETURN, 1, id=1),
        Message(RAISE, id=1, references=(yours(1),)),
        Message(RETURN, id=1, counts=(1, 0, 0)),
        Message(RETURN, id=1, references=(mine(1, 9),)),
    ):
        stranger = Stranger(is_server=False)
        pending = stranger.session.request(CALL, 1, 1, Body(b""))
        assert pending is not None
        refused(stranger, answer)
        assert pending.done
        assert pending.failure is stranger.connection.failure
        assert not stranger.session.pending


def test_an_error_carries_no_reference() -> None:
    refused(client(), Message(RAISE, id=1, references=(yours(1),)), match="an error that carries references")


def test_an_error_has_a_limit() -> None:
    limits = Limits(error_bytes=1_024)
    stranger = client(limits=limits)
    stranger.say(Message(RAISE, id=1, payload=bytes(1_024)))
    refused(
        client(limits=limits), Message(RAISE, id=1, payload=bytes(1_025)), code=Code.LIMIT, match="an error of 1025"
    )


def test_an_error_may_carry_a_buffer() -> None:
    stranger = client()
    (pending,) = stranger.session.pending.values()
    stranger.say(Message(RAISE, id=1, payload=b"error", buffers=(b"large",)))
    assert (pending.kind, pending.payload, pending.buffers) == (RAISE, b"error", [b"large"])


def test_acknowledgements_ahead_of_what_was_sent() -> None:
    stranger = server()
    sent = stranger.session.sent
    stranger.say(call(1, ack=sent))
    refused(stranger, call(2, ack=sent + 1), match=f"acknowledgement of {sent + 1} frames")
    refused(server(), Message(Kind.PING, id=1, ack=U64))


def test_acknowledgements_may_be_older_for_control_frames_pass_others() -> None:
    stranger = server()
    sent = stranger.session.sent
    assert sent > 0
    stranger.say(Message(Kind.ACK, ack=sent), Message(Kind.ACK, ack=sent - 1), call(1))
    assert stranger.connection.failure is None
    refused(stranger, Message(Kind.ACK, ack=sent + 1))


def test_only_the_server_is_asked_to_open_and_describe() -> None:
    refused(client(), Message(Kind.OPEN, 1, id=1), code=Code.UNEXPECTED, match="Open goes to the server only")
    refused(client(), Message(Kind.DESCRIBE, 1, id=1), code=Code.UNEXPECTED, match="Describe goes to the server only")


def test_metadata_was_not_agreed_to() -> None:
    refused(server(), Message(CALL, 1 | 16, id=1), match="flags")


# ---------------------------------------------------------------- tables


LYING = {
    "references beyond the end": Message(CALL, 1, id=1, counts=(1, 0, 0)),
    "types beyond the end": Message(CALL, 1, id=1, counts=(0, 1, 0)),
    "buffers beyond the end": Message(CALL, 1, id=1, counts=(0, 0, 1)),
    "all of them": Message(CALL, 1, id=1, counts=(65_535, 65_535, 65_535)),
    "half a reference": Message(CALL, 1, id=1, payload=bytes(15), counts=(1, 0, 0)),
    "a descriptor longer than the message": Message(CALL, 1, id=1, payload=b"\0\0\0\1\0\0\0\5abcd", counts=(0, 1, 0)),
    "a descriptor of 4 GiB": Message(CALL, 1, id=1, payload=b"\0\0\0\1\xff\xff\xff\xffabcd", counts=(0, 1, 0)),
    "a buffer longer than the message": Message(CALL, 1, id=1, payload=b"\0\0\0\5abcd", counts=(0, 0, 1)),
    "buffers of 4 GiB": Message(CALL, 1, id=1, payload=b"\xff" * 40, counts=(0, 0, 10)),
    "a descriptor that runs into a buffer": Message(
        CALL, 1, id=1, payload=b"\0\0\0\1\0\0\0\3" + b"\0\0\0\2" + b"abcd", counts=(0, 1, 1)
    ),
}


@pytest.mark.parametrize("message", LYING.values(), ids=LYING)
def test_counts_and_lengths_that_lie(message: Message) -> None:
    refused(server(), message, match="a message shorter than its")
    answer = Message(RETURN, 0, id=1, payload=message.payload, counts=message.counts)
    refused(client(), answer, match="a message shorter than its")


ENTRIES = {
    "what 0": (0, 0, 0, 0, 1),
    "what 6": (6, 0, 0, 0, 1),
    "what 255": (255, 0, 0, 0, 1),
    "a drop in a call": drop(1),
    "a forget in a call": forget(1),
    "reserved, mine": (1, 1, 1, 1, 1),
    "reserved, yours": (2, 0, 1, 0, 1),
    "reserved, promise": (3, 0, 0x8000, 0, 1),
    "view 0": mine(1, view=0),
    "view 3": mine(1, view=3),
    "view 255": mine(1, view=255),
    "type 0": mine(1, 0),
    "a type not described": mine(1, 2),
    "a type far away": mine(1, INLINE - 1),
    "an index not there": mine(1, INLINE | 1),
    "an index far away": mine(1, 0xFFFF_FFFF),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_entries_that_mean_nothing(entry: tuple[int, int, int, int, int]) -> None:
    refused(server(), call(references=(mine(7), entry), types=((1, b"type"),)))
    refused(client(), Message(RETURN, id=1, references=(mine(7), entry), types=((1, b"type"),)))


def test_an_object_that_changes_its_view() -> None:
    first = call(1, references=(mine(1, view=1),), types=((1, b"type"),))
    refused(server(), first, call(2, references=(mine(1, view=2),)), match="another view")


def test_a_handle_that_was_never_given_fails_its_call_alone() -> None:
    stranger = server()
    stranger.say(
        Message(CALL, 1, id=1, target=2),
        Message(CALL, 1, id=2, target=0),
        Message(CALL, 1, id=3, target=U64),
        Message(CALL, 9, id=4, target=1),
        call(5, references=(yours(2), promise(5), promise(U64), yours(1))),
    )
    faults = [str(request.fault) for request in stranger.session.schedule.requests.values()]
    assert faults == ["no such object"] * 4 + ["None"]
    references = stranger.session.schedule.requests[5].references
    assert references[0] is references[1] is references[2]
    assert references[3] is stranger.session.tables.exports.by_handle[1]


# ---------------------------------------------------------------- types


def test_types_are_described_in_turn() -> None:
    refused(server(), call(types=((2, b"type"),)), match="type 2 is out of turn")
    refused(server(), call(1, types=((1, b"a"),)), call(2, types=((1, b"a"),)), match="type 1 is out of turn")
    refused(server(), call(types=((1, b"a"), (3, b"b"))), match="type 3 is out of turn")
    refused(server(), call(types=((INLINE, b"a"),)), match="out of turn")


def test_descriptors_have_a_limit() -> None:
    limits = Limits(descriptor_bytes=10)
    stranger = server(limits=limits)
    stranger.say(call(1, types=((1, b"x" * 10), (0, b"y" * 10))))
    refused(stranger, call(2, types=((2, b"x" * 11),)), code=Code.LIMIT, match="a descriptor of 11 bytes")
    refused(server(limits=limits), call(types=((0, b"x" * 11),)), code=Code.LIMIT)


def test_types_have_a_limit_and_others_go_along_with_their_message() -> None:
    stranger = server(limits=Limits(types=2))
    stranger.say(call(1, types=((1, b"one"), (2, b"two")), references=(mine(1, 1), mine(2, 2))))
    stranger.say(call(2, types=((0, b"three"), (0, b"four")), references=(mine(3, INLINE | 1), mine(4, INLINE))))
    held = stranger.session.tables.imports.by_handle
    assert {handle: entry.descriptor for handle, entry in held.items()} == {
        1: b"one",
        2: b"two",
        3: b"four",
        4: b"three",
    }
    # What went along was for that message alone.
    refused(stranger, call(3, references=(mine(5, INLINE),)), match="never described")
    refused(
        server(limits=Limits(types=2)),
        call(1, types=((1, b"one"), (2, b"two"))),
        call(2, types=((3, b"three"),)),
        code=Code.LIMIT,
        match="more than 2 types",
    )


# ---------------------------------------------------------------- limits


def test_references_held_have_a_limit() -> None:
    stranger = server(limits=Limits(exports=2))
    stranger.say(call(1, types=((1, b"type"),), references=(mine(1), mine(2), mine(1))))
    refused(stranger, call(2, references=(mine(3),)), code=Code.LIMIT, match="more than 2 references held")


def test_references_in_a_message_have_a_limit() -> None:
    limits = Limits(references=2)
    stranger = server(limits=limits)
    stranger.say(call(1, references=(yours(1), yours(1))))
    refused(stranger, call(2, references=(yours(1),) * 3), code=Code.LIMIT)


def test_kept_results_have_a_limit() -> None:
    stranger = server(limits=Limits(promises=2))
    kept = [Message(CALL, 3, id=id_, target=1) for id_ in (1, 2, 3)]
    refused(stranger, *kept, code=Code.LIMIT, match="more than 2 kept results")


def test_a_frame_over_the_limit_is_refused_by_its_length_alone() -> None:
    stranger = server(limits=Limits(frame_bytes=4_096))
    stranger.say(call(1, payload=bytes(4_096 - HEAD_BYTES)))
    assert stranger.connection.phase is Phase.OPEN
    stranger.give((4_097).to_bytes(4))
    assert isinstance(stranger.connection.failure, LimitExceeded)
    assert stranger.heard()[-1].id == Code.LIMIT


def test_a_message_over_the_limit_is_refused_when_it_gets_there() -> None:
    limits = Limits(error_bytes=1_024, frame_bytes=4_096, message_bytes=8_192)
    fits = fragments(call(1, payload=bytes(8_192 - HEAD_BYTES)), [4_000, 4_000])
    stranger = server(limits=limits)
    stranger.say(*fits)
    assert stranger.session.schedule.requests[1].size == 8_192
    too_long = fragments(call(1, payload=bytes(8_193 - HEAD_BYTES)), [4_000, 4_000])
    refused(server(limits=limits), *too_long, code=Code.LIMIT, match="a message of over 8192 bytes")
    refused(
        client(limits=limits),
        *fragments(Message(RETURN, id=1, payload=bytes(8_193 - HEAD_BYTES)), [4_000, 4_000]),
        code=Code.LIMIT,
    )


# ---------------------------------------------------------------- release


@pytest.mark.parametrize(
    ("entry", "match"),
    [
        (drop(1, 0), "a Release of 0"),
        (drop(1, 3), "a Release of 3"),
        (drop(1, 1 << 31), "which has fewer"),
        (drop(1, (1 << 32) - 1), "which has fewer"),
        (drop(2), "handle 2"),
        (drop(0), "handle 0"),
        (drop(U64), f"handle {U64}"),
        (forget(1), "the result of 1"),
        (forget(0), "the result of 0"),
        ((5, 0, 0, 0, 5), "the result of 5"),
        ((5, 0, 0, 2, 5), "the result of 5"),
        (mine(1), "a malformed entry"),
        (yours(1), "a malformed entry"),
        (promise(1), "a malformed entry"),
        ((4, 1, 0, 1, 1), "a malformed entry"),
        ((4, 0, 1, 1, 1), "a malformed entry"),
        ((0, 0, 0, 1, 1), "a malformed entry"),
        ((6, 0, 0, 1, 1), "a malformed entry"),
    ],
)
def test_releases_of_what_is_not_held(entry: tuple[int, int, int, int, int], match: str) -> None:
    stranger = server()
    stranger.session.tables.exports.grant(stranger, 1)
    stranger.say(Message(CALL, 3, id=5, target=1))
    refused(stranger, Message(RELEASE, references=(entry,)), match=match)


def test_a_release_that_is_malformed_itself() -> None:
    for message in (
        Message(RELEASE),
        Message(RELEASE, 1, references=(drop(1),)),
        Message(RELEASE, references=(drop(1),), payload=b"x"),
        Message(RELEASE, references=(drop(1),), types=((1, b""),)),
        Message(RELEASE, references=(drop(1),), buffers=(b"",)),
        Message(RELEASE, counts=(1, 0, 0)),
        Message(RELEASE, references=(drop(1),), counts=(2, 0, 0)),
    ):
        refused(server(), message, match="a malformed Release")


def test_what_is_released_twice() -> None:
    refused(server(), Message(RELEASE, references=(drop(1),)), Message(RELEASE, references=(drop(1),)))
    refused(server(), Message(RELEASE, references=(drop(1), drop(1))))
    kept = Message(CALL, 3, id=5, target=1)
    refused(server(), kept, Message(RELEASE, references=(forget(5),)), Message(RELEASE, references=(forget(5),)))
    refused(server(), kept, Message(RELEASE, references=(forget(5), forget(5))))


def test_releases_in_parts() -> None:
    stranger = server()
    exports = stranger.session.tables.exports
    for _ in range(9):
        exports.grant(stranger, 1)
    stranger.say(Message(RELEASE, references=(drop(1, 3), drop(1, 6))))
    assert exports.by_handle[1].count == 1
    stranger.say(Message(RELEASE, references=(drop(1, 1),)))
    assert not exports.by_handle
    # Released, never existed: both are the same nothing.
    stranger.say(Message(CALL, 1, id=1, target=1), Message(CALL, 1, id=2, target=99))
    assert [str(request.fault) for request in stranger.session.schedule.requests.values()] == ["no such object"] * 2


# ---------------------------------------------------------------- anything at all


REFERENCES = st.tuples(
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0, 1, 2, 3, INLINE]),
    st.integers(0, 4),
)
MESSAGES = st.builds(
    Message,
    kind=st.sampled_from([*Kind, 0, 9, 255]),
    flags=st.one_of(st.sampled_from([0, 1, 3, 9]), st.integers(0, 31)),
    id=st.integers(0, 6),
    target=st.integers(0, 3),
    cause=st.integers(0, 2),
    ack=st.sampled_from([0, 0, 1]),
    references=st.lists(REFERENCES, max_size=3).map(tuple),
    types=st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=5)), max_size=2).map(tuple),
    payload=st.binary(max_size=20),
    buffers=st.lists(st.binary(max_size=5), max_size=2).map(tuple),
    counts=st.one_of(st.none(), st.none(), st.tuples(*[st.integers(0, 3)] * 3)),
)


@given(st.lists(MESSAGES, max_size=12), st.booleans(), st.booleans())
def test_whatever_is_said_ends_in_a_protocol_error_or_goes_on(
    messages: list[Message], is_server: bool, concurrent: bool
) -> None:
    stranger = Stranger(is_server=is_server, concurrent=concurrent and is_server)
    session = stranger.session
    session.tables.exports.grant(stranger, 1)
    waiting = [session.request(CALL, flags, 1, Body(b"")) for flags in (1, 3)]
    session.ping()
    for message in messages:
        stranger.say(message)
        # What may start is run at once, and answered.
        while (request := session.schedule.start()) is not None:
            session.disown(request.references)
            session.answer(request, RETURN, Body(b""))
        stranger.connection.check()
    failure = stranger.connection.failure
    if failure is not None:
        assert session.ended is failure
        assert all(pending is not None and pending.done for pending in waiting)
        assert not session.tables.exports.by_handle
        assert not session.tables.imports.by_handle
        assert not session.tables.promises
