"""limpet, as its users write it: a class that is served, and a proxy of an instance."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import limpet
from benchmarks.contender import ENTRIES, VALUE, Contender, Session

__all__ = ["Limpet"]

URL = "limpet://127.0.0.1:{}"


class Subject:
    """What is served: one instance for each open."""

    def __init__(self) -> None:
        self.value = VALUE
        self.entries = dict(ENTRIES)

    def null(self) -> None:
        """Do nothing."""

    def add(self, left: int, right: int) -> int:
        return left + right

    def echo(self, data: bytes) -> bytes:
        return data


class ProxySession(Session):
    """The round trips of a proxy."""

    def __init__(self, subject: Any) -> None:
        self._subject = subject
        self._entries: Any = None

    def null(self) -> object:
        return self._subject.null()

    def add(self, left: int, right: int) -> object:
        return self._subject.add(left, right)

    def attribute(self) -> object:
        return self._subject.value

    def item(self, key: str) -> object:
        if self._entries is None:  # a proxy of the dict, got once
            self._entries = self._subject.entries
        return self._entries[key]

    def echo(self, data: bytes) -> object:
        return self._subject.echo(data)


class Limpet(Contender):
    """limpet with its defaults."""

    @contextmanager
    def serve(self) -> Generator[int]:
        with limpet.Server(Subject, URL.format(0), local="anyone") as server:
            yield int(server.url.rpartition(":")[2])

    @contextmanager
    def connect(self, port: int) -> Generator[Session]:
        with limpet.connect(URL.format(port)) as session:
            yield ProxySession(session.open())
