"""From values to what msgpack's packer writes as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from itertools import chain
from types import NoneType
from typing import Any, ClassVar, Final, NoReturn, TypeAlias

from msgpack import ExtType  # type: ignore[import-untyped]

from limpet.codec import layout
from limpet.codec.advice import advice
from limpet.codec.base import Leaves, Shallow
from limpet.codec.budget import ARRAY_NODES, MAP_NODES
from limpet.codec.classes import Classes, EnumClass, RecordClass
from limpet.codec.keys import KEY, VALUE, Place, is_nan
from limpet.codec.leaves import LEAVES
from limpet.errors import EncodeError
from limpet.limits import Limits

__all__ = ["BUFFER_BYTES", "BY_VALUE", "Encoder", "Trail", "is_plain"]

BUFFER_BYTES: Final = 32 << 10
"""From this size bytes travel beside the payload."""

_PLAIN: Final = frozenset({NoneType, bool, int, float, str})
"""What the packer writes exactly, whatever the value, or refuses."""
_PLAIN_KEYS: Final = _PLAIN - {float}
"""The same for keys: a float may be NaN."""
_SHORT: Final = 256
"""Longer lists are not walked in Python to learn whether they are plain."""
_MUTABLE: Final = frozenset({list, dict, set, bytearray})
_UNREGISTERED: Final = (int, float, complex, str, bytes, tuple, frozenset)

BY_VALUE: Final[frozenset[type]] = _PLAIN | LEAVES.keys() | {bytes, tuple, frozenset, slice, range, *_MUTABLE}
"""What needs no class to be known."""

_SHOWN_STEPS: Final = 16
_SHOWN_CHARACTERS: Final = 40
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Step: TypeAlias = "int | str | tuple[object]"
"""An index, a dict's key in a tuple, or text."""
Trail: TypeAlias = "tuple[Trail, Step] | None"
"""The way to a value, innermost step first."""

_MARKS: Final = {code: ExtType(code, b"") for code in range(layout.TUPLE, layout.RECORD + 1)}


def is_plain(value: object, depth: int) -> bool:
    """Return whether the packer writes ``value`` exactly, it is small and nests at most ``depth``."""
    if type(value) is list:
        items: Collection[object] = value
    elif type(value) is dict:
        if not _PLAIN_KEYS.issuperset(map(type, value)):
            return False
        items = value.values()
    else:
        return type(value) in _PLAIN
    if not depth or len(items) > _SHORT:
        return False
    for item in items:  # noqa: SIM110  # a generator would double the cost
        if type(item) not in _PLAIN and not is_plain(item, depth - 1):
            return False
    return True


class Encoder:
    """One value on its way out: checks each part, and puts a form of msgpack's in its place.

    Args:
        classes: what may travel besides the built-in types.
        leaves: takes references and large buffers.
        limits: depth, nodes and integer size.
        containers: copy mutable containers; else refer to them.
        names: what to call the items of the outermost list in errors.
        careful: look at each number and text too, to name the path to one the packer refused.
    """

    __slots__ = ("_classes", "_containers", "_depth", "_leaves", "_limits", "_names", "_nodes", "_plain", "_plain_keys")

    def __init__(
        self,
        classes: Classes,
        leaves: Leaves,
        limits: Limits,
        *,
        containers: bool,
        names: Sequence[str],
        careful: bool = False,
    ) -> None:
        self._classes = classes
        self._leaves = leaves
        self._limits = limits
        self._containers = containers
        self._names = names
        self._plain: frozenset[type] = frozenset() if careful else _PLAIN
        self._plain_keys: frozenset[type] = frozenset() if careful else _PLAIN_KEYS
        self._depth = 0
        self._nodes = 1

    def lower(self, value: Any, trail: Trail = None, place: Place = VALUE) -> object:
        """Return ``value`` as scalars, lists, dicts and extensions only; a flat plain one as it is.

        Args:
            value: what to encode.
            trail: the way to it.
            place: where it stands.

        Raises:
            EncodeError: if it has no form, or is over a limit.
        """
        kind = type(value)
        if kind in (self._plain_keys if place is KEY else self._plain):
            return value
        if kind in _MUTABLE and not self._containers:
            return self._reference(value, trail, place)
        if form := self._FORMS.get(kind):
            return form(self, value, trail, place)
        known = self._classes.by_type.get(kind)
        if type(known) is EnumClass:
            return self._member(value, known, trail, place)
        if type(known) is RecordClass:
            return self._record(value, known, trail, place)
        return self._reference(value, trail, place)

    def _shallow(self, value: Shallow, trail: Trail, place: Place) -> object:
        return self._FORMS[type(value.value)](self, value.value, trail, place)

    def _scalar(self, value: object, trail: Trail, place: Place) -> object:
        if place is KEY and is_nan(value):
            self._refuse(trail, "NaN is no key, for it does not equal itself")
        if type(value) is int and value.bit_length() > max(64, self._limits.integer_bits):
            self._refuse(trail, f"an integer of {value.bit_length()} bits, over the limit")
        if type(value) is str and _SURROGATE.search(value):
            self._refuse(trail, "text with a surrogate, which has no bytes in UTF-8")
        return value

    def _leaf(self, value: object, trail: Trail, place: Place) -> object:
        return self._extension(LEAVES[type(value)].code, self._leaf_bytes(value, trail, place), trail)

    def _leaf_bytes(self, value: object, trail: Trail, place: Place) -> bytes:
        """Return the form of ``value``, having seen that it may travel."""
        if place is KEY and is_nan(value):
            self._refuse(trail, "NaN is no key, for it does not equal itself")
        try:
            return LEAVES[type(value)].write(value, self._limits.integer_bits)
        except Exception as error:  # a UUID that someone wrote into may raise anything
            self._refuse(trail, str(error), error)

    def _bytes(self, value: bytes, trail: Trail, _place: Place) -> object:
        if len(value) < BUFFER_BYTES:
            return value
        return self._extension(layout.BUFFER, _index(self._leaves.attach(value)), trail)

    def _bytearray(self, value: bytearray, trail: Trail, place: Place) -> object:
        if len(value) < BUFFER_BYTES:
            return self._leaf(value, trail, place)
        return self._extension(layout.BYTEARRAY_BUFFER, _index(self._leaves.attach(bytes(value))), trail)

    def _list(self, value: list[object], trail: Trail, _place: Place) -> object:
        self._enter(ARRAY_NODES + len(value), trail)
        items = self._each(value, trail)
        self._depth -= 1
        return items

    def _dict(self, value: dict[object, object], trail: Trail, _place: Place) -> object:
        self._enter(MAP_NODES + 2 * len(value), trail)
        if not (self._plain_keys.issuperset(map(type, value)) and self._plain.issuperset(map(type, value.values()))):
            pairs = list(value.items())  # at once, whatever another thread does to the dict
            keys = [self.lower(key, (trail, "<key>"), KEY) for key, _ in pairs]
            items = [self.lower(item, (trail, (key,))) for key, item in pairs]
            if any(type(key) is list for key in keys):
                return self._marked_dict(keys, items, trail)
            value = dict(zip(keys, items, strict=True))
        self._depth -= 1
        return value

    def _marked_dict(self, keys: list[object], items: list[object], trail: Trail) -> list[object]:
        self._depth -= 1
        self._spend(ARRAY_NODES + layout.COST[layout.DICT] - MAP_NODES, trail)
        return [_MARKS[layout.DICT], *chain.from_iterable(zip(keys, items, strict=True))]

    def _tuple(self, value: tuple[object, ...], trail: Trail, place: Place) -> object:
        return self._marked(layout.TUPLE, value, trail, place)

    def _frozenset(self, value: frozenset[object], trail: Trail, _place: Place) -> object:
        self._spend(len(value), trail)
        return self._marked(layout.FROZENSET, list(value), trail, KEY)

    def _set(self, value: set[object], trail: Trail, _place: Place) -> object:
        self._spend(len(value), trail)
        return self._marked(layout.SET, list(value), trail, KEY)

    def _slice(self, value: slice, trail: Trail, place: Place) -> object:
        if place is KEY:
            self._refuse(trail, "a slice is no key")
        return self._marked(layout.SLICE, (value.start, value.stop, value.step), trail, VALUE)

    def _range(self, value: range, trail: Trail, place: Place) -> object:
        bounds = tuple(map(int, (value.start, value.stop, value.step)))  # a bool may stand there
        return self._marked(layout.RANGE, bounds, trail, place)

    def _member(self, value: Enum, known: EnumClass, trail: Trail, place: Place) -> object:
        return self._marked(layout.ENUM, (known.name, self._member_name(value, known, trail)), trail, place)

    def _member_name(self, value: Enum, known: EnumClass, trail: Trail) -> str:
        name = value._name_
        if known.members.get(name) is not value:
            self._refuse(trail, f"only single members of {known.name} have a name to travel by")
        return name

    def _record(self, value: object, known: RecordClass, trail: Trail, place: Place) -> object:
        fields = self._fields(value, known, trail, place)
        self._enter(ARRAY_NODES + layout.COST[layout.RECORD] + 2, trail)
        self._enter(MAP_NODES + 2 * len(fields), trail)
        lowered = {field: self.lower(item, (trail, f".{field}")) for field, item in fields.items()}
        self._depth -= 2
        return [_MARKS[layout.RECORD], known.name, lowered]

    def _fields(self, value: object, known: RecordClass, trail: Trail, place: Place) -> dict[str, object]:
        if place is KEY:
            self._refuse(trail, f"{known.name} is no key: it is built when its call is allowed, and keys before")
        try:
            return known.read(value)
        except Exception as error:
            self._refuse(trail, f"a field of {known.name} cannot be read: {type(error).__name__}", error)

    def _marked(self, mark: int, items: Sequence[object], trail: Trail, place: Place) -> list[object]:
        self._enter(ARRAY_NODES + layout.COST[mark] + len(items), trail)
        lowered = self._each(items, trail, place)
        self._depth -= 1
        return [_MARKS[mark], *lowered]

    def _each(self, items: Sequence[object], trail: Trail, place: Place = VALUE) -> Sequence[object]:
        """Return ``items`` lowered, the same sequence if they are all plain."""
        plain = self._plain_keys if place is KEY else self._plain
        if plain.issuperset(map(type, items)):
            return items
        lowered = list(items)
        for index, item in enumerate(lowered):
            if type(item) not in plain:
                lowered[index] = self.lower(item, (trail, index), place)
        return lowered

    def _reference(self, value: object, trail: Trail, place: Place) -> object:
        kind = type(value)
        if place is KEY:
            self._refuse(trail, f"{kind.__name__} is no key: only values are")
        if any(base in _UNREGISTERED for base in kind.__mro__):
            self._refuse(trail, f"{kind.__name__} would arrive as its base class; {advice(kind)}")
        try:
            index = self._leaves.refer(value)
        except EncodeError as error:
            self._refuse(trail, str(error), error)
        return self._extension(layout.REFERENCE, _index(index), trail)

    def _extension(self, code: int, data: bytes, trail: Trail) -> object:
        self._spend(layout.COST[code] - 1, trail)
        return ExtType(code, data)

    def _enter(self, nodes: int, trail: Trail) -> None:
        """Go into a container that counts ``nodes``, of which one is counted already."""
        self._depth += 1
        self._nodes += nodes - 1
        if self._depth > self._limits.depth:
            self._refuse(trail, f"nested deeper than {self._limits.depth}; does it contain itself?")
        if self._nodes > self._limits.nodes:
            self._refuse(trail, f"more values than {self._limits.nodes}")

    def _spend(self, nodes: int, trail: Trail) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.nodes:
            self._refuse(trail, f"more values than {self._limits.nodes}")

    def _refuse(self, trail: Trail, reason: str, cause: Exception | None = None) -> NoReturn:
        raise EncodeError(f"{_path(trail, self._names)}: {reason}") from cause

    _FORMS: ClassVar[dict[type, Callable[[Encoder, Any, Trail, Place], object]]] = {
        **dict.fromkeys(LEAVES, _leaf),
        **dict.fromkeys(_PLAIN, _scalar),
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


def _index(index: int) -> bytes:
    return index.to_bytes(2, "big")


def _path(trail: Trail, names: Sequence[str]) -> str:
    """Return the way to a value as Python would write it, as in ``args[0]['x'][3]``."""
    steps: list[Step] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    steps.reverse()
    path = "value"
    if steps and type(steps[0]) is int and steps[0] < len(names):
        path = names[steps[0]]
        del steps[0]
    shown = steps[:_SHOWN_STEPS]
    return path + "".join(map(_step, shown)) + ("..." if len(steps) > _SHOWN_STEPS else "")


def _step(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if isinstance(step, str):
        return step
    key = step[0]
    if type(key) is str and len(key) <= _SHOWN_CHARACTERS:
        return f"[{key!r}]"
    if type(key) is int and key.bit_length() <= 64:
        return f"[{key}]"
    return f"[<{type(key).__name__}>]"
