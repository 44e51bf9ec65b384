"""What goes in comes out, in type and form; junk comes out as a DecodeError, and as nothing else."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgpack import packb  # type: ignore[import-untyped]

from limpet.codec import MsgpackCodec
from limpet.codec.budget import measure
from limpet.errors import DecodeError, EncodeError
from limpet.limits import Limits
from tests.support.values import Parts, hashables, identity, values

CODEC = MsgpackCodec()
LIMITS = Limits()

budgets = st.builds(Limits, nodes=st.integers(1, 60), depth=st.integers(1, 6), integer_bits=st.integers(64, 256))


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    parts = Parts()
    payload = CODEC.encode(value, parts, LIMITS)
    measure(payload, LIMITS)
    assert identity(CODEC.decode(payload, parts, LIMITS)) == identity(value)
    assert identity(CODEC.decode(memoryview(payload), parts, LIMITS)) == identity(value)
    assert parts.references == []


@given(values)
def test_a_value_without_containers_refers_to_them_and_comes_back(value: Any) -> None:
    parts = Parts()
    payload = CODEC.encode(value, parts, LIMITS, containers=False)
    assert identity(CODEC.decode(payload, parts, LIMITS)) == identity(value)
    assert {type(reference) for reference in parts.references} <= {list, dict, set, bytearray}


@given(hashables)
def test_a_key_comes_back_as_it_was(key: Any) -> None:
    parts = Parts()
    for value in ({key: 1}, {key}, frozenset({key})):
        assert identity(CODEC.decode(CODEC.encode(value, parts, LIMITS), parts, LIMITS)) == identity(value)


@given(values, budgets)
def test_both_sides_count_alike(value: Any, limits: Limits) -> None:
    payload = CODEC.encode(value, Parts(), LIMITS)
    try:
        CODEC.encode(value, Parts(), limits)
    except EncodeError:
        sent = False
    else:
        sent = True
    try:
        CODEC.decode(payload, Parts(), limits)
    except DecodeError:
        accepted = False
    else:
        accepted = True
    assert sent == accepted


@given(st.binary(max_size=200))
def test_junk_is_refused_or_means_something(junk: bytes) -> None:
    check(junk)


@given(values, st.integers(0), st.sampled_from(range(256)), st.booleans())
def test_damage_is_refused_or_means_something(value: Any, at: int, byte: int, cut: bool) -> None:
    payload = bytearray(CODEC.encode(value, Parts(), LIMITS))
    at %= len(payload)
    if cut:
        del payload[at:]
    else:
        payload[at] = byte
    check(bytes(payload))


@given(st.randoms(use_true_random=False))
def test_heads_put_together_by_chance_are_refused_or_mean_something(chance: random.Random) -> None:
    heads = (0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0x93, 0xC7, 0xCB, 0xCC, 0xD4, 0xD5, 0xD9, 0xDC, 0xDE, 0xA1)
    marks = [bytes([0xC7, 0, code]) for code in range(10)]
    pieces = [bytes([head]) for head in heads] + marks + [b"\x00", b"\xff", b"a", packb("a"), packb(1.5)]
    check(b"".join(chance.choices(pieces, k=chance.randrange(40))))


def check(payload: bytes) -> None:
    """Decode ``payload`` read at once and measured first: both refuse it, or both read the same."""
    parts = Parts()
    parts.references, parts.buffers = [object(), [1]], [b"abc", bytes(40_000)]
    outcomes: list[object] = [None, None]
    with suppress(DecodeError):
        outcomes[0] = identity(CODEC.decode(payload, parts, LIMITS))
    with suppress(DecodeError):
        # Too few nodes to read anything of this size unmeasured, and enough for what it holds.
        limits = Limits(nodes=max(4, 4 * len(payload) - 1))
        outcomes[1] = identity(CODEC.decode(payload, parts, limits))
    assert outcomes[0] == outcomes[1]
