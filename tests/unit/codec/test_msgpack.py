"""The codec as a whole: vectors both ways, errors, limits, classes and threads."""

from __future__ import annotations

import datetime as dt
import enum
import json
import sys
import threading
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from limpet.codec import Codec, MsgpackCodec, Record, layout
from limpet.codec.encoder import BUFFER_BYTES
from limpet.errors import ConfigurationError, DecodeError, EncodeError
from limpet.limits import Limits
from tests.support.values import Parts, identity


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: object
    y: object = 0


LIMITS = Limits()
CODEC = MsgpackCodec()
KNOWING = MsgpackCodec((Point, Color))

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "codec.json").read_text())
OBJECT = object()
NAMES = {
    "Color": Color,
    "Decimal": Decimal,
    "Fraction": Fraction,
    "OBJECT": OBJECT,
    "Point": Point,
    "UUID": UUID,
    "datetime": dt,
    "inf": float("inf"),
}


def round_trip(value: object, codec: MsgpackCodec = CODEC, limits: Limits = LIMITS) -> Any:
    parts = Parts()
    return codec.build(codec.decode(codec.encode(value, parts, limits), parts, limits))


@pytest.mark.parametrize("case", VECTORS["values"], ids=lambda case: case["name"])
def test_vectors_hold_both_ways(case: dict[str, str]) -> None:
    value, payload = eval(case["value"], NAMES), bytes.fromhex(case["hex"])
    parts = Parts()
    assert KNOWING.encode(value, parts, LIMITS).hex(" ") == payload.hex(" ")
    assert identity(KNOWING.build(KNOWING.decode(payload, parts, LIMITS))) == identity(value)


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["name"])
def test_vectors_of_what_is_refused_hold(case: dict[str, str]) -> None:
    with pytest.raises(DecodeError):
        KNOWING.decode(bytes.fromhex(case["hex"]), Parts(), LIMITS)


def test_vectors_have_every_extension() -> None:
    heads = "".join(case["hex"].replace(" ", "") for case in VECTORS["values"])
    for code in layout.COST:
        assert any(
            f"{head}{code:02x}" in heads
            for head in ("c700", "d5", *(f"c7{n:02x}" for n in range(99)), "d4", "d6", "d8")
        ), code


def test_it_is_a_codec() -> None:
    codec: Codec = CODEC
    assert isinstance(codec, Codec)
    assert (codec.id, codec.name) == (1, "msgpack")


def test_types_belong_to_the_instance() -> None:
    assert MsgpackCodec().types == {}
    assert KNOWING.types == {"Point": Point, "Color": Color}
    assert MsgpackCodec({"geometry.Point": Point}).types == {"geometry.Point": Point}
    with pytest.raises(ConfigurationError):
        MsgpackCodec((int,))


def test_registered_classes_make_the_trip() -> None:
    value = [Point(1, (Point(2), {"a": Color.RED})), Color.RED]
    assert round_trip(value, KNOWING) == value


def test_registered_classes_are_not_built_by_decoding() -> None:
    payload = KNOWING.encode(Point(1), Parts(), LIMITS)
    assert KNOWING.decode(payload, Parts(), LIMITS) == Record(Point, {"x": 1, "y": 0})


def test_names_on_the_wire_may_be_given() -> None:
    payload = MsgpackCodec({"p": Point}).encode(Point(1), Parts(), LIMITS)
    assert b"\xa1p" in payload
    with pytest.raises(DecodeError, match="does not know"):
        KNOWING.decode(payload, Parts(), LIMITS)


def test_building_leaves_alone_what_has_no_classes() -> None:
    value = [1, [2]]
    assert CODEC.build(value) is value
    assert MsgpackCodec((Color,)).build(value) is value


def test_building_too_deep_is_a_decode_error() -> None:
    value: list[object] = []
    for _ in range(sys.getrecursionlimit()):
        value = [value]
    with pytest.raises(DecodeError, match="too deep"):
        KNOWING.build(value)


@pytest.mark.parametrize(
    "data", [b"x" * BUFFER_BYTES, bytearray(b"x" * BUFFER_BYTES)], ids=lambda data: type(data).__name__
)
def test_large_bytes_travel_beside_and_keep_their_type(data: object) -> None:
    parts = Parts()
    payload = CODEC.encode([data], parts, LIMITS)
    assert len(payload) < 10
    assert identity(CODEC.decode(payload, parts, LIMITS)) == identity([data])


def test_a_reference_comes_back_as_what_it_stands_for() -> None:
    assert round_trip({"a": [OBJECT]}) == {"a": [OBJECT]}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\ud800", "^value: text with a surrogate"),
        (["f", [{"k": "\udc80"}]], r"^args\[0\]\['k'\]: text with a surrogate"),
        (["f", [(1 << 8192,)]], r"^args\[0\]\[0\]: an integer of 8193 bits"),
        (["f", [1 << 8192, OBJECT]], r"^args\[0\]: an integer of 8193 bits"),
    ],
)
def test_what_the_packer_refuses_is_named(value: object, reason: str) -> None:
    with pytest.raises(EncodeError, match=reason) as caught:
        CODEC.encode(value, Parts(), LIMITS, names=("name", "args"))
    assert caught.value.__context__ is None


def test_an_encoder_goes_on_after_an_error() -> None:
    codec = MsgpackCodec()
    for _ in range(3):
        with pytest.raises(EncodeError):
            codec.encode(["a", "\ud800"], Parts(), LIMITS)
        assert codec.encode([1], Parts(), LIMITS) == b"\x91\x01"


def test_refusing_hands_nothing_more_to_the_leaves() -> None:
    parts = Parts()
    with pytest.raises(EncodeError):
        CODEC.encode([OBJECT, b"x" * BUFFER_BYTES, "\ud800"], parts, LIMITS)
    assert (len(parts.references), len(parts.buffers)) == (1, 1)


def test_a_value_that_changes_meanwhile_is_refused() -> None:
    changing: list[object] = [1]

    class Changing(Parts):
        def refer(self, value: object) -> int:
            changing[0] = value
            return 0

    with pytest.raises(EncodeError, match="changed meanwhile"):
        CODEC.encode([changing, OBJECT], Changing(), LIMITS)


@pytest.mark.parametrize("containers", [True, False])
def test_nesting_beyond_the_stack_is_refused(containers: bool) -> None:
    limits = Limits(depth=1_000_000)
    cycle: list[object] = []
    cycle.append((cycle,))
    ring: Any = ()
    for _ in range(sys.getrecursionlimit()):
        ring = (ring,)
    with pytest.raises(EncodeError, match="too deep"):
        CODEC.encode(cycle if containers else ring, Parts(), limits, containers=containers)


def test_nesting_beyond_what_msgpack_writes_is_refused() -> None:
    value: list[object] = []
    for _ in range(limit := 1_100):
        value = [value]
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10 * limit)
    try:
        with pytest.raises(EncodeError, match="too deep"):
            CODEC.encode(value, Parts(), Limits(depth=limit * 2))
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    ("value", "nodes"), [([], 2), ([1, 2], 4), ({}, 4), ({"a": "b"}, 6), ([[], {}], 8), (1, 1), (list(range(300)), 302)]
)
def test_plain_values_are_counted_too(value: object, nodes: int) -> None:
    payload = CODEC.encode(value, Parts(), Limits(nodes=nodes))
    assert CODEC.decode(payload, Parts(), Limits(nodes=nodes)) == value
    if nodes > 1:
        with pytest.raises(EncodeError, match=f"more values than {nodes - 1}"):
            CODEC.encode(value, Parts(), Limits(nodes=nodes - 1))


@pytest.mark.parametrize("depth", [1, 2, 64])
def test_plain_values_are_as_deep_as_allowed(depth: int) -> None:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    limits = Limits(depth=depth)
    assert CODEC.decode(CODEC.encode(value, Parts(), limits), Parts(), limits) == value
    with pytest.raises(EncodeError, match=f"deeper than {depth}"):
        CODEC.encode([value], Parts(), limits)


def test_scalars_and_tuples_need_no_containers() -> None:
    parts = Parts()
    assert CODEC.encode((1, "a"), parts, LIMITS, containers=False) == CODEC.encode((1, "a"), parts, LIMITS)
    assert CODEC.encode(1, parts, LIMITS, containers=False) == b"\x01"
    assert parts.references == []
    CODEC.encode([1], parts, LIMITS, containers=False)
    assert parts.references == [[1]]


def test_a_large_payload_does_not_leave_a_large_packer() -> None:
    codec = MsgpackCodec()
    codec.encode("x" * (1 << 20), Parts(), LIMITS)
    assert codec._writers == []
    codec.encode("x", Parts(), LIMITS)
    assert len(codec._writers) == 1


def test_a_finalizer_may_encode_while_something_is_encoded() -> None:
    codec = MsgpackCodec()
    inner: list[bytes] = []

    class Encoding(Parts):
        def refer(self, value: object) -> int:
            inner.append(codec.encode(["inner", [1 << 70]], Parts(), LIMITS))
            return super().refer(value)

    parts = Encoding()
    assert codec.decode(codec.encode([1 << 70, OBJECT], parts, LIMITS), parts, LIMITS) == [1 << 70, OBJECT]
    assert codec.decode(inner[0], parts, LIMITS) == ["inner", [1 << 70]]


def test_threads_share_a_codec() -> None:
    codec = MsgpackCodec()
    wrong: list[object] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(number: int) -> None:
        value = ["x" * number, [number << 70, (number, {number})] * number]
        wrong.extend(value for _ in range(200) if round_trip(value, codec) != value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
