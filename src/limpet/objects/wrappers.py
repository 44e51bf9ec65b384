"""What served code says about a value it hands out: by reference, writable, or a table of functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, Final, Generic, TypeVar

from limpet.errors import ConfigurationError
from limpet.objects.anatomy import resolve, top_package
from limpet.objects.entries import Member
from limpet.policy.exposure import expose
from limpet.policy.names import NamePolicy

__all__ = ["Copied", "Functions", "Method", "Mutable", "Reference", "functions", "mutable", "ref"]

T = TypeVar("T")

_NEVER: Final = (type, ModuleType, FrameType, CodeType, TracebackType)
"""What no mark lets out: each of these reaches the whole process."""


class Reference(Generic[T]):
    """A value that is to travel by reference, although its class is not marked."""

    __slots__ = ("target",)

    def __init__(self, target: T) -> None:
        # By exact type, here and below: an object may say anything of its class.
        if issubclass(type(target), _NEVER):
            raise ConfigurationError(f"a {type(target).__name__} can never travel by reference")
        self.target: Final = target


class Copied(Generic[T]):
    """A result that is to travel by value: what a member marked with `by_value` returned."""

    __slots__ = ("target",)

    def __init__(self, target: T) -> None:
        self.target: Final = target


class Mutable(Reference[T]):
    """A value whose own state the peer may change."""

    __slots__ = ()


def ref(target: T) -> Reference[T]:
    """Let ``target`` travel by reference: a function, or an object whose class is not marked.

    The peer gets a read-only view, except of what is itself served.

    Raises:
        ConfigurationError: for a class, a module, a frame and the like, which never travel.
    """
    return Reference(_inside(target))


def mutable(target: T) -> Mutable[T]:
    """Let ``target`` travel by reference, its own state open to change.

    Raises:
        ConfigurationError: for a class, a module, a frame and the like, which never travel.
    """
    return Mutable(_inside(target))


def _inside(target: Any) -> Any:
    """Return what is wrapped, were it wrapped already."""
    if issubclass(type(target), Reference):
        target = target.target
    return _as_function(target) if _is_function_in_effect(target) else target


def _is_function_in_effect(value: object) -> bool:
    """Tell whether ``value`` is a tool of the language's for calls, whose names tell what is bound in it."""
    kind = type(value)
    called = resolve(kind, "__call__")
    return called is not None and top_package(called[0]) in _TOOLS and not issubclass(kind, (*_NEVER, *_FUNCTIONS))


_FUNCTIONS: Final = (FunctionType, MethodType, BuiltinFunctionType)
_TOOLS: Final = frozenset({"functools", "operator", "builtins"})


class Method:
    """A shown method that was got instead of called: it can be called, and nothing else.

    Dispatch looks into it, so that it is called as if by its name.

    Args:
        target: the object.
        member: the method in its table.
    """

    __slots__ = ("member", "target")

    def __init__(self, target: object, member: Member) -> None:
        self.target: Final = target
        self.member: Final = member

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method: for served code that is handed one. A peer's call goes by dispatch."""
        if self.member.call is None:
            raise TypeError("this member cannot be called")
        return self.member.call(self.target, *args, **kwargs)


class Functions:
    """A table of functions, called by their names: plain remote procedure calls.

    Each table is a class of its own whose static methods are the functions, so that they
    are shown, described and called like any other members.
    """

    __slots__ = ()


def functions(*unnamed: Callable[..., Any], **named: Callable[..., Any]) -> Functions:
    """Return a service of functions, each under its own name or the keyword it is given.

    Raises:
        ConfigurationError: if two have one name, or a name cannot go over the wire.
    """
    table: dict[str, Any] = {}
    entries: list[tuple[str, object]] = [*((getattr(f, "__name__", ""), f) for f in unnamed), *named.items()]
    for name, function in entries:
        if not callable(function) or isinstance(function, type):
            raise ConfigurationError(f"{function!r} is not a function")
        if name in table:
            raise ConfigurationError(f"two functions are named {name!r}; give one another name by a keyword")
        if not NamePolicy().judge(name):
            raise ConfigurationError(f"{name!r} cannot be a name on the wire; give the function one by a keyword")
        table[name] = staticmethod(_as_function(function))
    # The functions' own module is what the error policy takes for served code.
    module = next((f.__func__.__module__ for f in table.values()), __name__)
    cls: type[Functions] = type("functions", (Functions,), {"__slots__": (), "__module__": module, **table})
    return expose(cls)()


def _as_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a plain function for whatever can be called: a method, a partial, a built-in."""
    if type(function) is FunctionType:
        return function

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call
