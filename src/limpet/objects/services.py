"""What a server serves, and what one ``open`` of it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

from limpet.errors import AccessDenied, ConfigurationError
from limpet.objects.reviewed import CONTAINERS
from limpet.objects.wrappers import Functions, Mutable, Reference
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
    """

    factory: type | None
    shared: object
    view: View

    @property
    def cls(self) -> type:
        """Return the class of what is opened."""
        return self.factory if self.factory is not None else type(self.shared)

    def open(self, args: list[Any], kwargs: dict[str, Any]) -> Opened:
        """Return an instance of the client's own, or the object that all share.

        Raises:
            AccessDenied: if arguments are given to what is not made for this client.
        """
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
    match served:
        case type():
            return Service(served, None, View.WRITE)
        case Functions():
            return Service(None, served, View.READ)
        case Mutable(target=target):
            return Service(None, target, View.WRITE)
        case Reference(target=target):
            # A container is served to be used; an object's state is its methods' business.
            return Service(None, target, View.WRITE if type(target) in CONTAINERS else View.READ)
        case _:
            return _shared(served)


def _shared(served: object) -> Service:
    if type(served) in CONTAINERS or served is None or isinstance(served, str | bytes | int | float | complex):
        raise ConfigurationError(f"a {type(served).__name__} is not a service; to share it as it is, limpet.ref it")
    if isinstance(served, FunctionType | BuiltinFunctionType | MethodType):
        raise ConfigurationError("a function is not a service; serve limpet.functions(...)")
    return Service(None, served, View.READ)
