"""URLs and their sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from limpet.drivers.threads.address import DEFAULT_PORT, DEFAULT_URL, Address, connect, listen, parse_url, prepare
from limpet.errors import ConfigurationError, ConnectRefused


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("limpet://127.0.0.1:5", Address("127.0.0.1", 5)),
        ("limpet://127.0.0.1:5/", Address("127.0.0.1", 5)),
        ("limpet://127.0.0.1", Address("127.0.0.1", DEFAULT_PORT)),
        ("limpet://localhost:0", Address("localhost", 0)),
        ("limpet://[::1]:5", Address("::1", 5)),
        ("LIMPET://Example:65535", Address("example", 65_535)),
        ("limpet+unix:///run/user/1/a.sock", Address("", 0, Path("/run/user/1/a.sock"))),
        (DEFAULT_URL, Address("127.0.0.1", DEFAULT_PORT)),
    ],
)
def test_what_a_url_names(url: str, address: Address) -> None:
    assert parse_url(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is no URL"),
        ("127.0.0.1:5", "is no URL"),
        ("http://127.0.0.1:5", "is no URL"),
        ("limpet://", "is no URL"),
        ("limpet://:5", "is no URL"),
        ("limpet://127.0.0.1:65536", "is no URL"),
        ("limpet://127.0.0.1:x", "is no URL"),
        ("limpet://[::1:5", "is no URL"),
        ("limpet://127.0.0.1:5/path", "is no URL"),
        ("limpet+unix://relative/a.sock", "is no URL"),
        ("limpet+unix:a.sock", "is no URL"),
        ("limpet://ada@127.0.0.1:5", "no names or secrets"),
        ("limpet://ada:secret@127.0.0.1:5", "no names or secrets"),
        ("limpet://127.0.0.1:5?a=b", "query or fragment"),
        ("limpet+unix:///a#b", "query or fragment"),
        ("limpets://127.0.0.1:5", "not available yet"),
    ],
)
def test_what_is_no_url(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        parse_url(url)
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize("url", [("127.0.0.1", 7373), b"limpet://127.0.0.1", None])
def test_a_url_is_text(url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"a URL is text such as 'limpet:.*', not"):
        parse_url(url)


@pytest.mark.parametrize("url", ["limpet://127.0.0.1:5", "limpet://[::1]:5", "limpet+unix:///run/a.sock"])
def test_an_address_is_shown_as_its_url(url: str) -> None:
    assert str(parse_url(url)) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_port_0_takes_any_free_one(host: str) -> None:
    listener, address = listen(Address(host, 0))
    with listener:
        assert address.port > 0
        assert address.host == host
        assert not listener.getblocking()
        with connect(address, 5) as client:
            accepted, _ = listener.accept()
            with accepted:
                assert prepare(accepted, 0.01).is_local
                assert prepare(client, 0.01).port == address.port


def test_a_port_that_is_taken() -> None:
    listener, address = listen(Address("127.0.0.1", 0))
    with listener, pytest.raises(OSError, match="in use"):
        listen(address)


def test_a_unix_socket_is_the_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.sock"
    listener, address = listen(Address("", 0, path))
    with listener:
        assert address.path == path
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        with connect(address, 5) as client:
            accepted, _ = listener.accept()
            with accepted:
                assert prepare(accepted, 0.01).uid == os.geteuid()
                assert prepare(client, 0.01).address is None


@pytest.mark.parametrize(
    ("mode", "advised"),
    [(0o755, "{folder}/limpet/a.sock"), (0o701, "{folder}/limpet/a.sock"), (0o777, "{home}/.limpet/a.sock")],
)
def test_a_folder_that_is_open_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, advised: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ConfigurationError, match="is not yours alone") as caught:
        listen(Address("", 0, folder / "a.sock"))
    assert not (folder / "a.sock").exists()
    advice = str(caught.value).rpartition(" such as ")[2]
    assert advice == "limpet+unix://" + advised.format(folder=folder, home=tmp_path)
    listener, _ = listen(parse_url(advice))
    listener.close()


def test_nobody_is_told_to_close_a_folder_that_all_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(ConfigurationError) as caught:
        listen(Address("", 0, shared / "a.sock"))
    assert "chmod" not in str(caught.value)
    assert str(tmp_path / ".limpet" / "a.sock") in str(caught.value)


def test_a_folder_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    tmp_path.chmod(0o700)
    with pytest.raises(ConfigurationError, match=r"is not yours alone.*/\.limpet/a\.sock$"):
        listen(Address("", 0, tmp_path / "a.sock"))


def test_what_a_dead_server_left_is_taken_over(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    address = Address("", 0, tmp_path / "a.sock")
    first, _ = listen(address)
    first.close()
    second, _ = listen(address)
    with second, connect(address, 5):
        pass


def test_what_a_living_server_has_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    address = Address("", 0, tmp_path / "a.sock")
    first, _ = listen(address)
    with first:
        with pytest.raises(OSError, match="in use"):
            listen(address)
        with connect(address, 5):
            pass


def test_a_file_is_never_taken_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "a.sock").write_text("mine")
    with pytest.raises(OSError, match="in use"):
        listen(Address("", 0, tmp_path / "a.sock"))
    assert (tmp_path / "a.sock").read_text() == "mine"


def test_nobody_listens(tmp_path: Path) -> None:
    listener, address = listen(Address("127.0.0.1", 0))
    listener.close()
    with pytest.raises(ConnectRefused, match=rf"no server at limpet://127\.0\.0\.1:{address.port}: Connection refused"):
        connect(address, 5)
    with pytest.raises(ConnectRefused, match="No such file"):
        connect(Address("", 0, tmp_path / "a.sock"), 5)
    with pytest.raises(ConnectRefused, match="too long"):
        connect(Address("", 0, tmp_path / ("a" * 200)), 5)


def test_a_socket_gives_the_thread_back_when_nothing_comes() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        prepare(ours, 0.02)
        assert ours.getblocking()
        with pytest.raises(BlockingIOError):
            ours.recv(1)


def test_a_peer_that_is_gone_already() -> None:
    with socket.socket() as sock, pytest.raises(OSError, match="not connected"):
        prepare(sock, 1)


def test_a_system_that_does_not_tell_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert prepare(ours, 1).uid is None


def test_a_socket_whose_queue_is_full_is_somebodys(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(str(path))
        listener.listen(0)
        waiting.connect(str(path))
        with pytest.raises(OSError, match="in use"):
            listen(Address("", 0, path))
        assert path.exists()
