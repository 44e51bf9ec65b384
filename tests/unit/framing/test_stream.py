"""Frames out of a stream: every cut gives the same, and nothing is kept of what is too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded
from limpet.framing.stream import LENGTH, FrameReader


def framed(*bodies: bytes) -> bytes:
    return b"".join(LENGTH.pack(len(body)) + body for body in bodies)


def read(reader: FrameReader, *chunks: bytes) -> list[bytes]:
    return [bytes(frame) for chunk in chunks for frame in reader.feed(memoryview(chunk))]


def test_a_length_is_four_bytes_big_endian() -> None:
    assert framed(b"abc") == b"\x00\x00\x00\x03abc"


def test_whole_frames_come_out_in_order() -> None:
    reader = FrameReader(100)
    assert read(reader, framed(b"one", b"", b"three")) == [b"one", b"", b"three"]
    assert not reader.partial


def test_whole_frames_are_views_of_what_came_in() -> None:
    data = bytearray(framed(b"abc"))
    (frame,) = FrameReader(100).feed(memoryview(data))
    data[4:] = b"xyz"
    assert bytes(frame) == b"xyz"


def test_a_frame_in_two_parts_is_no_view_of_either() -> None:
    reader = FrameReader(100)
    first, second = bytearray(framed(b"abc")[:5]), bytearray(b"bc")
    assert not reader.feed(memoryview(first))
    first[:] = bytes(5)
    (frame,) = reader.feed(memoryview(second))
    second[:] = bytes(2)
    assert bytes(frame) == b"abc"


def test_nothing_changes_nothing() -> None:
    reader = FrameReader(100)
    assert read(reader, b"") == []
    assert not reader.partial
    assert read(reader, b"\x00", b"") == []
    assert reader.partial


@pytest.mark.parametrize("at", range(1, 7))
def test_a_frame_that_is_cut_is_partial_until_it_is_whole(at: int) -> None:
    reader, data = FrameReader(100), framed(b"abc")
    assert read(reader, data[:at]) == []
    assert reader.partial
    assert read(reader, data[at:]) == [b"abc"]
    assert not reader.partial


def test_what_completes_a_frame_may_hold_others_and_the_start_of_one() -> None:
    reader, data = FrameReader(100), framed(b"abc", b"de", b"f", b"ghi")
    assert read(reader, data[:2]) == []
    assert read(reader, data[2:-1]) == [b"abc", b"de", b"f"]
    assert reader.partial
    assert read(reader, data[-1:]) == [b"ghi"]


def test_each_frame_that_is_cut_is_counted_once() -> None:
    reader, data = FrameReader(100), framed(b"abc", b"def", b"ghi")
    assert read(reader, data[:7]) == [b"abc"]
    assert reader.begun == 0
    for at in range(7, 13):
        read(reader, data[at : at + 1])
        assert reader.begun == 1
    read(reader, data[13:16])
    assert reader.begun == 2
    assert read(reader, data[16:]) == [b"ghi"]
    assert reader.begun == 2


def test_the_limit_itself_is_accepted() -> None:
    assert read(FrameReader(3), framed(b"abc")) == [b"abc"]
    assert read(FrameReader(3), framed(b"abc")[:4], b"abc") == [b"abc"]


@pytest.mark.parametrize("length", [4, 1 << 31, (1 << 32) - 1])
@pytest.mark.parametrize("cut", [0, 1, 3, 4])
@pytest.mark.parametrize("behind", [b"", b"x", b"\0" * 20])
def test_a_length_over_the_limit_is_a_fault_as_soon_as_it_is_known(length: int, cut: int, behind: bytes) -> None:
    reader, data = FrameReader(3), LENGTH.pack(length) + behind
    assert read(reader, data[:cut]) == []
    assert (reader.fault is None) is (cut < 4)
    assert read(reader, data[cut:]) == []
    assert type(reader.fault) is LimitExceeded
    assert str(reader.fault) == f"a frame of {length} bytes; the limit is 3"
    assert reader.fault.code is Code.LIMIT
    assert reader.partial


def test_a_length_that_was_only_claimed_allocates_nothing() -> None:
    reader = FrameReader(1 << 30)
    assert read(reader, LENGTH.pack(1 << 30)) == []
    assert len(reader.partial) == 4


@pytest.mark.parametrize("cut", range(18))
def test_frames_before_a_length_over_the_limit_are_not_lost(cut: int) -> None:
    reader, data = FrameReader(3), framed(b"abc", b"d") + LENGTH.pack(4) + b"a"
    assert read(reader, data[:cut], data[cut:]) == [b"abc", b"d"]
    assert reader.fault is not None


@given(st.lists(st.binary(max_size=40)), st.data())
def test_every_cut_gives_the_same_frames(bodies: list[bytes], data: st.DataObject) -> None:
    stream = framed(*bodies)
    places = data.draw(st.lists(st.integers(0, len(stream))).map(sorted))
    ends = [*places, len(stream)]
    starts = [0, *places]
    reader = FrameReader(40)
    assert read(reader, *(stream[start:end] for start, end in zip(starts, ends, strict=True))) == bodies
    assert not reader.partial
