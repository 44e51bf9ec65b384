from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from limpet.drivers.keyfile import KeyFile, add_key, new_key, read_key, read_keys, remove_keys, write_key
from limpet.errors import ConfigurationError
from limpet.framing.keys import Key

SECRET = bytes(range(32)).hex()


def put(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="latin-1")
    path.chmod(mode)
    return path


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_keys_are_random() -> None:
    assert len({new_key("ada").id for _ in range(100)}) == 100


def test_a_key_is_written_and_read_again(tmp_path: Path) -> None:
    key, path = new_key("ada@example.org"), tmp_path / "ada.key"
    write_key(path, key)
    assert read_key(path) == key
    assert mode_of(path) == 0o600


def test_a_umask_does_not_matter(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_key(tmp_path / "a", new_key("a"))
        add_key(tmp_path / "b", new_key("b"))
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "a") == mode_of(tmp_path / "b") == 0o600


def test_a_key_is_not_written_over_another(tmp_path: Path) -> None:
    path = tmp_path / "ada.key"
    write_key(path, new_key("ada"))
    before = path.read_text()
    with pytest.raises(ConfigurationError, match="is there already"):
        write_key(path, new_key("ada"))
    assert path.read_text() == before


def test_a_servers_file_grows_and_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "clients.keys"
    first, second, other = new_key("ada"), new_key("ada"), new_key("eve")
    for key in (first, second, other):
        add_key(path, key)
    assert read_keys(path) == [first, second, other]
    with pytest.raises(ConfigurationError, match="two keys"):
        add_key(path, new_key("ada"))
    assert remove_keys(path, "ada", key_id=first.id) == [first]
    assert remove_keys(path, "eve") == [other]
    assert read_keys(path) == [second]
    with pytest.raises(ConfigurationError, match="no such key"):
        remove_keys(path, "eve")
    assert mode_of(path) == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["clients.keys"]


def test_a_link_to_a_servers_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "clients.keys", tmp_path / "clients.keys"
    link.symlink_to(real)
    first, second = new_key("ada"), new_key("eve")
    add_key(link, first)
    add_key(link, second)
    remove_keys(link, "ada")
    assert link.is_symlink()
    assert read_keys(real) == [second]


def test_keys_added_at_once_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "clients.keys"
    keys = [new_key(f"user{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: add_key(path, key), keys))
    assert {key.id for key in read_keys(path)} == {key.id for key in keys}


def test_what_else_stands_in_a_file_stays(tmp_path: Path) -> None:
    path = put(tmp_path / "keys", f"# of the office\n\nlimpet-key ada {SECRET}")
    add_key(path, new_key("eve"))
    assert [key.name for key in read_keys(path)] == ["ada", "eve"]
    remove_keys(path, "ada")
    assert path.read_text().startswith("# of the office\n\nlimpet-key eve ")


@pytest.mark.parametrize("text", ["", f"limpet-key a {SECRET}\nlimpet-key b {SECRET[::-1]}\n"])
def test_a_clients_file_has_one_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="keys; a client's file has one"):
        read_key(put(tmp_path / "key", text))


@pytest.mark.parametrize(
    "line",
    [
        SECRET,
        f"ada {SECRET}",
        f"limpet-key {SECRET}",
        f"limpet-key ada {SECRET} more",
        f"limpet-key ada {SECRET[:-2]}",
        f"limpet-key ada {SECRET}00",
        f"limpet-key ada {'00' * 32}",
        f"limpet-key ad\x1ba {SECRET}",
        f"limpet-key -ada {SECRET}",
        f"limpet-key ada {'zz' * 32}",
    ],
)
def test_a_line_that_is_not_right_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    path = put(tmp_path / "keys", f"# first\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2") as caught:
        read_keys(path)
    assert SECRET[:16] not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o666, 0o700 | 0o001])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = put(tmp_path / "keys", f"limpet-key ada {SECRET}\n", mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_keys(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "keys", f"limpet-key ada {SECRET}\n")
    os.chown(path, 12_345, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        read_keys(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing"):
        with pytest.raises(ConfigurationError, match=r"is no file|cannot read"):
            read_keys(path)


@pytest.mark.parametrize("text", ["é" * 10, "x" * (1 << 20) + "x"])
def test_what_is_no_file_of_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="no file of keys"):
        read_keys(put(tmp_path / "keys", text))


@pytest.mark.parametrize("name", ["", "a b", "../a", "-a", "a" * 65, "a\n", "é"])
def test_what_cannot_name_a_key(name: str) -> None:
    with pytest.raises(ConfigurationError):
        new_key(name)


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    add_key(path, Key(bytes(range(32)), "ada"))
    before = path.read_text()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        add_key(path, new_key("eve"))
    assert path.read_text() == before
    assert [left.name for left in tmp_path.iterdir()] == ["keys"]


def test_a_file_is_read_again_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "clients.keys"
    first, second = new_key("ada"), new_key("eve")
    add_key(path, first)
    file = KeyFile(path)
    assert file.ring.get(first.id) == first
    assert not file.refresh()
    add_key(path, second)
    assert file.refresh()
    assert not file.refresh()
    assert file.ring.get(second.id) == second


def test_a_file_that_is_not_right_any_more_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clients.keys"
    key = new_key("ada")
    add_key(path, key)
    file = KeyFile(path)
    path.write_text("nonsense")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="line 1"):
            file.refresh()
    path.unlink()
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="cannot read"):
            file.refresh()
    assert file.ring.get(key.id) == key
    add_key(path, key)
    assert file.refresh()
    assert not file.refresh()


def test_a_key_that_was_replaced_within_the_same_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "clients.keys"
    first, second = new_key("ada"), new_key("ada")
    add_key(path, first)
    times = path.stat()
    file = KeyFile(path)
    path.write_text(path.read_text().replace(first.reveal().hex(), second.reveal().hex()))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.refresh()
    assert file.ring.get(first.id) is None
