"""What the globals of a pickle stand for: functions of this package that check what they are given.

A global is looked up as the pair of texts that it is. Nothing is imported, and no class is ever on
the machine's stack, where BUILD could write into it: a token is, which is no value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias
from uuid import UUID

from limpet.codec import layout
from limpet.codec.account import Account
from limpet.codec.classes import Classes
from limpet.codec.leaves import LEAVES

__all__ = ["BLANK_UUID", "GLOBALS", "Blank", "Global", "fill"]

_NODE_BYTES: Final = 64
"""What a node stands for: a text that is named again by the memo can become many bytes."""

Make: TypeAlias = Callable[[tuple[Any, ...], Account, Classes], object]


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """What stands on the stack for a global.

    Attributes:
        name: its module and name.
        nodes: what a value that it makes counts.
        make: makes one. It raises a DecodeError, or any Exception for arguments that are not its own.
    """

    name: str
    nodes: int
    make: Make


class Blank:
    """A UUID that is made and not filled yet."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places: list[int] = []
        """Where the memo has it."""


def fill(blank: object, state: object) -> UUID:
    """Return what ``blank`` becomes with ``state``.

    Raises:
        ValueError: if it is no blank, or the state no UUID's.
    """
    if type(blank) is not Blank or type(state) is not dict or state.keys() != {"int"}:
        raise ValueError("only a UUID is filled, with its integer")
    (number,) = state.values()
    if type(number) is not int or number.bit_length() > 128:
        raise ValueError("a UUID of no 128 bits")
    return UUID(int=number)


def _demand(args: tuple[object, ...], *kinds: type) -> None:
    """Raise if ``args`` are not of exactly these types."""
    if tuple(map(type, args)) != kinds:
        raise ValueError(f"not the arguments ({', '.join(kind.__name__ for kind in kinds)})")


def _bytes(args: tuple[Any, ...], _account: Account, _classes: Classes) -> bytes:
    """Return ``bytes()``: how protocols below 3 write empty ones."""
    _demand(args)
    return b""


def _encode(args: tuple[Any, ...], account: Account, _classes: Classes) -> bytes:
    """Return the bytes in a text: how protocols below 3 write them."""
    _demand(args, str, str)
    if args[1] != "latin1":
        raise ValueError("an encoding that is not latin1")
    account.spend(len(args[0]) // _NODE_BYTES)
    data: bytes = args[0].encode("latin-1")
    return data


def _bytearray(args: tuple[Any, ...], account: Account, _classes: Classes) -> bytearray:
    if args:
        _demand(args, bytes)
        account.spend(len(args[0]) // _NODE_BYTES)
    return bytearray(*args)


def _complex(args: tuple[Any, ...], _account: Account, _classes: Classes) -> complex:
    _demand(args, float, float)
    return complex(*args)


def _slice(args: tuple[Any, ...], _account: Account, _classes: Classes) -> slice:
    if len(args) != 3:
        raise ValueError(f"a slice of {len(args)} items")
    return slice(*args)


def _range(args: tuple[Any, ...], _account: Account, _classes: Classes) -> range:
    _demand(args, int, int, int)
    return range(*args)


def _set(args: tuple[Any, ...], account: Account, _classes: Classes) -> set[object]:
    """Return a set of a list: how protocols below 4 write one."""
    _demand(args, list)
    account.admit(args[0])
    items = set(args[0])
    if len(items) != len(args[0]):
        raise ValueError("two equal items")
    return items


def _frozenset(args: tuple[Any, ...], account: Account, classes: Classes) -> frozenset[object]:
    return frozenset(_set(args, account, classes))


def _zone(rest: tuple[Any, ...]) -> timezone | None:
    if not rest:
        return None
    _demand(rest, timezone)
    zone: timezone = rest[0]
    return zone


def _date(args: tuple[Any, ...], _account: Account, _classes: Classes) -> date:
    _demand(args, bytes)
    high, low, month, day = args[0]
    return date(high << 8 | low, month, day)


def _time(args: tuple[Any, ...], _account: Account, _classes: Classes) -> time:
    _demand(args[:1], bytes)
    hour, *rest = args[0]
    minute, second, *microsecond = rest
    return time(hour & 127, minute, second, _microsecond(microsecond), _zone(args[1:]), fold=hour >> 7)


def _datetime(args: tuple[Any, ...], _account: Account, _classes: Classes) -> datetime:
    _demand(args[:1], bytes)
    high, low, month, day, hour, minute, second, *microsecond = args[0]
    return datetime(
        high << 8 | low, month & 127, day, hour, minute, second, _microsecond(microsecond), _zone(args[1:]),
        fold=month >> 7,
    )  # fmt: skip


def _microsecond(data: list[int]) -> int:
    high, middle, low = data
    return high << 16 | middle << 8 | low


def _timedelta(args: tuple[Any, ...], _account: Account, _classes: Classes) -> timedelta:
    _demand(args, int, int, int)
    return timedelta(*args)


def _timezone(args: tuple[Any, ...], _account: Account, _classes: Classes) -> timezone:
    _demand(args[:1], timedelta)
    _demand(args[1:], *[str] * len(args[1:2]))
    return timezone(*args)


def _decimal(args: tuple[Any, ...], account: Account, _classes: Classes) -> Decimal:
    _demand(args, str)
    if len(args[0]) > account.bits // 4 + 16 or not args[0].isascii():
        raise ValueError("a text that is no number within the limits")
    account.spend(len(args[0]) // _NODE_BYTES)
    value = Decimal(args[0])
    LEAVES[Decimal].write(value, account.bits)  # refuses what is over the limits
    return value


def _fraction(args: tuple[Any, ...], account: Account, _classes: Classes) -> Fraction:
    _demand(args, int, int)
    account.spend((args[0].bit_length() + args[1].bit_length()) // _NODE_BYTES)  # what their divisor costs is time
    return Fraction(*args)


def _member(args: tuple[Any, ...], _account: Account, classes: Classes) -> object:
    _demand(args, str, str)
    return classes.member(*args)


def _record(args: tuple[Any, ...], account: Account, classes: Classes) -> object:
    _demand(args, str, dict)
    account.spend(len(args[1]))
    return classes.record(args[0], args[1].copy())  # a copy, for the dict may be changed yet


def _reconstruct(args: tuple[Any, ...], _account: Account, _classes: Classes) -> Blank:
    """Return a blank UUID: how protocols 0 and 1 begin one."""
    if len(args) != 3 or args[0] is not BLANK_UUID or args[1] is not _OBJECT or args[2] is not None:
        raise ValueError("only a UUID is made so")
    return Blank()


def _refuse(_args: tuple[Any, ...], _account: Account, _classes: Classes) -> object:
    raise ValueError("it makes nothing by itself")


BLANK_UUID: Final = Global("uuid.UUID", layout.COST[layout.UUID], _refuse)
_OBJECT: Final = Global("builtins.object", 1, _refuse)


def _globals() -> dict[tuple[object, object], object]:
    """Return the table: a built-in's name of Python 2, too, for protocols below 3 write that."""
    found: dict[tuple[object, object], object] = {
        ("uuid", "UUID"): BLANK_UUID,
        ("copy_reg", "_reconstructor"): Global("copyreg._reconstructor", 2, _reconstruct),
        ("copyreg", "_reconstructor"): Global("copyreg._reconstructor", 2, _reconstruct),
    }
    made: tuple[tuple[str, str, int, Make], ...] = (
        ("_codecs", "encode", 1, _encode),
        ("datetime", "date", layout.COST[layout.DATE], _date),
        ("datetime", "datetime", layout.COST[layout.DATETIME], _datetime),
        ("datetime", "time", layout.COST[layout.TIME], _time),
        ("datetime", "timedelta", layout.COST[layout.TIMEDELTA], _timedelta),
        ("datetime", "timezone", layout.COST[layout.TIMEDELTA], _timezone),
        ("decimal", "Decimal", layout.COST[layout.DECIMAL], _decimal),
        ("fractions", "Fraction", layout.COST[layout.FRACTION], _fraction),
        ("limpet", "enum", layout.COST[layout.ENUM], _member),
        ("limpet", "record", layout.COST[layout.RECORD], _record),
    )
    for module, name, nodes, make in made:
        found[module, name] = Global(f"{module}.{name}", nodes, make)
    built_in: tuple[tuple[str, int, Make], ...] = (
        ("bytearray", layout.COST[layout.BYTEARRAY], _bytearray),
        ("bytes", 1, _bytes),
        ("complex", layout.COST[layout.COMPLEX], _complex),
        ("frozenset", layout.COST[layout.FROZENSET], _frozenset),
        ("range", layout.COST[layout.RANGE], _range),
        ("set", layout.COST[layout.SET], _set),
        ("slice", layout.COST[layout.SLICE], _slice),
    )
    for name, nodes, make in built_in:
        found["builtins", name] = Global(f"builtins.{name}", nodes, make)
        found["__builtin__", "xrange" if name == "range" else name] = found["builtins", name]
    for module in ("builtins", "__builtin__"):
        found[module, "object"] = _OBJECT
        found[module, "Ellipsis"] = ...
    return found


GLOBALS: Final = _globals()
"""Every global there is, by module and name."""
