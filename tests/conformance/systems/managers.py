"""multiprocessing.managers: a manager's server in a process of its own, and a manager that connects to it."""

from __future__ import annotations

import collections.abc
import platform
import sys
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import current_process
from multiprocessing.managers import BaseProxy, RemoteError, SyncManager
from operator import attrgetter
from threading import Thread
from typing import Any, ClassVar, Unpack, cast, get_origin, get_type_hints

from limpet.policy.exposure import is_exposed
from tests.conformance.process import server_process
from tests.conformance.system import Feature, NotOffered, Session, Settings, System, public_members

__all__ = ["SYSTEM"]

KEY = b"of this test alone"
SERVED = "open"
"""The name that the served class is registered under."""
BUILT_IN = {list: "list", dict: "dict"}
"""What a SyncManager shares by itself."""


class Managers(System):
    """A SyncManager that knows the served class."""

    name = "managers"
    settings: ClassVar = ("shared", "at", "only")
    lacks: ClassVar = {
        Feature.ATTRIBUTES: "methods only",
        Feature.CALLBACKS: "functions cannot be pickled",
        Feature.OPERATORS: "no operators",
        Feature.PROPERTIES: "methods only",
        Feature.WITH: "for its own locks only",
    }
    denied = (AttributeError, RemoteError)
    lost = (EOFError, ConnectionError)

    @property
    def version(self) -> str:
        return f"Python {platform.python_version()}"

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        place = settings.get("at", "127.0.0.1")
        if ":" in place:
            raise NotOffered("no IPv6")
        one = kind() if settings.get("shared") else None
        manager = manager_class({SERVED: kind}, settings.get("only"), one)
        yield start(manager, {SERVED: kind}, place if place.startswith("/") else (place, 0))

    @contextmanager
    def serve(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        # A process that serves takes a proxy of its own for the object itself, so the server is in another.
        with server_process(self, kind, **settings) as server:
            yield server.address

    @contextmanager
    def connect(self, address: str) -> Generator[Session]:
        entries, _, place = address.partition("@")
        kinds = dict(entry.split("=") for entry in entries.split(","))
        host, _, port = place.rpartition(":")
        current_process().authkey = KEY  # what proxies that arrive are opened with
        manager_type = manager_class({name: kind_at(path) for name, path in kinds.items()})
        manager: Any = manager_type((host, int(port)) if host else place, KEY)
        manager.connect()
        yield manager

    @contextmanager
    def named(self, services: Mapping[str, type]) -> Generator[str]:
        yield start(manager_class(services), services, ("127.0.0.1", 0))

    def service(self, session: Session, name: str) -> Session:
        return Named(getattr(session, name))

    def copy(self, proxy: Any) -> Any:
        # What is not registered comes by value.
        return proxy._getvalue() if isinstance(proxy, BaseProxy) else proxy


SYSTEM = Managers()


class Named:
    """What makes the objects of one name."""

    def __init__(self, make: Any) -> None:
        self.open = make


def start(manager: type[SyncManager], kinds: Mapping[str, type], place: object) -> str:
    """Serve from a thread, and give the address: what there is, and where."""
    server = manager(place, KEY).get_server()  # type: ignore[arg-type]  # the path of a Unix socket is one, too
    Thread(target=server.serve_forever, daemon=True).start()
    address = server.address if isinstance(server.address, str) else ":".join(map(str, server.address or ()))
    return ",".join(f"{name}={kind.__module__}:{kind.__qualname__}" for name, kind in kinds.items()) + f"@{address}"


def kind_at(path: str) -> type:
    """Return the class at ``module:name``."""
    module, _, name = path.partition(":")
    return cast("type", attrgetter(name)(import_module(module)))


def manager_class(
    kinds: Mapping[str, type], only: Collection[str] | None = None, one: object = None
) -> type[SyncManager]:
    """Return the class of managers, for the server and for its clients, that have these classes.

    Args:
        kinds: by the names they have there.
        only: the names of the members that clients reach.
        one: the object that all share, if they do.
    """

    class Manager(SyncManager):
        """Of these classes alone: what is registered is kept in the class."""

    for name, kind in kinds.items():
        if kind in BUILT_IN:
            setattr(Manager, name, getattr(Manager, BUILT_IN[kind]))
            continue
        for beside in vars(sys.modules[kind.__module__]).values():
            if isinstance(beside, type) and is_exposed(beside):
                Manager.register(beside.__name__, create_method=False, **registration(beside, only))
        Manager.register(name, kind if one is None else lambda: one, **registration(kind, only))
    return Manager


def registration(kind: type, only: Collection[str] | None) -> dict[str, Any]:
    """Return what `register` is told of a class: its methods, and which of them return what by reference."""
    methods = {
        name: member
        for name, member in public_members(kind).items()
        if callable(member) and (only is None or name in only)
    }
    references = {}
    for name, method in methods.items():
        result = get_type_hints(method).get("return")
        if isinstance(result, type) and is_exposed(result):
            references[name] = result.__name__
        elif get_origin(result) in (collections.abc.Iterator, collections.abc.Generator):
            references[name] = "Iterator"
    # What returns a reference is exposed by being listed as such.
    exposed = [name for name in methods if name not in references]
    return {"exposed": exposed, "method_to_typeid": references or None}
