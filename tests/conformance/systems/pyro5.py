"""Pyro5: a registered object that makes what is opened, and registers it.

The serialiser is the default one, with bytes as bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from threading import Thread
from typing import Any, ClassVar

import Pyro5.api
import Pyro5.errors
from Pyro5.serializers import serializers

from limpet.policy.exposure import is_exposed
from tests.conformance.system import Feature, NotOffered, Session, System, public_members

__all__ = ["SYSTEM"]

Pyro5.config.SERPENT_BYTES_REPR = True


class Pyro(System):
    """Pyro5 with its threaded server."""

    name = "Pyro5"
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
    def host(self, kind: type, *, shared: bool = False) -> Generator[str]:
        daemon = Pyro5.api.Daemon(host="127.0.0.1")

        classes = {kind, *exposed_beside(kind)}
        for cls in classes:
            expose(cls)

        def register_what_is_returned() -> None:
            for serializer in serializers.values():
                for cls in classes:
                    serializer.register_type_replacement(cls, proxy_of)

        def proxy_of(target: Any) -> Any:
            if getattr(target, "_pyroDaemon", None) is None:
                daemon.register(target)
                register_what_is_returned()  # registering has put a replacement of its own there
            return daemon.proxyFor(target)

        register_what_is_returned()
        one = kind() if shared else None

        @Pyro5.api.expose
        class Root:
            def open(self, *args: Any, **kwargs: Any) -> Any:
                return kind(*args, **kwargs) if one is None else one

        uri = daemon.register(Root)
        thread = Thread(target=daemon.requestLoop, daemon=True)
        thread.start()
        try:
            yield str(uri)
        finally:
            daemon.shutdown()
            thread.join()
            daemon.close()

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


SYSTEM = Pyro()


def exposed_beside(kind: type) -> list[type]:
    """Return the classes of the module of ``kind`` that are marked to leave by reference."""
    module = vars(sys.modules[kind.__module__])
    return [cls for cls in module.values() if isinstance(cls, type) and is_exposed(cls)]


def expose(kind: type) -> None:
    """Put Pyro5's marks on the members that clients are to reach."""
    if kind.__module__ == "builtins":
        raise NotOffered("only classes of your own")
    for name, member in public_members(kind).items():
        if not Pyro5.server.is_private_attribute(name) and (callable(member) or isinstance(member, property)):
            Pyro5.api.expose(member)
