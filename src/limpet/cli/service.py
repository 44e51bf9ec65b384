"""The service that ``MODULE:NAME`` stands for."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections import deque
from types import ModuleType
from typing import Any, Final

import limpet
from limpet.cli.report import UsageError

__all__ = ["BrokenModuleError", "find", "load"]

_SHARED: Final = (list, set, tuple, frozenset, bytearray, deque)
"""Containers that are served as they are. A dict is, too, if it is not meant as a table of services."""
_SHOWN: Final = 8
"""Names offered when one is not found."""


class BrokenModuleError(Exception):
    """The module is there and raised an error when it was imported; that is the cause."""


def load(target: str, *, shared: bool = False) -> Any:
    """Return the service that ``target`` names, ready to be served.

    Args:
        target: ``MODULE:NAME``, the module as the current directory or the path has it, the
            name with dots if it is in a class or an object. Names of functions may be
            several, with commas between: they make one table.
        shared: serve one object to all sessions: an instance of the class, the container itself.

    Raises:
        UsageError: if it names nothing that can be served.
        BrokenModuleError: if the module fails.
    """
    found = find(target)
    if len(found) > 1 or _is_function(found[0]):
        return _table(target, found)
    return _one(target, found[0], shared=shared)


def find(target: str) -> list[Any]:
    """Return what ``MODULE:NAME`` names, with commas between several names.

    Raises:
        UsageError: if something of it is not there.
        BrokenModuleError: if the module fails.
    """
    module_name, _, names = target.partition(":")
    if not module_name or not names:
        raise UsageError(f"{target!r} names nothing: write MODULE:NAME, as in bank:Account")
    module = _import(module_name)
    return [_find(module, name.strip()) for name in names.split(",")]


def _import(name: str) -> ModuleType:
    if name.endswith(".py"):
        module = name.removesuffix(".py").replace("/", ".").strip(".")
        raise UsageError(f"{name!r} is a file; name the module in it, as an import does: {module}")
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{name!r} does not name a module; name it as an import does")
    folder = os.getcwd()  # noqa: PTH109 - sys.path holds str
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise BrokenModuleError(name) from error
        raise UsageError(
            f"there is no module {error.name!r} in {folder} or on the path; "
            "run this in the folder that holds it, and name it as an import does"
        ) from None
    except Exception as error:
        raise BrokenModuleError(name) from error


def _find(module: ModuleType, dotted: str) -> Any:
    place: str = module.__name__
    found: Any = module
    for name in dotted.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise UsageError(f"{place} has no {name!r}{_offer(found, name)}") from None
        place = f"{place}.{name}"
    return found


def _offer(place: object, wrong: str) -> str:
    names = _offered(place) if isinstance(place, ModuleType) else _public(place)
    near = difflib.get_close_matches(wrong, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it has {', '.join(names[:_SHOWN])}" if names else ""


def _offered(module: ModuleType) -> list[str]:
    """Return the names a module has of its own, not those it imported from elsewhere."""
    own = module.__name__.partition(".")[0]
    found = {name: getattr(module, name) for name in getattr(module, "__all__", None) or _public(module)}
    return [
        name
        for name, value in found.items()
        if not isinstance(value, ModuleType) and getattr(value, "__module__", own).partition(".")[0] == own
    ]


def _public(place: object) -> list[str]:
    return [name for name in dir(place) if not name.startswith("_")]


def _is_function(found: object) -> bool:
    return inspect.isroutine(found)


def _table(target: str, found: list[Any]) -> Any:
    wrong = [one for one in found if not _is_function(one)]
    if wrong:
        raise UsageError(f"{target!r} names several things, and {wrong[0]!r} is not a function")
    try:
        return limpet.functions(*found)
    except limpet.ConfigurationError as error:
        raise UsageError(f"{target!r} cannot be served: {error}") from None


def _one(target: str, found: Any, *, shared: bool) -> Any:
    if isinstance(found, ModuleType):
        raise UsageError(f"{target!r} is a module; name a class, an object or a function in it")
    if not shared:
        if isinstance(found, _SHARED):
            raise UsageError(f"{target!r} is a {type(found).__name__}; --shared serves it to all sessions as it is")
        return found
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise UsageError(f"--shared makes one instance, without arguments: {error}") from None
    return limpet.ref(found) if isinstance(found, (dict, *_SHARED)) else found
