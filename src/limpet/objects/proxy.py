"""Proxies: thin shells for objects that live on the other side.

A proxy has no state but which object it stands for. Its class is made from the
descriptor of the object's type: it has that type's methods and operators, and no
others. Nothing of limpet's own has a public name here, so that none of the user's is
shadowed; what can be done with proxies is in the module: copy, release, is_proxy.
"""

# pyright: reportPrivateUsage=false
# The methods made here belong to the classes made here; pyright sees plain functions.

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import Future
from difflib import get_close_matches
from threading import Lock
from types import MethodType
from typing import Any, Final, NoReturn, ParamSpec, Protocol, Self, TypeVar

from limpet.errors import AccessDenied, CallError, DecodeError, EncodeError
from limpet.logs import with_article
from limpet.objects.descriptors import Descriptor
from limpet.policy.names import NamePolicy
from limpet.session.messages import PASS, Kind
from limpet.session.tables import Import

__all__ = [
    "Caller",
    "Proxy",
    "RemoteFunction",
    "Shell",
    "check_name",
    "copy",
    "descriptor_of",
    "inside",
    "is_proxy",
    "later",
    "make_proxy",
    "oneway",
    "release",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_CALL: Final = int(Kind.CALL)
_GET: Final = int(Kind.GET)
_SET: Final = int(Kind.SET)
_DELETE: Final = int(Kind.DELETE)
_COPY: Final = int(Kind.COPY)
_DESCRIBE: Final = int(Kind.DESCRIBE)
_NEAR: Final = 0.75
"""How like a name has to be to one that was not found: two letters of eight may be wrong."""
_releasing: Final = Lock()


class Caller(Protocol):
    """What carries a proxy's requests: a driver's end of a session."""

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        """Ask for something of the peer's object ``target``, and return the answer."""
        ...

    def begin(self, kind: int, target: int, value: object, flags: int = 0) -> Future[Any]:
        """Ask for something, and return at once what will have the answer."""
        ...

    def tell(self, kind: int, target: int, value: object, flags: int = 0) -> None:
        """Ask for something whose answer nobody wants; return when it is on its way."""
        ...

    def describe_error(self, error: BaseException) -> object:
        """Return what the peer may be told of an error of this side's, as plain data."""
        ...

    def give_up(self, entry: Import) -> None:
        """Note that nobody uses ``entry`` any more, from any thread at any time."""
        ...


class Shell:
    """What stands for an object of the peer's: which object that is, and nothing else."""

    __slots__ = ("__weakref__", "_caller", "_entry")

    _caller: Caller
    _entry: Import
    _descriptor: Descriptor

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


class Proxy(Shell):
    """A thin shell for an object on the other side.

    ``dir``, ``repr``, ``help`` and completion show what the object shows. Reading an
    attribute, calling and the operators each are one round trip.
    """

    __slots__ = ()

    def __new__(cls) -> Self:
        """Refuse: only a session makes proxies."""
        raise TypeError("a proxy cannot be made by calling its class; limpet makes it when an object is received")

    def __getattr__(self, name: str) -> Any:
        check_name(name)
        try:
            return self._caller.ask(_GET, self._entry.handle, [name])
        except AccessDenied as refusal:
            _suggest(refusal, name, self._descriptor)
            raise

    def __setattr__(self, name: str, value: object) -> None:
        check_name(name)
        self._caller.ask(_SET, self._entry.handle, [name, value])

    def __delattr__(self, name: str) -> None:
        check_name(name)
        self._caller.ask(_DELETE, self._entry.handle, [name])

    def __dir__(self) -> list[str]:
        names = self._caller.ask(_DESCRIBE, self._entry.handle, [])
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise DecodeError("the peer answered dir() with something else than names")
        return [name for name in names if NamePolicy().judge(name)]


class RemoteFunction(Shell):
    """A peer's function, or object with methods, on the server: callable, and inert otherwise.

    Comparison, hash, truth and the like are this shell's own; none of the peer's code
    runs but by an explicit call.
    """

    __slots__ = ()

    def __new__(cls) -> Self:
        """Refuse: only a session makes these."""
        raise TypeError("a peer's object cannot be made by calling its class; limpet makes it when it is received")


def check_name(name: str) -> None:
    """Refuse a name that cannot go over the wire. The other side judges it, too.

    Raises:
        AccessDenied: if it cannot.
    """
    decision = NamePolicy().judge(name)
    if not decision:
        raise AccessDenied(f"{name!r} cannot be a remote name: {decision.reason}")


def _suggest(refusal: AccessDenied, name: str, known: Descriptor) -> None:
    """Add to a refusal what the caller may have meant, of what its own side knows."""
    near = get_close_matches(name, [*known.methods, *known.data], n=1, cutoff=_NEAR)
    if near and near != [name]:
        refusal.args = (f"{refusal}; did you mean {near[0]!r}?",)


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


def descriptor_of(proxy: Proxy | RemoteFunction) -> Descriptor:
    """Return what is known of the type that a proxy stands for."""
    return proxy._descriptor  # noqa: SLF001 - as above


def is_proxy(value: object) -> bool:
    """Tell whether ``value`` stands for an object on the other side. Asks nobody."""
    return issubclass(type(value), Proxy | RemoteFunction)


def later(method: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
    """Call a remote method without waiting: ``limpet.later(account.deposit, 5)``.

    The future has what the call returns or raises. To cancel it cancels the call. A
    deadline of `limpet.timeout` holds for whoever waits for the result.

    Args:
        method: a method of a proxy, or a proxy that can be called.
        args, kwargs: what it is called with.

    Raises:
        TypeError: if ``method`` is not remote.
        EncodeError: if an argument cannot travel; nothing was sent.
        SessionError: if the session is over.
    """
    caller, entry, flags, value = _remote_call(method, args, kwargs)
    return caller.begin(_CALL, entry.handle, value, flags)


def oneway(method: Callable[_P, object], /, *args: _P.args, **kwargs: _P.kwargs) -> None:
    """Call a remote method and want no answer: ``limpet.oneway(log.write, "a line")``.

    It runs once, in order with the other calls of the session, unless the session ends
    first. What it raises is only in the other side's log.

    Args:
        method: a method of a proxy, or a proxy that can be called.
        args, kwargs: what it is called with.

    Raises:
        TypeError: if ``method`` is not remote.
        EncodeError: if an argument cannot travel; nothing was sent.
        SessionError: if the session is over.
    """
    caller, entry, flags, value = _remote_call(method, args, kwargs)
    caller.tell(_CALL, entry.handle, value, flags)


def _remote_call(method: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Caller, Import, int, list[Any]]:
    """Return through what to ask, of which object, with which flags, and the payload of the call."""
    for keyword in kwargs:
        check_name(keyword)
    if is_proxy(method):
        return *inside(method), 0, ["", [*args], kwargs]
    if type(method) is MethodType and is_proxy(method.__self__):
        shell: Any = method.__self__
        descriptor, name = descriptor_of(shell), method.__func__.__name__
        if name in descriptor.methods:
            return *inside(shell), PASS if name in descriptor.concurrent else 0, [name, [*args], kwargs]
    raise TypeError(f"a method of a proxy is needed, as in later(account.deposit, 5), not {with_article(type(method))}")


def copy(proxy: _T) -> _T:
    """Return a local copy of what ``proxy`` stands for, all of it or nothing.

    Raises:
        EncodeError: if something in it cannot travel by value; the error names the path to it.
    """
    caller, entry = inside(_of(proxy))
    copied: _T = caller.ask(_COPY, entry.handle, [])
    return copied


def release(proxy: object) -> None:
    """Let go of ``proxy`` now; using it afterwards is an error. Releasing it twice is none."""
    shell = _of(proxy)
    with _releasing:
        caller, entry = inside(shell)
        if caller is _RELEASED:
            return
        # First: whoever receives the object from here on gets a proxy of its own.
        entry.proxy = None
        object.__setattr__(shell, "_caller", _RELEASED)
    caller.give_up(entry)


def _of(proxy: object) -> Proxy:
    if not is_proxy(proxy):
        raise TypeError(f"a proxy is needed, not {with_article(type(proxy))}")
    return proxy  # type: ignore[return-value]  # the check above is exact


class _Released:
    """The caller of a proxy that was released."""

    def begin(self, _kind: int, _target: int, _value: object, _flags: int = 0) -> NoReturn:
        raise CallError("this proxy was released")

    tell = begin

    def describe_error(self, _error: BaseException) -> NoReturn:
        raise CallError("this proxy was released")

    def ask(self, _kind: int, _target: int, _value: object, _flags: int = 0) -> NoReturn:
        raise CallError("this proxy was released")

    def give_up(self, entry: Import) -> None:
        """Do nothing: it was given up already."""


_RELEASED: Final = _Released()
