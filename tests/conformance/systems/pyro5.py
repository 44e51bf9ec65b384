"""Pyro5: a registered object that makes what is opened, and registers it.

The serialiser is the default one, with bytes as bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any, ClassVar, Unpack

import Pyro5.api
import Pyro5.errors
from Pyro5.serializers import serializers

from limpet.policy.exposure import is_exposed
from tests.conformance.system import Feature, NotOffered, Session, Settings, System, public_members

__all__ = ["SYSTEM"]

Pyro5.config.SERPENT_BYTES_REPR = True


class Pyro(System):
    """Pyro5 with its threaded server."""

    name = "Pyro5"
    settings: ClassVar = ("shared", "at", "only")
    lacks: ClassVar = {
        Feature.ATTRIBUTES: "properties only",
        Feature.CALLBACKS: "clients run a server for that",
        Feature.OPERATORS: "no operators",
        Feature.WITH: "with closes the connection",
    }
    denied = (AttributeError,)
    late = (Pyro5.errors.TimeoutError,)
    lost = (Pyro5.errors.CommunicationError,)

    @property
    def version(self) -> str:
        return version("Pyro5")

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        one = kind() if settings.get("shared") else None
        place, only = settings.get("at", "127.0.0.1"), settings.get("only")
        daemon = Pyro5.api.Daemon(unixsocket=place) if place.startswith("/") else Pyro5.api.Daemon(host=place)
        classes = {kind, *exposed_beside(kind)}
        for cls in classes:
            expose(cls, only)
        with serving(daemon, classes):
            yield str(daemon.register(root(daemon, classes, kind if one is None else lambda: one)))

    @contextmanager
    def connect(self, address: str) -> Generator[Session]:
        with Pyro5.api.Proxy(address) as proxy:
            yield proxy

    def adopt(self, proxy: Any) -> None:
        proxy._pyroClaimOwnership()

    @contextmanager
    def timeout(self, seconds: float, proxy: Any) -> Generator[None]:
        before = proxy._pyroTimeout
        proxy._pyroTimeout = seconds
        try:
            yield
        finally:
            proxy._pyroTimeout = before

    @contextmanager
    def named(self, services: Mapping[str, type]) -> Generator[str]:
        daemon = Pyro5.api.Daemon(host="127.0.0.1")
        classes = set(services.values())
        for name, kind in services.items():
            expose(kind)
            daemon.register(root(daemon, classes, kind), name)
        with serving(daemon, classes):
            yield f"PYRO:{Pyro5.core.DAEMON_NAME}@{daemon.locationStr}"

    def service(self, session: Session, name: str) -> Session:
        proxy: Any = session
        return Pyro5.api.Proxy(f"PYRO:{name}@{proxy._pyroUri.location}")  # type: ignore[no-any-return]

    def copy(self, proxy: Any) -> Any:
        return proxy  # what is not registered comes by value

    def printed(self, error: Exception) -> str:
        return "".join(Pyro5.errors.get_pyro_traceback(type(error), error, error.__traceback__))


SYSTEM = Pyro()


def root(daemon: Any, classes: Collection[type], make: Callable[..., Any]) -> type:
    """Return the class to register: each connection has an instance of it, which keeps what was opened there."""

    @Pyro5.api.expose
    class Root:
        def __init__(self) -> None:
            self._opened: list[Any] = []

        def open(self, *args: Any, **kwargs: Any) -> Any:
            target = make(*args, **kwargs)
            self._opened.append(target)
            register(daemon, classes, target, weak=True)
            return target

    return Root


def register(daemon: Any, classes: Collection[type], target: Any, *, weak: bool = False) -> None:
    """Let ``target`` be called, if it is not yet."""
    if getattr(target, "_pyroDaemon", None) is None:
        daemon.register(target, weak=weak)
        let_leave(daemon, classes)  # registering has put a replacement of its own there


def let_leave(daemon: Any, classes: Collection[type]) -> None:
    """Let objects of these classes leave by reference."""

    def proxy_of(target: Any) -> Any:
        register(daemon, classes, target)
        return daemon.proxyFor(target)

    for serializer in serializers.values():
        for cls in classes:
            serializer.register_type_replacement(cls, proxy_of)


@contextmanager
def serving(daemon: Any, classes: Collection[type]) -> Generator[None]:
    """Let ``daemon`` serve from a thread."""
    let_leave(daemon, classes)
    thread = Thread(target=daemon.requestLoop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        daemon.shutdown()
        thread.join()
        daemon.close()


def exposed_beside(kind: type) -> list[type]:
    """Return the classes of the module of ``kind`` that are marked to leave by reference."""
    module = vars(sys.modules[kind.__module__])
    return [cls for cls in module.values() if isinstance(cls, type) and is_exposed(cls)]


def expose(kind: type, only: Collection[str] | None = None) -> None:
    """Put Pyro5's marks on the members that clients are to reach."""
    if kind.__module__ == "builtins":
        raise NotOffered("only classes of your own")
    for name, member in public_members(kind).items():
        if Pyro5.server.is_private_attribute(name) or (only is not None and name not in only):
            continue
        if callable(member) or isinstance(member, property):
            Pyro5.api.expose(member)
