"""Frames on their way out: none is lost, split or reordered, but for those that may pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from limpet.session.outbox import Outbox


def taken(outbox: Outbox, limit: int = 1 << 30) -> bytes:
    return b"".join(outbox.take(limit))


def test_nothing_is_taken_of_nothing() -> None:
    assert Outbox().take(100) == []


def test_frames_go_in_order() -> None:
    outbox = Outbox()
    outbox.put(b"one")
    outbox.put_pieces([b"t", memoryview(b"wo")])
    outbox.put(b"three")
    assert outbox.size == 11
    assert taken(outbox) == b"onetwothree"
    assert outbox.size == 0
    assert outbox.take(100) == []


def test_no_piece_is_copied() -> None:
    outbox, piece, view = Outbox(), b"x" * 100, memoryview(b"y")
    outbox.put_pieces([piece, view])
    pieces = outbox.take(1)
    assert pieces[0] is piece
    assert pieces[1] is view


def test_an_urgent_frame_passes_what_waits() -> None:
    outbox = Outbox()
    outbox.put(b"one")
    outbox.put_urgent(b"!1")
    outbox.put_urgent(b"!2")
    assert outbox.size == 7
    assert taken(outbox) == b"!1!2one"
    assert outbox.size == 0


def test_a_frame_is_never_split() -> None:
    outbox = Outbox()
    outbox.put_pieces([b"a" * 10, b"b" * 10])
    outbox.put(b"c")
    assert taken(outbox, 1) == b"a" * 10 + b"b" * 10
    assert outbox.size == 1
    outbox.put_urgent(b"!")
    assert taken(outbox, 1) == b"!"
    assert taken(outbox, 1) == b"c"


def test_about_the_limit_is_taken_at_a_time() -> None:
    outbox = Outbox()
    for _ in range(5):
        outbox.put(b"1234")
    assert len(taken(outbox, 9)) == 12
    assert len(taken(outbox, 8)) == 8
    assert outbox.size == 0


def test_about_the_limit_is_taken_of_urgent_frames() -> None:
    outbox = Outbox()
    outbox.put(b"one")
    for _ in range(5):
        outbox.put_urgent(b"!234")
    assert taken(outbox, 9) == b"!234" * 3
    assert (outbox.urgent, outbox.size) == (2, 11)
    assert taken(outbox, 9) == b"!234" * 2 + b"one"
    assert (outbox.urgent, outbox.size) == (0, 0)


def test_the_only_frame_is_taken_as_it_is() -> None:
    outbox, frame = Outbox(), b"frame"
    assert outbox.take_only() is None
    outbox.put(frame)
    assert outbox.take_only() is frame
    assert outbox.size == 0
    assert outbox.take_only() is None


def test_several_frames_or_pieces_are_not_the_only_one() -> None:
    outbox = Outbox()
    outbox.put_pieces([b"a", b"b"])
    assert outbox.take_only() is None
    assert taken(outbox) == b"ab"
    outbox.put(b"a")
    outbox.put(b"b")
    assert outbox.take_only() is None
    assert taken(outbox) == b"ab"
    outbox.put(b"a")
    outbox.put_urgent(b"!")
    assert outbox.take_only() is None
    assert taken(outbox) == b"!a"
    outbox.put_urgent(b"!")
    assert outbox.take_only() is None
    assert taken(outbox) == b"!"


def test_what_waits_can_be_forgotten() -> None:
    outbox = Outbox()
    outbox.put(b"a")
    outbox.put_urgent(b"b")
    outbox.clear()
    assert outbox.size == 0
    assert outbox.take(100) == []


@given(st.lists(st.tuples(st.sampled_from(["put", "pieces", "urgent", "take", "only"]), st.integers(1, 50))))
def test_all_that_was_put_is_taken_and_ordinary_frames_stay_in_order(steps: list[tuple[str, int]]) -> None:
    outbox, put, urgent, got = Outbox(), list[bytes](), list[bytes](), bytearray()
    for number, (step, size) in enumerate(steps):
        frame = (f"{number:06}" + "." * size).encode()
        if step == "take":
            got += b"".join(outbox.take(size))
        elif step == "only":
            got += outbox.take_only() or b""
        elif step == "urgent":
            outbox.put_urgent(frame)
            urgent.append(frame)
        else:
            put.append(frame)
            if step == "put":
                outbox.put(frame)
            else:
                outbox.put_pieces([frame[:3], memoryview(frame)[3:]])
        assert outbox.size == sum(map(len, put)) + sum(map(len, urgent)) - len(got)
    got += taken(outbox)
    assert sorted(bytes(got)) == sorted(b"".join(put + urgent))
    places = [got.index(frame) for frame in put]
    assert places == sorted(places)
    places = [got.index(frame) for frame in urgent]
    assert places == sorted(places)
