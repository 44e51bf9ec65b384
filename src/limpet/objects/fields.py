"""The repr and the hash that the dataclass decorator writes, told as far as a peer may know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import FunctionType
from typing import Any, Final, cast

from limpet.logs import Presenter
from limpet.objects.anatomy import MISSING, dictionary
from limpet.objects.entries import Member, MemberKind

__all__ = ["fields_text", "hashes_hidden", "is_generated"]

_TEXT_BYTES: Final = 64 * 1024


def is_generated(owner: type, entry: object) -> bool:
    """Tell whether ``entry``, the ``__repr__`` of ``owner``, was written by the dataclass decorator."""
    if "__dataclass_fields__" not in dictionary(owner) or type(entry) is not FunctionType:
        return False
    written = entry.__dict__.get("__wrapped__")
    return type(written) is FunctionType and written.__code__.co_filename == "<string>"


def hashes_hidden(owner: type, entry: object, members: Mapping[str, Member]) -> bool:
    """Tell whether ``entry``, the ``__hash__`` of ``owner``, was written by the decorator over a field not shown.

    The hash of a number is next to the number itself.
    """
    is_written = "__dataclass_fields__" in dictionary(owner) and type(entry) is FunctionType
    if not is_written or cast("FunctionType", entry).__code__.co_filename != "<string>":
        return False
    covered = (field for field in fields(owner) if (field.compare if field.hash is None else field.hash))
    return any(field.name not in members for field in covered)


def fields_text(owner: type, members: Mapping[str, Member]) -> Callable[[Any], str]:
    """Return what shows an instance of a dataclass by those of its fields that are shown, and plain.

    The usual repr tells private fields, and runs that of whatever is in the others.
    """
    shown = [
        (field.name, member.get)
        for field in fields(owner)
        if field.repr and (member := members.get(field.name)) is not None and member.kind is MemberKind.DATA
    ]

    def show(target: Any) -> str:
        presenter = Presenter(_TEXT_BYTES)
        values = ((name, get(target)) for name, get in shown if get is not None)
        told = [f"{name}={presenter.value(value)!r}" for name, value in values if value is not MISSING]
        return f"{type(target).__qualname__}({', '.join(told)})"

    return show
