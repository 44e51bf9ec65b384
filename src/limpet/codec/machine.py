"""From a pickle to plain values, by a machine that knows no code (see `limpet.codec.opcodes`).

A table has one method for each opcode, and one that refuses for every other byte. A method gets
where the opcode's argument begins, and returns where the next opcode stands. What it may not do it
raises any Exception for: `read` turns that into an error that names the opcode.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any, ClassVar, Final, TypeVar

from limpet.codec import layout
from limpet.codec.base import Resolver
from limpet.codec.budget import ARRAY_NODES, MAP_NODES
from limpet.codec.classes import Classes
from limpet.codec.constructors import BLANK_UUID, GLOBALS, Blank, Global, fill
from limpet.codec.graph import SCALARS, Measure
from limpet.codec.layout import COST, SET, TUPLE
from limpet.codec.opcodes import BUFFER, BYTEARRAY_BUFFER, NAMES, REFERENCE
from limpet.codec.scalars import Scalars
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["OPCODES_PER_NODE", "read"]

OPCODES_PER_NODE: Final = 3
"""Opcodes that may be spent on a node. `pickle.dumps` needs two and a half at most, in protocol 0."""
_SLACK: Final = 16
"""Opcodes for the smallest value there is."""

_PROTOCOL: Final = 5
_STOP: Final = NAMES["STOP"]

# What each counts beside the one that it counts where it stands.
_LIST_NODES: Final = ARRAY_NODES - 1
_DICT_NODES: Final = MAP_NODES - 1
_SET_NODES: Final = ARRAY_NODES + COST[SET] - 1
_TUPLE_NODES: Final = ARRAY_NODES + COST[TUPLE] - 1

_NAMES_BY_BYTE: Final = {opcode: name for name, opcode in NAMES.items()}
_MAKERS: Final = bytes(
    NAMES[name]
    for name in (
        "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "LIST", "DICT", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET",
        "REDUCE",
    )
)  # fmt: skip
_NO_MAKERS: Final = bytes(set(range(256)) - set(_MAKERS))
"""Bytes that are no opcode of what has parts: without them no more are left than can nest."""

_OLD_MODULES: Final = frozenset({"__builtin__", "copy_reg"})
"""Names of Python 2, which protocols below 3 write."""
_CODES: Final = {REFERENCE: layout.REFERENCE, BUFFER: layout.BUFFER, BYTEARRAY_BUFFER: layout.BYTEARRAY_BUFFER}
_REASON: Final = 150
_INDEX_BYTES: Final = 10
_NAME_BYTES: Final = 64
_T = TypeVar("_T")

_UNFIT: Final = frozenset({Global, Blank})


def read(payload: bytes | memoryview, classes: Classes, resolver: Resolver, limits: Limits) -> object:
    """Return the value in ``payload`` (see `Codec.decode`).

    Raises:
        DecodeError: and nothing else, whatever ``payload`` holds.
    """
    data = bytes(payload)
    machine = _Machine(data, classes, resolver, limits)
    try:
        value = machine.run()
        if machine.unsure or len(data.translate(None, _NO_MAKERS)) > limits.depth:
            Measure(limits, _UNFIT).check(value)
        return value
    except DecodeError:
        raise
    except RecursionError:
        fault = "values nested too deep"
    except Exception as error:  # a payload may not end anything but its call
        fault = machine.fault(error)
    # Outside the handler: some of these errors hold the payload, and this one may be kept.
    raise DecodeError(fault)


class _Machine(Scalars):
    """Reads one pickle. It is used once: after an error nothing of it is left to be read."""

    __slots__ = ("_at", "_classes", "_marks", "_memo", "_protocol", "_resolver", "_taken", "unsure")

    def __init__(self, data: bytes, classes: Classes, resolver: Resolver, limits: Limits) -> None:
        super().__init__(data, limits)
        self._classes = classes
        self._resolver = resolver
        self._at = 0
        self._protocol = 0
        self._marks: list[list[Any]] = []  # what was on the stack below each mark
        self._memo: list[Any] = []
        self._taken: set[int] = set()  # buffers that became bytearrays
        self.unsure = False
        """Whether the value may hold a part twice, or what is no value."""

    def run(self) -> object:
        """Return the value that the pickle leaves on the stack."""
        data = self._data
        if data[:1] == b"\x80":
            self._protocol = data[1]
            if self._protocol > _PROTOCOL:
                raise ValueError(f"protocol {self._protocol}")
            self._at = 2
        at = self._at
        for _ in repeat(None, OPCODES_PER_NODE * self._limits.nodes + _SLACK):
            self._at = at
            opcode = data[at]
            if opcode == _STOP:
                break
            at = _METHODS[opcode](self, at + 1)
        else:
            raise DecodeError(f"more opcodes than {self._limits.nodes} values need")
        (value,) = self._stack
        if self._marks:
            raise ValueError("a mark is left")
        if at + 1 != len(data):
            raise ValueError("the payload goes on behind its value")
        return value

    def fault(self, error: Exception) -> str:
        """Return what was wrong, and with which opcode."""
        if self._at >= len(self._data):
            return "the payload is cut short"
        opcode = self._data[self._at]
        where = f"{_NAMES_BY_BYTE.get(opcode, f'the byte {opcode:#04x}')} at byte {self._at}"
        if isinstance(error, UnicodeError):
            return f"{where}: text that is not of its encoding"
        if isinstance(error, IndexError):
            return f"{where}: the payload is cut short, or the stack is empty"
        if isinstance(error, ValueError) and len(str(error)) <= 200:
            return f"{where}: {error}"
        return f"{where}: {type(error).__name__}"

    def refuse(self, _at: int) -> int:
        """Refuse what stands where an opcode should."""
        raise ValueError("no opcode of plain data")

    def _items(self) -> list[Any]:
        """Return what stands above the topmost mark, and take both away."""
        items = self._stack
        self._stack = self._marks.pop()
        return items

    # Containers.

    def _mark(self, at: int) -> int:
        if len(self._marks) > 2 * self._limits.depth:
            raise DecodeError(f"values nested deeper than {self._limits.depth}")
        self._marks.append(self._stack)
        self._stack = []
        return at

    def _empty_list(self, at: int) -> int:
        self._account.spend(_LIST_NODES)
        self._stack.append([])
        return at

    def _list(self, at: int) -> int:
        items = self._items()
        self._account.spend(_LIST_NODES + len(items))
        self._stack.append(items)
        return at

    def _append(self, at: int) -> int:
        self._account.spend(1)
        item = self._stack.pop()
        _exact(self._stack[-1], list).append(item)
        return at

    def _appends(self, at: int) -> int:
        items = self._items()
        self._account.spend(len(items))
        _exact(self._stack[-1], list).extend(items)
        return at

    def _empty_dict(self, at: int) -> int:
        self._account.spend(_DICT_NODES)
        self._stack.append({})
        return at

    def _dict(self, at: int) -> int:
        items = self._items()
        self._account.spend(_DICT_NODES)
        self._stack.append({})
        self._set_all(items)
        return at

    def _setitem(self, at: int) -> int:
        stack = self._stack
        items = [stack.pop(), stack.pop()]
        items.reverse()
        self._set_all(items)
        return at

    def _setitems(self, at: int) -> int:
        self._set_all(self._items())
        return at

    def _set_all(self, items: list[Any]) -> None:
        target = _exact(self._stack[-1], dict)
        keys = items[::2]
        self._account.admit(keys, target)
        size = len(target) + len(keys)
        target.update(zip(keys, items[1::2], strict=True))
        if len(target) != size:
            raise ValueError("two equal keys")

    def _empty_set(self, at: int) -> int:
        self._account.spend(_SET_NODES)
        self._stack.append(set())
        return at

    def _additems(self, at: int) -> int:
        items = self._items()
        target = _exact(self._stack[-1], set)
        self._account.admit(items, target)
        size = len(target) + len(items)
        target.update(items)
        if len(target) != size:
            raise ValueError("two equal items")
        return at

    def _frozenset(self, at: int) -> int:
        items = self._items()
        self._account.spend(_SET_NODES)
        self._account.admit(items)
        self._stack.append(frozenset(items))
        if len(self._stack[-1]) != len(items):
            raise ValueError("two equal items")
        return at

    def _tuple(self, at: int) -> int:
        items = self._items()
        self._account.spend(_TUPLE_NODES + len(items))
        self._stack.append(tuple(items))
        return at

    def _tuple_0(self, at: int) -> int:
        self._stack.append(())
        return at

    def _tuple_of(self, size: int) -> None:
        stack = self._stack
        if len(stack) < size:
            raise IndexError
        self._account.spend(_TUPLE_NODES + size)
        stack[-size:] = [tuple(stack[-size:])]

    def _tuple_1(self, at: int) -> int:
        self._tuple_of(1)
        return at

    def _tuple_2(self, at: int) -> int:
        self._tuple_of(2)
        return at

    def _tuple_3(self, at: int) -> int:
        self._tuple_of(3)
        return at

    # The memo.

    def _get(self, index: int) -> None:
        if index >= len(self._memo):
            raise ValueError(f"the memo has no {index}")
        value = self._memo[index]
        if type(value) not in SCALARS:
            self.unsure = True
        self._stack.append(value)

    def _get_1(self, at: int) -> int:
        self._get(self._data[at])
        return at + 1

    def _get_4(self, at: int) -> int:
        self._get(self._number(at, 4))
        return at + 4

    def _get_line(self, at: int) -> int:
        line, end = self._line(at, _INDEX_BYTES)
        self._get(_read_index(line))
        return end

    def _memoize(self, at: int) -> int:
        value = self._stack[-1]
        if type(value) is Blank:
            value.places.append(len(self._memo))
        self._memo.append(value)
        return at

    def _put(self, index: int) -> None:
        if index > len(self._memo):
            raise ValueError(f"a memo of {len(self._memo)} that goes on with {index}")
        if index == len(self._memo):
            self._memo.append(None)
        value = self._memo[index] = self._stack[-1]
        if type(value) is Blank:
            value.places.append(index)

    def _put_1(self, at: int) -> int:
        self._put(self._data[at])
        return at + 1

    def _put_4(self, at: int) -> int:
        self._put(self._number(at, 4))
        return at + 4

    def _put_line(self, at: int) -> int:
        line, end = self._line(at, _INDEX_BYTES)
        self._put(_read_index(line))
        return end

    def _pop(self, at: int) -> int:
        if self._stack:
            self._stack.pop()
        else:
            self._items()
        return at

    def _pop_mark(self, at: int) -> int:
        self._items()
        return at

    def _frame(self, at: int) -> int:
        self._check_left(at + 8, self._number(at, 8))
        return at + 8

    # Globals.

    def _global(self, at: int) -> int:
        module, at = self._line(at, _NAME_BYTES)
        name, at = self._line(at, _NAME_BYTES)
        self._find(module.decode("ascii"), name.decode("ascii"))
        return at

    def _stack_global(self, at: int) -> int:
        stack = self._stack
        name, module = _exact(stack.pop(), str), _exact(stack.pop(), str)
        self._find(module, name)
        return at

    def _find(self, module: str, name: str) -> None:
        found = GLOBALS.get((module, name))
        if found is None or (module in _OLD_MODULES and self._protocol > 2):
            raise ValueError(f"there is no global {module[:_NAME_BYTES]!r} {name[:_NAME_BYTES]!r}")
        if type(found) is Global:
            self.unsure = True
        self._stack.append(found)

    def _reduce(self, at: int) -> int:
        stack = self._stack
        args = _exact(stack.pop(), tuple)
        what = _exact(stack[-1], Global)
        self._account.spend(what.nodes)
        try:
            stack[-1] = what.make(args, self._account, self._classes)
        except DecodeError:
            raise
        except Exception as error:
            raise ValueError(f"{what.name}: {str(error)[:_REASON] or type(error).__name__}") from None
        return at

    def _newobj(self, at: int) -> int:
        stack = self._stack
        args = _exact(stack.pop(), tuple)
        if args or stack[-1] is not BLANK_UUID:
            raise ValueError("only a UUID is made so")
        self._account.spend(BLANK_UUID.nodes)
        stack[-1] = Blank()
        return at

    def _build(self, at: int) -> int:
        stack = self._stack
        state = stack.pop()
        blank = stack[-1]
        value = stack[-1] = fill(blank, state)
        for index in blank.places:
            if self._memo[index] is blank:
                self._memo[index] = value
        return at

    # What travels beside the payload.

    def _persistent(self, at: int) -> int:
        number = _exact(self._stack.pop(), int)
        kind, index = number >> 16, number & 0xFFFF
        self._account.spend(COST[_CODES[kind]] - 1)
        if kind == REFERENCE:
            value = self._resolver.reference(index)
        elif kind == BUFFER:
            value = self._resolver.buffer(index)
        else:
            value = self._take_buffer(index)
        self._stack.append(value)
        return at

    def _take_buffer(self, index: int) -> bytearray:
        if index in self._taken:
            raise ValueError("a buffer that two bytearrays name")
        self._taken.add(index)
        return bytearray(self._resolver.buffer(index))

    methods: ClassVar[dict[str, Callable[[_Machine, int], int]]] = {
        **Scalars.methods,
        "ADDITEMS": _additems,
        "APPEND": _append,
        "APPENDS": _appends,
        "BINGET": _get_1,
        "BINPERSID": _persistent,
        "BINPUT": _put_1,
        "BUILD": _build,
        "DICT": _dict,
        "EMPTY_DICT": _empty_dict,
        "EMPTY_LIST": _empty_list,
        "EMPTY_SET": _empty_set,
        "EMPTY_TUPLE": _tuple_0,
        "FRAME": _frame,
        "FROZENSET": _frozenset,
        "GET": _get_line,
        "GLOBAL": _global,
        "LIST": _list,
        "LONG_BINGET": _get_4,
        "LONG_BINPUT": _put_4,
        "MARK": _mark,
        "MEMOIZE": _memoize,
        "NEWOBJ": _newobj,
        "POP": _pop,
        "POP_MARK": _pop_mark,
        "PUT": _put_line,
        "REDUCE": _reduce,
        "SETITEM": _setitem,
        "SETITEMS": _setitems,
        "STACK_GLOBAL": _stack_global,
        "TUPLE": _tuple,
        "TUPLE1": _tuple_1,
        "TUPLE2": _tuple_2,
        "TUPLE3": _tuple_3,
    }


def _exact(value: Any, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _read_index(line: bytes) -> int:
    if not line.isdigit():
        raise ValueError("a text that is no index")
    return int(line)


_METHODS: Final = [_Machine.methods.get(_NAMES_BY_BYTE.get(opcode, ""), _Machine.refuse) for opcode in range(256)]
"""What each byte does."""
