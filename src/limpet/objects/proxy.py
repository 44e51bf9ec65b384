"""Proxies: thin shells for objects that live on the other side.

A proxy has no state but which object it stands for. Its class is made from the
descriptor of the object's type: it has that type's methods and operators, and no
others. Nothing of limpet's own has a public name here, so that none of the user's is
shadowed; what can be done with proxies is in the module: copy, release, is_proxy.
"""

# pyright: reportPrivateUsage=false
# The methods made here belong to the classes made here; pyright sees plain functions.

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any, Final, NoReturn, Protocol, Self

from limpet.errors import AccessDenied, CallError, DecodeError, EncodeError, SessionError
from limpet.logs import printable
from limpet.objects.descriptors import INTERFACES, Descriptor
from limpet.objects.operations import FORMS, Operation
from limpet.policy.names import NamePolicy
from limpet.session.messages import Kind
from limpet.session.tables import Import

__all__ = [
    "Caller",
    "Proxy",
    "RemoteFunction",
    "copy",
    "function_class",
    "inside",
    "is_proxy",
    "make_proxy",
    "proxy_class",
    "release",
]

_CALL: Final = int(Kind.CALL)
_GET: Final = int(Kind.GET)
_SET: Final = int(Kind.SET)
_DELETE: Final = int(Kind.DELETE)
_OPERATE: Final = int(Kind.OPERATE)
_COPY: Final = int(Kind.COPY)
_DESCRIBE: Final = int(Kind.DESCRIBE)
_REPR_CHARACTERS: Final = 100_000
_MOST_ITEMS: Final = 1 << 16
"""Items asked for at a time, at most."""


class Caller(Protocol):
    """What carries a proxy's requests: a driver's end of a session."""

    def ask(self, kind: int, target: int, value: object) -> Any:
        """Ask for something of the peer's object ``target``, and return the answer."""
        ...

    def give_up(self, entry: Import) -> None:
        """Note that nobody uses ``entry`` any more, from any thread at any time."""
        ...


class Proxy:
    """A thin shell for an object on the other side.

    ``dir``, ``repr``, ``help`` and completion show what the object shows. Reading an
    attribute, calling and the operators each are one round trip.
    """

    __slots__ = ("__weakref__", "_caller", "_entry")

    _caller: Caller
    _entry: Import
    _descriptor: Descriptor

    def __new__(cls) -> Self:
        """Refuse: only a session makes proxies."""
        raise TypeError("a proxy cannot be made by calling its class; limpet makes it when an object is received")

    def __getattr__(self, name: str) -> Any:
        _check_name(name)
        return self._caller.ask(_GET, self._entry.handle, [name])

    def __setattr__(self, name: str, value: object) -> None:
        _check_name(name)
        self._caller.ask(_SET, self._entry.handle, [name, value])

    def __delattr__(self, name: str) -> None:
        _check_name(name)
        self._caller.ask(_DELETE, self._entry.handle, [name])

    def __dir__(self) -> list[str]:
        names = self._caller.ask(_DESCRIBE, self._entry.handle, [])
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise DecodeError("the peer answered dir() with something else than names")
        return [name for name in names if NamePolicy().judge(name)]

    def __repr__(self) -> str:
        return f"<proxy of {self._descriptor.name}>"

    def __reduce__(self) -> NoReturn:
        raise EncodeError(
            "a proxy cannot be pickled or copied: it stands for an object of a live session; "
            "limpet.copy gives its value"
        )

    def __del__(self) -> None:
        # May run in any thread, at any moment, while any lock is held: it only appends.
        self._caller.give_up(self._entry)


class RemoteFunction:
    """A peer's function, or object with methods, on the server: callable, and inert otherwise.

    Comparison, hash, truth and the like are this shell's own; none of the peer's code
    runs but by an explicit call.
    """

    __slots__ = ("__weakref__", "_caller", "_entry")

    _caller: Caller
    _entry: Import
    _descriptor: Descriptor

    def __new__(cls) -> Self:
        """Refuse: only a session makes these."""
        raise TypeError("a peer's object cannot be made by calling its class; limpet makes it when it is received")

    __repr__ = Proxy.__repr__
    __reduce__ = Proxy.__reduce__
    __del__ = Proxy.__del__


def _check_name(name: str) -> None:
    decision = NamePolicy().judge(name)
    if not decision:
        raise AccessDenied(f"{name!r} cannot be a remote name: {decision.reason}")


def _method(name: str, signature: str, doc: str) -> Callable[..., Any]:
    def method(self: Proxy, /, *args: object, **kwargs: object) -> Any:
        if kwargs:
            for keyword in kwargs:
                _check_name(keyword)
            return self._caller.ask(_CALL, self._entry.handle, [name, [*args], kwargs])
        return self._caller.ask(_CALL, self._entry.handle, [name, [*args]])

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{name}{signature}\n\n{doc}".strip()
    return method


def _repr(self: Proxy) -> str:
    """Ask for the object's repr; never fail: it is what debuggers and logs call."""
    try:
        return printable(_ask_repr(self), _REPR_CHARACTERS)
    except (CallError, SessionError):
        return Proxy.__repr__(self)


def _call(self: Proxy, /, *args: object, **kwargs: object) -> Any:
    for keyword in kwargs:
        _check_name(keyword)
    return self._caller.ask(_CALL, self._entry.handle, ["", [*args], kwargs])


def _operator(operation: Operation, answers: type | None) -> Callable[..., Any]:
    """Return the method that asks for ``operation``, and lets only an ``answers`` through."""
    number = int(operation)

    def operate(self: Proxy, /, *operands: object) -> Any:
        answer = self._caller.ask(_OPERATE, self._entry.handle, [number, *operands])
        if answers is not None and type(answer) is not answers:
            raise DecodeError(f"the peer answered {operation.name.lower()} with a {type(answer).__name__}")
        if answers is int and not 0 <= answer <= sys.maxsize:
            raise DecodeError(f"the peer answered {operation.name.lower()} with a number that cannot be one")
        return answer

    return operate


def _comparison(operation: Operation) -> Callable[[Proxy, object], Any]:
    ask = _operator(operation, None)

    def compare(self: Proxy, other: object) -> Any:
        if other is self and operation is Operation.EQ:
            return True
        try:
            answer = ask(self, other)
        except EncodeError:
            return NotImplemented  # What cannot travel is compared here, as by any two strangers.
        return NotImplemented if answer is Ellipsis else answer

    return compare


def _iterate(operation: Operation) -> Callable[[Proxy], Iterator[Any]]:
    ask = _operator(operation, tuple)

    def iterate(self: Proxy) -> Iterator[Any]:
        match ask(self):
            case (tuple(items), None):
                yield from items
            case (tuple(items), Proxy() as cursor):
                yield from items
                count = len(items)
                more = True
                while more:
                    count = min(max(2 * count, 1), _MOST_ITEMS)
                    items, more = _next_items(cursor, count)
                    yield from items
            case _:
                raise DecodeError("the peer answered an iteration with something else than items")

    return iterate


def _next_items(cursor: Proxy, count: int) -> tuple[tuple[Any, ...], bool]:
    caller, entry = inside(cursor)
    match caller.ask(_OPERATE, entry.handle, [int(Operation.NEXT), count]):
        case (tuple(items), bool(more)):
            return items, more
        case _:
            raise DecodeError("the peer answered an iteration with something else than items")


def _next(self: Proxy) -> Any:
    items, _ = _next_items(self, 1)
    if not items:
        raise StopIteration
    return items[0]


def _itself(self: Proxy) -> Proxy:
    return self


def _hash(self: Proxy) -> int:
    return hash(self._entry)


_releasing: Final = Lock()
_ANSWERS: Final[dict[Operation, type]] = {
    Operation.STR: str,
    Operation.REPR: str,
    Operation.BOOL: bool,
    Operation.CONTAINS: bool,
    Operation.LENGTH: int,
}
"""Whose answers Python itself would trust: they are checked by exact type."""
_ask_repr: Final = _operator(Operation.REPR, str)
_COMPARISONS: Final = frozenset((Operation.EQ, Operation.NE, Operation.LT, Operation.LE, Operation.GT, Operation.GE))


def _operator_method(operation: Operation) -> Callable[..., Any]:
    if operation in _COMPARISONS:
        return _comparison(operation)
    match operation:
        case Operation.ITERATE | Operation.REVERSED:
            return _iterate(operation)
        case Operation.CALL:
            return _call
        case Operation.HASH:
            return _hash
        case Operation.REPR:
            return _repr
        case Operation.NEXT:
            return _next
        case _:
            return _operator(operation, _ANSWERS.get(operation))


@lru_cache(maxsize=512)
def _base(interface: str) -> type[Proxy]:
    """Return the proxies' base of which isinstance() tells that it is ``interface``."""
    if not interface:
        return Proxy
    base = type(f"{interface}Proxy", (Proxy,), {"__slots__": ()})
    INTERFACES[interface].register(base)  # type: ignore[attr-defined]  # all of them are ABCs
    return base


def proxy_class(descriptor: Descriptor) -> type[Proxy]:
    """Return the class of proxies for objects of the described type."""
    members: dict[str, Any] = {name: _method(name, *texts) for name, texts in descriptor.methods.items()}
    # Data is left to __getattr__: were a property to raise AttributeError, Python would ask again there.
    for operation in descriptor.operations:
        dunder = FORMS[operation].dunder
        members[dunder] = _operator_method(operation)
    if Operation.NEXT in descriptor.operations:
        members["__iter__"] = _itself
    if Operation.EQ in descriptor.operations and Operation.HASH not in descriptor.operations:
        members["__hash__"] = None
    members |= {"__slots__": (), "_descriptor": descriptor, "__doc__": descriptor.doc}
    return type(_class_name(descriptor), (_base(descriptor.interface),), members)


def _class_name(descriptor: Descriptor) -> str:
    name = descriptor.name.rpartition(".")[2]
    return name if name.isidentifier() else "Proxy"


def function_class(descriptor: Descriptor) -> type[RemoteFunction]:
    """Return the class of shells for a client's objects: their methods, a call, and nothing else."""
    members: dict[str, Any] = {name: _method(name, *texts) for name, texts in descriptor.methods.items()}
    if Operation.CALL in descriptor.operations:
        members["__call__"] = _call
    members |= {"__slots__": (), "_descriptor": descriptor, "__doc__": descriptor.doc}
    return type(_class_name(descriptor), (RemoteFunction,), members)


def make_proxy(cls: type[Proxy | RemoteFunction], caller: Caller, entry: Import) -> Proxy | RemoteFunction:
    """Return a proxy for ``entry``, whose use of it the proxy takes over."""
    proxy = object.__new__(cls)
    object.__setattr__(proxy, "_entry", entry)
    object.__setattr__(proxy, "_caller", caller)
    entry.proxy = weakref.ref(proxy)
    return proxy


def inside(proxy: Proxy | RemoteFunction) -> tuple[Caller, Import]:
    """Return what a proxy asks through, and what it stands for."""
    return proxy._caller, proxy._entry  # noqa: SLF001 - a user's names leave no room for public ones


def is_proxy(value: object) -> bool:
    """Tell whether ``value`` stands for an object on the other side. Asks nobody."""
    return issubclass(type(value), Proxy | RemoteFunction)


def copy(proxy: Any) -> Any:
    """Return a local copy of what ``proxy`` stands for, all of it or nothing.

    Raises:
        EncodeError: if something in it cannot travel by value; the error names the path to it.
    """
    caller, entry = inside(_of(proxy))
    return caller.ask(_COPY, entry.handle, [])


def release(proxy: Any) -> None:
    """Let go of ``proxy`` now; using it afterwards is an error. Releasing it twice is none."""
    shell = _of(proxy)
    with _releasing:
        caller, entry = inside(shell)
        object.__setattr__(shell, "_caller", _RELEASED)
    entry.proxy = None
    caller.give_up(entry)


def _of(proxy: object) -> Proxy:
    if not is_proxy(proxy):
        raise TypeError(f"a proxy is needed, not a {type(proxy).__name__}")
    return proxy  # type: ignore[return-value]  # the check above is exact


class _Released:
    """The caller of a proxy that was released."""

    def ask(self, _kind: int, _target: int, _value: object) -> NoReturn:
        raise CallError("this proxy was released")

    def give_up(self, entry: Import) -> None:
        """Do nothing: it was given up already."""


_RELEASED: Final = _Released()
