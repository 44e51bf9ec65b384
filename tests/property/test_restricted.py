"""What the restricted codec reads is what pickle makes of the same bytes; junk is a DecodeError, and nothing else."""

from __future__ import annotations

import pickle
import random
import warnings
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from limpet.codec import Referred, RestrictedCodec
from limpet.codec.opcodes import NAMES
from limpet.errors import DecodeError, EncodeError
from limpet.limits import Limits
from tests.support.pickles import HOSTILE, long, text
from tests.support.values import Parts, hashables, identity, values

CODEC = RestrictedCodec()
LIMITS = Limits()

protocols = st.integers(0, pickle.HIGHEST_PROTOCOL)
budgets = st.builds(Limits, nodes=st.integers(1, 60), depth=st.integers(1, 6), integer_bits=st.integers(64, 256))


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    parts = Parts()
    payload = CODEC.encode(value, parts, LIMITS)
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
    for value in ({key: 1}, {key}, frozenset({key})):
        payload = CODEC.encode(value, Parts(), LIMITS)
        assert identity(CODEC.decode(payload, Parts(), LIMITS)) == identity(value)


@given(values)
def test_pickle_reads_what_is_written(value: Any) -> None:
    assert identity(pickle.loads(CODEC.encode(value, Parts(), LIMITS))) == identity(value)


@given(values, protocols)
def test_what_pickle_writes_is_read(value: Any, protocol: int) -> None:
    payload = pickle.dumps(value, protocol)
    assert identity(CODEC.decode(payload, Parts(), LIMITS)) == identity(pickle.loads(payload))


@given(values, budgets)
def test_what_may_be_sent_is_read(value: Any, limits: Limits) -> None:
    try:
        payload = CODEC.encode([value, value], Parts(), limits)
    except EncodeError:
        return
    assert identity(CODEC.decode(payload, Parts(), limits)) == identity([value, value])


@given(values, protocols, st.randoms(use_true_random=False))
def test_what_is_read_of_damage_is_what_pickle_reads(value: Any, protocol: int, chance: random.Random) -> None:
    payload = bytearray(pickle.dumps([value, value], protocol))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(payload))
        match chance.randrange(4):
            case 0:
                payload[at] = chance.randrange(256)
            case 1:
                payload[at] = chance.choice([*NAMES.values()])
            case 2:
                payload[at:at] = payload[at : at + chance.randrange(8)]
            case _:
                del payload[at : at + chance.randrange(1, 4)]
    check(bytes(payload))


@given(st.binary(max_size=200))
def test_junk_is_refused_or_means_something(junk: bytes) -> None:
    check(junk)
    check(junk + b".")


@given(st.randoms(use_true_random=False))
def test_opcodes_put_together_by_chance_are_refused_or_mean_something(chance: random.Random) -> None:
    known = [b"cbuiltins\nset\n", b"cuuid\nUUID\n", b"cdecimal\nDecimal\n", b"cdatetime\ntimedelta\n"]
    pieces = [
        *(bytes([opcode]) for opcode in NAMES.values()),
        *(bytes([NAMES[name]]) for name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "EMPTY_TUPLE", "MARK") * 4),
        *(bytes([NAMES[name]]) for name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "TUPLE", "TUPLE1") * 2),
        *known,
        *(b"h\0", b"h\1", b"q\0", b"\x94", b"K\1", b"K\2", b"I7\n", b"F1.5\n", b"C\2ab"),
        *(text("a"), text("1"), long(1 << 70), text("int") + long(1 << 100) + b"s"),
    ]
    payload = b"".join(chance.choices(pieces, k=chance.randrange(40)))
    check(payload + b".")


@given(st.sampled_from(sorted(HOSTILE)), st.randoms(use_true_random=False))
def test_parts_of_what_is_hostile_are_refused_or_mean_something(name: str, chance: random.Random) -> None:
    payload = HOSTILE[name][:400]
    at = chance.randrange(len(payload) + 1)
    refused_or_read(payload[:at] + b".")
    refused_or_read(payload[at:])


def refused_or_read(payload: bytes) -> tuple[object, bool]:
    """Return what ``payload`` means, and whether it means anything; nothing but a DecodeError is raised."""
    parts = Parts()
    parts.references, parts.buffers = [Referred(None)], [b"abc"]
    try:
        return CODEC.decode(payload, parts, LIMITS), True
    except DecodeError:
        return None, False


def check(payload: bytes) -> None:
    """See that ``payload`` is refused, or means what it means to pickle."""
    value, was_read = refused_or_read(payload)
    if was_read and b"Q" not in payload:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = pickle.loads(payload)
        assert same(value, expected)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in every part; what holds itself is told by how it prints."""
    try:
        return identity(one) == identity(other)
    except RecursionError:
        return repr(one) == repr(other)
