"""Addresses: what they look like, and who listens there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.forwarder import Forwarder, port_of
from tests.conformance.system import Feature, System


class Counter:
    def __init__(self) -> None:
        self._count = 0

    def add(self) -> int:
        self._count += 1
        return self._count


def malformed(address: str) -> Iterator[str]:
    """Yield what ``address`` becomes by a mistake."""
    yield from ("", "nonsense", "://", "127.0.0.1")
    yield address.partition(":")[2]
    yield f"x{address}"
    yield f"{address}x"
    yield f"{address}:1"


@behaviour("P2", "An address that is none raises before anything is connected")
def no_address(system: System) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for address in malformed(system.address("127.0.0.1", listener.getsockname()[1])):
            with raises(*system.misuse), system.connect(address):
                pass
        listener.setblocking(False)
        with raises(BlockingIOError):
            listener.accept()


@behaviour("P13", "Addresses of all kinds are shown as they are given, and malformed ones raise")
def shown(system: System) -> None:
    for address, expected in system.addresses().items():
        assert system.shown(address) == expected, f"{address} is shown otherwise"
    for host in ("127.0.0.1", "::1"):
        good = system.address(host, 7373)
        assert system.shown(good) == good
    for address in malformed(system.address("127.0.0.1", 7373)):
        with raises(*system.misuse):
            system.shown(address)
    for port in (-1, 65_536):
        with raises(*system.misuse):
            system.shown(system.address("127.0.0.1", port))


@behaviour("P8", "Connecting where nobody listens raises the library's own error")
def nobody(system: System) -> None:
    with system.serve(Counter) as address:
        pass
    with raises(*system.own), system.connect(address) as session:
        session.open()


@behaviour("P18", "A server and a connection show their address, with the port they really have")
def show_their_address(system: System) -> None:
    with system.server(Counter) as server, system.connect(server.url) as session:
        assert session.open().add() == 1
        port = str(port_of(server.url))
        assert port != "0"
        assert port in repr(server), "the server does not"
        assert port in repr(session), "the connection does not"


@behaviour("P20", "A server on a Unix socket serves, and takes the file away")
def unix_socket(system: System) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        with system.serve(Counter, at=str(path)) as address, system.connect(address) as session:
            assert session.open().add() == 1
            assert path.is_socket()
        assert not path.exists(), "the file stays"


# That address is of this machine, too, and a server can tell it from the usual one.
@behaviour("P27", "A client that the server's policy refuses gets an error, and others are served")
def refused(system: System) -> None:
    with system.serve(Counter, allow="127.0.0.1") as address, Forwarder(source="127.0.0.2") as stranger:
        with raises(*system.lost), system.connect(stranger.through(address)) as session:
            session.open()
        with system.connect(address) as session:
            assert session.open().add() == 1


@expose
class Shell:
    def size(self) -> int:
        return 1


class Beach:
    def find(self) -> Shell:
        return Shell()


@behaviour("P28", "References work through a forwarder with another address", Feature.REFERENCES)
def forwarded(system: System) -> None:
    with (
        Forwarder() as forwarder,
        system.serve(Beach, seen_at=forwarder.port) as address,
        system.connect(forwarder.through(address)) as session,
    ):
        shell = session.open().find()
        before = forwarder.sent
        assert shell.size() == 1
        assert forwarder.sent > before, "the call goes past it"
