"""limpet, with real sockets."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import limpet
from tests.conformance.system import Future, Session, System

__all__ = ["SYSTEM"]


class Limpet(System):
    """limpet with its defaults."""

    name = "limpet"
    denied = (limpet.AccessDenied,)
    late = (limpet.CallTimeout,)
    lost = (limpet.SessionError,)

    @property
    def version(self) -> str:
        return limpet.__version__

    @contextmanager
    def host(self, kind: type, *, shared: bool = False) -> Generator[str]:
        with limpet.Server(kind() if shared else kind, "limpet://127.0.0.1:0") as server:
            yield server.url

    def connect(self, address: str) -> AbstractContextManager[Session]:
        return limpet.connect(address)

    def timeout(self, seconds: float, proxy: Any) -> AbstractContextManager[None]:
        return limpet.timeout(seconds)

    def later(self, method: Callable[..., Any], *args: object) -> Future:
        return limpet.later(method, *args)


SYSTEM = Limpet()
