"""Values in one extension: exact forms, and every other form refused."""

from __future__ import annotations

import decimal
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from limpet.codec import layout
from limpet.codec.leaves import LEAVES, read_leaf, write_integer
from limpet.errors import DecodeError
from tests.support.values import identity

BITS = 8192

VALUES: list[Any] = [
    1 << 64,
    -(1 << 63) - 1,
    (1 << BITS) - 1,
    -(1 << BITS) + 1,
    1j,
    complex("nan"),
    complex(-0.0, float("inf")),
    bytearray(),
    bytearray(b"\x00\xff"),
    ...,
    date.min,
    date.max,
    time.min,
    time.max,
    time(1, 2, 3, 4, UTC, fold=1),
    datetime(1, 1, 1),  # noqa: DTZ001
    datetime(9999, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001
    datetime(2024, 2, 29, 23, 59, 59, 999_999, timezone(timedelta(hours=-5, microseconds=-1)), fold=1),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(hours=1), "CET")),
    datetime(2024, 2, 29, tzinfo=timezone(timedelta(0), "Zürich")),
    timedelta.min,
    timedelta.max,
    timedelta(microseconds=-1),
    Decimal(0),
    Decimal("-0.00"),
    Decimal("1.10"),
    Decimal("-123E+8192"),
    Decimal("1E-8192"),
    Decimal("9" * 2048),
    Decimal("Infinity"),
    Decimal("-Infinity"),
    Decimal("NaN"),
    Decimal("-NaN12"),
    Decimal("sNaN"),
    UUID(int=0),
    UUID(int=(1 << 128) - 1),
    Fraction(0),
    Fraction(-7, 3),
    Fraction((1 << BITS) - 1, 1 << (BITS - 1)),
]


@pytest.mark.parametrize(
    "value", VALUES, ids=lambda value: f"{type(value).__name__} {str(value)[:30] if type(value) is not int else ''}"
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    leaf = LEAVES[type(value)]
    assert identity(read_leaf(leaf.code, leaf.write(value, BITS), BITS)) == identity(value)


def test_forms_do_not_depend_on_the_decimal_context() -> None:
    value = Decimal("1.5E+10")
    written = LEAVES[Decimal].write(value, BITS)
    with decimal.localcontext(decimal.Context(prec=1, Emax=1, Emin=-1, capitals=0, traps=[])):
        assert LEAVES[Decimal].write(value, BITS) == written
        assert identity(read_leaf(layout.DECIMAL, written, BITS)) == identity(value)
        with pytest.raises(DecodeError):
            read_leaf(layout.DECIMAL, b"x", BITS)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1 << BITS, "8193 bits"),
        (-(1 << BITS), "8193 bits"),
        (Fraction(1 << BITS), "8193 bits"),
        (Fraction(1, 1 << BITS), "8193 bits"),
        (Decimal("1" * 2049), "2049 digits"),
        (Decimal("NaN" + "1" * 2049), "2049 digits"),
        (Decimal("1E+8193"), "exponent 8193"),
        (Decimal("1E-8193"), "exponent -8193"),
        (time(1, tzinfo=ZoneInfo("UTC")), "type ZoneInfo"),
        (datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")), "astimezone"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_over_a_bound_or_has_no_form_is_not_written(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LEAVES[type(value)].write(value, BITS)


@pytest.mark.parametrize("value", [0, 127, -128, 128, -129, 255, 256, -(1 << 63)])
def test_an_integer_takes_the_bytes_the_layout_says(value: int) -> None:
    assert len(write_integer(value, BITS)) == value.bit_length() // 8 + 1
    assert int.from_bytes(write_integer(value, BITS), "big", signed=True) == value


WIDE = (1 << 64).to_bytes(9, "big")
CET = (3_600_000_000).to_bytes(8, "big")
NOON = bytes([12, 0, 0, 0, 0, 0, 0])

FORGED = {
    "integer of no bytes": (layout.INTEGER, b""),
    "integer that msgpack has": (layout.INTEGER, b"\x01"),
    "integer of 64 bits": (layout.INTEGER, b"\x00" + b"\xff" * 8),
    "integer of 63 bits and a sign": (layout.INTEGER, b"\xff\x80" + bytes(7)),
    "integer with a byte too many": (layout.INTEGER, b"\x00" + WIDE),
    "integer over the limit": (layout.INTEGER, b"\x01" + bytes(BITS // 8)),
    "integer far over the limit": (layout.INTEGER, b"\x01" + bytes(1 << 20)),
    "complex of 15 bytes": (layout.COMPLEX, bytes(15)),
    "complex of 17 bytes": (layout.COMPLEX, bytes(17)),
    "ellipsis with a byte": (layout.ELLIPSIS, b"\x00"),
    "date of 3 bytes": (layout.DATE, b"\x07\xe8\x01"),
    "date of 5 bytes": (layout.DATE, b"\x07\xe8\x01\x01\x00"),
    "date in year 0": (layout.DATE, b"\x00\x00\x01\x01"),
    "date in year 10000": (layout.DATE, b"\x27\x10\x01\x01"),
    "date in month 13": (layout.DATE, b"\x07\xe8\x0d\x01"),
    "date on 30 February": (layout.DATE, b"\x07\xe8\x02\x1e"),
    "time of no bytes": (layout.TIME, b""),
    "time of hour 24": (layout.TIME, bytes([24]) + bytes(6)),
    "time of minute 60": (layout.TIME, bytes([0, 60]) + bytes(5)),
    "time of second 60": (layout.TIME, bytes([0, 0, 60]) + bytes(4)),
    "time of a million microseconds": (layout.TIME, bytes(3) + (1_000_000).to_bytes(4, "big")),
    "time with a zone of 7 bytes": (layout.TIME, NOON + bytes(7)),
    "time a day off": (layout.TIME, NOON + (86_400_000_000).to_bytes(8, "big")),
    "time aeons off": (layout.TIME, NOON + b"\x7f" + b"\xff" * 7),
    "time with its zone's name spelled out": (layout.TIME, NOON + CET + b"UTC+01:00"),
    "time with a zone's name not in UTF-8": (layout.TIME, NOON + CET + b"\xff"),
    "time with a zone's name of surrogates": (layout.TIME, NOON + CET + b"\xed\xa0\x80"),
    "datetime of 10 bytes": (layout.DATETIME, bytes(10)),
    "datetime of zeros": (layout.DATETIME, bytes(11)),
    "datetime in year 65535": (layout.DATETIME, b"\xff\xff\x01\x01" + bytes(7)),
    "timedelta of 11 bytes": (layout.TIMEDELTA, bytes(11)),
    "timedelta of a day of seconds": (layout.TIMEDELTA, bytes(4) + (86_400).to_bytes(4, "big") + bytes(4)),
    "timedelta of a second of microseconds": (layout.TIMEDELTA, bytes(8) + (1_000_000).to_bytes(4, "big")),
    "timedelta of a thousand million days": (layout.TIMEDELTA, (10**9).to_bytes(4, "big") + bytes(8)),
    "decimal of nothing": (layout.DECIMAL, b""),
    "decimal of letters": (layout.DECIMAL, b"pi"),
    "decimal without an exponent": (layout.DECIMAL, b"1"),
    "decimal with a point": (layout.DECIMAL, b"1.5E0"),
    "decimal with a space": (layout.DECIMAL, b" 1E0"),
    "decimal with an underscore": (layout.DECIMAL, b"1_0E0"),
    "decimal with a plus": (layout.DECIMAL, b"+1E0"),
    "decimal with a plus in the exponent": (layout.DECIMAL, b"1E+1"),
    "decimal with a small e": (layout.DECIMAL, b"1e0"),
    "decimal with a leading zero": (layout.DECIMAL, b"01E0"),
    "decimal with a long exponent": (layout.DECIMAL, b"1E00"),
    "decimal in Arabic digits": (layout.DECIMAL, "\u0661E0".encode()),
    "decimal with an exponent over the limit": (layout.DECIMAL, b"1E8193"),
    "decimal with an exponent beyond all": (layout.DECIMAL, b"1E9999999999999"),
    "decimal with too many digits": (layout.DECIMAL, b"1" * 2049 + b"E0"),
    "decimal with a million digits": (layout.DECIMAL, b"1" * (1 << 20) + b"E0"),
    "infinity in short": (layout.DECIMAL, b"Inf"),
    "infinity in capitals": (layout.DECIMAL, b"INFINITY"),
    "NaN in small letters": (layout.DECIMAL, b"nan"),
    "NaN with a leading zero": (layout.DECIMAL, b"NaN01"),
    "UUID of 15 bytes": (layout.UUID, bytes(15)),
    "UUID of 17 bytes": (layout.UUID, bytes(17)),
    "fraction of nothing": (layout.FRACTION, b""),
    "fraction without a denominator": (layout.FRACTION, b"\x00\x00\x00\x01\x01"),
    "fraction over 0": (layout.FRACTION, b"\x00\x00\x00\x01\x01\x00"),
    "fraction over -2": (layout.FRACTION, b"\x00\x00\x00\x01\x01\xfe"),
    "fraction not in lowest terms": (layout.FRACTION, b"\x00\x00\x00\x01\x02\x04"),
    "fraction with a byte too many": (layout.FRACTION, b"\x00\x00\x00\x02\x00\x01\x02"),
    "fraction that claims 4 GiB": (layout.FRACTION, b"\xff\xff\xff\xff\x01\x02"),
    "fraction over the limit": (layout.FRACTION, b"\x00\x00\x04\x01\x01" + bytes(1024) + b"\x03"),
}


@pytest.mark.parametrize(("code", "data"), FORGED.values(), ids=FORGED)
def test_every_other_form_is_refused(code: int, data: bytes) -> None:
    with pytest.raises(DecodeError, match="extension of"):
        read_leaf(code, data, BITS)


@pytest.mark.parametrize("code", [-128, -1, 0, 15, 19, 31, 43, 127, layout.TUPLE, layout.REFERENCE])
def test_a_leaf_that_is_not_there_is_refused(code: int) -> None:
    with pytest.raises(DecodeError, match=f"no extension {code}"):
        read_leaf(code, b"", BITS)


def test_refusals_do_not_hold_what_they_refused() -> None:
    with pytest.raises(DecodeError) as caught:
        read_leaf(layout.TIME, NOON + CET + b"\xff", BITS)
    assert caught.value.__context__ is None
