"""Values in which parts are shared, or hold themselves: how large they are, and how they are built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import is_
from types import NoneType
from typing import Any, Final

from limpet.codec.base import Record, Referred
from limpet.codec.classes import construct
from limpet.codec.leaves import LEAVES
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["SCALARS", "Builder", "Measure"]

SCALARS: Final = frozenset({NoneType, bool, float, str, bytes, range, *LEAVES}) - {bytearray}
"""Values that hold no others and never change."""

_PARTS: Final[dict[type, Callable[[Any], Collection[object]]]] = {
    list: lambda value: value,
    tuple: lambda value: value,
    dict: dict.values,
    slice: lambda value: (value.start, value.stop, value.step),
    Record: lambda value: value.fields.values(),
}
"""What has parts to be looked at. Items of sets are keys, and were looked at before they were hashed."""


class Measure:
    """Goes through a value as if it were a tree, as whoever prints or copies it would.

    A part that is shared counts wherever it stands; one that holds itself ends there. So sixty
    lists, each with the next one in it twice, are more values than there can be.

    Args:
        limits: nodes and depth.
        unfit: types of what is no value.
    """

    __slots__ = ("_inside", "_left", "_limits", "_unfit")

    def __init__(self, limits: Limits, unfit: frozenset[type]) -> None:
        self._limits = limits
        self._left = limits.nodes - 1
        self._unfit = unfit
        self._inside: set[int] = set()

    def check(self, value: object) -> None:
        """Check that ``value`` and all in it is fit and within the limits.

        Raises:
            DecodeError: if it is not.
        """
        kind = type(value)
        if kind in self._unfit:
            raise DecodeError("a global that stands where a value should")
        if kind not in _PARTS or id(value) in self._inside:
            return
        parts = _PARTS[kind](value)
        if not parts:
            return
        self._left -= 1 + len(parts)
        if self._left < 0:
            raise DecodeError(f"more values than {self._limits.nodes}, if shared ones count wherever they stand")
        self._inside.add(id(value))
        if len(self._inside) > self._limits.depth:
            raise DecodeError(f"values nested deeper than {self._limits.depth}")
        if not SCALARS.issuperset(map(type, parts)):
            for part in parts:
                self.check(part)
        self._inside.discard(id(value))


class Builder:
    """Puts what decoded values stand for in their places, each part once, wherever it stands.

    Nothing of this side's own is looked into.
    """

    __slots__ = ("_built", "_kept")

    def __init__(self) -> None:
        self._built: dict[int, tuple[object, object]] = {}  # by id, with what has it, so that it stays its
        self._kept: set[int] = set()  # of tuples that hold themselves

    def build(self, value: Any) -> Any:
        """Return ``value`` with its records built and what it refers to in place.

        Lists and dicts are changed in place.

        Raises:
            DecodeError: if a class does not accept its fields, or a record or a tuple that has
                to be made anew holds itself.
        """
        kind = type(value)
        if kind is Referred:
            return value.value
        if kind not in _PARTS:
            return value
        known = self._built.get(id(value))
        if known is not None:
            if known[1] is _UNFINISHED:
                self._kept.add(id(value))
                return value
            return known[1]
        self._built[id(value)] = value, value if kind is list or kind is dict else _UNFINISHED
        if kind is list:
            value[:] = map(self.build, list(value))
            return value
        if kind is dict:
            value.update(zip(value, map(self.build, list(value.values())), strict=True))
            return value
        built = self._rebuilt(value)
        if built is not value and id(value) in self._kept:
            raise DecodeError("what has to be made of its parts is one of them")
        self._built[id(value)] = value, built
        return built

    def _rebuilt(self, value: Any) -> object:
        if type(value) is Record:
            return construct(value, self.build)
        parts: Sequence[object] = _PARTS[type(value)](value)  # type: ignore[assignment]  # a tuple's or a slice's
        built = tuple(map(self.build, parts))
        if all(map(is_, built, parts)):
            return value
        return built if type(value) is tuple else slice(*built)


_UNFINISHED: Final = object()
