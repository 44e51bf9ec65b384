"""From values to a pickle of protocol 5 (see `limpet.codec.opcodes`)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import repeat
from struct import Struct
from types import EllipsisType, NoneType
from typing import Any, ClassVar, Final
from uuid import UUID

from limpet.codec import layout, opcodes
from limpet.codec.base import Leaves, Shallow
from limpet.codec.budget import ARRAY_NODES, MAP_NODES
from limpet.codec.classes import Classes, EnumClass, RecordClass
from limpet.codec.encoder import BUFFER_BYTES, Encoder, Trail
from limpet.codec.keys import KEY, VALUE, Place
from limpet.codec.leaves import LEAVES
from limpet.limits import Limits

__all__ = ["write"]

_BYTES: Final = [bytes([opcodes.NAMES["BININT1"], number]) for number in range(256)]
_INTEGER: Final = Struct("<ci")
_FLOAT: Final = Struct(">cd")
_SIZE: Final = Struct("<cI")
_LONG_SIZE: Final = Struct("<cQ")
_ROW: Final = 16
"""From so many numbers on a list is written as a row of one form."""

_SET_NODES: Final = ARRAY_NODES + layout.COST[layout.SET]
_TUPLE_NODES: Final = ARRAY_NODES + layout.COST[layout.TUPLE]
_KINDS: Final = {
    layout.REFERENCE: opcodes.REFERENCE,
    layout.BUFFER: opcodes.BUFFER,
    layout.BYTEARRAY_BUFFER: opcodes.BYTEARRAY_BUFFER,
}


def write(
    value: object,
    classes: Classes,
    leaves: Leaves,
    limits: Limits,
    *,
    containers: bool,
    names: Sequence[str],
) -> bytes:
    """Return ``value`` as a pickle (see `Codec.encode`).

    Raises:
        EncodeError: if some of it has no form, or is over a limit.
    """
    writer = _Writer(classes, leaves, limits, containers=containers, names=names, careful=True)
    writer.lower(value)
    return writer.close()


def _integer(value: int) -> bytes | None:
    if 0 <= value < 256:
        return _BYTES[value]
    if -0x8000_0000 <= value < 0x8000_0000:
        return _INTEGER.pack(b"J", value)
    return None if value.bit_length() > 64 else _long(value)


def _long(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return bytes([0x8A, len(data)]) + data if len(data) < 256 else _SIZE.pack(b"\x8b", len(data)) + data


def _text(value: str) -> bytes | None:
    try:
        data = value.encode()
    except UnicodeEncodeError:
        return None
    size = len(data)
    if size < 256:
        return b"\x8c%c%b" % (size, data)
    return (_SIZE.pack(b"X", size) if size < 0x1_0000 else _LONG_SIZE.pack(b"\x8d", size)) + data


_QUICK: Final[dict[type, Callable[[Any], bytes | None]]] = {
    NoneType: lambda _value: b"N",
    bool: lambda value: b"\x88" if value else b"\x89",
    int: _integer,
    str: _text,
}
"""How a scalar is written wherever it stands; None if it has to be looked at first."""


class _Writer(Encoder):
    """One value on its way out: checks each part as `Encoder` does, and writes it at once."""

    __slots__ = ("_known", "_memo", "_next", "_out")

    def __init__(
        self,
        classes: Classes,
        leaves: Leaves,
        limits: Limits,
        *,
        containers: bool,
        names: Sequence[str],
        careful: bool = True,
    ) -> None:
        super().__init__(classes, leaves, limits, containers=containers, names=names, careful=careful)
        self._out = [b"\x80\x05"]
        self._memo: dict[int, tuple[int, int, object]] = {}  # by id: place, nodes, and the value, so that it stays its
        self._known: dict[str, int] = {}  # places of globals
        self._next = 0

    def close(self) -> bytes:
        """Return what was written."""
        self._out.append(b".")
        return b"".join(self._out)

    # The memo.

    def _recall(self, value: object, trail: Trail, place: Place) -> bool:
        """Write where the memo has ``value``, if it does. A key is written anew: each part of it has to be one."""
        known = self._memo.get(id(value)) if place is VALUE else None
        if known is None:
            return False
        self._spend(known[1], trail)
        self._get(known[0])
        return True

    def _get(self, index: int) -> None:
        self._out.append(b"h%c" % index if index < 256 else _SIZE.pack(b"j", index))

    def _remember(self, value: object, nodes: int) -> None:
        """Put what was written last into the memo.

        Args:
            value: what it is.
            nodes: what it counts, beside one, wherever it stands again.
        """
        self._memo[id(value)] = self._next, nodes, value
        self._next += 1
        self._out.append(b"\x94")

    # Scalars.

    def _written(self, value: Any, trail: Trail, place: Place) -> None:
        quick = _QUICK[type(value)](value)
        if quick is None:
            self._scalar(value, trail, place)
            quick = _long(value)
        self._out.append(quick)

    def _float(self, value: float, trail: Trail, place: Place) -> None:
        self._scalar(value, trail, place)
        self._out.append(_FLOAT.pack(b"G", value))

    def _bytes(self, value: bytes, trail: Trail, _place: Place) -> None:
        if len(value) >= BUFFER_BYTES:
            super()._bytes(value, trail, _place)
        else:
            self._out.append(_sized(value))

    def _bytearray(self, value: bytearray, trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        if len(value) >= BUFFER_BYTES or place is KEY:
            super()._bytearray(value, trail, place)
        else:
            self._spend(layout.COST[layout.BYTEARRAY] - 1, trail)
            self._out.append(_LONG_SIZE.pack(b"\x96", len(value)) + value)
        self._remember(value, layout.COST[layout.BYTEARRAY] - 1)

    def _extension(self, code: int, data: bytes, trail: Trail) -> None:
        """Write a reference or a buffer: of extensions only these come here."""
        self._spend(layout.COST[code] - 1, trail)
        number = int.from_bytes(data, "big") | _KINDS[code] << 16
        self._out.append(_INTEGER.pack(b"J", number) + b"Q")

    def _built_in(self, value: object, trail: Trail, place: Place) -> None:
        self._leaf_bytes(value, trail, place)
        self._BUILT_IN[type(value)](self, value, trail)

    # Containers.

    def _list(self, value: list[object], trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        before = self._nodes
        items = list(value)  # at once, whatever another thread does to the list
        self._enter(ARRAY_NODES + len(items), trail)
        self._out.append(b"]")
        self._remember(value, 0)
        if items:
            self._out.append(b"(")
            self._each(items, trail)
            self._out.append(b"e")
        self._leave(value, before)

    def _leave(self, value: object, before: int) -> None:
        self._depth -= 1
        place, _, _ = self._memo[id(value)]
        self._memo[id(value)] = place, self._nodes - before, value

    def _dict(self, value: dict[object, object], trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        before = self._nodes
        pairs = list(value.items())
        self._enter(MAP_NODES + 2 * len(pairs), trail)
        self._out.append(b"}")
        self._remember(value, 0)
        if pairs:
            self._out.append(b"(")
            for key, item in pairs:
                self._put(key, trail, "<key>", KEY)
                self._put(item, trail, (key,), VALUE)
            self._out.append(b"u")
        self._leave(value, before)

    def _put(self, item: object, trail: Trail, step: Any, place: Place) -> None:
        quick = _QUICK.get(type(item))
        data = quick(item) if quick is not None else None
        if data is None:
            self.lower(item, (trail, step), place)
        else:
            self._out.append(data)

    def _each(self, items: Sequence[object], trail: Trail, place: Place = VALUE) -> Sequence[object]:
        kinds = set(map(type, items))
        row = _row(items, kinds, place) if len(kinds) == 1 else None
        if row is not None:
            self._out.append(row)
        else:
            for index, item in enumerate(items):
                self._put(item, trail, index, place)
        return items

    def _tuple(self, value: tuple[object, ...], trail: Trail, place: Place) -> None:
        if not value:
            self._out.append(b")")
            return
        if self._recall(value, trail, place):
            return
        before = self._nodes
        self._enter(_TUPLE_NODES + len(value), trail)
        if place is KEY:
            self._spend(1 + len(value), trail)
        short = len(value) <= 3
        if not short:
            self._out.append(b"(")
        self._each(value, trail, place)
        self._depth -= 1
        if place is VALUE and id(value) in self._memo:
            # It holds itself, and was written inside.
            self._out.append(b"0" * len(value) if short else b"1")
            self._get(self._memo[id(value)][0])
            return
        self._out.append(_TUPLES[len(value)] if short else b"t")
        self._remember(value, self._nodes - before)

    def _set(self, value: set[object], trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        before = self._nodes
        self._out.append(b"\x8f")
        self._remember(value, 0)
        self._hashed(value, trail, b"\x90")
        self._memo[id(value)] = self._memo[id(value)][0], self._nodes - before, value

    def _frozenset(self, value: frozenset[object], trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        before = self._nodes
        if place is KEY:
            self._spend(1 + len(value), trail)
        self._hashed(value, trail, b"\x91")
        self._remember(value, self._nodes - before)

    def _hashed(self, value: set[object] | frozenset[object], trail: Trail, end: bytes) -> None:
        items = list(value)
        self._enter(_SET_NODES + 2 * len(items), trail)
        self._out.append(b"(")
        self._each(items, trail, KEY)
        self._out.append(end)
        self._depth -= 1

    def _slice(self, value: slice, trail: Trail, place: Place) -> None:
        if place is KEY:
            self._refuse(trail, "a slice is no key")
        self._enter(1, trail)
        self._reduce("builtins slice", (value.start, value.stop, value.step), layout.SLICE, trail)
        self._depth -= 1

    def _range(self, value: range, trail: Trail, place: Place) -> None:
        bounds = tuple(map(int, (value.start, value.stop, value.step)))  # a bool may stand there
        self._reduce("builtins range", bounds, layout.RANGE, trail, place)

    def _member(self, value: Enum, known: EnumClass, trail: Trail, place: Place) -> None:
        name = self._member_name(value, known, trail)
        self._reduce("limpet enum", (known.name, name), layout.ENUM, trail, place)

    def _record(self, value: object, known: RecordClass, trail: Trail, place: Place) -> None:
        if self._recall(value, trail, place):
            return
        before = self._nodes
        fields = self._fields(value, known, trail, place)
        self._enter(MAP_NODES + 3 * len(fields), trail)
        self._global("limpet record")
        self._out.append(_text(known.name) or b"")
        self._out.append(b"}(")
        for field, item in fields.items():
            self._put(field, trail, "<key>", KEY)
            self._put(item, trail, f".{field}", VALUE)
        self._out.append(b"u")
        self._call(2, layout.RECORD, trail)
        self._remember(value, self._nodes - before)
        self._depth -= 1

    def _shallow(self, value: Shallow, trail: Trail, place: Place) -> object:
        return super()._shallow(value, trail, place)

    # Globals.

    def _global(self, name: str) -> None:
        index = self._known.get(name)
        if index is not None:
            self._get(index)
            return
        module, _, member = name.partition(" ")
        self._known[name] = self._next
        self._next += 1
        self._out.append(f"c{module}\n{member}\n".encode() + b"\x94")

    def _reduce(self, name: str, args: tuple[object, ...], code: int, trail: Trail, place: Place = VALUE) -> None:
        """Write what the global ``name`` makes of at most three ``args``."""
        self._global(name)
        for index, item in enumerate(args):
            self._put(item, trail, index, place)
        self._call(len(args), code, trail)

    def _call(self, args: int, code: int, trail: Trail) -> None:
        self._spend(_TUPLE_NODES - 1 + args + layout.COST[code], trail)
        self._out.append(_TUPLES[args] + b"R")

    def _zone(self, value: timezone, trail: Trail) -> None:
        offset = value.utcoffset(None)
        name = value.tzname(None)
        self._global("datetime timezone")
        self._timedelta(offset, trail)
        if name == timezone(offset).tzname(None):
            self._call(1, layout.TIMEDELTA, trail)
        else:
            self._put(name, trail, ".tzinfo", VALUE)
            self._call(2, layout.TIMEDELTA, trail)

    def _timedelta(self, value: timedelta, trail: Trail) -> None:
        args = (value.days, value.seconds, value.microseconds)
        self._reduce("datetime timedelta", args, layout.TIMEDELTA, trail)

    def _moment(self, name: str, data: bytes, zone: Any, code: int, trail: Trail) -> None:
        self._global(name)
        self._out.append(_sized(data))
        if zone is not None:
            self._zone(zone, trail)
        self._call(1 if zone is None else 2, code, trail)

    def _date(self, value: date, trail: Trail) -> None:
        data = bytes([value.year >> 8, value.year & 255, value.month, value.day])
        self._moment("datetime date", data, None, layout.DATE, trail)

    def _time(self, value: time, trail: Trail) -> None:
        data = bytes([value.hour | value.fold << 7, value.minute, value.second])
        data += value.microsecond.to_bytes(3, "big")
        self._moment("datetime time", data, value.tzinfo, layout.TIME, trail)

    def _datetime(self, value: datetime, trail: Trail) -> None:
        data = bytes([value.year >> 8, value.year & 255, value.month | value.fold << 7, value.day])
        data += bytes([value.hour, value.minute, value.second]) + value.microsecond.to_bytes(3, "big")
        self._moment("datetime datetime", data, value.tzinfo, layout.DATETIME, trail)

    def _uuid(self, value: UUID, trail: Trail) -> None:
        self._spend(layout.COST[layout.UUID] + MAP_NODES + 1, trail)
        self._global("uuid UUID")
        self._out.append(b")\x81}\x8c\x03int" + _long(value.int) + b"sb")

    def _ellipsis(self, _value: EllipsisType, _trail: Trail) -> None:
        self._out.append(b"cbuiltins\nEllipsis\n")

    def _complex(self, value: complex, trail: Trail) -> None:
        self._reduce("builtins complex", (value.real, value.imag), layout.COMPLEX, trail)

    def _decimal(self, value: Decimal, trail: Trail) -> None:
        text = LEAVES[Decimal].write(value, self._limits.integer_bits).decode()
        self._spend(len(text) // 64, trail)
        self._reduce("decimal Decimal", (text,), layout.DECIMAL, trail)

    def _fraction(self, value: Fraction, trail: Trail) -> None:
        self._spend((value.numerator.bit_length() + value.denominator.bit_length()) // 64, trail)
        self._reduce("fractions Fraction", (value.numerator, value.denominator), layout.FRACTION, trail)

    _FORMS: ClassVar[dict[type, Callable[[Any, Any, Trail, Place], object]]] = {
        **dict.fromkeys(LEAVES, _built_in),
        NoneType: _written,
        bool: _written,
        int: _written,
        str: _written,
        float: _float,
        bytes: _bytes,
        bytearray: _bytearray,
        list: _list,
        dict: _dict,
        set: _set,
        frozenset: _frozenset,
        tuple: _tuple,
        slice: _slice,
        range: _range,
        Shallow: _shallow,
    }
    _BUILT_IN: ClassVar[dict[type, Callable[[Any, Any, Trail], None]]] = {
        complex: _complex,
        EllipsisType: _ellipsis,
        date: _date,
        time: _time,
        datetime: _datetime,
        timedelta: _timedelta,
        Decimal: _decimal,
        UUID: _uuid,
        Fraction: _fraction,
    }


_TUPLES: Final = (b")", b"\x85", b"\x86", b"\x87")


def _sized(data: bytes) -> bytes:
    return b"C%c%b" % (len(data), data) if len(data) < 256 else _SIZE.pack(b"B", len(data)) + data


def _row(items: Sequence[object], kinds: set[type], place: Place) -> bytes | None:
    """Return numbers of one kind as one row, or None if they have to go one by one."""
    numbers: Any = items
    if kinds == {float}:
        return b"".join(map(_FLOAT.pack, repeat(b"G"), numbers)) if place is VALUE else None
    if kinds != {int} or len(items) < _ROW:
        return None
    try:
        row = bytearray(b"K" * (2 * len(items)))
        row[1::2] = bytes(numbers)
        return bytes(row)
    except (ValueError, OverflowError):
        pass
    try:
        return b"".join(map(_INTEGER.pack, repeat(b"J"), numbers))
    except struct.error:
        return None
