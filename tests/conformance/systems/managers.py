"""multiprocessing.managers: a manager's server in a process of its own, and a manager that connects to it."""

from __future__ import annotations

import collections.abc
import multiprocessing.managers
import platform
import sys
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import ProcessError, current_process
from multiprocessing.managers import BaseProxy, DictProxy, ListProxy, Namespace, RemoteError, SyncManager
from operator import attrgetter
from pickle import PicklingError
from threading import Thread
from typing import Any, ClassVar, Unpack, cast, get_origin, get_type_hints

from limpet.policy.exposure import is_exposed
from tests.conformance.process import server_process
from tests.conformance.system import Feature, NotOffered, Server, Session, Settings, System, public_members

__all__ = ["SYSTEM"]

KEY = b"of this test alone"
SERVED = "open"
"""The name that the served class is registered under."""
BUILT_IN = {list: ListProxy, dict: DictProxy, Namespace: vars(multiprocessing.managers)["NamespaceProxy"]}
"""What has proxies of its own."""


class Managers(System):
    """A SyncManager that knows the served class."""

    name = "managers"
    settings: ClassVar = ("shared", "at", "port", "seen_at", "only")
    lacks: ClassVar = {
        Feature.ATTRIBUTES: "methods only",
        Feature.CALLBACKS: "functions cannot be pickled",
        Feature.CALLER: "served code does not know",
        Feature.CONNECTIONS: "proxies connect by themselves",
        Feature.IN_PROCESS: "each server has a process of its own",
        Feature.OPERATORS: "no operators",
        Feature.PROPERTIES: "methods only",
        Feature.WITH: "for its own locks only",
    }
    facade = "multiprocessing.managers"
    own = (ProcessError, RemoteError)
    denied = (AttributeError, RemoteError)
    unsendable = (PicklingError, TypeError, AttributeError, RemoteError)
    lost = (EOFError, ConnectionError)

    @property
    def version(self) -> str:
        return f"Python {platform.python_version()}"

    def check(self, settings: Settings) -> None:
        super().check(settings)
        if ":" in settings.get("at", ""):
            raise NotOffered("no IPv6")

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        place = settings.get("at", "127.0.0.1")
        services = {SERVED: kind() if settings.get("shared") else kind}
        manager = manager_class(services, settings.get("only"))
        where = place if place.startswith("/") else (place, settings.get("port", 0))
        server = manager(where, KEY).get_server()
        Thread(target=server.serve_forever, daemon=True).start()
        yield url(services, server.address)

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

    def server(self, kind: type) -> Server:
        return ManagerServer({SERVED: kind})

    def default_host(self) -> str:
        address = SyncManager().get_server().address
        return str(address[0]) if isinstance(address, tuple) else ""

    @contextmanager
    def named(self, services: Mapping[Any, Any]) -> Generator[str]:
        with ManagerServer(services) as server:
            yield server.url

    def service(self, session: Session, name: str) -> Session:
        return Named(session, name)

    def copy(self, proxy: Any) -> Any:
        # What is not registered comes by value.
        return proxy._getvalue() if isinstance(proxy, BaseProxy) else proxy


SYSTEM = Managers()


class Named:
    """What makes the objects of one name, looked for when it is asked."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._session, self._name)(*args, **kwargs)


class ManagerServer(Server):
    """A manager that has its server in a process of its own."""

    def __init__(self, services: Mapping[str, Any]) -> None:
        self._services = services
        self._manager = manager_class(services)(("127.0.0.1", 0), KEY)

    def __repr__(self) -> str:
        return repr(self._manager)

    @property
    def url(self) -> str:
        return url(self._services, self._manager.address)

    def start(self) -> None:
        self._manager.start()

    def stop(self) -> None:
        self._manager.shutdown()

    def wait(self) -> None:
        self._manager.join()


def url(services: Mapping[str, Any], address: object) -> str:
    """Return, as text, where a server is and what it has: clients must know the classes."""
    kinds = {name: kind_of(target) for name, target in services.items()}
    entries = ",".join(f"{name}={kind.__module__}:{kind.__qualname__}" for name, kind in kinds.items())
    return f"{entries}@{':'.join(map(str, address)) if isinstance(address, tuple) else address}"


def kind_of(target: Any) -> type:
    """Return the class of what is served."""
    return target if isinstance(target, type) else type(target)


def kind_at(path: str) -> type:
    """Return the class at ``module:name``."""
    module, _, name = path.partition(":")
    return cast("type", attrgetter(name)(import_module(module)))


def manager_class(services: Mapping[str, Any], only: Collection[str] | None = None) -> type[SyncManager]:
    """Return the class of managers, for the server and for its clients, that have these services.

    Args:
        services: classes, and objects for all, by their names.
        only: the names of the members that clients reach.
    """

    class Manager(SyncManager):
        """Of these services alone: what is registered is kept in the class."""

    for name, target in services.items():
        kind = kind_of(target)
        make = kind if kind is target else partial(identity, target)
        if kind in BUILT_IN:
            Manager.register(name, make, BUILT_IN[kind])
            continue
        for beside in vars(sys.modules[kind.__module__]).values():
            if isinstance(beside, type) and is_exposed(beside):
                Manager.register(beside.__name__, create_method=False, **registration(beside, only))
        Manager.register(name, make, **registration(kind, only))
    return Manager


def identity(target: object) -> object:
    """Return ``target``, for all that ask."""
    return target


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
