"""Encoding: what goes by value, by reference or not at all, and the path to it."""

from __future__ import annotations

import enum
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack  # type: ignore[import-untyped]
import pytest
from msgpack import ExtType

from limpet.codec import layout
from limpet.codec.budget import measure
from limpet.codec.classes import Classes
from limpet.codec.encoder import BUFFER_BYTES, Encoder, is_plain
from limpet.codec.keys import KEY
from limpet.errors import DecodeError, EncodeError
from limpet.limits import Limits
from tests.support.values import Parts


class Color(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True)
class Point:
    x: object
    y: object = 0


class Text(str):
    __slots__ = ()


class Number(enum.IntEnum):
    ONE = 1


Pair = namedtuple("Pair", "a b")  # noqa: PYI024

CLASSES = Classes((Color, Access, Point))


class Refusing(Parts):
    def refer(self, value: object) -> int:
        raise EncodeError(f"{type(value).__name__} is not exposed")


def lower(
    value: object,
    parts: Parts | None = None,
    limits: Limits | None = None,
    *,
    containers: bool = True,
    names: tuple[str, ...] = (),
    careful: bool = False,
) -> Any:
    encoder = Encoder(
        CLASSES, parts or Parts(), limits or Limits(), containers=containers, names=names, careful=careful
    )
    return encoder.lower(value)


def mark(code: int) -> ExtType:
    return ExtType(code, b"")


PLAIN: list[Any] = [
    None,
    True,
    1,
    1 << 70,
    1.5,
    "a",
    [],
    {},
    [1, ["a", {"b": [None]}]],
    {"a": 1.5, 2: {"b": []}},
]
NOT_PLAIN: list[Any] = [
    b"",
    (),
    set(),
    bytearray(),
    memoryview(b"x"),
    ExtType(1, b""),
    msgpack.Timestamp(0, 0),
    Text("a"),
    Number.ONE,
    Pair(1, 2),
    OrderedDict(),
    [[[(1,)]]],
    {"a": b""},
    {1.5: 1},
    {b"a": 1},
    [1] * 257,
    dict.fromkeys(range(257)),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_are_handed_on_as_they_are(value: Any) -> None:
    assert is_plain(value, 4)
    assert lower(value) == value


@pytest.mark.parametrize("value", [[1, "a", None], {"a": 1.5, 2: True}])
def test_flat_plain_values_are_not_copied(value: Any) -> None:
    assert lower(value) is value


@pytest.mark.parametrize("value", NOT_PLAIN, ids=lambda value: repr(value)[:30])
def test_all_else_is_looked_at(value: Any) -> None:
    assert not is_plain(value, 4)
    assert not is_plain([value], 4)


def test_plain_values_are_as_deep_as_allowed() -> None:
    assert is_plain([[1]], 2)
    assert not is_plain([[1]], 1)
    assert is_plain(1, 0)
    assert not is_plain([], 0)


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ((1, "a"), [mark(layout.TUPLE), 1, "a"]),
        ([((),)], [[mark(layout.TUPLE), [mark(layout.TUPLE)]]]),
        (frozenset({1}), [mark(layout.FROZENSET), 1]),
        ({(1,)}, [mark(layout.SET), [mark(layout.TUPLE), 1]]),
        ({"a": (1,)}, {"a": [mark(layout.TUPLE), 1]}),
        ({b"a": 1}, {b"a": 1}),
        ({1.5: 1}, {1.5: 1}),
        ({1: 2, (1,): [2]}, [mark(layout.DICT), 1, 2, [mark(layout.TUPLE), 1], [2]]),
        (slice(1, None, [2]), [mark(layout.SLICE), 1, None, [2]]),
        (range(1, 9, 2), [mark(layout.RANGE), 1, 9, 2]),
        (range(True), [mark(layout.RANGE), 0, 1, 1]),
        (Color.RED, [mark(layout.ENUM), "Color", "RED"]),
        ({Color.RED: 1}, [mark(layout.DICT), [mark(layout.ENUM), "Color", "RED"], 1]),
        (Point(1, (2,)), [mark(layout.RECORD), "Point", {"x": 1, "y": [mark(layout.TUPLE), 2]}]),
        (bytearray(b"x"), ExtType(layout.BYTEARRAY, b"x")),
        ({...: ...}, {ExtType(layout.ELLIPSIS, b""): ExtType(layout.ELLIPSIS, b"")}),
        (b"x" * (BUFFER_BYTES - 1), b"x" * (BUFFER_BYTES - 1)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_values_take_the_forms_of_the_layout(value: Any, tree: object) -> None:
    parts = Parts()
    lowered = lower(value, parts)
    assert lowered == tree
    assert repr(lowered) == repr(tree)
    assert (parts.references, parts.buffers) == ([], [])


def test_large_bytes_travel_beside_the_payload() -> None:
    parts = Parts()
    data, array = b"x" * BUFFER_BYTES, bytearray(b"y" * BUFFER_BYTES)
    assert lower([data, array], parts) == [
        ExtType(layout.BUFFER, b"\x00\x00"),
        ExtType(layout.BYTEARRAY_BUFFER, b"\x00\x01"),
    ]
    assert parts.buffers[0] is data
    assert parts.buffers[1] == array
    assert type(parts.buffers[1]) is bytes


def test_values_are_not_changed_by_encoding_them() -> None:
    value = [(1,), {"a": {2}}]
    lower(value)
    assert value == [(1,), {"a": {2}}]


@pytest.mark.parametrize("value", [object(), object, OrderedDict(), memoryview(b""), len, NotImplemented])
def test_what_has_no_form_goes_by_reference(value: object) -> None:
    parts = Parts()
    assert lower([1, value], parts) == [1, ExtType(layout.REFERENCE, b"\x00\x00")]
    assert parts.references == [value]


@pytest.mark.parametrize(
    "container", [[1], {1: 2}, {1}, bytearray(b"x"), bytearray(BUFFER_BYTES)], ids=lambda c: type(c).__name__
)
def test_containers_go_by_reference_if_asked_wherever_they_stand(container: object) -> None:
    parts = Parts()
    reference = ExtType(layout.REFERENCE, b"\x00\x00")
    assert lower(container, parts, containers=False) == reference
    assert lower((1, container), Parts(), containers=False) == [mark(layout.TUPLE), 1, reference]
    assert lower(Point(container), Parts(), containers=False)[2]["x"] == reference
    assert parts.references == [container]
    assert parts.references[0] is container
    assert parts.buffers == []


CYCLE: list[object] = []
CYCLE.append(CYCLE)

LOOP: dict[str, object] = {}
LOOP["a"] = (LOOP,)


def broken_uuid() -> UUID:
    value = UUID(int=0)
    object.__setattr__(value, "int", "x")
    return value


def incomplete_point() -> Point:
    value = Point(1)
    object.__delattr__(value, "x")
    return value


REFUSED: dict[str, tuple[Any, str]] = {
    "subclass of str": ([Text("a")], r"^value\[0\]: Text would arrive as its base class; send str\(\) of it$"),
    "subclass of int": ({"a": Number.ONE}, r"^value\['a'\]: Number would"),
    "named tuple": ([[Pair(1, 2)]], r"^value\[0\]\[0\]: Pair would"),
    "subclass as a key": ({Text("a"): 1}, r"^value<key>: Text is no key"),
    "subclass of frozenset": (type("Frozen", (frozenset,), {})(), "^value: Frozen would"),
    "msgpack's extension": (ExtType(1, b""), "^value: ExtType would"),
    "composed flag": (Access.READ | Access.WRITE, "^value: only single members of Access"),
    "cycle": (CYCLE, r"^value(\[0\]){16}\.\.\.: nested deeper than 64"),
    "cycle through a tuple": (LOOP, r"^value(\['a'\]\[0\]){8}\.\.\.: nested deeper than 64"),
    "NaN as a key": ({float("nan"): 1}, "^value<key>: NaN is no key"),
    "NaN in a tuple as a key": ({("a", float("nan")): 1}, r"^value<key>\[1\]: NaN"),
    "NaN in a set": ([{float("nan")}], r"^value\[0\]\[0\]: NaN"),
    "complex NaN in a frozenset": (frozenset({complex("nan")}), "NaN"),
    "decimal NaN as a key": ({Decimal("NaN"): 1}, "NaN"),
    "dataclass as a key": ({Point(1): 1}, "^value<key>: Point is no key: it is built"),
    "object in a set": ({object()}, r"^value\[0\]: object is no key"),
    "object in a tuple as a key": ({(1, len): 1}, r"^value<key>\[1\]: builtin_function_or_method is no key"),
    "time zone with rules": (
        (datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")),),
        r"^value\[0\]: a time zone of type ZoneInfo",
    ),
    "decimal beyond bounds": (Decimal("1E+9999"), "exponent 9999"),
    "broken value": ([broken_uuid()], r"^value\[0\]: "),
    "broken dataclass": ([incomplete_point()], r"^value\[0\]: a field of Point cannot be read: AttributeError"),
    "in a field": (Point(1, [Text("a")]), r"^value\.y\[0\]: Text"),
    "behind a long key": ({"k" * 41: Text("a")}, r"^value\[<str>\]: "),
    "behind an integer": ({7: Text("a")}, r"^value\[7\]: "),
    "behind a huge integer": ({1 << 65: Text("a")}, r"^value\[<int>\]: "),
    "behind a tuple": ({(1, 2): Text("a")}, r"^value\[<tuple>\]: "),
    "behind an escape": ({"\x1b[2J": Text("a")}, r"^value\['\\x1b\[2J'\]: "),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_the_path_and_the_reason(value: Any, reason: str) -> None:
    parts = Parts()
    with pytest.raises(EncodeError, match=reason):
        lower(value, parts)
    assert parts.references == []


def test_a_slice_is_no_key() -> None:
    # Before Python 3.12 no set can hold one.
    encoder = Encoder(CLASSES, Parts(), Limits(), containers=True, names=())
    with pytest.raises(EncodeError, match="a slice is no key"):
        encoder.lower((slice(1),), None, KEY)


def test_paths_begin_with_the_names_of_the_parts() -> None:
    names = ("name", "args", "kwargs")
    for value, path in (
        (["f", [1, Text("a")], {}], r"^args\[1\]: "),
        (["f", [], {"x": [Text("a")]}], r"^kwargs\['x'\]\[0\]: "),
        ([Text("f"), [], {}], "^name: "),
        (["f", [], {}, Text("a")], r"^value\[3\]: "),
        ({"f": Text("a")}, r"^value\['f'\]: "),
        (Text("a"), "^value: "),
    ):
        with pytest.raises(EncodeError, match=path):
            lower(value, names=names)


def test_a_refused_reference_names_its_path_too() -> None:
    with pytest.raises(EncodeError, match=r"^args\[0\]\['x'\]: object is not exposed$") as caught:
        lower(["f", [{"x": object()}]], Refusing(), names=("name", "args"))
    assert isinstance(caught.value.__cause__, EncodeError)


def test_other_errors_of_the_leaves_pass() -> None:
    class Full(Parts):
        def refer(self, value: object) -> int:
            raise OSError

        def attach(self, data: bytes) -> int:
            raise OSError

    for value in (object(), b"x" * BUFFER_BYTES, bytearray(BUFFER_BYTES)):
        with pytest.raises(OSError):
            lower(value, Full())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1, "a\ud800"], r"^value\[1\]: text with a surrogate"),
        ({"\udfff": 1}, "^value<key>: text with a surrogate"),
        ([{"a": (1, -(1 << 8192))}], r"^value\[0\]\['a'\]\[1\]: an integer of 8193 bits"),
        ({1 << 8192: 1}, "^value<key>: an integer"),
    ],
)
def test_a_careful_look_names_what_the_packer_refuses(value: Any, reason: str) -> None:
    lower(value)
    with pytest.raises(EncodeError, match=reason):
        lower(value, careful=True)


def test_a_careful_look_passes_what_the_packer_writes() -> None:
    value = [1, -(1 << 63), (1 << 64) - 1, 1 << 8191, "é", None, 1.5, {"a": {1, 2}}]
    assert lower(value, careful=True)[:7] == value[:7]
    assert lower((1 << 64) - 1, limits=Limits(integer_bits=8), careful=True) == (1 << 64) - 1


@pytest.mark.parametrize(
    "value",
    [
        [],
        [1, 2],
        {},
        {"a": 1, "b": [2]},
        (1, (2, 3)),
        frozenset({1, 2}),
        {1, 2},
        {(1,): (2,)},
        slice(1, 2),
        range(3),
        Color.RED,
        Point(1, {"a": 2}),
        [object(), b"x" * BUFFER_BYTES, bytearray(BUFFER_BYTES), bytearray(), Decimal(1), ...],
        [1 << 70],
    ],
    ids=lambda value: repr(value)[:30],
)
def test_nodes_and_depth_are_counted_as_the_other_side_counts_them(value: Any) -> None:
    packer = msgpack.Packer(default=lambda value: ExtType(layout.INTEGER, bytes(9)))
    payload = packer.pack(lower(value))

    def fits(limits: Limits) -> bool:
        try:
            measure(payload, limits)
        except DecodeError:
            with pytest.raises(EncodeError, match=r"more values|deeper"):
                lower(value, limits=limits)
            return False
        lower(value, limits=limits)
        return True

    assert fits(Limits())
    for name in ("nodes", "depth"):
        bounds = [bound for bound in range(1, 60) if fits(Limits(**{name: bound}))]
        assert bounds == list(range(bounds[0], 60))
