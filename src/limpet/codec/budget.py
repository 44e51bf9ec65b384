"""What a payload may make its reader build: counted before anything is built.

A limit of bytes alone is no limit of memory: one byte can become a list of 80. So a value
counts one *node*, an array two, a map four and an extension what ``layout.COST`` says; an
item of a set counts twice. A node stands for about 64 bytes of objects.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from limpet.codec.layout import COST, FROZENSET, SET
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["ARRAY_NODES", "MAP_NODES", "NODES_PER_BYTE", "measure"]

ARRAY_NODES: Final = 2
"""An array, without its items."""
MAP_NODES: Final = 4
"""A map, without its keys and values."""
NODES_PER_BYTE: Final = 4
"""The most that a byte can count: it is the head of an empty map."""


class _Kind(Enum):
    """What a head byte begins, if it is not a scalar of a fixed size."""

    TEXT = auto()
    EXTENSION = auto()
    ARRAY = auto()
    MAP = auto()


def _scalar_sizes() -> bytes:
    """Return the size, head included, of the scalar that each head byte begins; 0 if none."""
    sizes = bytearray(256)
    for head in (*range(0x80), 0xC0, 0xC2, 0xC3, *range(0xE0, 0x100)):
        sizes[head] = 1
    for head in range(0xA0, 0xC0):
        sizes[head] = 1 + (head & 0x1F)
    for heads, size in (((0xCC, 0xD0), 2), ((0xCD, 0xD1), 3), ((0xCA, 0xCE, 0xD2), 5), ((0xCB, 0xCF, 0xD3), 9)):
        for head in heads:
            sizes[head] = size
    return bytes(sizes)


_SCALAR_SIZES: Final = _scalar_sizes()

_HEADS: Final = {
    **{0x80 + count: (_Kind.MAP, 0, count) for count in range(16)},
    **{0x90 + count: (_Kind.ARRAY, 0, count) for count in range(16)},
    **{0xD4 + power: (_Kind.EXTENSION, 0, 1 << power) for power in range(5)},
    **{0xC4 + power: (_Kind.TEXT, 1 << power, 0) for power in range(3)},
    **{0xD9 + power: (_Kind.TEXT, 1 << power, 0) for power in range(3)},
    **{0xC7 + power: (_Kind.EXTENSION, 1 << power, 0) for power in range(3)},
    **{0xDC + power: (_Kind.ARRAY, 2 << power, 0) for power in range(2)},
    **{0xDE + power: (_Kind.MAP, 2 << power, 0) for power in range(2)},
}
"""For each other head: what it begins, in how many bytes its count follows, or else the count."""


def measure(payload: bytes | memoryview, limits: Limits) -> None:
    """Check that ``payload`` is one whole value within ``limits``, building nothing.

    Checks every head and every declared length, so that a reader never reserves more than
    the payload can fill. Does not check text or what is in an extension.

    Raises:
        DecodeError: if it is not.
    """
    try:
        end = _measure(payload, limits)
    except IndexError:
        end = -1
    if end != len(payload):
        raise DecodeError("the payload is cut short, or goes on behind its value")


def _measure(payload: bytes | memoryview, limits: Limits) -> int:
    """Return where the first value of ``payload`` ends, which may be behind the payload's end."""
    size = len(payload)
    nodes = 1
    at = 0
    left = 1  # items to come in the innermost container
    waiting = 0  # and in those around it, together
    around: list[int] = []
    while True:
        while left:
            head = payload[at]
            left -= 1
            if scalar := _SCALAR_SIZES[head]:
                at += scalar
                continue
            if head not in _HEADS:
                raise DecodeError(f"no value begins with the byte {head:#04x}")
            kind, width, count = _HEADS[head]
            at += 1 + width
            if width:
                count = int.from_bytes(payload[at - width : at], "big")
            if kind is _Kind.TEXT:
                at += count
                continue
            if kind is _Kind.EXTENSION:
                code = payload[at]
                if code not in COST:
                    raise DecodeError(f"there is no extension {code}")
                at += 1 + count
                nodes += COST[code] - 1 + (left if code in (SET, FROZENSET) else 0)
            else:
                around.append(left)
                waiting += left
                left = count if kind is _Kind.ARRAY else 2 * count
                if waiting + left > size - at:
                    raise DecodeError("a container claims more items than there are bytes")
                if len(around) > limits.depth:
                    raise DecodeError(f"values nested deeper than {limits.depth}")
                nodes += left + (ARRAY_NODES if kind is _Kind.ARRAY else MAP_NODES) - 1
            if nodes > limits.nodes:
                raise DecodeError(f"more values than {limits.nodes}")
        if not around:
            return at
        left = around.pop()
        waiting -= left
