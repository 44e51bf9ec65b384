"""How connections end: by their client, by the server, or by what is in them."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import SECONDS, raises, until
from tests.conformance.forwarder import Forwarder, port_of
from tests.conformance.process import server_process
from tests.conformance.system import Feature, System

GARBAGE = (b"\xff" * 65_536, b"GET / HTTP/1.1\r\nHost: " + b"x" * 65_536)


class Echo:
    def echo(self, text: str) -> str:
        return text


@behaviour("P62", "A server stops cleanly while idle clients are connected")
def stop_with_idle_clients(system: System) -> None:
    with ExitStack() as clients:
        with server_process(system, Echo) as server:
            sessions = [clients.enter_context(system.connect(server.address)) for _ in range(3)]
            echoes = [session.open() for session in sessions]
            assert [echo.echo("hello") for echo in echoes] == ["hello"] * 3
            assert server.stop() == 0, "it ends with an error"
        for echo in echoes:
            with raises(*system.lost):
                echo.echo("still there?")


class Lamp:
    """Is lit until it is let go."""

    lit = 0

    def __init__(self) -> None:
        Lamp.lit += 1

    def __del__(self) -> None:
        Lamp.lit -= 1


class Lighthouse:
    def __init__(self) -> None:
        self._lamp = Lamp()

    def lit(self) -> int:
        return Lamp.lit


@behaviour("P63", "What a client's instance holds is closed when that client leaves, and not before")
def closed_when_its_client_leaves(system: System) -> None:
    with system.serve(Lighthouse) as address, system.connect(address) as session:
        mine = session.open()
        with system.connect(address) as other:
            yours = other.open()
            assert [mine.lit(), yours.lit()] == [2, 2]
        del yours
        until(lambda: mine.lit() == 1, "it is never closed")


@behaviour("P64", "A connection is closed twice without harm, and a new one works", Feature.CONNECTIONS)
def closed_twice(system: System) -> None:
    with system.serve(Echo) as address:
        with system.connect(address) as session:
            assert session.open().echo("first") == "first"
            system.close(session)
            system.close(session)
        with system.connect(address) as session:
            assert session.open().echo("second") == "second"


def is_ended(port: int, garbage: bytes) -> bool:
    """Tell whether the server at ``port`` ends a connection that begins so."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as stranger:
        try:
            stranger.sendall(garbage)
            while stranger.recv(65_536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


@behaviour(
    "P72",
    "Garbage before or after the handshake closes that connection, and the next one works",
    Feature.CONNECTIONS,
)
def garbage(system: System) -> None:
    for data in GARBAGE:
        with Forwarder() as forwarder, system.serve(Echo, seen_at=forwarder.port) as address:
            assert is_ended(port_of(address), data), "it waits for more of the garbage"
            with system.connect(forwarder.through(address)) as session:
                echo = session.open()
                assert echo.echo("hello") == "hello"
                forwarder.inject(data)
                until(lambda: forwarder.ended, "it waits for more of the garbage")
                with raises(*system.lost):
                    echo.echo("hello")
            with system.connect(address) as session:
                assert session.open().echo("next") == "next"
