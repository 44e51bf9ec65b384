"""A client's session: connect, open, call, close."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from limpet.drivers.keyfile import read_key
from limpet.drivers.threads.address import connect as connect_socket
from limpet.drivers.threads.address import parse_url, prepare
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.deadline import bounded, deadline_of_caller, seconds_until
from limpet.drivers.threads.housekeeping import housekeeping
from limpet.drivers.threads.line import READ_BYTES
from limpet.errors import ConfigurationError, ConnectRefused, SessionError
from limpet.framing.keys import Key
from limpet.objects.dispatch import Dispatch
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.proxy import check_name
from limpet.peer import Peer
from limpet.profile import Profile
from limpet.session.connection import Connection, Phase
from limpet.session.messages import Kind

__all__ = ["ClientSession", "RemoteService", "connect"]

T = TypeVar("T")
_RECEIVE_SECONDS: Final = 1.0
"""How often a reader that gets nothing looks at the clock."""
_OPEN: Final = int(Kind.OPEN)


class RemoteService:
    """One of the named services of a server."""

    __slots__ = ("_channel", "_name")

    def __init__(self, channel: Channel, name: str) -> None:
        self._channel = channel
        self._name = name

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served: a new instance made with these arguments, or the shared object.

        Raises:
            AccessDenied: if there is no such service, it takes no arguments, or a name cannot go over the wire.
            SessionError: if the session is over.
            Exception: what making the instance raised.
        """
        for name in (*((self._name,) if self._name else ()), *kwargs):
            check_name(name)
        return self._channel.ask(_OPEN, 0, [self._name, [*args], kwargs])

    def open_as(self, interface: type[T], *args: Any, **kwargs: Any) -> T:  # noqa: ARG002 - for type checkers alone
        """Return what `open` returns; for a type checker it is an ``interface``."""
        return cast(T, self.open(*args, **kwargs))


class ClientSession(RemoteService):
    """A session with a server. Any number of threads may share it.

    Made by `connect`. Use it in a ``with`` block, or close it.
    """

    __slots__ = ("url",)

    def __init__(self, channel: Channel, url: str) -> None:
        super().__init__(channel, "")
        self.url: str = url

    def service(self, name: str) -> RemoteService:
        """Return the service of that name. Nothing is asked of the server yet."""
        return RemoteService(self._channel, name)

    def ping(self) -> float:
        """Return how many seconds the server takes to answer, whatever else it runs.

        Raises:
            CallTimeout: if the deadline of ``limpet.timeout`` passed.
            SessionError: if the session is over.
        """
        began = time.monotonic()
        with self._channel.lock:
            pending = self._channel.session.ping()
            self._channel.locked_send()
        self._channel.wait(pending, deadline_of_caller())
        if pending.failure is not None:
            raise pending.failure.anew()
        return time.monotonic() - began

    @property
    def peer(self) -> Peer:
        """Return who is at the other end."""
        return self._channel.connection.peer

    @property
    def is_closed(self) -> bool:
        """Tell whether the session is over."""
        return self._channel.connection.phase is Phase.CLOSED

    def close(self) -> None:
        """End the session: what is waited for fails, the server lets go of everything. Twice is harmless."""
        self._channel.release_dropped()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<session with {self.url}{', closed' if self.is_closed else ''}>"


def connect(
    url: str, *, timeout: float | None = None, key: Key | str | Path | None = None, profile: Profile | None = None
) -> ClientSession:
    """Connect to a server and return the session.

    Args:
        url: ``limpet://HOST:PORT`` or ``limpet+unix:///PATH``, as the server shows it.
        timeout: seconds for the connection and its handshake together, more than 0; the profile's limit if not given.
        key: what is proven to the server, in place of the profile's: a `Key`, or the path of its
            file. The server proves that it has it, too, and what passes is encrypted.
        profile: policies, limits and codecs; `Profile.local` if not given.

    Raises:
        ConnectRefused: if nobody listens, or the handshake failed or took too long.
        ConfigurationError: if the URL is none of limpet's, or the key no key.
        ValueError: if ``timeout`` is not positive.
    """
    profile = profile or Profile.local()
    if key is not None:
        if not isinstance(key, Key | str | Path):
            raise ConfigurationError(f"key= is the path of a key's file, or a limpet.Key, not a {type(key).__name__}")
        profile = replace(profile, key=key if isinstance(key, Key) else read_key(Path(key)))
    deadline = time.monotonic() + bounded(profile.limits.connect_seconds if timeout is None else timeout)
    address = parse_url(url)
    sock = connect_socket(address, seconds_until(deadline, 0.001))
    try:
        peer = prepare(sock, _RECEIVE_SECONDS)
        connection = Connection.client(profile, peer=peer, clock=time.monotonic, entropy=os.urandom)
        _shake_hands(sock, connection, deadline)
        sock.settimeout(None)
    except TimeoutError as error:
        sock.close()
        raise ConnectRefused(f"no answer from {address} in time") from error
    except OSError as error:
        sock.close()
        if isinstance(error, SessionError):
            raise
        raise ConnectRefused(f"the connection to {address} broke: {error.strerror or error}") from error
    except BaseException:
        sock.close()
        raise
    host = housekeeping()
    channel = Channel(sock, connection, host)
    channel.endpoint = Endpoint(connection, channel, Dispatch(make_tables(profile), profile.names))
    host.adopt(channel)
    return ClientSession(channel, str(address))


def _shake_hands(sock: socket.socket, connection: Connection, deadline: float) -> None:
    """Run the handshake to its end."""
    while connection.phase in (Phase.HELLO, Phase.PROOF):
        sock.settimeout(seconds_until(deadline, 0.001))
        for piece in connection.outgoing():
            sock.sendall(piece)
        data = sock.recv(READ_BYTES)
        if data:
            connection.receive(data)
        else:
            connection.receive_eof()
    if connection.failure is not None:
        raise connection.failure
