"""How a program writes each operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from limpet.objects.operations import FORMS, Operation

__all__ = ["written"]

_SIGNS: Final = {
    "ADD": "+",
    "SUB": "-",
    "MUL": "*",
    "MATMUL": "@",
    "TRUEDIV": "/",
    "FLOORDIV": "//",
    "MOD": "%",
    "POW": "**",
    "LSHIFT": "<<",
    "RSHIFT": ">>",
    "AND": "&",
    "XOR": "^",
    "OR": "|",
}
_WRITTEN: Final = {
    "STR": "str(x)",
    "REPR": "repr(x)",
    "BOOL": "bool(x)",
    "HASH": "hash(x)",
    "EQ": "x == y",
    "NE": "x != y",
    "LT": "x < y",
    "LE": "x <= y",
    "GT": "x > y",
    "GE": "x >= y",
    "LENGTH": "len(x)",
    "CONTAINS": "y in x",
    "GETITEM": "x[key]",
    "SETITEM": "x[key] = y",
    "DELITEM": "del x[key]",
    "ITERATE": "for y in x",
    "REVERSED": "reversed(x)",
    "NEXT": "next(x)",
    "AHEAD": "limpet.prefetch(x, 64)",
    "SEND": "x.send(y)",
    "THROW": "x.throw(error)",
    "CALL": "x(...)",
    "ENTER": "with x",
    "DIVMOD": "divmod(x, y)",
    "RDIVMOD": "divmod(y, x)",
    "NEG": "-x",
    "POS": "+x",
    "ABS": "abs(x)",
    "INVERT": "~x",
    **{name: f"x {sign} y" for name, sign in _SIGNS.items()},
    **{f"R{name}": f"y {sign} x" for name, sign in _SIGNS.items()},
    **{f"I{name}": f"x {sign}= y" for name, sign in _SIGNS.items()},
    **{name: f"{name.lower()}(x)" for name in ("INT", "FLOAT", "COMPLEX", "ROUND", "FORMAT", "BYTES")},
    **{name: f"math.{name.lower()}(x)" for name in ("TRUNC", "FLOOR", "CEIL")},
    "INDEX": "operator.index(x)",
}


def written(operations: Iterable[Operation]) -> list[str]:
    """Return how each of ``operations`` is written, in order, without what every object has."""
    return [_WRITTEN[one.name] for one in sorted(operations) if one.name in _WRITTEN and not FORMS[one].universal]
