"""``limpet keys``: what it makes, shows and takes back, and a server and a client that use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from limpet.cli import main
from limpet.drivers.keyfile import read_key, read_keys
from tests.support.commands import serving


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_key_is_in_both_files_and_not_on_the_screen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "ada"]) == 0
    key = read_key(here / "ada.key")
    assert read_keys(here / "clients.keys") == [key]
    shown = capsys.readouterr().out
    assert key.id.hex()[:8] in shown
    assert "clients.keys" in shown
    assert key.reveal().hex()[:8] not in shown


def test_files_of_other_names(here: Path) -> None:
    assert main(["keys", "new", "ada", "--client", "a", "--server", "s"]) == 0
    assert read_keys(here / "s") == [read_key(here / "a")]


def test_the_list_has_names_and_ids(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ada", "evelyn"):
        main(["keys", "new", name])
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    shown = capsys.readouterr().out
    keys = read_keys(here / "clients.keys")
    assert shown.splitlines() == [f"ada     {keys[0].id.hex()}", f"evelyn  {keys[1].id.hex()}"]


def test_keys_are_taken_back_all_or_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "new", "ada"])
    main(["keys", "new", "ada", "--client", "ada-2.key"])
    main(["keys", "new", "eve"])
    first, second, eve = read_keys(here / "clients.keys")
    assert main(["keys", "revoke", "ada", "--id", first.id.hex()[:8]]) == 0
    assert read_keys(here / "clients.keys") == [second, eve]
    assert main(["keys", "revoke", "ada"]) == 0
    assert read_keys(here / "clients.keys") == [eve]
    assert "within a second" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["new", "../ada"], "cannot name a key"),
        (["new", "ada", "--client", "missing/ada.key"], "No such file"),
        (["new", "ada", "--client", "x", "--server", "./x"], "cannot be both"),
        (["list"], "cannot read keys"),
        (["revoke", "nobody", "--server", "clients.keys"], "cannot read keys"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    assert main(["keys", *words]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(("words", "complaint"), [(["eve"], "no such key"), (["ada", "--id", "xyz"], "is no id")])
def test_a_key_that_is_not_there_is_not_taken_back(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str], here: Path
) -> None:
    main(["keys", "new", "ada"])
    assert main(["keys", "revoke", *words]) == 2
    assert complaint in capsys.readouterr().err
    assert len(read_keys(here / "clients.keys")) == 1


def test_a_third_key_leaves_no_file_behind(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        main(["keys", "new", "ada", "--client", f"{number}.key"])
    assert main(["keys", "new", "ada"]) == 2
    assert "two keys" in capsys.readouterr().err
    assert not (here / "ada.key").exists()


def test_a_server_and_clients_with_keys(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "who.py").write_text("import limpet\n\ndef am_i():\n    return limpet.peer().identity\n")
    main(["keys", "new", "ada"])
    with serving("who:am_i", "--keys", "clients.keys", "--listen", "limpet://127.0.0.1:0", cwd=here) as (_, line):
        url = line.split()[-1]
        capsys.readouterr()
        assert main(["call", url, "am_i", "--key", "ada.key"]) == 0
        assert capsys.readouterr().out == "'ada'\n"
        assert main(["call", url, "am_i"]) == 2
        assert main(["call", url, "am_i", "--key", "clients"]) == 2
        assert "cannot read keys" in capsys.readouterr().err
