"""A client's session."""

from __future__ import annotations

import gc
import math
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.client import ClientSession, RemoteService, connect
from limpet.errors import AccessDenied, CallTimeout, ConfigurationError, ConnectRefused, SessionClosed, SessionLost
from limpet.session.messages import Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import RawServer
from tests.support.wire import Message


class Account:
    """What is served."""

    def __init__(self, owner: str = "", *, balance: int = 0) -> None:
        self.owner, self.balance = owner, balance


def test_a_session() -> None:
    with limpet.Server(Account, "limpet://127.0.0.1:0") as server:
        with connect(server.url) as session:
            assert isinstance(session, ClientSession)
            account = session.open("Ada", balance=5)
            assert (account.owner, account.balance) == ("Ada", 5)
            typed = session.open_as(Account, "Bob")
            assert typed.owner == "Bob"
            assert repr(session) == f"<session with {server.url}>"
            assert repr(server) == f"<server at {server.url}>"
            assert session.peer.port == int(server.url.rpartition(":")[2])
            assert 0 <= session.ping() < 5
        assert session.is_closed
        assert repr(session) == f"<session with {server.url}, closed>"
        with pytest.raises(SessionClosed):
            session.open()
        session.close()


def test_a_unix_socket(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    url = f"limpet+unix://{tmp_path / 'a.sock'}"
    with limpet.Server(Account, url), connect(url) as session:
        assert session.url == url
        assert session.peer.uid is not None
        assert session.open("Ada").owner == "Ada"


def test_named_services() -> None:
    with limpet.Server({"accounts": Account}, "limpet://127.0.0.1:0") as server, connect(server.url) as session:
        service = session.service("accounts")
        assert isinstance(service, RemoteService)
        assert service.open("Ada").owner == "Ada"
        with pytest.raises(AccessDenied):
            session.service("missing").open()


def test_a_ping_has_a_deadline() -> None:
    with RawServer() as server:
        connecting = Task(connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            with pytest.raises(CallTimeout), limpet.timeout(0.05):
                session.ping()
            assert peer.hear().kind == Kind.PING
            # A session that does not answer one may answer the next.
            pinging = Task(session.ping)
            peer.say(Message(int(Kind.PONG), 0, peer.hear(Kind.PING).id))
            assert pinging.result() >= 0


def test_a_ping_of_a_session_that_ends() -> None:
    with RawServer() as server:
        connecting = Task(connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            pinging = Task(session.ping)
            peer.hear(Kind.PING)
            peer.close()
            with pytest.raises(SessionLost):
                pinging.result()


def test_closing_tells_what_was_dropped_and_says_goodbye() -> None:
    with RawServer() as server:
        connecting = Task(connect, server.url)
        with server.accept() as peer, connecting.result() as session:
            asking = Task(session.open)
            peer.say(Message(int(Kind.RETURN), 0, peer.hear().id, payload=b"\x05"))
            assert asking.result() == 5
            session.close()
            assert peer.goodbye() is limpet.Code.DONE


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1", "limpets://127.0.0.1:1"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(url)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectRefused, match="no server at"):
        connect(f"limpet://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0.05}, {"profile": limpet.Profile.local(limits=limpet.Limits(connect_seconds=0.05))}],
    ids=["timeout", "limits"],
)
def test_nobody_answers(options: dict[str, Any]) -> None:
    with RawServer() as server:
        began = time.monotonic()
        with pytest.raises(ConnectRefused, match=f"no answer from {server.url} in time"):
            connect(server.url, **options)
        assert 0.04 < time.monotonic() - began < 2


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_no_time_to_connect(seconds: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        connect("limpet://127.0.0.1:1", timeout=seconds)


def test_all_the_time_there_is_to_connect() -> None:
    with limpet.Server(dict, "limpet://127.0.0.1:0") as server, connect(server.url, timeout=math.inf) as session:
        assert session.open() == {}


def test_a_byte_now_and_then_makes_it_no_longer() -> None:
    with RawServer() as server:
        connecting = Task(lambda: connect(server.url, timeout=0.2))
        with server.accept(shake=False) as peer:
            peer.sock.recv(4_096)
            pause = threading.Event()
            while not connecting.is_done:
                peer.try_to_send(b"\0")
                pause.wait(0.02)
            with pytest.raises(ConnectRefused):
                connecting.result()


def test_the_other_side_is_no_server() -> None:
    with RawServer() as server:
        connecting = Task(connect, server.url)
        with server.accept(shake=False) as peer:
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with pytest.raises(ConnectRefused, match=r"handshake failed: .* no limpet server"):
                connecting.result()


def test_the_other_side_hangs_up() -> None:
    with RawServer() as server:
        for reset in (False, True):
            connecting = Task(connect, server.url)
            with server.accept(shake=False) as peer:
                if not reset:
                    peer.sock.recv(4_096)
            with pytest.raises(ConnectRefused):
                connecting.result()


def test_the_session_ends_with_its_handshake() -> None:
    with RawServer() as server:
        connecting = Task(connect, server.url)
        with server.accept() as peer:
            peer.say(Message(int(Kind.GOODBYE), 0, int(limpet.Code.SHUTDOWN)))
            peer.close()
            try:
                session = connecting.result()
            except SessionClosed:
                return  # It came with the handshake's last bytes.
            with pytest.raises(SessionClosed):
                session.open()


def test_an_interrupt_while_connecting_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with RawServer() as server, monkeypatch.context() as patch:
        patch.setattr("limpet.drivers.threads.client._shake_hands", interrupt)
        with pytest.raises(KeyboardInterrupt):
            connect(server.url)
        with server.accept(shake=False) as peer:
            assert peer.rest() == b""


def test_a_session_that_is_not_closed_is_not_lost_sight_of() -> None:
    with limpet.Server(Account, "limpet://127.0.0.1:0") as server:
        session = connect(server.url)
        proxy = session.open("Ada")
        channel = session._channel
        del session
        gc.collect()
        assert proxy.owner == "Ada"
        channel.close()
        until(lambda: server.sessions == 0)
