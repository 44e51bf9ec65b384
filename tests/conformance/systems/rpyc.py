"""RPyC: a service whose root makes what is opened, with public attributes allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from socket import socket
from threading import Thread
from typing import Any, ClassVar, Unpack, cast
from unittest.mock import patch

import rpyc
from rpyc.core.async_ import AsyncResultTimeout
from rpyc.core.protocol import DEFAULT_CONFIG
from rpyc.core.vinegar import GenericException
from rpyc.utils.authenticators import AuthenticationError
from rpyc.utils.helpers import buffiter
from rpyc.utils.server import ThreadedServer

from limpet.policy.exposure import is_exposed
from tests.conformance.system import (
    Feature,
    Future,
    NotOffered,
    Server,
    Session,
    Settings,
    System,
    is_narrowed,
    public_members,
)

__all__ = ["SYSTEM"]

# Without this each class had to rename its members: most users' first setting.
CONFIG = {"allow_public_attrs": True, "allow_setattr": True, "allow_delattr": True}
STRICT = {**CONFIG, "allow_public_attrs": False}
"""What classes are served with that say what of them is shown."""


class Rpyc(System):
    """RPyC with its threaded server."""

    name = "RPyC"
    settings: ClassVar = ("shared", "at", "port", "seen_at", "allow", "only", "stack")
    lacks: ClassVar = {
        Feature.CALLER: "known when a client comes, not in calls",
        Feature.REFUSALS: "everything travels, by reference",
    }
    facade = "rpyc"
    nonsense: ClassVar = {"sync_request_timeout": "soon"}
    own = (GenericException,)
    misuse = (TypeError, ValueError)
    denied = (AttributeError,)
    late = (AsyncResultTimeout,)
    lost = (EOFError, ConnectionError)

    @property
    def version(self) -> str:
        return version("rpyc")

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        config = exposure(kind, settings) | {"include_local_traceback": settings.get("stack", True)}
        place = settings.get("at", "127.0.0.1")
        where: dict[str, Any] = {"socket_path": place}
        if not place.startswith("/"):
            where = {"hostname": place, "ipv6": ":" in place, "port": settings.get("port", 0)}
        if "allow" in settings:
            where["authenticator"] = only_from(settings["allow"])
        service = service_of(one_for_all(kind()) if settings.get("shared") else kind)
        with RpycServer(service, config, **where) as server:
            yield server.url

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

    @contextmanager
    def timeouts(self, seconds: float) -> Generator[None]:
        with patch.dict(CONFIG, {"sync_request_timeout": seconds}):
            yield

    def oneway(self, proxy: Any, name: str, *args: object) -> None:
        rpyc.async_(getattr(proxy, name))(*args)  # the nearest it has: the answer is not waited for

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        call = rpyc.async_(method) if seconds is None else rpyc.timed(method, seconds)
        return AsyncCall(call(*args))

    def server(self, kind: type) -> Server:
        return RpycServer(service_of(kind), CONFIG, hostname="127.0.0.1")

    def default_host(self) -> str:
        server = ThreadedServer(rpyc.Service, port=0)
        server.close()
        return cast("str", server.host)

    def configure(self, **settings: object) -> None:
        ThreadedServer(rpyc.Service, hostname="127.0.0.1", port=0, protocol_config=settings).close()

    @contextmanager
    def named(self, services: Mapping[Any, Any]) -> Generator[str]:
        if not all(isinstance(name, str) and name.isidentifier() for name in services):
            raise NotOffered("names are those of members")
        members = {
            f"exposed_{name}": target if isinstance(target, type) else one_for_all(target)
            for name, target in services.items()
        }
        service = type("Service", (rpyc.Service,), members)
        with RpycServer(service, CONFIG, hostname="127.0.0.1") as server:
            yield server.url

    def service(self, session: Session, name: str) -> Session:
        return Named(session, name)

    def reference(self, target: object) -> Any:
        return target

    def copy(self, proxy: Any) -> Any:
        raise NotOffered("with pickle only")

    def prefetch(self, iterator: Any, count: int) -> Iterator[Any]:
        return cast("Iterator[Any]", buffiter(iterator, chunk=count, max_chunk=count))

    def ping(self, session: Session) -> None:
        connection_of(session).ping()

    def close(self, session: Session) -> None:
        connection_of(session).close()

    def mark(self, target: Any) -> Any:
        return rpyc.exposed(target)


SYSTEM = Rpyc()


class RpycServer(Server):
    """A threaded server, in a thread."""

    def __init__(self, service: type, config: Mapping[str, Any], **where: Any) -> None:
        self._server = ThreadedServer(service, protocol_config=dict(config), **where)
        self._thread = Thread(target=self._server.start, daemon=True)

    def __repr__(self) -> str:
        return repr(self._server)

    @property
    def url(self) -> str:
        host, port = self._server.host, self._server.port
        return f"{host}:{port}" if host else str(port)

    def start(self) -> None:
        self._server._listen()  # start() does it only in its thread, and a client could be sooner
        self._thread.start()

    def stop(self) -> None:
        self._server.close()
        self._thread.join()

    def wait(self) -> None:
        self._thread.join()


def service_of(make: Callable[..., Any]) -> type:
    """Return the service whose root has ``make`` as ``open``."""

    class Service(rpyc.Service):  # type: ignore[misc]  # RPyC has no types
        def exposed_open(self, *args: Any, **kwargs: Any) -> Any:
            return make(*args, **kwargs)

    return Service


def one_for_all(target: object) -> Callable[[], object]:
    """Return what gives ``target`` to all."""
    return staticmethod(lambda: target)


def only_from(address: str) -> Callable[[socket], tuple[socket, None]]:
    """Return the authenticator that lets clients in from ``address`` alone."""

    def authenticate(sock: socket) -> tuple[socket, None]:
        if sock.getpeername()[0] != address:
            raise AuthenticationError("not from there")
        return sock, None

    return authenticate


def exposure(kind: type, settings: Settings) -> dict[str, Any]:
    """Return the configuration for ``kind``, after giving RPyC's names to what is shown of it."""
    if any(hasattr(member, "__exposed__") for member in vars(kind).values()):
        rpyc.service(kind)  # it has RPyC's own marks
        return STRICT
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
    """What is served under a name, and looked for when it is opened."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._session, self._name)(*args, **kwargs)


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
        self._pending.add_callback(lambda _: function(self))
