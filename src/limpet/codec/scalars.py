"""The opcodes of a pickle that push a number, a text or bytes: what is read without looking at the stack."""

from __future__ import annotations

import re
from codecs import raw_unicode_escape_decode
from collections.abc import Callable
from itertools import chain
from struct import Struct
from typing import Any, ClassVar, Final

from limpet.codec.account import Account
from limpet.codec.layout import BYTEARRAY, COST
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["Scalars"]

_LEAST_BITS: Final = 128
"""The integers that are accepted under any limit: a UUID has one of so many bits."""
_BYTEARRAY_NODES: Final = COST[BYTEARRAY] - 1
_INTEGER: Final = Struct("<i")
_FLOAT: Final = Struct(">d")
_INTEGER_TEXT: Final = re.compile(rb"-?(0|[1-9][0-9]*)\Z")
_FLOAT_TEXT: Final = re.compile(rb"-?(inf|nan|[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?)\Z")
_TEXT_FLOAT_BYTES: Final = 64
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# Numbers of one kind in a row, as lists have them, are read at once.
_ROW_OF_BYTES: Final = re.compile(rb"(?s:K.)+")
_ROW_OF_SHORTS: Final = re.compile(rb"(?s:M..)+")
_ROW_OF_INTEGERS: Final = re.compile(rb"(?s:J....)+")
_ROW_OF_FLOATS: Final = re.compile(rb"(?s:G........)+")
_SHORTS: Final = Struct("<xH")
_INTEGERS: Final = Struct("<xi")
_FLOATS: Final = Struct(">xd")


class Scalars:
    """Reads the arguments of opcodes, each length checked against what is left.

    Args:
        data: the pickle.
        limits: nodes and integer size.
    """

    __slots__ = ("_account", "_data", "_limits", "_row", "_stack")

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._account = Account(limits)
        self._stack: list[Any] = []
        self._row = 0  # numbers that were read in rows

    def _take(self, at: int, size: int) -> bytes:
        """Return ``size`` bytes. They are there before any are reserved."""
        self._check_left(at, size)
        return self._data[at : at + size]

    def _check_left(self, at: int, size: int) -> None:
        if size > len(self._data) - at:
            raise ValueError(f"it claims {size} bytes, and {len(self._data) - at} are left")

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._take(at, width), "little")

    def _line(self, at: int, limit: int) -> tuple[bytes, int]:
        """Return a line, and where the next one begins."""
        end = self._data.find(b"\n", at, at + limit + 1)
        if end < 0:
            raise ValueError("a line that does not end in time")
        return self._data[at:end], end + 1

    # Numbers.

    def _none(self, at: int) -> int:
        self._stack.append(None)
        return at

    def _true(self, at: int) -> int:
        self._stack.append(True)
        return at

    def _false(self, at: int) -> int:
        self._stack.append(False)
        return at

    def _start_row(self, count: int) -> None:
        self._row += count
        if self._row > self._limits.nodes:
            raise DecodeError(f"more values than {self._limits.nodes}")

    def _one_byte(self, at: int) -> int:
        data = self._data
        if data[at + 1] != 0x4B:
            self._stack.append(data[at])
            return at + 1
        end = _ROW_OF_BYTES.match(data, at - 1).end()  # type: ignore[union-attr]  # one is there
        self._start_row((end - at + 1) // 2)
        self._stack.extend(data[at:end:2])
        return end

    def _two_bytes(self, at: int) -> int:
        data = self._data
        if data[at + 2] != 0x4D:
            self._stack.append(data[at] | data[at + 1] << 8)
            return at + 2
        return self._row_of(_ROW_OF_SHORTS, _SHORTS, at)

    def _four_bytes(self, at: int) -> int:
        if self._data[at + 4] != 0x4A:
            self._stack.append(_INTEGER.unpack_from(self._data, at)[0])
            return at + 4
        return self._row_of(_ROW_OF_INTEGERS, _INTEGERS, at)

    def _eight_bytes(self, at: int) -> int:
        if self._data[at + 8] != 0x47:
            self._stack.append(_FLOAT.unpack_from(self._data, at)[0])
            return at + 8
        return self._row_of(_ROW_OF_FLOATS, _FLOATS, at)

    def _row_of(self, row: re.Pattern[bytes], form: Struct, at: int) -> int:
        end = row.match(self._data, at - 1).end()  # type: ignore[union-attr]  # one is there
        self._start_row((end - at + 1) // form.size)
        self._stack.extend(chain.from_iterable(form.iter_unpack(self._data[at - 1 : end])))
        return end

    def _integer(self, at: int, size: int) -> int:
        if size > max(_LEAST_BITS, self._account.bits) // 8 + 1:
            raise ValueError(f"an integer of {size} bytes, over the limit")
        number = int.from_bytes(self._take(at, size), "little", signed=True)
        self._stack.append(self._narrow(number))
        return at + size

    def _narrow(self, number: int) -> int:
        if number.bit_length() > max(_LEAST_BITS, self._account.bits):
            raise ValueError(f"an integer of {number.bit_length()} bits, over the limit")
        return number

    def _integer_1(self, at: int) -> int:
        return self._integer(at + 1, self._data[at])

    def _integer_4(self, at: int) -> int:
        return self._integer(at + 4, self._number(at, 4))

    def _text_integer(self, at: int) -> int:
        line, end = self._line(at, self._account.bits // 3 + 3)
        if line in (b"00", b"01"):
            self._stack.append(line == b"01")
        else:
            self._stack.append(self._read_digits(line))
        return end

    def _text_long(self, at: int) -> int:
        line, end = self._line(at, self._account.bits // 3 + 3)
        self._stack.append(self._read_digits(line.removesuffix(b"L")))
        return end

    def _read_digits(self, digits: bytes) -> int:
        if not _INTEGER_TEXT.match(digits):
            raise ValueError("a text that is no integer")
        return self._narrow(int(digits))

    def _text_float(self, at: int) -> int:
        line, end = self._line(at, _TEXT_FLOAT_BYTES)
        if not _FLOAT_TEXT.match(line):
            raise ValueError("a text that is no number")
        self._stack.append(float(line))
        return end

    # Text and bytes.

    def _short_text(self, at: int) -> int:
        data = self._data
        end = at + 1 + data[at]
        if end > len(data):
            raise ValueError("a text that is cut short")
        self._stack.append(data[at + 1 : end].decode())
        return end

    def _text_4(self, at: int) -> int:
        size = self._number(at, 4)
        self._stack.append(self._take(at + 4, size).decode())
        return at + 4 + size

    def _text_8(self, at: int) -> int:
        size = self._number(at, 8)
        self._stack.append(self._take(at + 8, size).decode())
        return at + 8 + size

    def _text_line(self, at: int) -> int:
        line, end = self._line(at, len(self._data))
        text = raw_unicode_escape_decode(line)[0]
        if _SURROGATE.search(text):
            raise ValueError("text with a surrogate")
        self._stack.append(text)
        return end

    def _bytes_1(self, at: int) -> int:
        size = self._data[at]
        self._stack.append(self._take(at + 1, size))
        return at + 1 + size

    def _bytes_4(self, at: int) -> int:
        size = self._number(at, 4)
        self._stack.append(self._take(at + 4, size))
        return at + 4 + size

    def _bytes_8(self, at: int) -> int:
        size = self._number(at, 8)
        self._stack.append(self._take(at + 8, size))
        return at + 8 + size

    def _bytearray_8(self, at: int) -> int:
        self._account.spend(_BYTEARRAY_NODES)
        size = self._number(at, 8)
        self._stack.append(bytearray(self._take(at + 8, size)))
        return at + 8 + size

    methods: ClassVar[dict[str, Callable[[Any, int], int]]] = {
        "BINBYTES": _bytes_4,
        "BINBYTES8": _bytes_8,
        "BINFLOAT": _eight_bytes,
        "BININT": _four_bytes,
        "BININT1": _one_byte,
        "BININT2": _two_bytes,
        "BINUNICODE": _text_4,
        "BINUNICODE8": _text_8,
        "BYTEARRAY8": _bytearray_8,
        "FLOAT": _text_float,
        "INT": _text_integer,
        "LONG": _text_long,
        "LONG1": _integer_1,
        "LONG4": _integer_4,
        "NEWFALSE": _false,
        "NEWTRUE": _true,
        "NONE": _none,
        "SHORT_BINBYTES": _bytes_1,
        "SHORT_BINUNICODE": _short_text,
        "UNICODE": _text_line,
    }
    """What does the work of each opcode."""
