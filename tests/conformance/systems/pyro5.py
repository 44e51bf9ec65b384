"""Pyro5: a registered object that makes what is opened, and registers it.

The serialiser is the default one, with bytes as bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any, ClassVar, Unpack

import Pyro5.api
import Pyro5.errors
from Pyro5.serializers import serializers

from limpet.policy.exposure import is_exposed
from tests.conformance.system import Feature, NotOffered, Server, Session, Settings, System, public_members

__all__ = ["SYSTEM"]

Pyro5.config.SERPENT_BYTES_REPR = True
# Twice its default: a client has two connections here, one to open an object and one to use it.
Pyro5.config.THREADPOOL_SIZE *= 2
ROOT = "root"


class Pyro(System):
    """Pyro5 with its threaded server."""

    name = "Pyro5"
    settings: ClassVar = ("shared", "at", "port", "seen_at", "allow", "only", "message_bytes", "connections")
    lacks: ClassVar = {
        Feature.ATTRIBUTES: "properties only",
        Feature.CALLBACKS: "clients run a server for that",
        Feature.NAMESPACES: "properties only",
        Feature.OPERATORS: "no operators",
        Feature.WITH: "with closes the connection",
    }
    facade = "Pyro5.api"
    nonsense: ClassVar = {"SERVERTYPE": "nonsense"}
    own = (Pyro5.errors.PyroError,)
    misuse = (Pyro5.errors.PyroError, AttributeError, TypeError, ValueError)
    denied = (AttributeError, Pyro5.errors.CommunicationError)
    unsendable = (Pyro5.errors.SerializeError, TypeError)
    late = (Pyro5.errors.TimeoutError,)
    lost = (Pyro5.errors.CommunicationError,)

    @property
    def version(self) -> str:
        return version("Pyro5")

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        place = settings.get("at", "127.0.0.1")
        where: dict[str, Any] = {"unixsocket": place}
        if not place.startswith("/"):
            where = {"host": place, "port": settings.get("port", 0)}
        if "seen_at" in settings:
            where |= {"nathost": "127.0.0.1", "natport": settings["seen_at"]}
        services = {ROOT: kind() if settings.get("shared") else kind}
        with configured(**for_all(settings)):
            daemon = Guarded(settings["allow"], **where) if "allow" in settings else Pyro5.api.Daemon(**where)
            with PyroServer(daemon, services, settings.get("only")) as server:
                yield server.url

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

    def timeouts(self, seconds: float) -> AbstractContextManager[None]:
        return configured(COMMTIMEOUT=seconds)

    def oneway(self, proxy: Any, name: str, *args: object) -> None:
        proxy._pyroBind()  # connecting asks the server which methods are so
        proxy._pyroOneway.add(name)
        getattr(proxy, name)(*args)

    def server(self, kind: type) -> Server:
        return PyroServer(Pyro5.api.Daemon(host="127.0.0.1"), {ROOT: kind})

    def publish(self, target: object) -> Server:
        daemon = Pyro5.api.Daemon(host="127.0.0.1")
        daemon.register(target)
        return PyroServer(daemon, {ROOT: target})

    def default_host(self) -> str:
        with Pyro5.api.Daemon() as daemon:
            return str(daemon.locationStr).rpartition(":")[0]

    def address(self, host: str, port: int) -> str:
        return f"PYRO:{ROOT}@{f'[{host}]' if ':' in host else host}:{port}"

    def addresses(self) -> Mapping[str, str]:
        known = (
            *("PYRO:a@127.0.0.1:7373", "PYRO:a@localhost:80", "PYRO:a@[::1]:7373", "PYRO:a@./u:/run/a/b"),
            *("PYRONAME:a", "PYRONAME:a@host:80", "PYROMETA:a"),
        )
        return dict(zip(known, known, strict=True))

    def shown(self, address: str) -> str:
        return str(Pyro5.api.URI(address))

    def codecs(self) -> Mapping[str, int]:
        return {name: serializer.serializer_id for name, serializer in serializers.items()}

    @contextmanager
    def speaking(self, kind: type, codec: str) -> Generator[Session]:
        server = PyroServer(Pyro5.api.Daemon(host="127.0.0.1"), {ROOT: kind}, itself=True)
        with configured(SERIALIZER=codec), server, Pyro5.api.Proxy(server.url) as proxy:
            yield Opened(proxy)

    def configure(self, **settings: object) -> None:
        with configured(**settings):
            Pyro5.api.Daemon().close()

    def caller(self) -> object:
        return Pyro5.api.current_context.client_sock_addr

    def carried(self, function: Callable[[], object]) -> object:
        context = Pyro5.api.current_context.to_global()

        def run() -> object:
            Pyro5.api.current_context.from_global(context)
            return function()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    @contextmanager
    def named(self, services: Mapping[Any, Any]) -> Generator[str]:
        with PyroServer(Pyro5.api.Daemon(host="127.0.0.1"), services) as server:
            yield server.url

    def service(self, session: Session, name: str) -> Session:
        proxy: Any = session
        return Pyro5.api.Proxy(f"PYRO:{name}@{proxy._pyroUri.location}")  # type: ignore[no-any-return]

    def release(self, proxy: Any) -> None:
        proxy._pyroRelease()

    def copy(self, proxy: Any) -> Any:
        return proxy  # what is not registered comes by value

    def close(self, session: Session) -> None:
        self.release(session)

    def mark(self, target: Any) -> Any:
        return Pyro5.api.expose(target)

    def printed(self, error: Exception) -> str:
        return "".join(Pyro5.errors.get_pyro_traceback(type(error), error, error.__traceback__))


SYSTEM = Pyro()


class Guarded(Pyro5.api.Daemon):  # type: ignore[misc]  # Pyro5 has no types
    """A daemon for clients from one address alone."""

    def __init__(self, allow: str, **where: Any) -> None:
        super().__init__(**where)
        self._allow = allow

    def validateHandshake(self, conn: Any, data: object) -> str:  # noqa: N802 - Pyro5's name
        if conn.sock.getpeername()[0] != self._allow:
            raise ValueError("not from there")
        return "welcome"


class PyroServer(Server):
    """A daemon in a thread, and in it for each service an object that opens it.

    Args:
        services: classes and objects by their names; the first has the address.
        only: what of them clients reach.
        itself: serve what there is itself, not what opens it: not every codec carries a proxy.
    """

    def __init__(
        self, daemon: Any, services: Mapping[Any, Any], only: Collection[str] | None = None, *, itself: bool = False
    ) -> None:
        self._daemon = daemon
        self._targets = [target for target in services.values() if not isinstance(target, type)]
        self._name = next(iter(services))
        classes = {target if isinstance(target, type) else type(target) for target in services.values()}
        classes.update(*map(exposed_beside, classes))
        try:
            for cls in classes:
                expose(cls, only)
            for name, target in services.items():
                daemon.register(target if itself else root(daemon, classes, opener(target)), name)
        except Exception:
            daemon.close()
            raise
        let_leave(daemon, classes)
        self._thread = Thread(target=daemon.requestLoop, daemon=True)

    def __repr__(self) -> str:
        return repr(self._daemon)

    @property
    def url(self) -> str:
        return str(self._daemon.uriFor(self._name, nat=False))

    def start(self) -> None:
        self._daemon.__enter__()
        self._thread.start()

    def stop(self) -> None:
        for target in self._targets:
            if getattr(target, "_pyroDaemon", None) is not None:
                self._daemon.unregister(target)
        self._daemon.shutdown()
        self._thread.join()
        self._daemon.close()

    def wait(self) -> None:
        self._thread.join()


class Opened:
    """Gives what needs not be opened."""

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    def open(self) -> Any:
        return self._proxy


def opener(target: Any) -> Callable[..., Any]:
    """Return what makes an instance of a class, or gives an object to all."""
    return target if isinstance(target, type) else lambda: target


def for_all(settings: Settings) -> dict[str, object]:
    """Return those settings of a server that Pyro5 has once for all servers and clients."""
    config: dict[str, object] = {}
    if "message_bytes" in settings:
        config["MAX_MESSAGE_SIZE"] = settings["message_bytes"]
    if "connections" in settings:
        config |= dict.fromkeys(("THREADPOOL_SIZE", "THREADPOOL_SIZE_MIN"), settings["connections"])
    return config


@contextmanager
def configured(**settings: object) -> Generator[None]:
    """Set what is set for all of Pyro5, for a while."""
    before = {setting: getattr(Pyro5.config, setting) for setting in settings}
    try:
        for setting, value in settings.items():
            setattr(Pyro5.config, setting, value)
        yield
    finally:
        for setting, value in before.items():
            setattr(Pyro5.config, setting, value)


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
