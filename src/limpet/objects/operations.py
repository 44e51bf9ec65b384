"""The closed list of operations: what Operate may ask for (wire-protocol, Operations).

An operation goes over the wire as its number; no name with double underscores ever
does. Numbers are never given a second meaning.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

from limpet.objects.anatomy import resolve
from limpet.objects.operands import Operands

__all__ = ["ARITHMETIC", "CURSORS", "FORMS", "VARIADIC", "Form", "Operation"]

VARIADIC: Final = -1
"""The arity of an operation that takes any number of operands."""

_POWER: Final = 1 << 16
_SHIFT: Final = 1 << 16
_WIDTH: Final = 1 << 16
_SPECIFICATION: Final = 256
_NUMBERS: Final = re.compile("[0-9]+")


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
    AHEAD = 24
    """As NEXT, and a generator may be run ahead of what is used."""
    CALL = 32

    ENTER = 40
    EXIT = 41
    """Takes what Raise carries of the error that ends the block, or None."""

    SEND = 48
    """Only limpet's own cursor has it, as NEXT, and the next one."""
    THROW = 49
    """Takes what Raise carries of the error."""

    ADD = 64
    SUB = 65
    MUL = 66
    MATMUL = 67
    TRUEDIV = 68
    FLOORDIV = 69
    MOD = 70
    DIVMOD = 71
    POW = 72
    LSHIFT = 73
    RSHIFT = 74
    AND = 75
    XOR = 76
    OR = 77
    NEG = 80
    POS = 81
    ABS = 82
    INVERT = 83

    RADD = 96
    RSUB = 97
    RMUL = 98
    RMATMUL = 99
    RTRUEDIV = 100
    RFLOORDIV = 101
    RMOD = 102
    RDIVMOD = 103
    RPOW = 104
    RLSHIFT = 105
    RRSHIFT = 106
    RAND = 107
    RXOR = 108
    ROR = 109

    IADD = 128
    ISUB = 129
    IMUL = 130
    IMATMUL = 131
    ITRUEDIV = 132
    IFLOORDIV = 133
    IMOD = 134
    IPOW = 136
    ILSHIFT = 137
    IRSHIFT = 138
    IAND = 139
    IXOR = 140
    IOR = 141

    INT = 160
    FLOAT = 161
    COMPLEX = 162
    INDEX = 163
    ROUND = 164
    TRUNC = 165
    FLOOR = 166
    CEIL = 167
    FORMAT = 168
    BYTES = 169


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
        optional: operands that it may take besides.
        operands: of a built-in container's: what it does with its operands.
    """

    operation: Operation
    dunder: str
    arity: int
    writes: bool
    apply: Callable[..., Any]
    universal: bool = False
    optional: int = 0
    operands: Operands | None = None

    def takes(self, count: int) -> bool:
        """Tell whether so many operands are right."""
        return self.arity == VARIADIC or self.arity <= count <= self.arity + self.optional


def _call(target: Callable[..., object], /, *args: object, **kwargs: object) -> object:
    return target(*args, **kwargs)


def _fetch(target: object, *_operands: object) -> object:
    raise TypeError(f"a {type(target).__name__} is no cursor")


def _exit(target: Any, error: BaseException | None, /) -> bool:
    stack = None if error is None else error.__traceback__
    return bool(_special("__exit__")(target, None if error is None else type(error), error, stack))


def _special(dunder: str, check: Callable[..., None] | None = None) -> Callable[..., Any]:
    """Return what calls a special method of the object's class, and nothing of the operand's.

    Where that answers NotImplemented the other operand may know; its own side asks it.

    Args:
        dunder: the method.
        check: refuses operands of a size that only an attack has.
    """

    def apply(target: object, /, *operands: object) -> Any:
        if check is not None:
            check(*operands)
        found = resolve(type(target), dunder)
        if found is None:
            raise TypeError(f"a {type(target).__name__} has no such operation")
        return found[1].__get__(target, type(target))(*operands)

    return apply


# ---------------------------------------------------------------- bounds


def _check_power(exponent: object, modulus: object = None, /) -> None:
    if type(exponent) is int and modulus is None and abs(exponent) > _POWER:
        raise ValueError(f"a power over {_POWER} without a modulus is not computed here")


def _check_shift(places: object, /) -> None:
    if type(places) is int and places > _SHIFT:
        raise ValueError(f"a shift by more than {_SHIFT} places is not computed here")


def _check_format(specification: object, /) -> None:
    if type(specification) is not str:
        raise TypeError("a format specification must be str")
    widest = max(map(len, _NUMBERS.findall(specification)), default=0)
    if (
        len(specification) > _SPECIFICATION
        or widest > len(str(_WIDTH))
        or any(int(number) > _WIDTH for number in _NUMBERS.findall(specification))
    ):
        raise ValueError(f"a format wider than {_WIDTH} is not made here")


_CHECKS: Final[Mapping[Operation, Callable[..., None]]] = {
    Operation.POW: _check_power,
    Operation.IPOW: _check_power,
    Operation.LSHIFT: _check_shift,
    Operation.ILSHIFT: _check_shift,
    Operation.FORMAT: _check_format,
}

# ---------------------------------------------------------------- the list

_R, _W = False, True

CURSORS: Final = frozenset({Operation.NEXT, Operation.AHEAD, Operation.SEND, Operation.THROW})
"""What only limpet's own cursors have. A method of a user's class with such a name is a method."""
ARITHMETIC: Final = frozenset(operation for operation in Operation if Operation.ADD <= operation < Operation.INT)
"""Operations that Python asks the other operand for, if the first answers NotImplemented."""
_OPTIONAL: Final = frozenset({Operation.POW, Operation.ROUND})
_OPERANDS: Final = {Operation.NEG: 0, Operation.POS: 0, Operation.ABS: 0, Operation.INVERT: 0, Operation.FORMAT: 1}
"""Where it is not one operand for arithmetic, and none for a conversion."""


def _form(operation: Operation) -> Form:
    """Return how arithmetic and conversions are done: by the special method of that name."""
    dunder = f"__{operation.name.lower()}__"
    return Form(
        operation,
        dunder,
        arity=_OPERANDS.get(operation, 0 if operation >= Operation.INT else 1),
        writes=Operation.IADD <= operation <= Operation.IOR,
        apply=_special(dunder, _CHECKS.get(operation)),
        optional=int(operation in _OPTIONAL),
    )


FORMS: Final[Mapping[int, Form]] = MappingProxyType(
    {
        int(form.operation): form
        for form in (
            Form(Operation.STR, "__str__", 0, _R, str, universal=True),
            Form(Operation.REPR, "__repr__", 0, _R, repr, universal=True),
            Form(Operation.BOOL, "__bool__", 0, _R, bool, universal=True),
            Form(Operation.HASH, "__hash__", 0, _R, hash, universal=True),
            Form(Operation.EQ, "__eq__", 1, _R, _special("__eq__"), universal=True),
            Form(Operation.NE, "__ne__", 1, _R, _special("__ne__"), universal=True),
            Form(Operation.LT, "__lt__", 1, _R, _special("__lt__")),
            Form(Operation.LE, "__le__", 1, _R, _special("__le__")),
            Form(Operation.GT, "__gt__", 1, _R, _special("__gt__")),
            Form(Operation.GE, "__ge__", 1, _R, _special("__ge__")),
            Form(Operation.LENGTH, "__len__", 0, _R, len),
            Form(Operation.CONTAINS, "__contains__", 1, _R, operator.contains),
            Form(Operation.GETITEM, "__getitem__", 1, _R, operator.getitem),
            Form(Operation.SETITEM, "__setitem__", 2, _W, operator.setitem),
            Form(Operation.DELITEM, "__delitem__", 1, _W, operator.delitem),
            Form(Operation.ITERATE, "__iter__", 0, _R, iter),
            Form(Operation.REVERSED, "__reversed__", 0, _R, reversed),
            Form(Operation.NEXT, "__next__", 1, _R, _fetch),
            Form(Operation.AHEAD, "ahead", 1, _R, _fetch),
            Form(Operation.CALL, "__call__", VARIADIC, _R, _call),
            Form(Operation.ENTER, "__enter__", 0, _R, _special("__enter__")),
            Form(Operation.EXIT, "__exit__", 1, _R, _exit),
            Form(Operation.SEND, "send", 1, _R, _fetch),
            Form(Operation.THROW, "throw", 1, _R, _fetch),
            *(_form(operation) for operation in Operation if operation >= Operation.ADD),
        )
    }
)
"""Every operation there is, by its number."""
