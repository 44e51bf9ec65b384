"""What to do with a value that has no form to travel in: the end of an error's text."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import is_dataclass
from enum import Enum
from io import IOBase
from types import ModuleType
from typing import Any, Final

__all__ = ["advice"]

# The first that fits counts.
_BY_BASE: Final[tuple[tuple[type[Any], str], ...]] = (
    (type, "send its name, or an instance"),
    (ModuleType, "send its name"),
    (BaseException, "send str() of it"),
    (Coroutine, "send what it returns: await it first"),
    (IOBase, "send what is in it, or limpet.ref it to let the other side read"),
    (Iterator, "send list() of it"),
    (os.PathLike, "send str() of it"),
    (memoryview, "send bytes() of it"),
    (MappingView, "send list() of it"),
    *((base, f"send {base.__name__}() of it") for base in (int, float, complex, str, bytes)),
    (tuple, "send tuple() of it"),
    (frozenset, "send frozenset() of it"),
    (Mapping, "send dict() of it"),
    (AbstractSet, "send set() of it"),
    (Sequence, "send list() of it"),
    (Callable, "limpet.ref lets the other side call it"),  # type: ignore[arg-type]  # it is a class
)


def advice(cls: type) -> str:
    """Return what to send in place of an instance of ``cls``; '' if there is nothing that fits its kind."""
    if is_dataclass(cls) or issubclass(cls, Enum):
        return f"register {cls.__name__} on both sides, with Profile(codecs=(limpet.MsgpackCodec([{cls.__name__}]),))"
    if issubclass(cls, tuple) and any("_fields" in base.__dict__ for base in cls.__mro__):
        return "send tuple() of it, or make it a dataclass and register that"
    return next((text for base, text in _BY_BASE if issubclass(cls, base)), "")
