"""limpet, with real sockets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import fields
from typing import Any, ClassVar, Unpack, cast
from unittest.mock import patch
from urllib.parse import urlsplit

import limpet
from limpet.drivers.threads import workers
from limpet.policy import Level
from tests.conformance.system import Future, Server, Session, Settings, System

__all__ = ["SYSTEM"]

CODECS: Any = {codec.name: codec for codec in limpet.Profile.local().codecs}
LIMITS = frozenset(field.name for field in fields(limpet.Limits))


class Limpet(System):
    """limpet with its defaults."""

    name = "limpet"
    settings: ClassVar = (
        *("shared", "at", "port", "seen_at", "allow", "only", "stack", "concurrent", "rest_seconds"),
        *LIMITS,
    )
    facade = "limpet"
    nonsense: ClassVar = {"frame_bytes": -1}
    own = (limpet.LimpetError,)
    misuse = (limpet.ConfigurationError, TypeError)
    denied = (limpet.AccessDenied,)
    unsendable = (limpet.EncodeError, limpet.AccessDenied)
    late = (limpet.CallTimeout,)
    lost = (limpet.SessionError,)

    @property
    def version(self) -> str:
        return limpet.__version__

    @contextmanager
    def host(self, kind: type, **settings: Unpack[Settings]) -> Generator[str]:
        served = shareable(kind()) if settings.get("shared") else kind
        place = url(settings.get("at", "127.0.0.1"), settings.get("port", 0))
        rest = settings.get("rest_seconds", workers._IDLE_SECONDS)
        with (
            patch.object(workers, "_IDLE_SECONDS", rest),
            limpet.Server(served, place, **options(settings)) as server,
        ):
            yield server.url

    def connect(self, address: str) -> AbstractContextManager[Session]:
        return limpet.connect(address)

    def timeout(self, seconds: float, proxy: Any) -> AbstractContextManager[None]:
        return limpet.timeout(seconds)

    def timeouts(self, seconds: float) -> AbstractContextManager[None]:
        return limpet.timeout(seconds)

    def oneway(self, proxy: Any, name: str, *args: object) -> None:
        limpet.oneway(getattr(proxy, name), *args)

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        with limpet.timeout(seconds) if seconds else nullcontext():
            return limpet.later(method, *args)

    def server(self, kind: type) -> Server:
        return limpet.Server(kind, url())

    def publish(self, target: object) -> Server:
        return limpet.Server(target, url())

    def default_host(self) -> str:
        return urlsplit(limpet.Server(object).url).hostname or ""

    def address(self, host: str, port: int) -> str:
        return url(host, port)

    def addresses(self) -> Mapping[str, str]:
        as_given = ("limpet://127.0.0.1:7373", "limpet://localhost:80", "limpet://[::1]:7373", "limpet+unix:///run/a/b")
        return {**dict(zip(as_given, as_given, strict=True)), "limpet://127.0.0.1": "limpet://127.0.0.1:7373"}

    def shown(self, address: str) -> str:
        return limpet.Server(object, address).url

    def codecs(self) -> Mapping[str, int]:
        return {name: codec.id for name, codec in CODECS.items()}

    @contextmanager
    def speaking(self, kind: type, codec: str) -> Generator[Session]:
        profile = limpet.Profile.local(codecs=(CODECS.get(codec, codec),))
        with (
            limpet.Server(kind, url(), profile=profile) as server,
            limpet.connect(server.url, profile=profile) as session,
        ):
            yield session

    def configure(self, **settings: Any) -> None:
        limpet.Server(object, limits=limpet.Limits(**settings))

    def caller(self) -> object:
        return limpet.peer()

    def carried(self, function: Callable[[], object]) -> object:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(copy_context().run, function).result()

    @contextmanager
    def named(self, services: Mapping[Any, Any]) -> Generator[str]:
        with limpet.Server({name: shareable(target) for name, target in services.items()}, url()) as server:
            yield server.url

    def service(self, session: Session, name: str) -> Session:
        return cast("limpet.ClientSession", session).service(name)

    def reference(self, target: object) -> Any:
        return limpet.ref(target)

    def copy(self, proxy: Any) -> Any:
        return limpet.copy(proxy)

    def prefetch(self, iterator: Any, count: int) -> Iterator[Any]:
        return limpet.prefetch(iterator, count)

    def release(self, proxy: Any) -> None:
        limpet.release(proxy)

    def ping(self, session: Session) -> None:
        cast("limpet.ClientSession", session).ping()

    def close(self, session: Session) -> None:
        cast("limpet.ClientSession", session).close()

    def mark(self, target: Any) -> Any:
        return limpet.expose(target)


SYSTEM = Limpet()


def shareable(target: object) -> object:
    """Return what is said to share ``target``, if it does not speak for itself."""
    return limpet.ref(target) if isinstance(target, list | dict) else target


def url(place: str = "127.0.0.1", port: int = 0) -> str:
    """Return the URL of an address, or of the path of a Unix socket."""
    if place.startswith("/"):
        return f"limpet+unix://{place}"
    return f"limpet://[{place}]:{port}" if ":" in place else f"limpet://{place}:{port}"


def options(settings: Settings) -> dict[str, Any]:
    """Return what a server is told of settings."""
    limits: dict[str, Any] = {name: value for name, value in settings.items() if name in LIMITS}
    if "message_bytes" in limits:
        limits["frame_bytes"] = min(limpet.Limits().frame_bytes, limits["message_bytes"])
    return {
        "allow": settings.get("allow"),
        "limits": limpet.Limits(**limits),
        "exposure": limpet.Exposure.only(*settings["only"]) if "only" in settings else None,
        "concurrent": settings.get("concurrent", False),
        "profile": None if settings.get("stack", True) else silent(),
    }


def silent() -> limpet.Profile:
    """Return the profile of a server that keeps its errors to its own log."""
    return limpet.Profile.local(errors=limpet.ErrorPolicy(local=Level.REFERENCE))
