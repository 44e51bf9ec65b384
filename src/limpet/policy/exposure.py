"""What of the server's objects a peer may reach: the policy, and the marks on classes and methods.

A mark is an entry in the dictionary of the class, or of the function, that it is put
on. It is read from there, never looked up: a subclass does not inherit it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, is_dataclass
from enum import Enum
from functools import cache, cached_property
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import Any, Final, TypeVar, cast

from limpet.errors import ConfigurationError
from limpet.policy.decision import ALLOW, NOTHING, Decision, Deny
from limpet.policy.names import NamePolicy

__all__ = [
    "CACHED",
    "Exposure",
    "by_value",
    "concurrent",
    "expose",
    "functions_of",
    "hide",
    "is_by_value",
    "is_concurrent",
    "is_exposed",
    "is_hidden",
    "is_never_exposed",
]

_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[..., Any])

_EXPOSED: Final = "__limpet_exposed__"
_HIDDEN: Final = "__limpet_hidden__"
_CONCURRENT: Final = "__limpet_concurrent__"
_BY_VALUE: Final = "__limpet_by_value__"

CACHED: Final = type(cache(len))
"""What `functools.cache` and `functools.lru_cache` make of a function."""

_NEVER: Final = (
    type,
    ModuleType,
    FrameType,
    CodeType,
    TracebackType,
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    GeneratorType,
    CoroutineType,
    AsyncGeneratorType,
)
"""Each of these reaches the whole process by its public names or by being called."""

_DICT: Final = type.__dict__["__dict__"]
_MRO: Final = type.__dict__["__mro__"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Says which classes leave by reference, and which of their members are shown.

    Without arguments: classes marked with `expose`, and of what leaves all public
    methods, properties and data. `hide`, and `expose` on methods, narrow that further.

    Args:
        types: classes whose instances may leave by reference as if they were marked.
        names: the members shown, of all classes but the built-in containers; None for all.
            An operator is named by its method, such as ``__len__``.
        annotated_only: show only data that the class declares by an annotation.

    Raises:
        ConfigurationError: if an entry is not a class or not a name, or names what can
            never leave, such as a module or a function.
    """

    types: Collection[type] = ()
    names: Collection[str] | None = None
    annotated_only: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.types, type):
            raise ConfigurationError(f"Exposure: types is a collection of classes, as in types=[{self.types.__name__}]")
        object.__setattr__(self, "types", frozenset(map(_check_type, self.types)))
        if isinstance(self.names, str):
            raise ConfigurationError(f"Exposure: names is a collection of names, not the text {self.names!r:.60}")
        if self.names is not None:
            object.__setattr__(self, "names", frozenset(map(_check_name, self.names)))

    @classmethod
    def declared(cls, types: Collection[type] = ()) -> Exposure:
        """Show only data that a class declares by an annotation."""
        return cls(types=types, annotated_only=True)

    @classmethod
    def only(cls, *names: str, types: Collection[type] = ()) -> Exposure:
        """Show only members with these names."""
        return cls(types=types, names=names)

    def judge(self, subject: type, /) -> Decision:
        """Decide whether instances of exactly ``subject`` may leave by reference."""
        name = type.__dict__["__qualname__"].__get__(subject)
        if is_never_exposed(subject):
            return Deny(NOTHING, f"a {name} can never leave")
        if is_hidden(subject):
            return Deny(NOTHING, f"{name} is marked with @limpet.hide")
        if is_exposed(subject) or subject in self.types:
            return ALLOW
        by_value = "register it with the codec to send it by value, " if _is_record(subject) else ""
        return Deny(
            NOTHING,
            f"mark {name} with @limpet.expose, list it in Exposure(types=...), {by_value}or limpet.ref the object",
        )


def _check_type(listed: object) -> type:
    if not isinstance(listed, type):
        raise ConfigurationError(f"Exposure: types are classes, and {listed!r:.60} is none")
    if is_never_exposed(listed):
        raise ConfigurationError(f"Exposure: a {listed.__qualname__} can never leave: it reaches the whole process")
    return listed


def _check_name(name: object) -> str:
    is_dunder = type(name) is str and name.startswith("__") and name.endswith("__") and name.isidentifier()
    if type(name) is str and (is_dunder or NamePolicy().judge(name)):
        return name
    raise ConfigurationError(f"Exposure: {name!r:.60} cannot be a member's name")


def _is_record(cls: type) -> bool:
    return is_dataclass(cls) or any(base is Enum for base in _MRO.__get__(cls))


def is_never_exposed(cls: type) -> bool:
    """Tell whether instances of ``cls`` reach the whole process, so that no mark lets them out."""
    return any(base is never for base in _MRO.__get__(cls) for never in _NEVER)


# ---------------------------------------------------------------- marks


def expose(target: _T) -> _T:
    """Let a class, a method, a property or a function be reached by peers.

    A class: its instances may leave by reference, and its own members are shown, also
    where a subclass inherits them. A method or property: only what is marked is shown
    of a class that is not marked itself. On a property, each accessor that is there
    when the mark is put on. A function: it may leave, and be called.

    Raises:
        ConfigurationError: if ``target`` is private, or nothing that can be marked.
    """
    return _mark(target, _EXPOSED)


def hide(target: _T) -> _T:
    """Hide a class, a method or a property from peers.

    A class: its instances never leave by reference, and its own members are not shown. A
    method or property: nothing of its name is shown, in subclasses as well.

    Raises:
        ConfigurationError: if ``target`` is nothing that can be marked.
    """
    return _mark(target, _HIDDEN)


def concurrent(method: _Function) -> _Function:
    """Let calls of ``method`` start while other calls of the same session run.

    Raises:
        ConfigurationError: if ``method`` is nothing that can be marked.
    """
    return _mark(method, _CONCURRENT)


def by_value(target: _T) -> _T:
    """Let results go by value: of a method, of a property, or of all methods and properties of a class.

    Built-in containers and registered records are copied, all of a result or nothing; a
    result with anything else in it is an error that names the place.

    Raises:
        ConfigurationError: if ``target`` is nothing that can be marked.
    """
    return _mark(target, _BY_VALUE)


def is_exposed(target: object) -> bool:
    """Tell whether ``target``, itself, was marked with `expose`."""
    return _has_mark(target, _EXPOSED)


def is_hidden(target: object) -> bool:
    """Tell whether ``target``, itself, was marked with `hide`."""
    return _has_mark(target, _HIDDEN)


def is_concurrent(target: object) -> bool:
    """Tell whether ``target``, itself, was marked with `concurrent`."""
    return _has_mark(target, _CONCURRENT)


def is_by_value(target: object) -> bool:
    """Tell whether ``target``, itself, was marked with `by_value`."""
    return _has_mark(target, _BY_VALUE)


def functions_of(target: object) -> tuple[object, ...]:
    """Return what runs when ``target``, an entry of a class's dictionary, is used: the getter first."""
    kind = type(target)
    if kind is property:
        accessors = cast("property", target)
        return tuple(f for f in (accessors.fget, accessors.fset, accessors.fdel) if f is not None)
    if kind is staticmethod or kind is classmethod:
        return functions_of(cast("staticmethod[..., object]", target).__func__)
    if kind is cached_property:
        return (cast("cached_property[object]", target).func,)
    if kind is CACHED:
        return (cast("Any", target).__wrapped__,)
    return (target,)


def _mark(target: _T, mark: str) -> _T:
    if issubclass(type(target), type) and mark is not _CONCURRENT:
        try:
            type.__setattr__(cast("type", target), mark, True)
        except TypeError:
            raise ConfigurationError(f"{target!r:.60} is built in and cannot be marked") from None
        return target
    for function in functions_of(target):
        if type(function) is not FunctionType:
            raise ConfigurationError(
                f"only classes, functions, methods and properties can be marked, not {target!r:.60}"
            )
        name = function.__name__
        if mark is _EXPOSED and name.startswith("_") and not (name.startswith("__") and name.endswith("__")):
            raise ConfigurationError(f"{name!r} is private: no peer can name it, so it cannot be exposed")
        function.__dict__[mark] = True
    return target


def _has_mark(target: object, mark: str) -> bool:
    # Not isinstance, which believes an object that lies about its class.
    if issubclass(type(target), type):
        return _DICT.__get__(target).get(mark) is True
    function = next(iter(functions_of(target)), None)
    return type(function) is FunctionType and function.__dict__.get(mark) is True
