"""Servers that let in who proves a key, over real sockets."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import limpet
from limpet.drivers.keyfile import add_key, new_key, remove_keys, write_key
from limpet.errors import ConfigurationError, ConnectRefused, SessionClosed
from limpet.sansio import Connection, Peer, Phase
from limpet.testing import DriverContract, DriverSession
from limpet.testing.driver import until
from tests.conformance.test_threads_driver import Tcp

ADA, BOB, EVE = new_key("ada"), new_key("bob"), new_key("eve")


class WhoAmI:
    def name(self) -> str | None:
        return limpet.peer().identity


@pytest.fixture
def url() -> Iterator[str]:
    with limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=limpet.KeyRing([ADA])) as server:
        yield server.url


def test_served_code_knows_who_calls(url: str) -> None:
    with limpet.connect(url, key=ADA) as session:
        assert session.open().name() == "ada"


@pytest.mark.parametrize(
    ("key", "hint"), [(None, "no key was given"), (EVE, "may not take this key")], ids=["no key", "another's"]
)
def test_nobody_else_gets_in_and_the_next_one_does(url: str, key: limpet.Key | None, hint: str) -> None:
    with pytest.raises(ConnectRefused, match=hint):
        limpet.connect(url, key=key)
    with limpet.connect(url, key=ADA) as session:
        assert session.open().name() == "ada"


def test_guesses_at_keys_are_taken_down_once_a_second(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "limpet"):
        for _ in range(20):
            with pytest.raises(ConnectRefused):
                limpet.connect(url, key=EVE)
        until(lambda: "refused peer=127.0.0.1:" in caplog.text)
        limpet.connect(url, key=ADA).close()
    refused = [record for record in caplog.records if record.getMessage().startswith("refused peer=")]
    assert 1 <= len(refused) < 20
    assert {record.name for record in refused} == {"limpet.audit"}


def test_a_client_with_a_key_speaks_to_no_server_without() -> None:
    with limpet.Server(WhoAmI, "limpet://127.0.0.1:0") as server:
        with pytest.raises(ConnectRefused):
            limpet.connect(server.url, key=ADA)
        with limpet.connect(server.url) as session:
            assert session.open().name() is None


def test_keys_come_from_files(tmp_path: Path) -> None:
    write_key(tmp_path / "ada.key", ADA)
    add_key(tmp_path / "clients.keys", EVE)
    add_key(tmp_path / "clients.keys", ADA)
    with (
        limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=tmp_path / "clients.keys") as server,
        limpet.connect(server.url, key=str(tmp_path / "ada.key")) as session,
    ):
        assert session.open().name() == "ada"
    (tmp_path / "ada.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        limpet.connect(server.url, key=tmp_path / "ada.key")


def test_a_changed_file_lets_in_and_out_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "clients.keys"
    add_key(path, ADA)
    add_key(path, BOB)
    with (
        caplog.at_level(logging.WARNING, "limpet.audit"),
        limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=path) as server,
        limpet.connect(server.url, key=BOB) as stays,
    ):
        service = stays.open()
        gone = limpet.connect(server.url, key=ADA)
        asked = gone.open()
        assert asked.name() == "ada"
        remove_keys(path, "ada")
        add_key(path, EVE)
        until(lambda: gone.is_closed)
        with pytest.raises(SessionClosed, match="revoked"):
            asked.name()
        with pytest.raises(ConnectRefused):
            limpet.connect(server.url, key=ADA)
        until(lambda: bool(server.profile.keys and server.profile.keys.get(EVE.id)))
        with limpet.connect(server.url, key=EVE) as session:
            assert session.open().name() == "eve"
        assert "revoked peer=" in caplog.text
        path.write_text("nonsense\n")
        until(lambda: "the keys stay as they were" in caplog.text)
        assert service.name() == "bob"
        with limpet.connect(server.url, key=EVE) as session:
            assert session.open().name() == "eve"


def test_keys_replaced_during_a_handshake_are_judged_again() -> None:
    with limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=limpet.KeyRing([ADA])) as server:
        url = urlsplit(server.url)
        profile = limpet.Profile.local(key=ADA)
        late = Connection.client(profile, peer=Peer(), clock=time.monotonic, entropy=os.urandom)
        with socket.create_connection((url.hostname, url.port), timeout=20) as sock:
            sock.sendall(b"".join(late.outgoing()))
            while late.phase is Phase.HELLO:
                late.receive(sock.recv(1_000))
            server.replace_keys(limpet.KeyRing([EVE]))
            sock.sendall(b"".join(late.outgoing()))
            while data := sock.recv(1_000):
                late.receive(data)
        assert late.session is not None
        assert "revoked" in str(late.session.ended)


@pytest.mark.parametrize("keys", [[], EVE, b"x" * 32], ids=["list", "key", "bytes"])
def test_what_is_no_key_is_named(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^keys= is the path"):
        limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=keys)
    if keys is not EVE:
        with pytest.raises(ConfigurationError, match=r"^key= is the path"):
            limpet.connect("limpet://127.0.0.1:1", key=keys)


def test_a_server_that_nobody_could_connect_to_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "clients.keys").touch(0o600)
    for keys in (limpet.KeyRing([]), tmp_path / "clients.keys"):
        with pytest.raises(ConfigurationError, match="nobody could connect"):
            limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=keys)


@pytest.mark.parametrize("keys", [None, "clients.keys", [ADA]])
def test_only_a_key_ring_replaces_one(keys: Any) -> None:
    with limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=limpet.KeyRing([ADA])) as server:
        with pytest.raises(ConfigurationError, match="KeyRing"):
            server.replace_keys(keys)
        with pytest.raises(ConnectRefused):
            limpet.connect(server.url)


def test_a_finalizer_that_waits_keeps_no_other_revoked_session_alive() -> None:
    going = threading.Event()

    class Slow(WhoAmI):
        def __del__(self) -> None:
            going.wait(20)

    with limpet.Server(Slow, "limpet://127.0.0.1:0", keys=limpet.KeyRing([ADA])) as server:
        sessions = [limpet.connect(server.url, key=ADA) for _ in range(4)]
        for session in sessions:
            assert session.open().name() == "ada"
        server.replace_keys(limpet.KeyRing([EVE]))
        until(lambda: all(session.is_closed for session in sessions))
        going.set()


def test_a_relative_path_is_that_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    add_key(Path("clients.keys"), ADA)
    with (
        limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys="clients.keys") as server,
        limpet.connect(server.url, key=ADA) as session,
    ):
        monkeypatch.chdir("/")
        remove_keys(tmp_path / "clients.keys", "ada")
        until(lambda: session.is_closed)


def test_a_server_without_keys_gets_none() -> None:
    with (
        limpet.Server(WhoAmI, "limpet://127.0.0.1:0") as server,
        pytest.raises(ConfigurationError, match="takes no proofs"),
    ):
        server.replace_keys(limpet.KeyRing([ADA]))


def test_with_keys_nobody_is_warned_of_local_users(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "limpet.audit"):
        with limpet.Server(WhoAmI, "limpet://127.0.0.1:0", keys=limpet.KeyRing([ADA])):
            pass
        assert "every user of this machine" not in caplog.text


class Sealed(Tcp):
    """The threads driver on loopback, each session proven and encrypted."""

    def serve(self, service: object, **options: object) -> object:  # type: ignore[override]
        return super().serve(service, keys=limpet.KeyRing([ADA]), **options)

    def connect(self, url: str) -> DriverSession:
        return limpet.connect(url, key=ADA)


class TestSealed(DriverContract):
    driver = Sealed()  # type: ignore[assignment]
