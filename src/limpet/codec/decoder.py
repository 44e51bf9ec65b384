"""From bytes to values, or to an error that says what was wrong with the bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from types import NoneType
from typing import Any, ClassVar, Final

from msgpack import Timestamp, unpackb  # type: ignore[import-untyped]
from msgpack.exceptions import ExtraData, FormatError, StackError  # type: ignore[import-untyped]

from limpet.codec import layout
from limpet.codec.base import Record, Resolver
from limpet.codec.budget import NODES_PER_BYTE, measure
from limpet.codec.classes import Classes
from limpet.codec.keys import KEY, VALUE, Place, check_collisions, is_nan
from limpet.codec.leaves import LEAVES, read_leaf
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["AT_ONCE_BYTES", "decode"]

AT_ONCE_BYTES: Final = 8 << 10
"""Up to this size a payload is read without being measured first.

The most that msgpack's reader reserves then is 24 MiB, if each of a thousand nested arrays
claims as many items as there are bytes; at twice the size it is 76 MiB.
"""

_PLAIN: Final = frozenset({NoneType, bool, int, float, str, bytes})
_PLAIN_KEYS: Final = _PLAIN - {float}
"""Plain values that are keys whatever they hold; a float may be NaN."""
_KEYS: Final = (_PLAIN | LEAVES.keys()) - {bytearray}
"""Values that are keys if they are not NaN."""

_KEY_MARKS: Final = frozenset({layout.TUPLE, layout.FROZENSET, layout.RANGE, layout.ENUM})

_MAP_OR_EXTENSION: Final = re.compile(rb"[\x80-\x8f\xc7-\xc9\xd4-\xd8\xde\xdf]")
_EXTENSION: Final = re.compile(rb"[\xc7-\xc9\xd4-\xd8]")
_NO_HEADS: Final = bytes(
    set(range(256)) - {*range(0x80, 0xA0), *range(0xC7, 0xCA), *range(0xD4, 0xD9), *range(0xDC, 0xE0)}
)
"""Bytes that are no head of an array, a map or an extension."""


class _Mark:
    """A mark that was read, to be found as the first item of a list."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code


class _Reference:
    """A reference that was read. What it stands for comes in last, for it is not ours to look into."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


_MARKS: Final = {code: _Mark(code) for code in range(layout.TUPLE, layout.RECORD + 1)}


def decode(payload: bytes | memoryview, classes: Classes, resolver: Resolver, limits: Limits) -> object:
    """Return the value in ``payload`` (see `Codec.decode`).

    Raises:
        DecodeError: and nothing else, whatever ``payload`` holds.
    """
    try:
        if len(payload) > AT_ONCE_BYTES or len(payload) * NODES_PER_BYTE > limits.nodes:
            measure(payload, limits)
            unsure = False
        else:
            # All bytes that may be heads, whatever they are: no more than these can nest.
            heads = payload if len(payload) <= limits.depth else bytes(payload).translate(None, _NO_HEADS)
            unsure = len(heads) > limits.depth
            if not unsure and not _MAP_OR_EXTENSION.search(heads):
                return unpackb(payload)
            # A timestamp, which msgpack builds without asking, is looked for like too deep a list.
            unsure = unsure or _EXTENSION.search(heads) is not None
        decoder = _Decoder(classes, resolver, limits)
        value = decoder.read(payload)
        return decoder.settle(value, VALUE) if unsure or decoder.unsettled else value
    except DecodeError:
        raise
    except Exception as error:  # a payload may not end anything but its call
        fault = _fault(error)
    # Outside the handler: some of these errors hold the payload, and this one may be kept.
    raise DecodeError(fault)


def _fault(error: Exception) -> str:
    for kind, text in _FAULTS.items():
        if isinstance(error, kind):
            return text
    return f"the payload is malformed: {type(error).__name__}"


_FAULTS: Final = {
    UnicodeError: "text that is not UTF-8",
    ExtraData: "the payload goes on behind its value",
    FormatError: "no value begins with the byte 0xc1",
    StackError: "values nested too deep",
    RecursionError: "values nested too deep",
    TypeError: "a key that cannot be one",
    ValueError: "the payload is cut short",
}


class _Decoder:
    """Reads one payload. It is used once: after an error nothing of it is left to be read."""

    __slots__ = ("_classes", "_depth", "_limits", "_resolver", "_taken", "unsettled")

    def __init__(self, classes: Classes, resolver: Resolver, limits: Limits) -> None:
        self._classes = classes
        self._resolver = resolver
        self._limits = limits
        self._depth = 0
        self._taken: set[int] | None = None  # buffers that became bytearrays
        self.unsettled = False
        """Whether what was read has marks or references in it."""

    def read(self, payload: bytes | memoryview) -> object:
        """Return what msgpack's reader builds, maps and leaves being checked."""
        return unpackb(payload, strict_map_key=False, ext_hook=self._read_extension, object_pairs_hook=self._read_map)

    # Called by msgpack's reader for each extension and map, innermost first.

    def _read_extension(self, code: int, data: bytes) -> object:
        if code in _MARKS:
            if data:
                raise DecodeError(f"a mark with {len(data)} bytes")
            self.unsettled = True
            return _MARKS[code]
        if code == layout.REFERENCE:
            self.unsettled = True
            return _Reference(_index(data))
        if code == layout.BUFFER:
            return self._resolver.buffer(_index(data))
        if code == layout.BYTEARRAY_BUFFER:
            return self._take_buffer(_index(data))
        return read_leaf(code, data, self._limits.integer_bits)

    def _take_buffer(self, index: int) -> bytearray:
        self._taken = self._taken or set()
        if index in self._taken:
            raise DecodeError("a buffer that two bytearrays name")
        self._taken.add(index)
        return bytearray(self._resolver.buffer(index))

    def _read_map(self, pairs: list[tuple[object, object]]) -> dict[object, object]:
        result = self._join(pairs)
        for key in result:
            if type(key) not in _PLAIN_KEYS:
                _check_key(key)
        return result

    def _join(self, pairs: list[tuple[object, object]]) -> dict[object, object]:
        if len(pairs) > self._limits.colliding_keys:
            check_collisions([key for key, _ in pairs], self._limits)
        result = dict(pairs)
        if len(result) != len(pairs):
            raise DecodeError("a dict with two equal keys")
        return result

    # Afterwards, outermost first: each list behind a mark becomes what the mark says.

    def settle(self, value: Any, place: Place) -> object:
        """Return ``value`` with marks and references resolved, lists and dicts changed in place.

        Args:
            value: what msgpack's reader built.
            place: where it stands.
        """
        kind = type(value)
        if kind is list or kind is dict:
            self._depth += 1
            if self._depth > self._limits.depth:
                raise DecodeError(f"values nested deeper than {self._limits.depth}")
            mark = value.pop(0).code if kind is list and value and type(value[0]) is _Mark else None
            if place is KEY and mark not in _KEY_MARKS:
                raise DecodeError("a key that cannot be one")
            if mark is not None:
                value = self._FORMS[mark](self, value, place)
            elif kind is list:
                self._settle_each(value, VALUE)
            else:
                self._settle_values(value)
            self._depth -= 1
        elif place is KEY:
            _check_key(value)
        elif kind is _Reference:
            value = self._resolver.reference(value.index)
        elif kind is _Mark:
            raise DecodeError("a mark that is not the first item of an array")
        elif kind is Timestamp:
            raise DecodeError("there is no extension -1")
        return value

    def _settle_values(self, items: dict[object, Any]) -> None:
        if not _PLAIN.issuperset(map(type, items.values())):
            for name, item in items.items():
                if type(item) not in _PLAIN:
                    items[name] = self.settle(item, VALUE)

    def _settle_each(self, items: list[Any], place: Place) -> list[Any]:
        plain = _PLAIN_KEYS if place is KEY else _PLAIN
        if not plain.issuperset(map(type, items)):
            for index, item in enumerate(items):
                if type(item) not in plain:
                    items[index] = self.settle(item, place)
        return items

    def _tuple(self, items: list[Any], place: Place) -> tuple[object, ...]:
        return tuple(self._settle_each(items, place))

    def _set(self, items: list[Any], _place: Place) -> set[object]:
        check_collisions(self._settle_each(items, KEY), self._limits)
        result = set(items)
        if len(result) != len(items):
            raise DecodeError("a set with two equal items")
        return result

    def _frozenset(self, items: list[Any], place: Place) -> frozenset[object]:
        return frozenset(self._set(items, place))

    def _dict(self, items: list[Any], _place: Place) -> dict[object, object]:
        if len(items) % 2:
            raise DecodeError("a key without a value")
        pairs = zip(self._settle_each(items[::2], KEY), self._settle_each(items[1::2], VALUE), strict=True)
        return self._join(list(pairs))

    def _slice(self, items: list[Any], _place: Place) -> slice:
        if len(items) != 3:
            raise DecodeError(f"a slice of {len(items)} items")
        return slice(*self._settle_each(items, VALUE))

    def _range(self, items: list[Any], _place: Place) -> range:
        if [type(item) for item in items] != [int, int, int] or not items[2]:
            raise DecodeError("a range without three integers, or with the step 0")
        return range(*items)

    def _member(self, items: list[Any], _place: Place) -> Enum:
        if len(items) != 2:
            raise DecodeError(f"an enum of {len(items)} items")
        return self._classes.member(*items)

    def _record(self, items: list[Any], _place: Place) -> Record:
        if len(items) != 2:
            raise DecodeError(f"a dataclass of {len(items)} items")
        return self._classes.record(*self._settle_each(items, VALUE))

    _FORMS: ClassVar[dict[int, Callable[[_Decoder, list[Any], Place], object]]] = {
        layout.TUPLE: _tuple,
        layout.FROZENSET: _frozenset,
        layout.SET: _set,
        layout.DICT: _dict,
        layout.SLICE: _slice,
        layout.RANGE: _range,
        layout.ENUM: _member,
        layout.RECORD: _record,
    }


def _check_key(value: object) -> None:
    if type(value) not in _KEYS or is_nan(value):
        raise DecodeError("a key that cannot be one")


def _index(data: bytes) -> int:
    if len(data) != 2:
        raise DecodeError(f"an index of {len(data)} bytes")
    return int.from_bytes(data, "big")
