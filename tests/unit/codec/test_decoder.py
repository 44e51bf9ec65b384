"""Decoding: what is read, what is refused, and what refusing costs."""

from __future__ import annotations

import enum
import time
import tracemalloc
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from msgpack import ExtType, packb  # type: ignore[import-untyped]

from limpet.codec import layout
from limpet.codec.base import Record
from limpet.codec.budget import measure
from limpet.codec.classes import Classes
from limpet.codec.decoder import AT_ONCE_BYTES, decode
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.hostile import HOSTILE, MEBIBYTE, PRIME, filled, mark, marked
from tests.support.values import Parts, identity


class Color(enum.Enum):
    RED = 1


class Unhashable(enum.Enum):
    ONE = 1
    __hash__ = None  # type: ignore[assignment]


@dataclass
class Point:
    x: object


CLASSES = Classes((Color, Point, Unhashable))
HOME = object()


def read(payload: bytes | memoryview, limits: Limits | None = None) -> Any:
    parts = Parts()
    parts.references, parts.buffers = [HOME, [1]], [b"data", b"more"]
    return decode(payload, CLASSES, parts, limits or Limits())


TUPLE, SET, FROZENSET, DICT = map(mark, (layout.TUPLE, layout.SET, layout.FROZENSET, layout.DICT))

BENIGN: list[tuple[bytes, Any]] = [
    (packb(None), None),
    (packb(["f", [1, "a", b"b", 1.5, True, None]]), ["f", [1, "a", b"b", 1.5, True, None]]),
    (b"\xca\x3f\xc0\x00\x00", 1.5),
    (b"\xd3" + bytes(7) + b"\x01", 1),
    (packb({"a": 1, 2: {b"b": [], None: True, 1.5: 0}}), {"a": 1, 2: {b"b": [], None: True, 1.5: 0}}),
    (marked(layout.TUPLE), ()),
    (marked(layout.TUPLE, 1, [TUPLE, [2]]), (1, ([2],))),
    (marked(layout.SET, 1, [TUPLE, 2.5]), {1, (2.5,)}),
    (marked(layout.FROZENSET, [FROZENSET], None), frozenset({frozenset(), None})),
    (marked(layout.DICT), {}),
    (marked(layout.DICT, [TUPLE, 1], [2], "a", [TUPLE]), {(1,): [2], "a": ()}),
    (marked(layout.DICT, "plain", 1), {"plain": 1}),
    (marked(layout.DICT, [mark(layout.ENUM), "Color", "RED"], 1), {Color.RED: 1}),
    (marked(layout.DICT, [mark(layout.RANGE), 0, 3, 1], 1), {range(3): 1}),
    (marked(layout.SLICE, 1, [], [TUPLE, 2]), slice(1, [], (2,))),
    (marked(layout.RANGE, 5, -5, -2), range(5, -5, -2)),
    (marked(layout.ENUM, "Color", "RED"), Color.RED),
    (marked(layout.RECORD, "Point", {"x": [TUPLE, 1]}), Record(Point, {"x": (1,)})),
    (marked(layout.RECORD, "Point", {}), Record(Point, {})),
    (packb(ExtType(layout.ELLIPSIS, b"")), ...),
    (packb({ExtType(layout.DECIMAL, b"1E0"): 1}), {Decimal(1): 1}),
    (packb(ExtType(layout.BUFFER, b"\x00\x01")), b"more"),
    (packb([ExtType(layout.BUFFER, b"\x00\x01")] * 2), [b"more", b"more"]),
    (packb({ExtType(layout.BUFFER, b"\x00\x00"): 1}), {b"data": 1}),
    (
        packb([ExtType(layout.BYTEARRAY_BUFFER, b"\x00" + bytes([n])) for n in (0, 1)]),
        [bytearray(b"data"), bytearray(b"more")],
    ),
    (packb({"a": ExtType(layout.REFERENCE, b"\x00\x00")}), {"a": HOME}),
    (marked(layout.TUPLE, ExtType(layout.REFERENCE, b"\x00\x00")), (HOME,)),
    (packb({"a": {"b": [[TUPLE], {"c": [TUPLE]}]}}), {"a": {"b": [(), {"c": ()}]}}),
    (packb([{"a": 1}, {"a": 1, "b": [TUPLE]}]), [{"a": 1}, {"a": 1, "b": ()}]),
    (packb([-1, 0xFFFF, "é" * 40, 1.7e308]), [-1, 0xFFFF, "é" * 40, 1.7e308]),
    (packb([0xD6FF0000, [TUPLE]]), [0xD6FF0000, ()]),
    (packb([0xD6FF0000, {}]), [0xD6FF0000, {}]),
    (packb([[n, [n]] for n in range(100)]), [[n, [n]] for n in range(100)]),
    (packb([{"a": [n]} for n in range(3000)]), [{"a": [n]} for n in range(3000)]),
    (packb([[TUPLE, n, "x"] for n in range(3000)]), [(n, "x") for n in range(3000)]),
    (packb(["x" * AT_ONCE_BYTES, 1 << 63]), ["x" * AT_ONCE_BYTES, 1 << 63]),
    (packb({PRIME * n: n for n in range(9)}), {PRIME * n: n for n in range(9)}),
    (marked(layout.SET, *range(10_000)), set(range(10_000))),
]


@pytest.mark.parametrize(("payload", "value"), BENIGN, ids=lambda part: repr(part)[:30])
def test_what_is_well_formed_is_read(payload: bytes, value: Any) -> None:
    assert identity(read(payload)) == identity(value)
    assert identity(read(memoryview(payload))) == identity(value)
    # Once more with too few nodes to be read unmeasured.
    assert identity(read(payload, Limits(nodes=4 * len(payload) - 1))) == identity(value)


def test_the_corpus_is_large() -> None:
    assert len(HOSTILE) > 300


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_refused_at_little_cost(payload: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError) as caught:
            read(payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * MEBIBYTE
    assert caught.value.__context__ is None, "it would keep what it refused alive"
    assert 0 < len(str(caught.value)) < 100
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_refused_soon_and_also_if_it_is_measured_first(payload: bytes) -> None:
    begun = time.process_time()
    for limits in (Limits(), Limits(nodes=min(1_000_000, max(1, 4 * len(payload) - 1)))):
        with pytest.raises(DecodeError):
            read(payload, limits)
    assert time.process_time() - begun < 2


DENSE = {
    "nil": b"\xc0",
    "empty arrays": b"\x90",
    "empty maps": b"\x80",
    "maps of one": b"\x81\x00\x00",
    "maps of six": packb({n: n for n in range(6)}),
    "tuples": packb([TUPLE, None]),
    "empty sets": packb([SET]),
    "sets of 5": packb([SET, *range(5)]),
    "sets of 19": packb([SET, *range(19)]),
    "sets of 77": packb([SET, *range(77)]),
    "frozensets of 77": packb([FROZENSET, *range(77)]),
    "empty dicts": packb([DICT]),
    "dicts of six": packb([DICT, *range(12)]),
    "slices": packb([mark(layout.SLICE), None, None, None]),
    "ranges": packb([mark(layout.RANGE), 0, 0, 1]),
    "members": packb([mark(layout.ENUM), "Color", "RED"]),
    "records": packb([mark(layout.RECORD), "Point", {}]),
    "bytearrays": packb(ExtType(layout.BYTEARRAY, b"")),
    "fractions": packb(ExtType(layout.FRACTION, b"\x00\x00\x00\x01\x01\x03")),
    "decimals": packb(ExtType(layout.DECIMAL, b"1E0")),
    "references": packb(ExtType(layout.REFERENCE, b"\x00\x00")),
    "short text": packb("Āa"),
    "floats": packb(1.5),
}


@pytest.mark.parametrize("piece", DENSE.values(), ids=DENSE)
def test_the_densest_payload_that_is_read_takes_bounded_memory(piece: bytes) -> None:
    # A sixteenth of the default limit, for tracing is slow: so a sixteenth of the memory, too.
    limits = Limits(nodes=1_000_000 // 16)
    size = MEBIBYTE // 16
    while not is_measured(filled(piece, size), limits):
        size -= size // 16
    payload = filled(piece, size)
    tracemalloc.start()
    try:
        read(payload, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * MEBIBYTE // 16


def is_measured(payload: bytes, limits: Limits) -> bool:
    try:
        measure(payload, limits)
    except DecodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xc1", "no value begins with the byte 0xc1"),
        (b"\x91", "cut short"),
        (b"\xc0\xc0", "goes on behind"),
        (b"\xa1\xff", "not UTF-8"),
        (b"\x91" * 2000 + b"\xc0", "nested too deep"),
        (b"\x81\x90\x00", "a key that cannot be one"),
        (b"\x91" * 65 + b"\xc0", "nested deeper than 64"),
        (b"\x82\x01\x00\x01\x00", "two equal keys"),
        (b"\xd6\xff\x00\x00\x00\x00", "no extension -1"),
        (packb({"a": ExtType(layout.REFERENCE, b"\x00\x09")}), "no reference 9"),
        (packb(ExtType(layout.BUFFER, b"\x00\x09")), "no buffer 9"),
    ],
)
def test_refusals_say_what_was_wrong(payload: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        read(payload)


def test_a_payload_that_no_error_is_known_for_is_refused_all_the_same() -> None:
    class Broken(Parts):
        def buffer(self, index: int) -> bytes:
            raise LookupError

    with pytest.raises(DecodeError, match="malformed: LookupError"):
        decode(packb(ExtType(layout.BUFFER, bytes(2))), CLASSES, Broken(), Limits())


def test_an_enum_that_cannot_be_hashed_is_no_key() -> None:
    with pytest.raises(DecodeError, match="a key that cannot be one"):
        read(marked(layout.SET, [mark(layout.ENUM), "Unhashable", "ONE"]))


def test_a_limit_beyond_the_stack_ends_in_a_refusal() -> None:
    with pytest.raises(DecodeError, match="nested too deep"):
        read(b"\x91" * 1000 + marked(layout.TUPLE), Limits(depth=100_000))


def test_references_are_not_looked_into() -> None:
    class Home(list[object]):
        def __iter__(self) -> Any:
            raise AssertionError

    home = [mark(layout.TUPLE), object()]
    loop: list[object] = []
    loop.append(loop)
    parts = Parts()
    parts.references = [home, loop, Home([1])]
    payload = packb([ExtType(layout.REFERENCE, bytes([0, n])) for n in range(3)] + [[TUPLE]])
    value: Any = decode(payload, Classes(()), parts, Limits())
    assert value == [home, loop, parts.references[2], ()]
    assert value[0] is home
    assert home[0] == mark(layout.TUPLE)


@pytest.mark.parametrize(("code", "below"), [(layout.INTEGER, 1 << 127), (layout.INTEGER, -(1 << 127))])
def test_integers_are_bounded(code: int, below: int) -> None:
    limits = Limits(integer_bits=128)
    for value, fits in ((below, True), (below * 2, abs(below) * 2 < 1 << 128), (below * 4, False)):
        payload = packb(ExtType(code, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)))
        if fits:
            assert read(payload, limits) == value
        else:
            with pytest.raises(DecodeError, match="no int"):
                read(payload, limits)


def test_collisions_are_bounded() -> None:
    def keys(number: int) -> list[Any]:
        wide = [PRIME * n for n in range(9, number + 1)]
        return [PRIME * n for n in range(8)] + [
            ExtType(layout.INTEGER, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in wide
        ]

    limits = Limits(colliding_keys=20)
    for payload in (lambda ks: packb(dict.fromkeys(ks)), lambda ks: marked(layout.SET, *ks)):
        assert len(read(payload(keys(21)), limits)) == 21
        with pytest.raises(DecodeError, match="more than 20 keys share a hash"):
            read(payload(keys(22)), limits)


@pytest.mark.parametrize("size", [AT_ONCE_BYTES, AT_ONCE_BYTES + 1])
def test_both_ways_of_reading_agree_where_they_meet(size: int) -> None:
    text = "x" * (size - 3 - 3 - 1 - 1)
    payload = packb([text, {}, [], 1])[:0] + b"\xdc\x00\x03" + b"\xda" + len(text).to_bytes(2, "big") + text.encode()
    payload += b"\x80\x90"
    assert len(payload) == size
    assert read(payload) == [text, {}, []]
    with pytest.raises(DecodeError):
        read(payload[:-1])
