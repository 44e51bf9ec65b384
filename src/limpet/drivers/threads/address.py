"""Where a server listens and a client connects: URLs and their sockets."""

from __future__ import annotations

import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from limpet.errors import ConfigurationError, ConnectRefused
from limpet.peer import Peer, parse_address

__all__ = ["DEFAULT_PORT", "DEFAULT_URL", "Address", "connect", "listen", "parse_url", "prepare"]

DEFAULT_PORT = 7373
DEFAULT_URL = f"limpet://127.0.0.1:{DEFAULT_PORT}"


@dataclass(frozen=True, slots=True)
class Address:
    """A place to listen at or connect to.

    Attributes:
        host: a name or IP address; empty for a Unix socket.
        port: 0 asks for any free one.
        path: of a Unix socket; None for TCP.
    """

    host: str
    port: int
    path: Path | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"limpet+unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"limpet://{host}:{self.port}"


def parse_url(url: str) -> Address:
    """Return the address that ``url`` names.

    Args:
        url: ``limpet://HOST:PORT`` or ``limpet+unix:///PATH``.

    Raises:
        ConfigurationError: if it is none of these; says what is wrong with it.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"a URL is text such as {DEFAULT_URL!r}, not {url!r:.60}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{url!r} is no URL of limpet's: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("a URL of limpet's carries no names or secrets")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{url!r} has a query or fragment; a URL of limpet's has neither")
    match parts.scheme:
        case "limpet" if parts.hostname and parts.path in ("", "/"):
            return Address(parts.hostname, DEFAULT_PORT if port is None else port)
        case "limpet+unix" if not parts.netloc and parts.path.startswith("/"):
            return Address("", 0, Path(parts.path))
        case "limpets":
            raise ConfigurationError(
                "limpets:// (TLS) is not available yet; use limpet:// on loopback, or limpet+unix://"
            )
        case _:
            raise ConfigurationError(f"{url!r} is no URL of limpet's: limpet://HOST:PORT or limpet+unix:///PATH")


def listen(address: Address) -> tuple[socket.socket, Address]:
    """Return a listening socket that never blocks, and the address with the port it got.

    Raises:
        OSError: if the address cannot be bound.
        ConfigurationError: if a Unix socket's folder is another's or open to others.
    """
    if address.path is not None:
        return _listen_unix(address.path), address
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        sock = socket.create_server((address.host, address.port), family=family, backlog=1024)
    except OSError as error:
        error.add_note("choose another port, or port 0, which takes any that is free")
        raise
    sock.setblocking(False)
    return sock, Address(address.host, sock.getsockname()[1])


def _listen_unix(path: Path) -> socket.socket:
    """Listen so that no other user can connect at any moment: the folder is closed before the socket is there."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"{folder} is not yours alone; put the socket into a folder of its own, which limpet makes, "
            f"such as {Address('', 0, _own_place(path, found))}"
        )
    if path.is_socket() and not _is_alive(path):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _own_place(path: Path, folder: os.stat_result) -> Path:
    """Return a place for the socket ``path`` that can be its owner's alone, given what its folder is.

    It is never that folder with another mode: others may need it as it is.
    """
    if folder.st_uid == os.geteuid() and not stat.S_IMODE(folder.st_mode) & 0o022:
        return path.parent / "limpet" / path.name
    return Path(os.path.expanduser("~/.limpet"), path.name)  # noqa: PTH111 - Path's own raises if there is no home


def _is_alive(path: Path) -> bool:
    """Tell whether somebody listens at a socket file, or it was left behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # One whose queue is full listens, too: this must not wait for it.
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True
    return True


def connect(address: Address, seconds: float) -> socket.socket:
    """Return a connected, blocking socket.

    Raises:
        ConnectRefused: if nobody listens there, or does not answer in time.
    """
    try:
        if address.path is None:
            return socket.create_connection((address.host, address.port), seconds)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect(str(address.path))
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise ConnectRefused(f"no server at {address}: {error.strerror or error}") from error
    return sock


def prepare(sock: socket.socket, receive_seconds: float) -> Peer:
    """Set a connected socket up, and return who is at its other end.

    Args:
        sock: accepted or connected.
        receive_seconds: how long a read may wait before it gives the thread back. The
            kernel counts it: Python's own timeout costs a poll a read.

    Raises:
        OSError: if the peer is gone already.
    """
    sock.setblocking(True)
    seconds, rest = divmod(receive_seconds, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(seconds), int(rest * 1_000_000)))
    if sock.family == socket.AF_UNIX:
        return Peer(uid=_peer_uid(sock))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    host, port = sock.getpeername()[:2]
    return Peer(parse_address(host), port)


def _peer_uid(sock: socket.socket) -> int | None:
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)
