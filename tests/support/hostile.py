"""Payloads that an attacker would send, by name: none may do more than fail its own call."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from msgpack import ExtType, packb  # type: ignore[import-untyped]

from limpet.codec import layout

__all__ = ["HOSTILE", "mark", "marked"]

MEBIBYTE = 1 << 20
PRIME = (1 << 61) - 1
"""What CPython reduces numbers by to hash them: its multiples all hash to 0."""

NAN = struct.pack("!d", float("nan"))


def mark(code: int) -> ExtType:
    return ExtType(code, b"")


def marked(code: int, *items: Any) -> bytes:
    payload: bytes = packb([mark(code), *items])
    return payload


def filled(piece: bytes, size: int = MEBIBYTE) -> bytes:
    """Return an array of as many ``piece`` as make up ``size`` bytes."""
    number = size // len(piece)
    return b"\xdd" + struct.pack("!I", number) + piece * number


def nested(head: bytes, depth: int, core: bytes = b"\xc0") -> bytes:
    return head * depth + core


def key(payload: bytes) -> bytes:
    """Return a dict with ``payload`` as a key, in the form for any key."""
    return b"".join([b"\x93", packb(mark(layout.DICT)), payload, b"\x01"])


def equal_hashes() -> Iterator[tuple[float, ...]]:
    """Yield tuples of doubles that differ and hash alike, for 2.0**61 hashes as 1.0 does."""
    for number in count():
        yield tuple(2.0 ** (61 * (number >> bit & 1)) for bit in range(16))


def _cut_short() -> Iterator[tuple[str, bytes]]:
    heads = {
        0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 2, 0xC8: 3, 0xC9: 5, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
        0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17, 0xD9: 1, 0xDA: 2, 0xDB: 4,
        0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
    }  # fmt: skip
    yield "nothing", b""
    for head, needs in heads.items():
        yield f"{head:#x} and nothing", bytes([head])
        if needs > 1:
            yield f"{head:#x} and a byte too few", bytes([head]) + bytes(needs - 1)
    yield "text cut short", b"\xa5abcd"
    yield "long text cut short", b"\xd9\x20abcd"
    yield "bytes cut short", b"\xc4\x05abcd"
    yield "array cut short", b"\x93\x01\x02"
    yield "map cut short", b"\x82\x01\x02\x03"
    yield "map without its last value", b"\x81\x01"
    yield "extension cut short", b"\xc7\x09\x20\x01"
    yield "byte that begins nothing", b"\xc1"
    yield "byte that begins nothing, inside", b"\x92\x01\xc1"


def _lies() -> Iterator[tuple[str, bytes]]:
    most = b"\xff\xff\xff\xff"
    for head in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF):
        yield f"{head:#x} claims 4 Gi", bytes([head]) + most
        yield f"{head:#x} claims 4 Gi, in a large payload", b"\x92" + bytes([head]) + most + bytes(20_000)
    for head in (0xC5, 0xC8, 0xDA, 0xDC, 0xDE):
        yield f"{head:#x} claims 64 Ki", bytes([head]) + b"\xff\xff"
    for size in (8_000, 8_192, 8_193, 100_000, MEBIBYTE):
        claim = struct.pack("!I", size - 5_000 if size < 100_000 else 100_000)
        yield f"arrays within arrays that each claim all of {size}", ((b"\xdd" + claim) * 1000).ljust(size, b"\xc0")
        yield f"maps within maps that each claim half of {size}", ((b"\xdf" + claim + b"a") * 1000).ljust(size, b"\xc0")
    yield "trailing nil", b"\xc0\xc0"
    yield "trailing garbage", packb([1]) + b"\xff\xfe"
    yield "two messages", packb(["f", []]) * 2
    yield "trailing in a large payload", packb(["x" * 10_000]) + b"\x00"


def _deep() -> Iterator[tuple[str, bytes]]:
    tuples = b"\x92" + packb(mark(layout.TUPLE))
    sets = b"\x92" + packb(mark(layout.SET))
    frozen = b"\x92" + packb(mark(layout.FROZENSET))
    for depth in (65, 500, 1024, 1025, 3000, 100_000):
        yield f"{depth} arrays", nested(b"\x91", depth)
        yield f"{depth} maps", nested(b"\x81\x00", depth)
        yield f"{depth} tuples", nested(tuples, depth)
        yield f"a tuple {depth} deep as a key", key(nested(tuples, depth))
        yield f"frozensets {depth} deep", nested(frozen, depth)
    yield "65 arrays at the end of much", b"\x92" + packb(b"x" * 10_000) + nested(b"\x91", 64)
    yield "65 arrays and maps", nested(b"\x91\x81\x00", 33)
    yield "sets within sets", nested(sets, 30)


def _much() -> Iterator[tuple[str, bytes]]:
    pieces = {
        "empty arrays": b"\x90",
        "empty maps": b"\x80",
        "maps of one": b"\x81\x00\x00",
        "empty sets": packb([mark(layout.SET)]),
        "sets of 77": packb([mark(layout.SET), *range(77)]),
    }
    for name, piece in pieces.items():
        yield f"a mebibyte of {name}", filled(piece)
    yield "more values than a million", filled(b"\xc0", 1_000_010)


def _text() -> Iterator[tuple[str, bytes]]:
    wrong = {
        "a byte of no character": b"\xff",
        "a continuation alone": b"\x80",
        "an overlong slash": b"\xc0\xaf",
        "a surrogate": b"\xed\xa0\x80",
        "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
        "beyond Unicode": b"\xf4\x90\x80\x80",
        "half a character": b"\xe2\x82",
    }
    for name, text in wrong.items():
        yield f"text: {name}", bytes([0xA0 + len(text)]) + text
        yield f"text in a key: {name}", b"\x81" + bytes([0xA0 + len(text)]) + text + b"\x01"
    yield "text: wrong in a large payload", b"\x92" + packb("x" * 10_000) + b"\xa1\xff"


def _keys() -> Iterator[tuple[str, bytes]]:
    leaf = {
        "NaN": b"\xcb" + NAN,
        "a short NaN": b"\xca\x7f\xc0\x00\x00",
        "a complex NaN": packb(ExtType(layout.COMPLEX, NAN + bytes(8))),
        "a decimal NaN": packb(ExtType(layout.DECIMAL, b"NaN")),
        "a signalling decimal NaN": packb(ExtType(layout.DECIMAL, b"sNaN")),
        "a bytearray": packb(ExtType(layout.BYTEARRAY, b"")),
        "a reference": packb(ExtType(layout.REFERENCE, b"\x00\x00")),
        "an array": b"\x90",
        "a map": b"\x80",
        "a mark": packb(mark(layout.TUPLE)),
    }
    inside = {
        "a set": marked(layout.SET),
        "a dict": marked(layout.DICT),
        "a slice": marked(layout.SLICE, None, None, None),
        "a record": marked(layout.RECORD, "Point", {"x": 1}),
        "a timestamp": b"\xd6\xff\x00\x00\x00\x00",
    }
    for name, payload in leaf.items():
        yield f"map with {name} as a key", b"\x81" + payload + b"\x01"
    for name, payload in (leaf | inside).items():
        yield f"dict with {name} as a key", key(payload)
        yield f"dict with {name} in a tuple as a key", key(b"\x92" + packb(mark(layout.TUPLE)) + payload)
        yield f"set with {name}", b"\x92" + packb(mark(layout.SET)) + payload
        yield (
            f"frozenset with {name} in a tuple",
            (b"\x92" + packb(mark(layout.FROZENSET)) + b"\x92" + packb(mark(layout.TUPLE)) + payload),
        )
    equal = {
        "text": [b"\xa1a", b"\xa1a"],
        "an int and a bool": [b"\x01", b"\xc3"],
        "an int and a float": [b"\x01", packb(1.0)],
        "zeros": [packb(0.0), packb(-0.0)],
        "an int and a Decimal": [b"\x01", packb(ExtType(layout.DECIMAL, b"1E0"))],
        "one int in two forms": [b"\x01", b"\xcc\x01"],
    }
    for name, (one, two) in equal.items():
        yield f"map with equal keys: {name}", b"\x82" + one + b"\x01" + two + b"\x02"
        yield f"dict with equal keys: {name}", b"\x95" + packb(mark(layout.DICT)) + one + b"\x01" + two + b"\x02"
        yield f"set with equal items: {name}", b"\x93" + packb(mark(layout.SET)) + one + two
        yield f"frozenset with equal items: {name}", b"\x93" + packb(mark(layout.FROZENSET)) + one + two
    yield "dict with equal tuples as keys", marked(layout.DICT, [mark(layout.TUPLE), 1], 0, [mark(layout.TUPLE), 1], 0)


def _collisions() -> Iterator[tuple[str, bytes]]:
    for number in (66, 1_000, 20_000):
        # From 2**64 on an integer is an extension: a map of a few is the same to a hash table.
        keys: list[Any] = [PRIME * n for n in range(8)]
        keys += [
            ExtType(layout.INTEGER, (PRIME * n).to_bytes((PRIME * n).bit_length() // 8 + 1, "big"))
            for n in range(9, number + 1)
        ]
        yield f"map of {number} integers that hash alike", packb(dict.fromkeys(keys))
        yield f"set of {number} integers that hash alike", marked(layout.SET, *keys)
        yield f"frozenset of {number} integers that hash alike", marked(layout.FROZENSET, *keys)
    doubles = [[mark(layout.TUPLE), *items] for items in islice(equal_hashes(), 5_000)]
    yield "set of tuples that hash alike", marked(layout.SET, *doubles)
    yield "dict of tuples that hash alike", marked(layout.DICT, *(part for item in doubles for part in (item, None)))


def _marks() -> Iterator[tuple[str, bytes]]:
    for code in range(layout.TUPLE, layout.RECORD + 1):
        yield f"mark {code} alone", packb(mark(code))
        yield f"mark {code} with a byte", b"\x91" + packb(ExtType(code, b"\x00"))
        yield f"mark {code} behind an item", packb([1, mark(code)])
        yield f"mark {code} behind a mark", packb([mark(layout.TUPLE), mark(code)])
        yield f"mark {code} as a value", packb({"a": mark(code)})
    for number in (0, 1, 2, 4):
        yield f"slice of {number}", marked(layout.SLICE, *range(number))
        yield f"range of {number}", marked(layout.RANGE, *range(1, number + 1))
    yield "range of floats", marked(layout.RANGE, 1.0, 2.0, 1.0)
    yield "range of bools", marked(layout.RANGE, False, True, True)
    yield "range of nil", marked(layout.RANGE, 0, None, 1)
    yield "range that stands still", marked(layout.RANGE, 0, 1, 0)
    yield "range of a tuple", marked(layout.RANGE, 0, [mark(layout.TUPLE)], 1)
    yield "dict with a key too many", marked(layout.DICT, 1, 2, 3)
    yield "enum of nothing", marked(layout.ENUM)
    yield "enum without a member", marked(layout.ENUM, "Color")
    yield "enum with too much", marked(layout.ENUM, "Color", "RED", 1)
    yield "enum nobody knows", marked(layout.ENUM, "os", "system")
    yield "enum with a member nobody knows", marked(layout.ENUM, "Color", "mro")
    yield "enum with an underscore", marked(layout.ENUM, "Color", "__class__")
    yield "enum by a number", marked(layout.ENUM, "Color", 1)
    yield "enum by an array", marked(layout.ENUM, [], [])
    yield "enum that is a record", marked(layout.ENUM, "Point", "x")
    yield "record of nothing", marked(layout.RECORD)
    yield "record without fields", marked(layout.RECORD, "Point")
    yield "record with too much", marked(layout.RECORD, "Point", {}, {})
    yield "record nobody knows", marked(layout.RECORD, "subprocess.Popen", {"args": "id"})
    yield "record with a field nobody knows", marked(layout.RECORD, "Point", {"__class__": 1})
    yield "record with a number for a field", marked(layout.RECORD, "Point", {1: 1})
    yield "record with an array of fields", marked(layout.RECORD, "Point", [1, 2])
    yield "record with a marked dict", marked(layout.RECORD, "Point", [mark(layout.SET)])
    yield "record that is an enum", marked(layout.RECORD, "Color", {"value": 1})
    yield "record by bytes", marked(layout.RECORD, b"Point", {})


def _extensions() -> Iterator[tuple[str, bytes]]:
    for code in (0, 9, 15, 19, 31, 43, 127):
        yield f"extension {code}", packb(ExtType(code, b"x"))
        yield f"extension {code} in a large payload", packb(["x" * 10_000, ExtType(code, b"x")])
    for code in (-2, -128):
        yield f"extension {code}", b"\xd4" + struct.pack("!b", code) + b"x"
    stamps = {
        "of 32 bits": b"\xd6\xff" + bytes(4),
        "of 64 bits": b"\xd7\xff" + bytes(8),
        "of 96 bits": b"\xc7\x0c\xff" + bytes(12),
        "of a byte": b"\xd4\xff\x00",
        "of nothing": b"\xc7\x00\xff",
        "in a longer form": b"\xc8\x00\x0c\xff" + bytes(12),
        "of 64 bits in another form": b"\xc9\x00\x00\x00\x08\xff" + bytes(8),
    }
    for name, stamp in stamps.items():
        yield f"timestamp {name}", stamp
        yield f"timestamp {name}, in an array", b"\x92\x01" + stamp
        yield f"timestamp {name}, as a key", b"\x81" + stamp + b"\x01"
        yield f"timestamp {name}, as a value", b"\x81\x01" + stamp
        yield f"timestamp {name}, in a large payload", b"\x92" + packb("x" * 10_000) + stamp
    for size in (0, 1, 3, 4):
        for code in (layout.REFERENCE, layout.BUFFER, layout.BYTEARRAY_BUFFER):
            yield f"index of {size} bytes for {code}", packb(ExtType(code, bytes(size)))
    for code in (layout.REFERENCE, layout.BUFFER, layout.BYTEARRAY_BUFFER):
        yield f"index out of range for {code}", packb(ExtType(code, b"\xff\xff"))
    yield "one buffer for two bytearrays", packb([ExtType(layout.BYTEARRAY_BUFFER, b"\x00\x00")] * 2)
    yield "integer of a mebibyte", packb(ExtType(layout.INTEGER, b"\x01" + bytes(MEBIBYTE)))
    yield "decimal of a mebibyte", packb(ExtType(layout.DECIMAL, b"1" * MEBIBYTE + b"E0"))
    yield "decimal whose int would be endless", packb(ExtType(layout.DECIMAL, b"1E999999999999999999"))
    yield "fraction not in lowest terms", packb(ExtType(layout.FRACTION, b"\x00\x00\x00\x01\x02\x04"))
    yield "datetime out of range", packb(ExtType(layout.DATETIME, bytes(11)))


HOSTILE: dict[str, bytes] = {
    name: payload
    for family in (_cut_short, _lies, _deep, _much, _text, _keys, _collisions, _marks, _extensions)
    for name, payload in family()
}
"""Each is refused by a decoder with the default limits, two references and two buffers or fewer."""
