"""Measuring: every head, every length that lies, every bound one below and one above."""

from __future__ import annotations

import pytest
from msgpack import ExtType, packb  # type: ignore[import-untyped]

from limpet.codec import layout
from limpet.codec.budget import ARRAY_NODES, MAP_NODES, measure
from limpet.errors import DecodeError
from limpet.limits import Limits

LIMITS = Limits()

WHOLE = [
    *(bytes([head]) for head in (0x00, 0x7F, 0xC0, 0xC2, 0xC3, 0xE0, 0xFF, 0x80, 0x90, 0xA0)),
    *(bytes([head]) + bytes(1) for head in (0xCC, 0xD0, 0xC4, 0xD9, 0xA1)),
    *(bytes([head]) + bytes(2) for head in (0xCD, 0xD1, 0xC5, 0xDA, 0xDC, 0xDE)),
    *(bytes([head]) + bytes(4) for head in (0xCE, 0xD2, 0xCA, 0xC6, 0xDB, 0xDD, 0xDF)),
    *(bytes([head]) + bytes(8) for head in (0xCF, 0xD3, 0xCB)),
    b"\xbf" + bytes(31),
    b"\x9f" + bytes(15),
    b"\x8f" + bytes(30),
    *(bytes([0xD4 + power, layout.INTEGER]) + bytes(1 << power) for power in range(5)),
    b"\xc7\x03" + bytes([layout.INTEGER]) + bytes(3),
    b"\xc8\x00\x03" + bytes([layout.INTEGER]) + bytes(3),
    b"\xc9\x00\x00\x00\x03" + bytes([layout.INTEGER]) + bytes(3),
    packb([1, [2, {"a": [b"x" * 300, "y" * 70_000, 1.5]}], {}]),
    packb(list(range(70_000))),
    packb({n: n for n in range(70_000)}),
]


@pytest.mark.parametrize("payload", WHOLE, ids=lambda payload: payload[:6].hex())
def test_a_whole_value_passes_and_no_part_of_it_nor_more(payload: bytes) -> None:
    measure(payload, LIMITS)
    measure(memoryview(payload), LIMITS)
    for cut in {0, len(payload) // 2, len(payload) - 1}:
        with pytest.raises(DecodeError):
            measure(payload[:cut], LIMITS)
    with pytest.raises(DecodeError, match="goes on"):
        measure(payload + b"\xc0", LIMITS)


def test_a_byte_that_begins_nothing_is_refused() -> None:
    with pytest.raises(DecodeError, match="0xc1"):
        measure(b"\x91\xc1", LIMITS)


@pytest.mark.parametrize("code", [0, 9, 43, 127, 128, 255])
def test_an_extension_that_is_not_there_is_refused(code: int) -> None:
    with pytest.raises(DecodeError, match=f"extension {code}"):
        measure(bytes([0xD4, code, 0]), LIMITS)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x92\x92\x00\x00",  # three items to come, and one byte
        b"\x9f" * 64,
        b"\xdc\x10\x00" * 1000 + bytes(4096),
    ],
    ids=lambda payload: payload[:6].hex(),
)
def test_containers_cannot_claim_more_than_there_is(payload: bytes) -> None:
    with pytest.raises(DecodeError, match=r"more items than there are bytes|cut short"):
        measure(payload, LIMITS)


@pytest.mark.parametrize("head", [b"\x91", b"\x81\x00"])
def test_depth_is_bounded(head: bytes) -> None:
    measure(head * 64 + b"\x00", LIMITS)
    measure(head * 63 + b"\x90", LIMITS)
    with pytest.raises(DecodeError, match="deeper than 64"):
        measure(head * 65 + b"\x00", LIMITS)


def test_depth_is_not_length() -> None:
    measure(packb([[[], []], [[], []]] * 100), Limits(depth=3))


def marked(code: int, *items: object) -> bytes:
    payload: bytes = packb([ExtType(code, b""), *items])
    return payload


@pytest.mark.parametrize(
    ("payload", "nodes"),
    [
        (packb(1), 1),
        (packb("x" * 1000), 1),
        (packb([]), ARRAY_NODES),
        (packb([1, 2]), ARRAY_NODES + 2),
        (packb({}), MAP_NODES),
        (packb({1: 2, 3: []}), MAP_NODES + 3 + ARRAY_NODES),
        (packb(ExtType(layout.UUID, bytes(16))), layout.COST[layout.UUID]),
        (marked(layout.TUPLE, 1), ARRAY_NODES + layout.COST[layout.TUPLE] + 1),
        (marked(layout.SET, 1, 2), ARRAY_NODES + layout.COST[layout.SET] + 4),
        (marked(layout.FROZENSET, 1, 2), ARRAY_NODES + layout.COST[layout.FROZENSET] + 4),
    ],
)
def test_nodes_are_counted_and_bounded(payload: bytes, nodes: int) -> None:
    measure(payload, Limits(nodes=nodes))
    if nodes > 1:
        with pytest.raises(DecodeError, match=f"more values than {nodes - 1}"):
            measure(payload, Limits(nodes=nodes - 1))


def test_every_extension_has_its_cost() -> None:
    codes = {value for name in layout.__all__ if isinstance(value := vars(layout)[name], int)}
    assert codes == layout.COST.keys()
    assert len(codes) == len(layout.__all__) - 1, "two extensions have one code"
