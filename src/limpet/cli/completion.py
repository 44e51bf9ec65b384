"""Completion at a prompt that runs nothing to find a name.

The completer of the standard library evaluates what stands before the dot, and reads
every attribute that it offers. On a proxy each of these would be a request, and might
run code of the server's. Here names are read past all code, a proxy's from what its
class knows, and from one ``dir`` of it.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import weakref
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from types import MemberDescriptorType, ModuleType
from typing import Any, Final

import limpet
from limpet.objects.anatomy import MISSING, dictionary, has_code, instance_dictionary, resolution
from limpet.objects.proxy import descriptor_of

__all__ = ["Completer", "completing"]

_INDENT: Final = "    "
_SECONDS: Final = 1.0
"""How long a person waits for the names of a proxy."""
_read_module: Final[Callable[[object], dict[str, object]]] = vars(ModuleType)["__dict__"].__get__


class Completer:
    """Finds the names that complete a word.

    Args:
        names: what is in scope, as it is at each moment.
    """

    def __init__(self, names: Mapping[str, object]) -> None:
        self._names = names
        self._found: list[str] = []
        self._asked: dict[int, tuple[weakref.ref[Any], list[str]]] = {}

    def complete(self, word: str, number: int) -> str | None:
        """Return the completion of that number, as ``readline`` asks for one after the other."""
        if number == 0:
            try:
                self._found = self.find(word)
            except KeyboardInterrupt:  # readline would swallow it
                self._found = []
        return self._found[number] if number < len(self._found) else None

    def find(self, word: str) -> list[str]:
        """Return what ``word`` may become, in order; an indent if it is empty."""
        if not word:
            return [_INDENT]
        before, dot, last = word.rpartition(".")
        if not dot:
            return _matches("", last, self._known())
        return _matches(before + dot, last, self._members(self._value(before.split("."))))

    def _known(self) -> dict[str, bool]:
        """Return the names in scope, and which of them can be called."""
        values = {**builtins.__dict__, **self._names}
        return dict.fromkeys(keyword.kwlist, False) | {name: callable(value) for name, value in values.items()}

    def _value(self, path: list[str]) -> object:
        """Return what a dotted name stands for, if that costs no code, else MISSING."""
        value = self._names.get(path[0], builtins.__dict__.get(path[0], MISSING))
        for name in path[1:]:
            if limpet.is_proxy(value):
                return MISSING
            value = _own_value(value, name)
        return value

    def _members(self, value: Any) -> dict[str, bool]:
        """Return the names that ``value`` has, and which of them can be called."""
        if value is MISSING:
            return {}
        if not limpet.is_proxy(value):
            return {name: callable(inspect.getattr_static(value, name, None)) for name in _own_names(value)}
        descriptor = descriptor_of(value)
        return dict.fromkeys([*self._ask(value), *descriptor.data], False) | dict.fromkeys(descriptor.methods, True)

    def _ask(self, proxy: Any) -> list[str]:
        """Return the names that a proxy's object has; it is asked once."""
        known, names = self._asked.get(id(proxy), (None, []))
        if known is None or known() is not proxy:
            # Before it is asked: what fails, or is interrupted, is not tried again.
            self._asked[id(proxy)] = weakref.ref(proxy), names
            with suppress(Exception), limpet.timeout(_SECONDS):  # what its class knows is enough
                names += dir(proxy)
        return names


def _matches(before: str, start: str, names: Mapping[str, bool]) -> list[str]:
    return sorted(
        f"{before}{name}(" if is_called else f"{before}{name}"
        for name, is_called in names.items()
        if name.startswith(start) and (start.startswith("_") or not name.startswith("_"))
    )


def _own_names(value: object) -> set[str]:
    """Return the names in the dictionaries of ``value`` and its classes. Runs no code."""
    # Not isinstance: that asks the value what it is.
    cls: Any = value if issubclass(type(value), type) else type(value)
    names: set[Any] = {name for base in resolution(cls) for name in tuple(dictionary(base))}
    names.update(tuple(_own_dictionary(value)))
    return {name for name in names if type(name) is str}


def _own_dictionary(value: object) -> Any:
    kind = type(value)
    if issubclass(kind, ModuleType):
        return _read_module(value)
    read = None if issubclass(kind, type) else instance_dictionary(kind)
    return {} if read is None else read(value)


def _own_value(value: object, name: str) -> object:
    """Return what ``value`` has by that name; MISSING if there is nothing, or code would have to tell."""
    if value is MISSING:
        return MISSING
    found = inspect.getattr_static(value, name, MISSING)
    if type(found) is MemberDescriptorType:
        try:
            return found.__get__(value)
        except (AttributeError, TypeError):  # nothing is in that slot, or it is looked at from the class
            return MISSING
    is_own = dict.get(_own_dictionary(value), name, MISSING) is found
    return found if is_own or not has_code(found) else MISSING


@contextmanager
def completing(completer: Completer) -> Generator[None]:
    """Let the Tab key complete with ``completer`` inside the block, where Python can edit lines at all."""
    try:
        import readline  # noqa: PLC0415 - a Python may be without it
    except ImportError:
        yield
        return
    before = readline.get_completer()
    readline.set_completer(completer.complete)
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before)
