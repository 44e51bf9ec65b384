"""limpet, with real sockets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from typing import Any, ClassVar, Unpack, cast

import limpet
from limpet.policy import Level
from tests.conformance.system import Future, Session, Settings, System

__all__ = ["SYSTEM"]

LIMITS = frozenset(field.name for field in fields(limpet.Limits))


class Limpet(System):
    """limpet with its defaults."""

    name = "limpet"
    settings: ClassVar = ("shared", "at", "only", "stack", *LIMITS)
    denied = (limpet.AccessDenied,)
    late = (limpet.CallTimeout,)
    lost = (limpet.SessionError,)

    @property
    def version(self) -> str:
        return limpet.__version__

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        served = kind() if settings.get("shared") else kind
        with limpet.Server(served, url(settings.get("at", "127.0.0.1")), **options(settings)) as server:
            yield server.url

    def connect(self, address: str) -> AbstractContextManager[Session]:
        return limpet.connect(address)

    def timeout(self, seconds: float, proxy: Any) -> AbstractContextManager[None]:
        return limpet.timeout(seconds)

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        with limpet.timeout(seconds) if seconds else nullcontext():
            return limpet.later(method, *args)

    @contextmanager
    def named(self, services: Mapping[str, type]) -> Generator[str]:
        with limpet.Server(dict(services), url("127.0.0.1")) as server:
            yield server.url

    def service(self, session: Session, name: str) -> Session:
        return cast("limpet.ClientSession", session).service(name)

    def reference(self, target: object) -> Any:
        return limpet.ref(target)

    def copy(self, proxy: Any) -> Any:
        return limpet.copy(proxy)

    def release(self, proxy: Any) -> None:
        limpet.release(proxy)

    def ping(self, session: Session) -> None:
        cast("limpet.ClientSession", session).ping()


SYSTEM = Limpet()


def url(place: str) -> str:
    """Return the URL of an address, or of the path of a Unix socket."""
    if place.startswith("/"):
        return f"limpet+unix://{place}"
    return f"limpet://[{place}]:0" if ":" in place else f"limpet://{place}:0"


def options(settings: Settings) -> dict[str, Any]:
    """Return what a server is told of settings."""
    limits = {name: value for name, value in settings.items() if name in LIMITS}
    return {
        "limits": limpet.Limits(**cast("Any", limits)),
        "exposure": limpet.Exposure.only(*settings["only"]) if "only" in settings else None,
        "profile": None if settings.get("stack", True) else silent(),
    }


def silent() -> limpet.Profile:
    """Return the profile of a server that keeps its errors to its own log."""
    return limpet.Profile.local(errors=limpet.ErrorPolicy(local=Level.REFERENCE))
