"""multiprocessing.managers: a manager's server in a process of its own, and a manager that connects to it."""

from __future__ import annotations

import collections.abc
import platform
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import current_process
from multiprocessing.managers import RemoteError, SyncManager
from operator import attrgetter
from threading import Thread
from typing import Any, ClassVar, cast, get_origin, get_type_hints

from limpet.policy.exposure import is_exposed
from tests.conformance.process import server_process
from tests.conformance.system import Feature, Session, System, public_members

__all__ = ["SYSTEM"]

KEY = b"of this test alone"
SERVED = "open"
"""The name that the served class is registered under."""
BUILT_IN = {list: "list", dict: "dict"}
"""What a SyncManager shares by itself."""


class Managers(System):
    """A SyncManager that knows the served class."""

    name = "managers"
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
    def host(self, kind: type, *, shared: bool = False) -> Generator[str]:
        manager = manager_class(kind, shared=shared)(("127.0.0.1", 0), KEY)
        server = manager.get_server()
        Thread(target=server.serve_forever, daemon=True).start()
        host, port = cast("tuple[str, int]", server.address)
        yield f"{host}:{port}/{kind.__module__}:{kind.__qualname__}"

    @contextmanager
    def serve(self, kind: type, *, shared: bool = False) -> Generator[str]:
        # A process that serves takes a proxy of its own for the object itself, so the server is in another.
        with server_process(self, kind, shared=shared) as server:
            yield server.address

    @contextmanager
    def connect(self, address: str) -> Generator[Session]:
        place, _, path = address.partition("/")
        host, _, port = place.rpartition(":")
        module, _, name = path.partition(":")
        kind = attrgetter(name)(import_module(module))
        current_process().authkey = KEY  # what proxies that arrive are opened with
        manager: Any = manager_class(kind)((host, int(port)), KEY)
        manager.connect()
        yield manager


SYSTEM = Managers()


def manager_class(kind: type, *, shared: bool = False) -> type[SyncManager]:
    """Return the class of managers, for the server and for its clients, that have ``kind`` as ``open``."""

    class Manager(SyncManager):
        """Of this class alone: what is registered is kept in the class."""

    if kind in BUILT_IN:
        setattr(Manager, SERVED, getattr(Manager, BUILT_IN[kind]))
        return Manager
    for beside in vars(sys.modules[kind.__module__]).values():
        if isinstance(beside, type) and is_exposed(beside):
            Manager.register(beside.__name__, create_method=False, **registration(beside))
    if shared:
        one = kind()
        Manager.register(SERVED, lambda: one, **registration(kind))
    else:
        Manager.register(SERVED, kind, **registration(kind))
    return Manager


def registration(kind: type) -> dict[str, Any]:
    """Return what `register` is told of a class: its methods, and which of them return what by reference."""
    methods = {name: member for name, member in public_members(kind).items() if callable(member)}
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
