"""RPyC: a service whose root makes what is opened, with public attributes allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any, ClassVar, Unpack

import rpyc
from rpyc.core.async_ import AsyncResultTimeout
from rpyc.core.protocol import DEFAULT_CONFIG
from rpyc.utils.server import ThreadedServer

from limpet.policy.exposure import is_exposed
from tests.conformance.system import Future, NotOffered, Session, Settings, System, is_narrowed, public_members

__all__ = ["SYSTEM"]

# Without this each class had to rename its members: most users' first setting.
CONFIG = {"allow_public_attrs": True}
STRICT = {"allow_public_attrs": False}
"""What classes are served with that say what of them is shown."""


class Rpyc(System):
    """RPyC with its threaded server."""

    name = "RPyC"
    settings: ClassVar = ("shared", "at", "only", "stack")
    denied = (AttributeError,)
    late = (AsyncResultTimeout,)
    lost = (EOFError, ConnectionError)

    @property
    def version(self) -> str:
        return version("rpyc")

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        config = exposure(kind, settings) | {"include_local_traceback": settings.get("stack", True)}
        one = kind() if settings.get("shared") else None

        class Service(rpyc.Service):  # type: ignore[misc]  # RPyC has no types
            def exposed_open(self, *args: Any, **kwargs: Any) -> Any:
                return kind(*args, **kwargs) if one is None else one

        place = settings.get("at", "127.0.0.1")
        where = {"socket_path": place} if place.startswith("/") else {"hostname": place, "ipv6": ":" in place}
        with serving(Service, config, **where) as address:
            yield address

    @contextmanager
    def connect(self, address: str) -> Generator[Session]:
        host, _, port = address.rpartition(":")
        connection = (
            rpyc.connect(host, int(port), config=CONFIG, ipv6=":" in host)
            if host
            else rpyc.utils.factory.unix_connect(address, config=CONFIG)
        )
        try:
            yield connection.root
        finally:
            connection.close()

    @contextmanager
    def timeout(self, seconds: float, proxy: Any) -> Generator[None]:
        config = connection_of(proxy)._config
        before = config["sync_request_timeout"]
        config["sync_request_timeout"] = seconds
        try:
            yield
        finally:
            config["sync_request_timeout"] = before

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        call = rpyc.async_(method) if seconds is None else rpyc.timed(method, seconds)
        return AsyncCall(call(*args))

    @contextmanager
    def named(self, services: Mapping[str, type]) -> Generator[str]:
        service = type("Service", (rpyc.Service,), {f"exposed_{name}": kind for name, kind in services.items()})
        with serving(service, CONFIG, hostname="127.0.0.1") as address:
            yield address

    def service(self, session: Session, name: str) -> Session:
        return Named(getattr(session, name))

    def reference(self, target: object) -> Any:
        return target

    def copy(self, proxy: Any) -> Any:
        raise NotOffered("with pickle only")

    def ping(self, session: Session) -> None:
        connection_of(session).ping()


SYSTEM = Rpyc()


@contextmanager
def serving(service: type, config: Mapping[str, Any], **where: Any) -> Generator[str]:
    """Serve from a thread, and give the address: host and port, or the path of a Unix socket."""
    server = ThreadedServer(service, protocol_config=dict(config), **where)
    server._listen()  # start() does it only in its thread, and a client could be sooner
    thread = Thread(target=server.start, daemon=True)
    thread.start()
    try:
        yield f"{server.host}:{server.port}" if server.host else server.port
    finally:
        server.close()
        thread.join()


def exposure(kind: type, settings: Settings) -> dict[str, Any]:
    """Return the configuration for ``kind``, after giving RPyC's names to what is shown of it."""
    classes = [kind, *(cls for cls in vars(sys.modules[kind.__module__]).values() if is_exposed(cls))]
    only = settings.get("only")
    if only is None and not any(map(is_narrowed, classes)):
        return CONFIG
    for cls in classes:
        for name, member in public_members(cls).items():
            if not name.startswith("_") and (only is None or name in only):
                setattr(cls, f"exposed_{name}", member)
    return STRICT if only is None else STRICT | {"safe_attrs": DEFAULT_CONFIG["safe_attrs"].intersection(only)}


def connection_of(proxy: Any) -> Any:
    return object.__getattribute__(proxy, "____conn__")


class Named:
    """A class that is served under a name."""

    def __init__(self, kind: Any) -> None:
        self.open = kind


class AsyncCall:
    """RPyC's own kind of future, asked by the usual names."""

    def __init__(self, pending: Any) -> None:
        self._pending = pending

    def done(self) -> bool:
        return bool(self._pending.ready)

    def result(self) -> Any:
        self._pending.wait()
        return self._pending.value

    def add_done_callback(self, function: Callable[[Any], object]) -> None:
        self._pending.add_callback(function)
