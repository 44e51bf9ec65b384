"""What a server serves, and what one ``open`` of it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any, Final, cast

from limpet.errors import AccessDenied, ConfigurationError
from limpet.objects.anatomy import dictionary, resolution, resolve
from limpet.objects.operands import Operands, construct
from limpet.objects.reviewed import BASES, CONTAINERS
from limpet.objects.wrappers import Mutable, Reference
from limpet.policy.names import NamePolicy
from limpet.session.messages import View

__all__ = ["Catalog", "Opened", "Service", "catalog"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What a client gets from ``open``: an object and what may be done with its own state."""

    target: object
    view: View


@dataclass(frozen=True, slots=True)
class Service:
    """One thing that is served.

    Args:
        factory: makes an instance for each ``open``; None if one object is shared by all.
        shared: that object.
        view: what clients may do with its own state.
        operands: what making an instance does with its arguments, if that is a built-in container's affair.
    """

    factory: type | None
    shared: object
    view: View
    operands: Operands | None = None

    @property
    def cls(self) -> type:
        """Return the class of what is opened."""
        return self.factory if self.factory is not None else type(self.shared)

    def open(self, args: list[Any], kwargs: dict[str, Any]) -> Opened:
        """Return an instance of the client's own, or the object that all share.

        Raises:
            AccessDenied: if arguments are given to what is not made for this client.
            TypeError: if a built-in container is to take items from what is none.
            ValueError: if it is to take too many of them from a range.
        """
        if self.factory is not None and self.operands is not None:
            return Opened(construct(self.factory, args, kwargs), self.view)
        if self.factory is not None:
            return Opened(self.factory(*args, **kwargs), self.view)
        if args or kwargs:
            raise AccessDenied("this service is shared: open() takes no arguments here")
        return Opened(self.shared, self.view)


Catalog = Mapping[str, Service]
"""Services by name. One that is served alone has the name ''."""
_DEFAULT: Final = ""


def catalog(served: object) -> Catalog:
    """Return what ``served`` means: a class, an object, functions, or a dict of such by name.

    Raises:
        ConfigurationError: if it cannot be served.
    """
    if type(served) is not dict:
        return {_DEFAULT: _service(served)}
    if not served:
        raise ConfigurationError(
            "a dict is a table of named services, and this one is empty; to serve it, limpet.ref it"
        )
    for name in served:
        if not NamePolicy().judge(name):
            raise ConfigurationError(
                f"{name!r} cannot name a service; to serve this dict itself, not a table of services, limpet.ref it"
            )
    return {name: _service(service) for name, service in served.items()}


def _service(served: object) -> Service:
    # By exact type, here and below: an object may say anything of its class.
    kind = type(served)
    if issubclass(kind, type):
        return _factory(cast("type", served))
    if kind is Mutable:
        return Service(None, cast("Mutable[object]", served).target, View.WRITE)
    if kind is Reference:
        target = cast("Reference[object]", served).target
        # A container is served to be used; an object's state is its methods' business.
        return Service(None, target, View.WRITE if type(target) in CONTAINERS else View.READ)
    return _shared(served)


def _factory(served: type) -> Service:
    constructor = next((base for base in resolution(served) if _MAKES.intersection(dictionary(base))), object)
    is_container = constructor in CONTAINERS or constructor in BASES
    operands = Operands.TAKEN | Operands.COMPARED if is_container else None
    return Service(served, None, View.WRITE if _makes_new(served) else View.READ, operands)


def _makes_new(cls: type) -> bool:
    """Tell whether each instance of ``cls`` is a new one, as far as its class does not see to that itself.

    One with a ``__new__`` of its own, or whose metaclass makes the instances, as that of
    an enum does, may give the same one to several clients.
    """
    made = resolve(cls, "__new__")
    called = resolve(type(cls), "__call__")
    is_own = made is not None and type(made[1]) in _WRITTEN
    return not is_own and called is not None and called[0] is type


_VALUES: Final = (NoneType, str, bytes, int, float, complex)
_MAKES: Final = frozenset({"__new__", "__init__"})
_WRITTEN: Final = (FunctionType, staticmethod)
"""What a ``__new__`` is that is not built in."""


def _shared(served: object) -> Service:
    kind = type(served)
    if kind in CONTAINERS or issubclass(kind, _VALUES):
        raise ConfigurationError(f"a {kind.__name__} is not a service; to share it as it is, limpet.ref it")
    if issubclass(kind, FunctionType | BuiltinFunctionType | MethodType):
        raise ConfigurationError("a function is not a service; serve limpet.functions(...)")
    return Service(None, served, View.READ)
