"""Messages cut into frames and put together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded, ProtocolError
from limpet.session.body import Layout
from limpet.session.fragments import Assembly, Head, split
from limpet.session.messages import HEAD, HEAD_BYTES, LENGTHS, MORE, SPLITTABLE, Kind

CALL = int(Kind.CALL)


def layout(*parts: bytes) -> Layout:
    return Layout(1, 2, 3, HEAD_BYTES + sum(map(len, parts)), list(parts))


def frames(made: Layout, room: int) -> list[bytes]:
    """Return the frames' bodies, having looked at their lengths."""
    bodies = []
    for pieces in split(made, (CALL, 1, 7, 8, 9), room, 5):
        frame = b"".join(pieces)
        assert LENGTHS.unpack_from(frame) == (len(frame) - 4,)
        bodies.append(frame[4:])
    return bodies


def head_of(body: bytes) -> Head:
    return HEAD.unpack_from(body)


def put_together(bodies: list[bytes], limit: int = 1 << 20) -> bytes:
    assembly = Assembly(head_of(bodies[0]), limit)
    for body in bodies[:-1]:
        assert assembly.add(head_of(body), memoryview(body)) is None
    whole = assembly.add(head_of(bodies[-1]), memoryview(bodies[-1]))
    assert whole is not None
    return bytes(whole)


def test_one_frame_is_enough() -> None:
    assert frames(layout(b"abc", b"de"), 5) == [HEAD.pack(CALL, 1, 1, 2, 3, 7, 8, 9, 5) + b"abcde"]
    assert frames(layout(), 5) == [HEAD.pack(CALL, 1, 1, 2, 3, 7, 8, 9, 5)]


def test_all_frames_have_the_head_and_all_but_the_last_say_more() -> None:
    first, second, third = frames(layout(b"abc", b"defg", b"hij"), 4)
    more = HEAD.pack(CALL, 1 | MORE, 1, 2, 3, 7, 8, 9, 5)
    assert (first, second) == (more + b"abcd", more + b"efgh")
    assert third == HEAD.pack(CALL, 1, 1, 2, 3, 7, 8, 9, 5) + b"ij"


def test_no_part_is_copied() -> None:
    part = b"x" * 100
    for pieces in split(layout(part), (CALL, 1, 7, 8, 9), 30, 0):
        for piece in pieces[1:]:
            assert isinstance(piece, memoryview)
            assert piece.obj is part


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=6), st.integers(1, 60))
def test_what_was_cut_is_put_together(parts: list[bytes], room: int) -> None:
    bodies = frames(layout(*parts), room)
    assert all(len(body) == HEAD_BYTES + room for body in bodies[:-1])
    assert len(bodies) == -(-sum(map(len, parts)) // room)
    whole = put_together(bodies) if len(bodies) > 1 else bodies[0]
    assert whole[HEAD_BYTES:] == b"".join(parts)
    assert head_of(whole)[2:] == head_of(bodies[0])[2:]


@pytest.mark.parametrize("kind", sorted(set(range(256)) - SPLITTABLE))
def test_only_requests_and_answers_have_several_frames(kind: int) -> None:
    with pytest.raises(ProtocolError, match=f"a message of kind {kind} in several frames") as caught:
        Assembly((kind, MORE, 0, 0, 0, 1, 0, 0, 0), 100)
    assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize("kind", sorted(SPLITTABLE))
def test_only_a_request_has_an_id_that_can_be_cancelled(kind: int) -> None:
    assembly = Assembly((kind, MORE, 0, 0, 0, 7, 0, 0, 0), 100)
    assert assembly.request_id == (7 if kind < Kind.RETURN else 0)
    assert not assembly.cancelled


@pytest.mark.parametrize("place", range(8))
def test_a_frame_of_another_message_is_refused(place: int) -> None:
    first, second = frames(layout(b"abcdef"), 3)
    assembly = Assembly(head_of(first), 100)
    assert assembly.add(head_of(first), memoryview(first)) is None
    fields = list(head_of(second))
    fields[place] += 1 if place != 1 else 16
    other = HEAD.pack(*fields) + b"def"
    with pytest.raises(ProtocolError, match="another message between the frames of one"):
        assembly.add(head_of(other), memoryview(other))


def test_acknowledgements_may_differ() -> None:
    first, second = frames(layout(b"abcdef"), 3)
    assert put_together([first, second[:32] + bytes(8) + second[40:]])[HEAD_BYTES:] == b"abcdef"


@pytest.mark.parametrize("flags", [1, 1 | MORE])
def test_a_frame_with_nothing_in_it_is_refused(flags: int) -> None:
    first, _ = frames(layout(b"abcdef"), 3)
    assembly = Assembly(head_of(first), 100)
    assembly.add(head_of(first), memoryview(first))
    empty = HEAD.pack(CALL, flags, 1, 2, 3, 7, 8, 9, 5)
    with pytest.raises(ProtocolError, match="nothing in it"):
        assembly.add(head_of(empty), memoryview(empty))


def test_a_message_has_a_limit() -> None:
    bodies = frames(layout(b"x" * 60), 30)
    assert len(put_together(bodies, HEAD_BYTES + 60)) == HEAD_BYTES + 60
    with pytest.raises(LimitExceeded, match="a message of over 99 bytes"):
        put_together(bodies, HEAD_BYTES + 59)


def test_frames_may_be_reused_once_they_were_added() -> None:
    assembly = None
    whole: memoryview | None = None
    for body in frames(layout(b"abcdefgh"), 3):
        buffer = bytearray(body)
        assembly = assembly or Assembly(head_of(body), 100)
        whole = assembly.add(head_of(body), memoryview(buffer))
        buffer[:] = bytes(len(buffer))
    assert whole is not None
    assert bytes(whole[HEAD_BYTES:]) == b"abcdefgh"


def test_many_small_frames_do_not_cost_more_than_their_bytes() -> None:
    body = HEAD.pack(CALL, 1 | MORE, 0, 0, 0, 7, 8, 9, 5) + b"xy"
    assembly = Assembly(head_of(body), 1 << 20)
    for _ in range(1_000):
        assembly.add(head_of(body), memoryview(body))
    assert assembly._message.__sizeof__() < 4_000


def test_frames_differ_from_one_another_only_in_flags_and_bytes() -> None:
    heads = [head_of(body) for body in frames(layout(b"x" * 100), 9)]
    assert all((a[0], *a[2:]) == (b[0], *b[2:]) for a, b in pairwise(heads))
