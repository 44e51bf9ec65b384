"""The closed list of operations: what Operate may ask for (wire-protocol, Operations).

An operation goes over the wire as its number; no name with double underscores ever
does. Numbers are never given a second meaning. Free for later:

    40-47    context managers       96-127   arithmetic, reflected
    48-63    generators             128-159  arithmetic in place
    64-95    arithmetic             160-175  conversions
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

__all__ = ["FORMS", "VARIADIC", "Form", "Operation"]

VARIADIC: Final = -1
"""The arity of an operation that takes any number of operands."""


class Operation(IntEnum):
    """What can be asked of an object besides its members."""

    STR = 1
    REPR = 2
    BOOL = 3
    HASH = 4
    EQ = 5
    NE = 6
    LT = 7
    LE = 8
    GT = 9
    GE = 10
    LENGTH = 16
    CONTAINS = 17
    GETITEM = 18
    SETITEM = 19
    DELITEM = 20
    ITERATE = 21
    REVERSED = 22
    NEXT = 23
    """Fetch the next items. Only limpet's own cursor has it: a raw iterator never leaves."""
    CALL = 32


@dataclass(frozen=True, slots=True)
class Form:
    """How an operation is done.

    Attributes:
        operation: which one.
        dunder: the special method it stands for.
        arity: operands it takes beside the object, or `VARIADIC`.
        writes: whether the peer needs a writable view for it.
        apply: does it, given the object and the operands.
        universal: whether every object has it, since `object` itself defines it.
    """

    operation: Operation
    dunder: str
    arity: int
    writes: bool
    apply: Callable[..., Any]
    universal: bool = False


def _call(target: Callable[..., object], /, *args: object, **kwargs: object) -> object:
    return target(*args, **kwargs)


def _fetch(target: object, _count: object, /) -> object:
    raise TypeError(f"a {type(target).__name__} is no cursor")


_R, _W = False, True

FORMS: Final[Mapping[int, Form]] = MappingProxyType(
    {
        int(form.operation): form
        for form in (
            Form(Operation.STR, "__str__", 0, _R, str, universal=True),
            Form(Operation.REPR, "__repr__", 0, _R, repr, universal=True),
            Form(Operation.BOOL, "__bool__", 0, _R, bool, universal=True),
            Form(Operation.HASH, "__hash__", 0, _R, hash, universal=True),
            Form(Operation.EQ, "__eq__", 1, _R, operator.eq, universal=True),
            Form(Operation.NE, "__ne__", 1, _R, operator.ne, universal=True),
            Form(Operation.LT, "__lt__", 1, _R, operator.lt),
            Form(Operation.LE, "__le__", 1, _R, operator.le),
            Form(Operation.GT, "__gt__", 1, _R, operator.gt),
            Form(Operation.GE, "__ge__", 1, _R, operator.ge),
            Form(Operation.LENGTH, "__len__", 0, _R, len),
            Form(Operation.CONTAINS, "__contains__", 1, _R, operator.contains),
            Form(Operation.GETITEM, "__getitem__", 1, _R, operator.getitem),
            Form(Operation.SETITEM, "__setitem__", 2, _W, operator.setitem),
            Form(Operation.DELITEM, "__delitem__", 1, _W, operator.delitem),
            Form(Operation.ITERATE, "__iter__", 0, _R, iter),
            Form(Operation.REVERSED, "__reversed__", 0, _R, reversed),
            Form(Operation.NEXT, "__next__", 1, _R, _fetch),
            Form(Operation.CALL, "__call__", VARIADIC, _R, _call),
        )
    }
)
"""Every operation there is, by its number."""
