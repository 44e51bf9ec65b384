from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import ProtocolError
from limpet.framing.seal import CLIENT, SERVER, AeadSeal, HmacSeal

KEY = bytes(range(32))


def aead(_direction: int = CLIENT) -> Any:
    return AeadSeal(KEY)


def tagged(direction: int = CLIENT) -> Any:
    return HmacSeal(KEY, direction)


both = pytest.mark.parametrize("make", [aead, tagged])


@both
@given(bodies=st.lists(st.binary(max_size=200), max_size=8))
def test_frames_open_in_the_order_they_were_sealed(make: Any, bodies: list[bytes]) -> None:
    sealer, opener = make(), make()
    sealed = [sealer.seal(body) for body in bodies]
    assert [len(frame) - len(body) for frame, body in zip(sealed, bodies, strict=True)] == [16] * len(bodies)
    assert [bytes(opener.open(memoryview(frame))) for frame in sealed] == bodies


@both
def test_behind_a_frame_that_was_dropped_or_doubled_nothing_opens(make: Any) -> None:
    sealer = make()
    first, second = sealer.seal(b"first"), sealer.seal(b"second")
    for order in ([second], [first, first]):
        opener = make()
        *right, wrong = order
        for frame in right:
            opener.open(memoryview(frame))
        with pytest.raises(ProtocolError, match="does not open"):
            opener.open(memoryview(wrong))


@both
@given(place=st.integers(0, 8 * 21 - 1))
def test_a_flipped_bit_does_not_open(make: Any, place: int) -> None:
    sealed = bytearray(make().seal(b"frame"))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(ProtocolError):
        make().open(memoryview(sealed))


@both
@pytest.mark.parametrize("length", [0, 1, 15, 16, 20])
def test_a_frame_that_is_cut_does_not_open(make: Any, length: int) -> None:
    sealed = make().seal(b"frame")
    with pytest.raises(ProtocolError):
        make().open(memoryview(sealed)[:length])


def test_a_tag_says_which_way_it_goes() -> None:
    with pytest.raises(ProtocolError):
        tagged(CLIENT).open(memoryview(tagged(SERVER).seal(b"frame")))


def test_the_same_frame_is_never_sealed_alike() -> None:
    sealer = aead()
    assert len({sealer.seal(b"frame") for _ in range(100)}) == 100
