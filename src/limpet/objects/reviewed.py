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
from functools import wraps
from types import GeneratorType, MappingProxyType
from typing import Any, Final

from limpet.logs import Presenter
from limpet.objects.anatomy import MISSING
from limpet.objects.operations import FORMS, Operation

__all__ = ["BASES", "CONTAINERS", "ITERATORS", "RANGE_ITEMS", "Reviewed", "bounded"]

RANGE_ITEMS: Final = 1 << 16
"""The longest range that a container takes items from: a few bytes on the wire, any number of items."""
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


# ---------------------------------------------------------------- bounds


def bounded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``method``, of a container, refusing to take its items from a long range.

    Raises:
        ValueError: if an argument, or a pair in one, is a range of more than RANGE_ITEMS.
    """

    @wraps(method)
    def take(target: object, /, *args: object, **kwargs: object) -> Any:
        _check_ranges(args)
        return method(target, *args, **kwargs)

    return take


def _check_ranges(args: tuple[object, ...]) -> None:
    for arg in args:
        if type(arg) is range:
            _check_range(arg)
        elif type(arg) is list or type(arg) is tuple:
            for item in arg:
                if type(item) is range:
                    _check_range(item)


def _check_range(items: range) -> None:
    # Not len(): that of a range may be too large for it.
    if items[RANGE_ITEMS:]:
        raise ValueError(f"a range of more than {RANGE_ITEMS} items is not taken here")


def _set_item(target: Any, key: object, value: object) -> None:
    _check_ranges((value,))
    target[key] = value


def _special(dunder: str) -> Callable[..., Any]:
    """Return what calls a container's special method with one operand, refusing what has no bound."""
    apply = FORMS[Operation[dunder.strip("_").upper()]].apply

    def take(target: Any, other: object, /) -> Any:
        _check_ranges((other,))
        return apply(target, other)

    return take


def _repeat(dunder: str) -> Callable[..., Any]:
    """Return what repeats a container's items, up to RANGE_ITEMS of them."""
    apply = FORMS[Operation[dunder.strip("_").upper()]].apply

    def repeat(target: Any, count: object, /) -> Any:
        if type(count) is int and len(target) * count > RANGE_ITEMS:
            raise ValueError(f"a repetition to more than {RANGE_ITEMS} items is not made here")
        return apply(target, count)

    return repeat


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
_JOINED: Final[Mapping[Operation, Callable[..., Any]]] = {
    Operation.ADD: _special("__add__"),
    Operation.MUL: _repeat("__mul__"),
    Operation.RMUL: _repeat("__rmul__"),
}
_GROWN: Final[Mapping[Operation, Callable[..., Any]]] = {
    **_JOINED,
    Operation.IADD: _special("__iadd__"),
    Operation.IMUL: _repeat("__imul__"),
}
_COMBINED: Final[Mapping[Operation, Callable[..., Any]]] = {
    operation: _special(f"__{operation.name.lower()}__")
    for operation in (
        *(Operation.AND, Operation.OR, Operation.SUB, Operation.XOR),
        *(Operation.RAND, Operation.ROR, Operation.RSUB, Operation.RXOR),
    )
}
_UPDATED: Final[Mapping[Operation, Callable[..., Any]]] = {
    **_COMBINED,
    **{
        operation: _special(f"__{operation.name.lower()}__")
        for operation in (Operation.IAND, Operation.IOR, Operation.ISUB, Operation.IXOR)
    },
}
_MERGED: Final[Mapping[Operation, Callable[..., Any]]] = {
    operation: _special(f"__{operation.name.lower()}__") for operation in (Operation.OR, Operation.ROR, Operation.IOR)
}
_COUNTED: Final[Mapping[Operation, Callable[..., Any]]] = {
    operation: _special(f"__{operation.name.lower()}__")
    for operation in (
        *(Operation.ADD, Operation.SUB, Operation.AND, Operation.OR, Operation.ROR),
        *(Operation.IADD, Operation.ISUB, Operation.IAND, Operation.IOR),
    )
}
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
    applies={**_shown(list, list), Operation.SETITEM: _set_item, **_GROWN},
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
            applies={**_shown(tuple, tuple), **_JOINED},
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
            applies={**_shown(bytes), Operation.SETITEM: _set_item, **_GROWN},
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

# The methods that abstract bases add use the class's own methods, and are as open to a peer as those.
BASES: Final[Mapping[type, Reviewed]] = MappingProxyType(
    {
        abc.Sequence: Reviewed(
            read=("count", "index"), operations=(Operation.CONTAINS, Operation.ITERATE, Operation.REVERSED)
        ),
        abc.MutableSequence: Reviewed(read=_SEQUENCE_WRITE),
        abc.Set: Reviewed(read=("isdisjoint",), operations=_ORDERED),
        abc.MutableSet: Reviewed(read=("clear", "pop", "remove")),
        abc.Mapping: Reviewed(read=_MAPPING_READ, operations=(Operation.CONTAINS, *_EQUAL)),
        abc.MutableMapping: Reviewed(read=_MAPPING_WRITE),
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
            applies={**_shown(list), Operation.SETITEM: _set_item, **_GROWN},
            private=("data",),
        ),
        Enum: Reviewed(read=("name", "value")),
    }
)
"""What is shown of a standard base in a class of the user's, besides what that defines itself."""
