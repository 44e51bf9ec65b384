"""The fixed lists: what is shown of built-in containers, and of bases that are not the user's own.

A name is here because it was looked at. Left out are those that take a callable
(``sort``), that make values of a size the caller chooses (``replace``, ``ljust``), and
whatever leads to another object (``mapping``, ``default_factory``).
"""

from __future__ import annotations

import itertools
from collections import Counter, OrderedDict, UserDict, UserList, abc, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import GeneratorType, MappingProxyType
from typing import Any, Final, TypeAlias

from limpet.logs import Presenter
from limpet.objects.anatomy import MISSING
from limpet.objects.operands import ITEMS, as_made, check_source, made, set_item
from limpet.objects.operations import FORMS, Operation

__all__ = ["BASES", "CONTAINERS", "ITERATORS", "NEEDS", "Reviewed"]

_TEXT_BYTES: Final = 64 * 1024
_TEXT_ITEMS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is shown of one type.

    Attributes:
        read: members that change nothing.
        write: methods that need a writable view.
        operations: what can be asked of it besides.
        applies: how some of these are done instead of in the usual way.
        private: names of instance data that only the type's own methods may use.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ()
    applies: Mapping[Operation, Callable[..., Any]] = field(default_factory=dict)
    private: tuple[str, ...] = ()


# ---------------------------------------------------------------- items


def _taking(operation: Operation, *, pairs: bool = False) -> Callable[..., Any]:
    """Return what does arithmetic that takes the items of its operand, within bounds."""
    apply = FORMS[operation].apply

    def take(target: Any, other: object, /) -> Any:
        check_source(other, pairs=pairs)
        return apply(target, other)

    return take if FORMS[operation].writes else made(take)


def _repeating(operation: Operation) -> Callable[..., Any]:
    """Return what repeats a container's items, up to ITEMS of them."""
    apply = FORMS[operation].apply

    def repeat(target: Any, count: object, /) -> Any:
        if type(count) is not int:
            raise TypeError(f"items are repeated an int of times, not a {type(count).__name__}")
        if len(target) * count > ITEMS:
            raise ValueError(f"a repetition to more than {ITEMS} items is not made here")
        return apply(target, count)

    return repeat if FORMS[operation].writes else made(repeat)


def _get_item(target: Any, key: object, /) -> object:
    """Return an item, or the items of a slice: a list that nobody else has."""
    return as_made(target[key]) if type(key) is slice else target[key]


def _get_or_fail(target: defaultdict[object, object], key: object) -> object:
    # Reading must not write: the usual way makes an entry for each key that is asked for.
    value = dict.get(target, key, MISSING)
    if value is MISSING:
        raise KeyError(key)
    return value


# ---------------------------------------------------------------- text


def _text(plain: Callable[[Any], object], own: type | None = None) -> Callable[[Any], str]:
    """Return what shows a container: items that are not plain data as marks, and bounded.

    The usual repr would run code of the items' classes, and tell of objects that are hidden.
    """

    def show(target: Any) -> str:
        name = type(target).__name__
        if len(target) > _TEXT_ITEMS:
            return f"<{name} of {len(target)}>"
        text = repr(Presenter(_TEXT_BYTES).value(plain(target)))
        return text if type(target) is own else f"{name}({text})"

    return show


def _shown(plain: Callable[[Any], object], own: type | None = None) -> dict[Operation, Callable[..., Any]]:
    return dict.fromkeys((Operation.STR, Operation.REPR), _text(plain, own))


# ---------------------------------------------------------------- containers

_TEXTS: Final = (Operation.STR, Operation.REPR)
_SIZED: Final = (*_TEXTS, Operation.BOOL, Operation.LENGTH, Operation.ITERATE)
_EQUAL: Final = (Operation.EQ, Operation.NE)
_ORDERED: Final = (*_EQUAL, Operation.LT, Operation.LE, Operation.GT, Operation.GE)
_CHANGED: Final = (Operation.SETITEM, Operation.DELITEM)
_COMBINED_WITH: Final = (Operation.AND, Operation.OR, Operation.SUB, Operation.XOR)
_COMBINED_FROM: Final = (Operation.RAND, Operation.ROR, Operation.RSUB, Operation.RXOR)
_COMBINED_INTO: Final = (Operation.IAND, Operation.IOR, Operation.ISUB, Operation.IXOR)
_COUNTS: Final = (
    *(Operation.ADD, Operation.SUB, Operation.AND, Operation.OR, Operation.ROR),
    *(Operation.IADD, Operation.ISUB, Operation.IAND, Operation.IOR),
)
Applies: TypeAlias = Mapping[Operation, Callable[..., Any]]

_JOINED: Final[Applies] = {
    Operation.ADD: _taking(Operation.ADD),
    Operation.MUL: _repeating(Operation.MUL),
    Operation.RMUL: _repeating(Operation.RMUL),
}
_GROWN: Final[Applies] = {
    **_JOINED,
    Operation.IADD: _taking(Operation.IADD),
    Operation.IMUL: _repeating(Operation.IMUL),
}
_COMBINED: Final[Applies] = {operation: _taking(operation) for operation in (*_COMBINED_WITH, *_COMBINED_FROM)}
_UPDATED: Final[Applies] = {**_COMBINED, **{operation: _taking(operation) for operation in _COMBINED_INTO}}
_MERGED: Final[Applies] = {
    operation: _taking(operation, pairs=True) for operation in (Operation.OR, Operation.ROR, Operation.IOR)
}
_COUNTED: Final[Applies] = {operation: _taking(operation) for operation in _COUNTS}
_SLICED: Final[Applies] = {Operation.GETITEM: _get_item}
_INDEXED: Final = (*_SIZED, Operation.CONTAINS, Operation.GETITEM, Operation.REVERSED)

_SEQUENCE_WRITE: Final = ("append", "clear", "extend", "insert", "pop", "remove", "reverse")
_MAPPING_READ: Final = ("get", "items", "keys", "values")
_DICT_READ: Final = ("copy", *_MAPPING_READ)
_MAPPING_WRITE: Final = ("clear", "pop", "popitem", "setdefault", "update")
_SET_READ: Final = (
    "copy",
    "difference",
    "intersection",
    "isdisjoint",
    "issubset",
    "issuperset",
    "symmetric_difference",
    "union",
)
_SET_WRITE: Final = (
    "add",
    "clear",
    "difference_update",
    "discard",
    "intersection_update",
    "pop",
    "remove",
    "symmetric_difference_update",
    "update",
)
_SET_OPERATIONS: Final = (*_SIZED, Operation.CONTAINS, *_ORDERED)
_MAPPING: Final = (*_SIZED, Operation.CONTAINS, Operation.GETITEM, *_EQUAL)
_DICT: Final = (*_MAPPING, *_CHANGED, Operation.REVERSED)

_LIST: Final = Reviewed(
    read=("copy", "count", "index"),
    write=_SEQUENCE_WRITE,
    operations=(*_INDEXED, *_ORDERED, *_CHANGED, *_GROWN),
    applies={**_shown(list, list), **_SLICED, Operation.SETITEM: set_item, **_GROWN},
)
_KEYS: Final = Reviewed(
    read=("isdisjoint",),
    operations=(*_SET_OPERATIONS, Operation.REVERSED, *_COMBINED),
    applies={**_shown(list), **_COMBINED},
)
_VALUES: Final = Reviewed(operations=(*_SIZED, Operation.CONTAINS, Operation.REVERSED), applies=_shown(list))
# Views that are written in Python have no reversed() of their own.
_ABSTRACT_KEYS: Final = Reviewed(read=("isdisjoint",), operations=_SET_OPERATIONS, applies=_shown(list))
_ABSTRACT_VALUES: Final = Reviewed(operations=(*_SIZED, Operation.CONTAINS), applies=_shown(list))

CONTAINERS: Final[Mapping[type, Reviewed]] = MappingProxyType(
    {
        list: _LIST,
        tuple: Reviewed(
            read=("count", "index"),
            operations=(*_INDEXED, *_ORDERED, *_JOINED),
            applies={**_shown(tuple, tuple), **_SLICED, **_JOINED},
        ),
        deque: Reviewed(
            read=("copy", "count", "index", "maxlen"),
            write=(*_SEQUENCE_WRITE, "appendleft", "extendleft", "popleft", "rotate"),
            operations=(*_INDEXED, *_ORDERED, *_CHANGED, *_GROWN),
            applies={**_shown(list), **_GROWN},
        ),
        bytearray: Reviewed(
            read=("copy", "count", "endswith", "find", "hex", "index", "rfind", "rindex", "startswith"),
            write=_SEQUENCE_WRITE,
            operations=(*_SIZED, Operation.CONTAINS, Operation.GETITEM, *_ORDERED, *_CHANGED, *_GROWN),
            applies={**_shown(bytes), **_SLICED, Operation.SETITEM: set_item, **_GROWN},
        ),
        range: Reviewed(
            read=("start", "step", "stop"),
            operations=(*_SIZED, Operation.GETITEM, Operation.REVERSED, *_EQUAL),
        ),
        set: Reviewed(
            read=_SET_READ,
            write=_SET_WRITE,
            operations=(*_SET_OPERATIONS, *_UPDATED),
            applies={**_shown(set, set), **_UPDATED},
        ),
        frozenset: Reviewed(
            read=_SET_READ,
            operations=(*_SET_OPERATIONS, *_COMBINED),
            applies={**_shown(frozenset, frozenset), **_COMBINED},
        ),
        dict: Reviewed(
            read=_DICT_READ,
            write=_MAPPING_WRITE,
            operations=(*_DICT, *_MERGED),
            applies={**_shown(dict, dict), **_MERGED},
        ),
        OrderedDict: Reviewed(
            read=_DICT_READ,
            write=(*_MAPPING_WRITE, "move_to_end"),
            operations=(*_DICT, *_MERGED),
            applies={**_shown(dict), **_MERGED},
        ),
        defaultdict: Reviewed(
            read=_DICT_READ,
            write=_MAPPING_WRITE,
            operations=(*_DICT, *_MERGED),
            applies={**_shown(dict), Operation.GETITEM: _get_or_fail, **_MERGED},
        ),
        Counter: Reviewed(
            read=(*_DICT_READ, "elements", "most_common", "total"),
            write=(*_MAPPING_WRITE, "subtract"),
            operations=(*_DICT, Operation.POS, Operation.NEG, *_COUNTED),
            applies={**_shown(dict), **_COUNTED},
        ),
        # Compared with something, it would hand that the dict behind it.
        MappingProxyType: Reviewed(
            read=_MAPPING_READ,
            operations=(*_SIZED, Operation.CONTAINS, Operation.GETITEM, Operation.REVERSED),
            applies=_shown(dict),
        ),
        type({}.keys()): _KEYS,
        type({}.items()): _KEYS,
        type({}.values()): _VALUES,
        type(OrderedDict().keys()): _KEYS,
        type(OrderedDict().items()): _KEYS,
        type(OrderedDict().values()): _VALUES,
        abc.KeysView: _ABSTRACT_KEYS,
        abc.ItemsView: _ABSTRACT_KEYS,
        abc.ValuesView: _ABSTRACT_VALUES,
    }
)
"""What leaves by reference without a mark, by exact type. In a subclass of the user's, the same is shown."""

_ITERABLES: Final[tuple[Any, ...]] = (
    *([], (), {}, "", "é", b"", bytearray(), set(), deque(), range(0), range(1 << 65), {}.values(), {}.items()),
    *(OrderedDict().keys(), OrderedDict().items(), OrderedDict().values()),
)
_REVERSIBLES: Final[tuple[Any, ...]] = ([], (), {}, {}.values(), {}.items(), deque(), OrderedDict())

ITERATORS: Final[frozenset[type]] = frozenset(
    (
        *(type(iter(iterable)) for iterable in _ITERABLES),
        *(type(reversed(reversible)) for reversible in _REVERSIBLES),
        *(kind for kind in vars(itertools).values() if isinstance(kind, type) and issubclass(kind, Iterator)),
        *(type(iter(int, 1)), enumerate, filter, map, zip, GeneratorType),
    )
)
"""What leaves only behind limpet's own cursor, by exact type."""

# ---------------------------------------------------------------- bases of users' classes

BASES: Final[Mapping[type, Reviewed]] = MappingProxyType(
    {
        abc.Sequence: Reviewed(
            read=("count", "index"), operations=(Operation.CONTAINS, Operation.ITERATE, Operation.REVERSED)
        ),
        abc.MutableSequence: Reviewed(write=_SEQUENCE_WRITE),
        abc.Set: Reviewed(read=("isdisjoint",), operations=_ORDERED),
        abc.MutableSet: Reviewed(write=("add", "clear", "discard", "pop", "remove")),
        abc.Mapping: Reviewed(read=_MAPPING_READ, operations=(Operation.CONTAINS, *_EQUAL)),
        abc.MutableMapping: Reviewed(write=_MAPPING_WRITE),
        UserDict: Reviewed(
            read=_DICT_READ,
            write=_MAPPING_WRITE,
            operations=(*_MAPPING, *_CHANGED, *_MERGED),
            applies={**_shown(dict), **_MERGED},
            private=("data",),
        ),
        UserList: Reviewed(
            read=_LIST.read,
            write=_LIST.write,
            operations=(*_INDEXED, *_ORDERED, *_CHANGED, *_GROWN),
            applies={**_shown(list), **_SLICED, Operation.SETITEM: set_item, **_GROWN},
            private=("data",),
        ),
        Enum: Reviewed(read=("name", "value")),
    }
)
"""What is shown of a standard base in a class of the user's, besides what that defines itself."""

_PAIRED: Final = ("__iter__", "__len__", "__getitem__")
_COMPARED: Final = ("__iter__", "__len__", "__contains__")

NEEDS: Final[Mapping[type, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        abc.Sequence: {
            "count": ("__iter__",),
            "index": ("__getitem__", "__len__"),
            "__contains__": ("__iter__",),
            "__iter__": ("__getitem__",),
            "__reversed__": ("__getitem__", "__len__"),
        },
        abc.MutableSequence: {
            "append": ("insert", "__len__"),
            "clear": ("pop",),
            "extend": ("append",),
            "pop": ("__getitem__", "__delitem__"),
            "remove": ("index", "__delitem__"),
            "reverse": ("__getitem__", "__setitem__", "__len__"),
        },
        abc.Set: {
            "isdisjoint": ("__contains__",),
            **{f"__{operation.name.lower()}__": _COMPARED for operation in _ORDERED},
        },
        abc.MutableSet: {
            "clear": ("pop",),
            "pop": ("__iter__", "discard"),
            "remove": ("__contains__", "discard"),
        },
        abc.Mapping: {
            "get": ("__getitem__",),
            "keys": _COMPARED,
            "items": _PAIRED,
            "values": _PAIRED,
            "__contains__": ("__getitem__",),
            "__eq__": ("items",),
        },
        abc.MutableMapping: {
            "clear": ("popitem",),
            "pop": ("__getitem__", "__delitem__"),
            "popitem": ("__iter__", "__getitem__", "__delitem__"),
            "setdefault": ("__getitem__", "__setitem__"),
            "update": ("__setitem__",),
        },
        object: {"__ne__": ("__eq__",)},
        UserDict: {"copy": ("update",), "get": ("__contains__", "__getitem__")},
    }
)
"""What methods that a standard base adds use of the class's own: they are shown if all of that is."""
