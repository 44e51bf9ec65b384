"""What built-in containers do with what they are given: they take items from it, and compare with it.

Both may run code of an object's class, and both may make much of a few bytes. So items
are taken from built-in containers alone, and no more than a bound of them from what takes
no room on the wire: a range, or a container of this side's that the peer refers to.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from enum import Flag
from functools import wraps
from types import NoneType
from typing import Any, Final

from limpet.codec.base import Record, Referred, Shallow
from limpet.logs import with_article

__all__ = [
    "ITEMS",
    "Operands",
    "as_made",
    "bounded",
    "check_held",
    "check_length",
    "check_source",
    "construct",
    "made",
    "operands_of",
    "referred",
    "set_item",
]

ITEMS: Final = 1 << 16
"""The most items that are taken from a range, or from a container that is referred to."""
_HELD: Final = 1 << 10
"""The most items of a container that is made for a peer and stays here: a request of few bytes makes one."""


class Operands(Flag):
    """What a container's member or operation does with its operands."""

    KEPT = 0
    """It puts them away, or takes them for a number."""
    COMPARED = 1
    """It compares or hashes them, or what is in them."""
    TAKEN = 2
    """It takes items from them."""


_TAKEN: Final = frozenset({"extend", "extendleft"})
_TAKEN_AND_COMPARED: Final = frozenset(
    {
        "difference",
        "difference_update",
        "intersection",
        "intersection_update",
        "isdisjoint",
        "issubset",
        "issuperset",
        "subtract",
        "symmetric_difference",
        "symmetric_difference_update",
        "union",
        "update",
    }
)
_KEPT: Final = frozenset({"append", "appendleft"})


def operands_of(name: str) -> Operands:
    """Return what the method ``name``, of a reviewed list, does with its arguments."""
    if name in _KEPT:
        return Operands.KEPT
    if name in _TAKEN:
        return Operands.TAKEN
    return Operands.COMPARED | Operands.TAKEN if name in _TAKEN_AND_COMPARED else Operands.COMPARED


_EMPTY: Final[tuple[dict[Any, Any], ...]] = ({}, OrderedDict())
_SOURCES: Final = frozenset(
    {
        *(list, tuple, set, frozenset, dict, str, bytes, bytearray, range, deque),
        *(OrderedDict, defaultdict, Counter),
        *(type(view) for mapping in _EMPTY for view in (mapping.keys(), mapping.items(), mapping.values())),
    }
)
"""What items are taken from, by exact type: none of it runs code but the interpreter's own."""
_SCALARS: Final = frozenset({NoneType, bool, int})


def bounded(method: Callable[..., Any], *, pairs: bool = False, keywords: bool = False) -> Callable[..., Any]:
    """Return ``method``, of a container, taking its items from short ranges and built-in containers alone.

    Args:
        method: what takes items.
        pairs: whether it takes pairs of a key and a value, and so items of items.
        keywords: whether keywords are items themselves. Others are refused.
    """

    @wraps(method)
    def take(target: object, /, *args: object, **kwargs: object) -> Any:
        if kwargs and not keywords:
            raise TypeError(f"{method.__name__}() takes no keyword arguments here")
        for arg in args:
            check_source(arg, pairs=pairs)
        return method(target, *args, **kwargs)

    return take


def check_source(source: object, *, pairs: bool = False) -> None:
    """Refuse to take items from ``source`` if that could run code, or make too much of it.

    Raises:
        TypeError: if it is no built-in container.
        ValueError: if it is a range of more than ITEMS, or there is one in it where pairs are taken.
    """
    kind = type(source)
    if kind is range:
        _check_range(source)  # type: ignore[arg-type]  # it is one
    elif kind not in _SOURCES:
        if kind not in _SCALARS:
            raise TypeError(f"items are taken from built-in containers alone, not from a {kind.__name__}")
    elif pairs and kind not in _MAPPINGS:
        items: Iterable[object] = source  # type: ignore[assignment]  # all of them are
        for item in items:
            check_source(item)


_MAPPINGS: Final = frozenset({dict, OrderedDict, defaultdict, Counter})


def _check_range(items: range) -> None:
    # Not len(): that of a range may be too large for it.
    if items[ITEMS:]:
        raise ValueError(f"a range of more than {ITEMS} items is not taken here")


def check_length(target: Any) -> None:
    """Refuse to take items from a container of this side's that has too many: it took no room on the wire.

    Raises:
        ValueError: if it has more than ITEMS.
    """
    if type(target) in _SOURCES and type(target) is not range and len(target) > ITEMS:
        raise ValueError(f"more than {ITEMS} items of a {type(target).__name__} here are not taken")


def set_item(target: Any, key: object, value: object) -> None:
    """Set an item, or a slice to items that may be taken.

    Raises:
        TypeError: if items are to be taken from what is no built-in container.
        ValueError: if they are a range of more than ITEMS.
    """
    if type(key) is slice:
        check_source(value)
    target[key] = value


def construct(cls: type, args: Iterable[Any], kwargs: dict[str, Any]) -> Any:
    """Return an instance of ``cls``, whose constructor is a built-in container's, of no more than it may take.

    Raises:
        TypeError: if items are to be taken from what is no built-in container.
        ValueError: if they are too many.
    """
    args = list(args)
    is_mapping = any(issubclass(cls, base) for base in (dict, UserDict))
    is_counter = issubclass(cls, Counter)
    for arg in args[1:] if issubclass(cls, defaultdict) else args:
        check_source(arg, pairs=is_mapping and not is_counter)
    if not is_mapping:
        for arg in kwargs.values():
            check_source(arg)
    if issubclass(cls, bytearray):
        for arg in (*args, *kwargs.values()):
            if type(arg) is int and arg > ITEMS:
                raise ValueError(f"more than {ITEMS} bytes are not made of nothing")
    return cls(*args, **kwargs)


# ---------------------------------------------------------------- what is made


def made(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``method``, of a container, sending what it makes by value: nobody here holds it."""

    @wraps(method)
    def make(target: object, /, *args: object, **kwargs: object) -> Any:
        return as_made(method(target, *args, **kwargs))

    return make


def as_made(result: Any) -> Any:
    """Return what a container made of itself, so that it goes by value, or else is small.

    Raises:
        ValueError: if it has no form on the wire, and is too large to be kept here.
    """
    if type(result) in _BY_VALUE:
        return Shallow(result)
    check_held(result)
    return result


def check_held(result: Any) -> None:
    """Refuse to keep what a container made of itself for the peer, if it is large.

    Raises:
        ValueError: if it has more than a thousand items or so.
    """
    kind = type(result)
    if issubclass(kind, _HOLDERS) and len(result.data if issubclass(kind, _KEEPERS) else result) > _HELD:
        raise ValueError(f"{with_article(kind)} of more than {_HELD} items, made of another, is not kept here")


_BY_VALUE: Final = frozenset({list, tuple, dict, set, frozenset, bytearray, str})
_KEEPERS: Final = (UserDict, UserList)
_HOLDERS: Final = (list, tuple, dict, set, frozenset, bytearray, str, deque, *_KEEPERS)


# ---------------------------------------------------------------- references


def referred(value: Any) -> Iterator[object]:
    """Yield what the references in decoded ``value`` stand for, before `Codec.build` puts it there."""
    waiting: list[Any] = [value]
    seen: set[int] = set()  # ids of parts: what is shared, or holds itself, is looked into once
    while waiting:
        part = waiting.pop()
        kind = type(part)
        if kind is Referred:
            yield part.value
        elif kind in _WITH_PARTS and id(part) not in seen:
            seen.add(id(part))
            if kind is dict:
                parts: Iterable[object] = part.values()
            elif kind is slice:
                parts = (part.start, part.stop, part.step)
            else:
                parts = part.fields.values() if kind is Record else part
            waiting.extend(reversed(list(parts)))


_WITH_PARTS: Final = frozenset({list, tuple, dict, slice, Record})
