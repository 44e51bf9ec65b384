"""Values that travel as one extension: how each type becomes bytes, and comes back.

Each value has exactly one form. A reader rebuilds the form from what it read and refuses
bytes that differ, so that no two payloads mean the same value and nothing odd slips in.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from struct import Struct
from types import EllipsisType
from typing import Any, Final, NamedTuple
from uuid import UUID

from limpet.codec import layout
from limpet.errors import DecodeError

__all__ = ["LEAVES", "Leaf", "read_leaf", "write_integer"]

_COMPLEX: Final = Struct("!dd")
_DATE: Final = Struct("!HBB")
_TIME: Final = Struct("!BBBI")
_DATETIME: Final = Struct("!HBBBBBI")
_TIMEDELTA: Final = Struct("!iII")
_OFFSET: Final = Struct("!q")
_LENGTH: Final = Struct("!I")
_FOLD: Final = 1 << 31
_MICROSECOND: Final = timedelta(microseconds=1)


class Leaf(NamedTuple):
    """How one type travels as an extension.

    ``bits`` bounds the integers in it. Both functions raise any ``Exception`` for what they
    cannot write or read; its text is for people.
    """

    code: int
    write: Callable[[Any, int], bytes]
    read: Callable[[bytes, int], object]


def read_leaf(code: int, data: bytes, bits: int) -> object:
    """Return the value in an extension.

    Args:
        code: the extension's code.
        data: its bytes.
        bits: the widest integer accepted (``Limits.integer_bits``).

    Raises:
        DecodeError: if there is no such leaf, or ``data`` is not the one form of a value.
    """
    if code not in _KINDS:
        raise DecodeError(f"there is no extension {code}")
    kind = _KINDS[code]
    leaf = LEAVES[kind]
    try:
        value = leaf.read(data, bits)
        if leaf.write(value, bits) == data:
            return value
    except (ValueError, ArithmeticError, struct.error):
        pass
    raise DecodeError(f"an extension of {len(data)} bytes that is no {kind.__name__}")


def write_integer(value: int, bits: int) -> bytes:
    """Return ``value`` in two's complement.

    Raises:
        ValueError: if it has more than ``bits`` bits.
    """
    width = value.bit_length()
    if width > bits:
        raise ValueError(f"an integer of {width} bits is over the limit of {bits}")
    return value.to_bytes(width // 8 + 1, "big", signed=True)


def _read_integer(data: bytes, bits: int) -> int:
    if len(data) > bits // 8 + 1:
        raise ValueError
    return int.from_bytes(data, "big", signed=True)


def _read_wide_integer(data: bytes, bits: int) -> int:
    value = _read_integer(data, bits)
    if -(1 << 63) <= value < 1 << 64:
        raise ValueError
    return value


def _write_complex(value: complex, _bits: int) -> bytes:
    return _COMPLEX.pack(value.real, value.imag)


def _read_complex(data: bytes, _bits: int) -> complex:
    return complex(*_COMPLEX.unpack(data))


def _write_bytearray(value: bytearray, _bits: int) -> bytes:
    return bytes(value)


def _read_bytearray(data: bytes, _bits: int) -> bytearray:
    return bytearray(data)


def _write_ellipsis(_value: EllipsisType, _bits: int) -> bytes:
    return b""


def _read_ellipsis(_data: bytes, _bits: int) -> EllipsisType:
    return ...


def _write_date(value: date, _bits: int) -> bytes:
    return _DATE.pack(value.year, value.month, value.day)


def _read_date(data: bytes, _bits: int) -> date:
    return date(*_DATE.unpack(data))


def _write_zone(zone: tzinfo | None) -> bytes:
    if zone is None:
        return b""
    if type(zone) is not timezone:
        raise ValueError(
            f"a time zone of type {type(zone).__name__} cannot travel, only fixed offsets: "
            "convert the value with astimezone(datetime.timezone.utc)"
        )
    offset = zone.utcoffset(None)
    name = zone.tzname(None)
    return _OFFSET.pack(offset // _MICROSECOND) + (b"" if name == timezone(offset).tzname(None) else name.encode())


def _read_zone(data: bytes) -> timezone | None:
    if not data:
        return None
    (microseconds,) = _OFFSET.unpack_from(data)
    name = data[_OFFSET.size :].decode()
    offset = microseconds * _MICROSECOND
    return timezone(offset, name) if name else timezone(offset)


def _write_time(value: time, _bits: int) -> bytes:
    moment = _TIME.pack(value.hour, value.minute, value.second, value.microsecond | value.fold * _FOLD)
    return moment + _write_zone(value.tzinfo)


def _read_time(data: bytes, _bits: int) -> time:
    hour, minute, second, last = _TIME.unpack_from(data)
    zone = _read_zone(data[_TIME.size :])
    return time(hour, minute, second, last % _FOLD, zone, fold=last // _FOLD)


def _write_datetime(value: datetime, _bits: int) -> bytes:
    day = (value.year, value.month, value.day)
    moment = _DATETIME.pack(*day, value.hour, value.minute, value.second, value.microsecond | value.fold * _FOLD)
    return moment + _write_zone(value.tzinfo)


def _read_datetime(data: bytes, _bits: int) -> datetime:
    year, month, day, hour, minute, second, last = _DATETIME.unpack_from(data)
    zone = _read_zone(data[_DATETIME.size :])
    return datetime(year, month, day, hour, minute, second, last % _FOLD, zone, fold=last // _FOLD)


def _write_timedelta(value: timedelta, _bits: int) -> bytes:
    return _TIMEDELTA.pack(value.days, value.seconds, value.microseconds)


def _read_timedelta(data: bytes, _bits: int) -> timedelta:
    return timedelta(*_TIMEDELTA.unpack(data))


def _write_decimal(value: Decimal, bits: int) -> bytes:
    # str(value) depends on the thread's decimal context, and this does not.
    sign, digits, exponent = value.as_tuple()
    if len(digits) > bits // 4:
        raise ValueError(f"a Decimal of {len(digits)} digits is over the limit of {bits // 4}")
    text = "-" if sign else ""
    if isinstance(exponent, int):
        if abs(exponent) > bits:
            raise ValueError(f"a Decimal with the exponent {exponent} is over the limit of {bits}")
        return f"{text}{''.join(map(str, digits))}E{exponent}".encode()
    if exponent == "F":
        return f"{text}Infinity".encode()
    return f"{text}{'s' if exponent == 'N' else ''}NaN{''.join(map(str, digits))}".encode()


def _read_decimal(data: bytes, bits: int) -> Decimal:
    if len(data) > bits // 4 + 16:
        raise ValueError
    return Decimal(data.decode("ascii"))


def _write_uuid(value: UUID, _bits: int) -> bytes:
    return value.bytes


def _read_uuid(data: bytes, _bits: int) -> UUID:
    return UUID(bytes=data)


def _write_fraction(value: Fraction, bits: int) -> bytes:
    numerator = write_integer(value.numerator, bits)
    return _LENGTH.pack(len(numerator)) + numerator + write_integer(value.denominator, bits)


def _read_fraction(data: bytes, bits: int) -> Fraction:
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    return Fraction(_read_integer(data[_LENGTH.size : end], bits), _read_integer(data[end:], bits))


LEAVES: Final[dict[type, Leaf]] = {
    int: Leaf(layout.INTEGER, write_integer, _read_wide_integer),
    complex: Leaf(layout.COMPLEX, _write_complex, _read_complex),
    bytearray: Leaf(layout.BYTEARRAY, _write_bytearray, _read_bytearray),
    EllipsisType: Leaf(layout.ELLIPSIS, _write_ellipsis, _read_ellipsis),
    date: Leaf(layout.DATE, _write_date, _read_date),
    time: Leaf(layout.TIME, _write_time, _read_time),
    datetime: Leaf(layout.DATETIME, _write_datetime, _read_datetime),
    timedelta: Leaf(layout.TIMEDELTA, _write_timedelta, _read_timedelta),
    Decimal: Leaf(layout.DECIMAL, _write_decimal, _read_decimal),
    UUID: Leaf(layout.UUID, _write_uuid, _read_uuid),
    Fraction: Leaf(layout.FRACTION, _write_fraction, _read_fraction),
}

_KINDS: Final = {leaf.code: kind for kind, leaf in LEAVES.items()}
