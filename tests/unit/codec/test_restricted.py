"""The restricted codec as a whole: pickles of every protocol, classes, references, limits and errors."""

from __future__ import annotations

import enum
import pickle
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from limpet.codec import Codec, MsgpackCodec, Record, Referred, RestrictedCodec, Shallow
from limpet.codec.encoder import BUFFER_BYTES
from limpet.errors import ConfigurationError, DecodeError, EncodeError
from limpet.limits import Limits
from tests.support.values import Parts, identity


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass
class Point:
    x: object
    y: object = 0


LIMITS = Limits()
CODEC = RestrictedCodec()
KNOWING = RestrictedCodec((Point, Color, Access))
OBJECT = object()
VALUES: list[Any] = [
    None, 1 << 40, -(1 << 70), 0.1, float("nan"), "\xe4", b"ab", bytearray(b"ab"), 1 - 2j, slice(1, None, "x"),
    range(5, -3, -2),
    date(2024, 2, 29), time(23, 59, 59, 999_999, fold=1), time(1, tzinfo=UTC),
    datetime(2024, 2, 29, 1, 2, 3, 4, UTC, fold=1),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=-5), "EST")), timedelta(-1, 2, 3),
    Decimal("-1.50"), Decimal("sNaN"), UUID(int=(1 << 128) - 1), Fraction(-1, 3), {1, "a"}, {}, {"a": (1,)},
    frozenset({(1, 2)}), {frozenset({1}): (..., ())},
]  # fmt: skip


def round_trip(value: object, codec: RestrictedCodec = CODEC, limits: Limits = LIMITS) -> Any:
    parts = Parts()
    return codec.build(codec.decode(codec.encode(value, parts, limits), parts, limits))


def test_it_is_a_codec() -> None:
    codec: Codec = CODEC
    assert isinstance(codec, Codec)
    assert (codec.id, codec.name) == (2, "restricted")


def test_types_belong_to_the_instance() -> None:
    assert CODEC.types == {}
    assert not CODEC.has_records
    assert KNOWING.has_records
    assert KNOWING.types == {"Point": Point, "Color": Color, "Access": Access}
    assert RestrictedCodec({"geometry.Point": Point}).types == {"geometry.Point": Point}
    with pytest.raises(ConfigurationError):
        RestrictedCodec((int,))


def test_it_carries_what_msgpack_does() -> None:
    other = MsgpackCodec((Point,))
    codec = RestrictedCodec((Point,))
    for cls in (int, str, list, tuple, dict, slice, Point, Color, object, type):
        assert codec.carries(cls) == other.carries(cls)


def test_registered_classes_make_the_trip() -> None:
    value = [Point(1, (Point(2), {"a": Color.RED})), Color.RED, {Color.RED: 1, (Color.RED,): 2}]
    assert round_trip(value, KNOWING) == value
    point = Point(1)
    one, other = round_trip([point, point], KNOWING)
    assert one is other


def test_registered_classes_are_not_built_by_decoding() -> None:
    payload = KNOWING.encode(Point(1), Parts(), LIMITS)
    assert KNOWING.decode(payload, Parts(), LIMITS) == Record(Point, {"x": 1, "y": 0})


def test_fields_are_those_that_were_checked() -> None:
    # The dict is in the memo, and changed after the record took it.
    payload = b"\x80\x05climpet\nrecord\n\x8c\x05Point}\x94\x8c\x01xK\x01s\x86Rh\x00\x8c\x01zK\x02s\x86."
    decoded: Any = KNOWING.decode(payload, Parts(), LIMITS)
    record, fields = decoded
    assert fields == {"x": 1, "z": 2}
    assert record == Record(Point, {"x": 1})


def test_names_on_the_wire_may_be_given() -> None:
    payload = RestrictedCodec({"p": Point}).encode(Point(1), Parts(), LIMITS)
    assert b"\x8c\x01p" in payload
    with pytest.raises(DecodeError, match="does not know"):
        KNOWING.decode(payload, Parts(), LIMITS)


def test_building_too_deep_is_a_decode_error() -> None:
    value: list[object] = []
    for _ in range(sys.getrecursionlimit()):
        value = [value]
    with pytest.raises(DecodeError, match="too deep"):
        KNOWING.build(value)


@pytest.mark.parametrize("codec", [CODEC, KNOWING])
def test_reading_too_deep_is_a_decode_error(codec: RestrictedCodec) -> None:
    deep = sys.getrecursionlimit()
    with pytest.raises(DecodeError, match="too deep"):
        codec.decode(b")" + b"\x85" * 3 * deep + b".", Parts(), Limits(depth=2 * deep))


@pytest.mark.parametrize("containers", [True, False])
def test_nesting_beyond_the_stack_is_refused(containers: bool) -> None:
    ring: Any = ()
    for _ in range(sys.getrecursionlimit()):
        ring = (ring,)
    with pytest.raises(EncodeError, match="too deep"):
        CODEC.encode(ring, Parts(), Limits(depth=1_000_000), containers=containers)


@pytest.mark.parametrize(
    "data", [b"x" * BUFFER_BYTES, bytearray(b"x" * BUFFER_BYTES)], ids=lambda data: type(data).__name__
)
def test_large_bytes_travel_beside_and_keep_their_type(data: object) -> None:
    parts = Parts()
    payload = CODEC.encode([data], parts, LIMITS)
    assert len(payload) < 20
    assert identity(CODEC.decode(payload, parts, LIMITS)) == identity([data])


def test_a_shared_bytearray_arrives_as_one() -> None:
    for size in (3, BUFFER_BYTES):
        data = bytearray(size)
        one, other = round_trip([data, data])
        assert one is other
        assert one == data


def test_a_reference_comes_back_as_what_it_stands_for() -> None:
    assert round_trip({"a": [OBJECT]}) == {"a": [OBJECT]}
    parts = Parts()
    parts.references = [Referred(OBJECT)]
    assert CODEC.build(CODEC.decode(b"(K\0QN\x85t.", parts, LIMITS)) == (OBJECT, (None,))


def shared() -> list[Any]:
    ring: list[Any] = [1]
    ring.append(ring)
    knot: dict[str, Any] = {}
    knot["knot"] = knot
    pair: Any = ([], 1)
    pair[0].append(pair)
    four: Any = ([], 1, 2, 3)
    four[0].append(four)
    items, chars, frozen = [1], {"a"}, frozenset({2})
    return [ring, knot, pair, four, [items, items], [chars, chars], [frozen, frozen], [(1, 2)] * 3]


@pytest.mark.parametrize("value", shared(), ids=repr)
def test_what_is_shared_or_holds_itself_makes_the_trip(value: Any) -> None:
    assert repr(round_trip(value)) == repr(value)
    assert repr(pickle.loads(CODEC.encode(value, Parts(), LIMITS))) == repr(value)
    for protocol in range(6):
        payload = pickle.dumps(value, protocol)
        assert repr(CODEC.decode(payload, Parts(), LIMITS)) == repr(value)


def test_a_tuple_that_is_in_a_key_too_is_written_anew() -> None:
    part = (1, (2,))
    value = [part, {part: frozenset({part})}, part]
    assert round_trip(value) == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_of_each_type_make_the_trip(value: Any) -> None:
    pair = [value, value]
    assert identity(round_trip(pair)) == identity(pair)
    assert identity(pickle.loads(CODEC.encode(pair, Parts(), LIMITS))) == identity(pair)


@pytest.mark.parametrize("count", [255, 256, 300])
def test_a_memo_may_be_large(count: int) -> None:
    value: list[Any] = [[number] for number in range(count)]
    value += value
    result = round_trip(value)
    assert result == value
    assert all(result[number] is result[number + count] for number in range(count))
    for protocol in range(6):
        assert CODEC.decode(pickle.dumps(value, protocol), Parts(), LIMITS) == value


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, 70_000])
def test_texts_of_each_size_make_the_trip(size: int) -> None:
    assert round_trip("x" * size) == "x" * size
    assert pickle.loads(CODEC.encode("x" * size, Parts(), LIMITS)) == "x" * size


@pytest.mark.parametrize("numbers", [range(20), range(-9, 40), [1 << 40] * 20, [1, 1 << 31] * 20, [0.5] * 20])
def test_rows_of_numbers_make_the_trip(numbers: Any) -> None:
    for value in (list(numbers), tuple(numbers), [list(numbers), list(numbers)[1:]]):
        assert round_trip(value) == value
        for protocol in range(6):
            assert CODEC.decode(pickle.dumps(value, protocol), Parts(), LIMITS) == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\ud800", "^value: text with a surrogate"),
        (["f", [{"k": "\udc80"}]], r"^args\[0\]\['k'\]: text with a surrogate"),
        (["f", [(1 << 8192,)]], r"^args\[0\]\[0\]: an integer of 8193 bits"),
        (["f", [{float("nan"): 1}]], r"^args\[0\]<key>: NaN is no key"),
        (["f", [{1: {(1.5, float("nan"))}}]], r"^args\[0\]\[1\]\[0\]\[1\]: NaN is no key"),
        (["f", [{slice(1): 1} if sys.version_info >= (3, 12) else {OBJECT: 1}]], r"^args\[0\]<key>: .*no key"),
        (["f", [{(bytearray,): 1}]], r"^args\[0\]<key>\[0\]: type is no key"),
        (["f", [Access.READ | Access.WRITE]], r"^args\[0\]: only single members"),
        (["f", [type("Text", (str,), {})("x")]], r"^args\[0\]: Text would arrive as its base class; send str\(\)"),
    ],
)
def test_what_has_no_form_is_named(value: object, reason: str) -> None:
    with pytest.raises(EncodeError, match=reason):
        KNOWING.encode(value, Parts(), LIMITS, names=("name", "args"))


def test_a_record_is_no_key() -> None:
    frozen: Any = dataclass(frozen=True)(type("Frozen", (), {"__annotations__": {"x": int}}))
    codec = RestrictedCodec({"Frozen": frozen})
    with pytest.raises(EncodeError, match="Frozen is no key"):
        codec.encode({frozen(1): 2}, Parts(), LIMITS)


@pytest.mark.parametrize("depth", [1, 2, 64])
def test_values_are_as_deep_as_allowed(depth: int) -> None:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    limits = Limits(depth=depth)
    assert round_trip(value, limits=limits) == value
    with pytest.raises(EncodeError, match=f"deeper than {depth}"):
        CODEC.encode([value], Parts(), limits)
    with pytest.raises(DecodeError, match=f"deeper than {depth}"):
        CODEC.decode(pickle.dumps([[value] * 2]), Parts(), limits)


def test_containers_may_go_by_reference() -> None:
    parts = Parts()
    payload = CODEC.encode(([1], {2}, {3: 4}, bytearray(b"5"), (6,)), parts, LIMITS, containers=False)
    assert parts.references == [[1], {2}, {3: 4}, bytearray(b"5")]
    assert CODEC.decode(payload, parts, LIMITS) == ([1], {2}, {3: 4}, bytearray(b"5"), (6,))
    payload = CODEC.encode(Shallow([1, (2,)]), parts, LIMITS, containers=False)
    assert CODEC.decode(payload, parts, LIMITS) == [1, (2,)]


def test_a_refused_payload_is_not_kept_by_its_error() -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(b"\x8c\xff" + b"x" * 20, Parts(), LIMITS)
    assert caught.value.__context__ is caught.value.__cause__ is None
