"""Opcodes that push numbers, texts and bytes."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import pytest

from limpet.codec import RestrictedCodec
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.pickles import code, long
from tests.support.values import Parts, identity


def read(*parts: str | bytes | int, limits: Limits | None = None) -> Any:
    return RestrictedCodec().decode(code(*parts, "STOP"), Parts(), limits or Limits())


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (("NONE",), None),
        (("NEWTRUE",), True),
        (("NEWFALSE",), False),
        (("INT", b"00\n"), False),
        (("INT", b"01\n"), True),
        (("INT", b"0\n"), 0),
        (("INT", b"-12\n"), -12),
        (("LONG", b"12L\n"), 12),
        (("LONG", b"12\n"), 12),
        (("BININT1", b"\xff"), 255),
        (("BININT2", b"\x01\x02"), 513),
        (("BININT", b"\xfe\xff\xff\xff"), -2),
        (("LONG1", b"\0"), 0),
        (("LONG1", b"\2\xff\x7f"), 32767),
        (("LONG4", b"\1\0\0\0\xff"), -1),
        (("FLOAT", b"-1.5e3\n"), -1500.0),
        (("FLOAT", b"-inf\n"), float("-inf")),
        (("BINFLOAT", struct.pack(">d", 0.1)), 0.1),
        (("SHORT_BINUNICODE", b"\2\xc3\xa4"), "ä"),
        (("BINUNICODE", b"\1\0\0\0a"), "a"),
        (("BINUNICODE8", b"\1" + bytes(7) + b"a"), "a"),
        (("UNICODE", b"a\\u20ac\xe4\n"), "a\u20acä"),
        (("SHORT_BINBYTES", b"\1a"), b"a"),
        (("BINBYTES", b"\1\0\0\0a"), b"a"),
        (("BINBYTES8", b"\1" + bytes(7) + b"a"), b"a"),
        (("BYTEARRAY8", b"\1" + bytes(7) + b"a"), bytearray(b"a")),
    ],
)
def test_each_reads_what_pickle_reads(parts: tuple[Any, ...], value: object) -> None:
    assert identity(read(*parts)) == identity(value) == identity(pickle.loads(code(*parts, "STOP")))


@pytest.mark.parametrize("bits", [128, 200, 8192])
def test_integers_are_as_wide_as_allowed(bits: int) -> None:
    limits = Limits(integer_bits=bits)
    most = (1 << bits) - 1
    assert read(long(most), limits=limits) == most
    assert read("INT", f"{-most}\n".encode(), limits=limits) == -most
    for parts in ((long(most + 1),), ("LONG", f"{most + 1}L\n".encode())):
        with pytest.raises(DecodeError, match="over the limit"):
            read(*parts, limits=limits)


@pytest.mark.parametrize(
    ("item", "count"), [(b"K\1", 2), (b"M\1\2", 3), (b"J\1\2\3\4", 20), (b"G" + struct.pack(">d", 1.5), 5)]
)
def test_rows_are_read_at_once_and_count(item: bytes, count: int) -> None:
    pickled = code("EMPTY_LIST", "MARK", item * count, "NONE", item, "APPENDS", "STOP")
    assert read(pickled[:-1]) == pickle.loads(pickled)
    with pytest.raises(DecodeError, match="more values than 1"):
        read(item * 2, limits=Limits(nodes=1))


def test_a_row_may_hold_what_looks_like_an_opcode() -> None:
    numbers = [ord("K"), ord("K"), ord("e"), ord("("), 10]
    assert read("EMPTY_LIST", "MARK", *numbers, "APPENDS") == numbers


def test_a_length_over_what_is_left_is_named() -> None:
    with pytest.raises(DecodeError, match="BINBYTES at byte 0: it claims 805306368 bytes, and 2 are left"):
        read("BINBYTES", struct.pack("<I", 768 << 20), b"x")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("LONG4", b"\0\0\1\0"), "LONG4 at byte 0: an integer of 65536 bytes, over the limit"),
        (("INT", b"1_0\n"), "INT at byte 0: a text that is no integer"),
        (("INT", b"010\n"), "a text that is no integer"),
        (("FLOAT", b"1_0.0\n"), "FLOAT at byte 0: a text that is no number"),
        (("UNICODE", b"\\ud800\n"), "UNICODE at byte 0: text with a surrogate"),
        (("UNICODE", b"x"), "UNICODE at byte 0: a line that does not end in time"),
        (("SHORT_BINUNICODE", b"\7x"), "SHORT_BINUNICODE at byte 0: a text that is cut short"),
        (("BININT2", b"\1"), "BININT2 at byte 0: the payload is cut short"),
    ],
)
def test_what_is_wrong_is_named(parts: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        read(*parts)
