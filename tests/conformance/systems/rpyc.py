"""RPyC: a service whose root makes what is opened, with public attributes allowed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any

import rpyc
from rpyc.core.async_ import AsyncResultTimeout
from rpyc.utils.server import ThreadedServer

from tests.conformance.system import Future, Session, System

__all__ = ["SYSTEM"]

# Without this each class had to rename its members: most users' first setting.
CONFIG = {"allow_public_attrs": True}


class Rpyc(System):
    """RPyC with its threaded server."""

    name = "RPyC"
    denied = (AttributeError,)
    late = (AsyncResultTimeout,)
    lost = (EOFError, ConnectionError)

    @property
    def version(self) -> str:
        return version("rpyc")

    @contextmanager
    def host(self, kind: type, *, shared: bool = False) -> Generator[str]:
        one = kind() if shared else None

        class Service(rpyc.Service):  # type: ignore[misc]  # RPyC has no types
            def exposed_open(self, *args: Any, **kwargs: Any) -> Any:
                return kind(*args, **kwargs) if one is None else one

        server = ThreadedServer(Service, hostname="127.0.0.1", port=0, protocol_config=CONFIG)
        server._listen()  # start() does it only in its thread, and a client could be sooner
        thread = Thread(target=server.start, daemon=True)
        thread.start()
        try:
            yield f"{server.host}:{server.port}"
        finally:
            server.close()
            thread.join()

    @contextmanager
    def connect(self, address: str) -> Generator[Session]:
        host, _, port = address.rpartition(":")
        connection = rpyc.connect(host, int(port), config=CONFIG)
        try:
            yield connection.root
        finally:
            connection.close()

    @contextmanager
    def timeout(self, seconds: float, proxy: Any) -> Generator[None]:
        config = object.__getattribute__(proxy, "____conn__")._config
        before = config["sync_request_timeout"]
        config["sync_request_timeout"] = seconds
        try:
            yield
        finally:
            config["sync_request_timeout"] = before

    def later(self, method: Callable[..., Any], *args: object) -> Future:
        return AsyncCall(rpyc.async_(method)(*args))


SYSTEM = Rpyc()


class AsyncCall:
    """RPyC's own kind of future, asked by the usual names."""

    def __init__(self, pending: Any) -> None:
        self._pending = pending

    def done(self) -> bool:
        return bool(self._pending.ready)

    def result(self) -> Any:
        self._pending.wait()
        return self._pending.value
