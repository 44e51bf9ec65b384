"""The threads driver keeps the contract, over TCP and over a Unix socket."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import limpet
from limpet.testing import DriverContract, DriverSession


class Tcp:
    """The threads driver on loopback."""

    @contextmanager
    def serve(self, service: object, **options: Any) -> Iterator[str]:
        with limpet.Server(service, "limpet://127.0.0.1:0", **options) as server:
            yield server.url
        assert server.sessions == 0

    def connect(self, url: str) -> DriverSession:
        return limpet.connect(url)

    def break_off(self, session: DriverSession) -> None:
        assert isinstance(session, limpet.ClientSession)
        session._channel.sock.shutdown(socket.SHUT_RDWR)


class Unix(Tcp):
    """The threads driver on a Unix socket."""

    @contextmanager
    def serve(self, service: object, **options: Any) -> Iterator[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "socket"
            with limpet.Server(service, f"limpet+unix://{path}", **options) as server:
                yield server.url
            assert server.sessions == 0
            assert not path.exists()


class TestTcp(DriverContract):
    driver = Tcp()


class TestUnix(DriverContract):
    driver = Unix()
