"""Servers: where they listen, what they serve, and what is left when they, or their clients, have gone."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar
from unittest import SkipTest
from weakref import WeakSet

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.process import server_process
from tests.conformance.system import System


class Guest:
    _guests: ClassVar[WeakSet[Guest]] = WeakSet()

    def __init__(self, name: str = "nobody") -> None:
        self._name = name
        self._guests.add(self)

    def name(self) -> str:
        return self._name

    def present(self) -> int:
        return len(self._guests)


@behaviour("R24", "A client's instance is made when it comes, and let go when it leaves")
def comes_and_leaves(system: System) -> None:
    with system.serve(Guest) as address, system.connect(address) as session:
        host = session.open("host")
        alone = host.present()

        def visit() -> None:
            with system.connect(address) as other:
                guest = other.open("guest")
                assert guest.name() == "guest"
                assert host.present() == alone + 1

        visit()
        until(lambda: host.present() == alone, "it is never let go")


@behaviour("R28", "A client makes an instance of a served class with arguments of its own, and uses it")
def with_arguments(system: System) -> None:
    with system.session(Guest) as session:
        ada, grace = session.open("Ada"), session.open(name="Grace")
        assert (ada.name(), grace.name()) == ("Ada", "Grace")


class Host:
    def name(self) -> str:
        return "host"


@behaviour("R25", "A service is reached under its name, and not under another")
def named_services(system: System) -> None:
    with system.named({"guest": Guest, "host": Host}) as address, system.connect(address) as session:
        guests, hosts = system.service(session, "guest"), system.service(session, "host")
        assert guests.open("Ada").name() == "Ada"
        assert hosts.open().name() == "host"
        with raises(*system.denied, *system.lost):
            system.service(session, "ghost").open()
        assert hosts.open().name() == "host"


@behaviour("R17", "A server in a child process is used, and the process exits with 0 after it")
def child_process(system: System) -> None:
    with server_process(system, Guest) as server:
        with system.connect(server.address) as session:
            assert session.open("Ada").name() == "Ada"
        code = server.stop()
        assert code == 0, f"it exits with {code}"


@behaviour("R44", "A server that stops closes its listener and lets go of its clients and their objects")
def stopped(system: System) -> None:
    with system.serve(Guest) as lasting, system.connect(lasting) as observer, ExitStack() as stack:
        host = observer.open("host")
        alone = host.present()
        with system.serve(Guest) as address:
            guest = stack.enter_context(system.connect(address)).open("Ada")
            assert guest.name() == "Ada"
        with raises(*system.lost):
            guest.name()
        with raises(*system.lost), system.connect(address) as late:
            late.open()
        until(lambda: host.present() == alone, "the objects are never let go")


def answers(system: System, place: str) -> str:
    """Return what a server says that listens there."""
    with system.session(Guest, at=place) as session:
        guest = session.open("Ada")
        with raises(TypeError):
            guest.name("more")
        return str(guest.name())


@behaviour("R37", "A server listens, and a client connects, on ::1")
def ipv6(system: System) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        raise SkipTest("this machine has no ::1") from error
    assert answers(system, "::1") == "Ada"


@behaviour("R62", "The same calls work over TCP and over a Unix socket")
def unix_socket(system: System) -> None:
    with TemporaryDirectory() as folder:
        for place in ("127.0.0.1", str(Path(folder, "guests"))):
            assert answers(system, place) == "Ada"
