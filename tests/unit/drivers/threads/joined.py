"""A channel on one end of a socket pair, with a peer at the other that says what the test wants."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from limpet.drivers.threads.address import prepare
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.line import Line
from limpet.framing.handshake import ClientHandshake, Proof, Ready, ServerHandshake
from limpet.limits import Limits
from limpet.objects.dispatch import Dispatch
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.services import catalog
from limpet.profile import Profile
from limpet.session.connection import Connection
from tests.integration.raw import RawPeer
from tests.support.wire import framed

__all__ = ["Host", "joined", "open_session"]


class Host:
    """Does nothing of its own accord, and remembers what it was told."""

    def __init__(self, *, watches_each: bool = True) -> None:
        self.watches_each = watches_each
        self.is_pressed = False
        self.attended: list[Line] = []
        self.ran: list[Line] = []
        self.forgotten: list[Line] = []
        self.told = Event()

    def attend(self, line: Line, /) -> None:
        self.attended.append(line)
        self.told.set()

    def run_soon(self, line: Line, /) -> None:
        self.ran.append(line)
        self.told.set()

    def forget(self, line: Line, /) -> None:
        self.forgotten.append(line)
        line.sock.close()
        self.told.set()


def open_session(connection: Connection) -> None:
    """Take a connection through its handshake, without a network."""
    if connection.is_server:
        connection.receive(ClientHandshake([1], Limits()).hello)
        connection.receive(framed(Proof().pack()))
    else:
        handshake = ServerHandshake([1], Limits())
        handshake.receive(b"".join(connection.outgoing()))
        connection.receive(handshake.answer)
        connection.outgoing()
        connection.receive(framed(Ready(bytes(16), 1, 0, bytes(32)).pack()))
    while connection.outgoing():
        pass
    assert connection.session is not None


@contextmanager
def joined(
    service: object = None,
    *,
    host: Host | None = None,
    receive_seconds: float = 0.05,
    opened: bool = True,
    concurrent: bool = False,
    send_bytes: int | None = None,
    **limits: Any,
) -> Iterator[tuple[Channel, RawPeer, Host]]:
    """Give a channel, its peer and its host; the channel is a server's if there is a ``service``."""
    profile = Profile.local(limits=Limits(**limits))
    ours, theirs = socket.socketpair()
    if send_bytes is not None:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    host = host or Host()
    peer = prepare(ours, receive_seconds)
    if service is None:
        connection = Connection.client(profile, peer=peer, clock=time.monotonic, entropy=os.urandom)
        dispatch = Dispatch(make_tables(profile), profile.names)
    else:
        connection = Connection.server(
            profile, peer=peer, clock=time.monotonic, entropy=os.urandom, concurrent=concurrent
        )
        tables, services = make_tables(profile), catalog(service)
        for served in services.values():
            tables.served(served.cls)
        dispatch = Dispatch(tables, profile.names, services)
    channel = Channel(ours, connection, host)
    if opened:
        open_session(connection)
        channel.endpoint = Endpoint(connection, channel, dispatch)
    with ours, RawPeer(theirs) as raw:
        try:
            yield channel, raw, host
            connection.check()
        finally:
            channel.close()
