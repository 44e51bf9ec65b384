"""How the msgpack codec lays values out in bytes.

One value is one msgpack object (https://github.com/msgpack/msgpack/blob/master/spec.md),
all big-endian, with nothing behind it.

**Plain values** are msgpack's own: nil, bool, int from -2**63 to 2**64 - 1, float 64, str
(UTF-8, without surrogates), bin for ``bytes``, array for ``list``, and map for a ``dict``
whose keys are none of the marked values below.

**Marked values** are arrays whose first item is a mark: an extension of no bytes, whose
code says what the other items make. A mark stands nowhere else. As a mark adds one item
and no nested payload, size is linear at any depth, and plain lists pay nothing.

    code         items behind the mark
    1 TUPLE      the items
    2 FROZENSET  the items, in any order, no two equal
    3 SET        as FROZENSET
    4 DICT       key, value, key, value ...; for a dict that has a marked value as a key
    5 SLICE      start, stop, step
    6 RANGE      start, stop, step: int
    7 ENUM       name of the class: str, name of the member: str
    8 RECORD     name of the class: str, fields: map from str

**Leaves** are extensions with the bytes given here; each value has one form, and a reader
refuses every other. *integer* means two's complement in bit_length // 8 + 1 bytes.

    code           bytes
    16 REFERENCE   u16, index in the message's table of references
    17 BUFFER      u16, index of a ``bytes`` among the message's buffers
    18 BYTEARRAY_BUFFER  the same for a ``bytearray``; no two name one buffer
    32 INTEGER     integer, if msgpack's own int is too narrow
    33 COMPLEX     f64 real, f64 imaginary
    34 BYTEARRAY   the bytes
    35 ELLIPSIS    none
    36 DATE        u16 year, u8 month, u8 day
    37 TIME        u8 hour, u8 minute, u8 second, u32 microsecond | fold << 31, zone
    38 DATETIME    u16 year, u8 month, u8 day, then as TIME
    39 TIMEDELTA   i32 days, u32 seconds, u32 microseconds, both of the latter normalised
    40 DECIMAL     ASCII: [-]digits E exponent, [-]Infinity, [-]NaN digits, [-]sNaN digits
    41 UUID        16 bytes
    42 FRACTION    u32 length of the numerator, numerator: integer, denominator: integer
    zone           nothing if naive, else i64 offset in microseconds east, then the zone's
                   name in UTF-8 if it is not the one that ``timezone`` makes of its offset

Every other code, -1 (msgpack's timestamp) among them, is an error. Keys of maps and items
of sets are plain values, leaves (no reference, no bytearray), ENUM, RANGE, and TUPLE and
FROZENSET of such; no NaN, no two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = [
    "BUFFER",
    "BYTEARRAY",
    "BYTEARRAY_BUFFER",
    "COMPLEX",
    "COST",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DICT",
    "ELLIPSIS",
    "ENUM",
    "FRACTION",
    "FROZENSET",
    "INTEGER",
    "RANGE",
    "RECORD",
    "REFERENCE",
    "SET",
    "SLICE",
    "TIME",
    "TIMEDELTA",
    "TUPLE",
    "UUID",
]

TUPLE: Final = 1
FROZENSET: Final = 2
SET: Final = 3
DICT: Final = 4
SLICE: Final = 5
RANGE: Final = 6
ENUM: Final = 7
RECORD: Final = 8

REFERENCE: Final = 16
BUFFER: Final = 17
BYTEARRAY_BUFFER: Final = 18

INTEGER: Final = 32
COMPLEX: Final = 33
BYTEARRAY: Final = 34
ELLIPSIS: Final = 35
DATE: Final = 36
TIME: Final = 37
DATETIME: Final = 38
TIMEDELTA: Final = 39
DECIMAL: Final = 40
UUID: Final = 41
FRACTION: Final = 42

COST: Final[Mapping[int, int]] = MappingProxyType(
    {
        TUPLE: 1,
        FROZENSET: 8,
        SET: 8,
        DICT: 8,
        SLICE: 2,
        RANGE: 2,
        ENUM: 1,
        RECORD: 4,
        REFERENCE: 2,
        BUFFER: 2,
        BYTEARRAY_BUFFER: 2,
        INTEGER: 1,
        COMPLEX: 2,
        BYTEARRAY: 2,
        ELLIPSIS: 2,
        DATE: 2,
        TIME: 2,
        DATETIME: 2,
        TIMEDELTA: 2,
        DECIMAL: 2,
        UUID: 2,
        FRACTION: 2,
    }
)
"""What each extension counts in ``Limits.nodes``: about one for every 64 bytes it becomes.

An empty set takes 216 bytes, and four on the wire. See `limpet.codec.budget` for the rest.
"""
