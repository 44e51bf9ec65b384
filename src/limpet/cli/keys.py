"""``limpet keys``: make, list and take back the keys that clients prove."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from limpet.cli.report import UsageError, show
from limpet.drivers.keyfile import add_key, new_key, read_keys, remove_keys, write_key
from limpet.errors import ConfigurationError
from limpet.framing.keys import KEY_ID_BYTES, Key

__all__ = ["add_command", "run"]

_RING: Final = "clients.keys"
_ID: Final = re.compile(rf"[0-9a-f]{{8,{2 * KEY_ID_BYTES}}}")


def add_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``keys`` to the commands."""
    parser = add_parser(
        "keys",
        help="make, list and take back the keys that clients prove",
        description="Keys of clients: the server has a file with all of them, each client a file with its own.",
    )
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("new", help="make a key, in a file for the client and in the server's file")
    make.add_argument("name", metavar="NAME", help="whom it proves: what served code reads as limpet.peer().identity")
    make.add_argument("--client", metavar="FILE", type=Path, help="the client's file (NAME.key)")
    make.add_argument(
        "--server", metavar="FILE", type=Path, default=Path(_RING), help="the server's file (%(default)s)"
    )
    shown = actions.add_parser("list", help="list the keys of a server's file: names and ids, never the keys")
    shown.add_argument(
        "--server", metavar="FILE", type=Path, default=Path(_RING), help="the server's file (%(default)s)"
    )
    revoke = actions.add_parser("revoke", help="take keys out of the server's file")
    revoke.add_argument("name", metavar="NAME", help="whose")
    revoke.add_argument("--id", metavar="ID", help="only the key whose id begins so; of at least 8 digits")
    revoke.add_argument(
        "--server", metavar="FILE", type=Path, default=Path(_RING), help="the server's file (%(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Do what was asked of the keys; return the exit status.

    Raises:
        UsageError: if it cannot be done.
    """
    try:
        match options.action:
            case "new":
                _make(options.name, options.client or Path(f"{options.name}.key"), options.server)
            case "list":
                _tell(read_keys(options.server))
            case _:
                _revoke(options.name, options.id, options.server)
    except ConfigurationError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{error.filename or options.server}: {error.strerror or error}") from None
    return 0


def _make(name: str, client: Path, server: Path) -> None:
    if client.resolve() == server.resolve():
        raise UsageError(f"{client} cannot be both: the client's file has its key alone, the server's all of them")
    key = new_key(name)
    # The client's first: were the server's file to fail, nobody would be let in by a key that nobody has.
    write_key(client, key)
    try:
        add_key(server, key)
    except BaseException:
        client.unlink()
        raise
    show(f"made a key for {name}, id {_short(key)}")
    show(f"  {client}: bring it to the client by a way that is safe, and nowhere else")
    show(f"  {server}: stays with the server; serve with --keys {server}")


def _tell(keys: Sequence[Key]) -> None:
    width = max((len(key.name) for key in keys), default=0)
    for key in keys:
        show(f"{key.name:<{width}}  {key.id.hex()}")


def _revoke(name: str, start: str | None, server: Path) -> None:
    found = [key for key in read_keys(server) if key.name == name]
    if start is not None:
        if not _ID.fullmatch(start):
            raise UsageError(f"{start!r} is no id: at least 8 digits of one, as `limpet keys list` shows it")
        found = [key for key in found if key.id.hex().startswith(start)]
    if not found:
        raise UsageError(f"{server} has no such key of {name!r}; `limpet keys list` shows what it has")
    for key in found:
        remove_keys(server, name, key_id=key.id)
        show(f"took back the key of {name}, id {_short(key)}")
    show("a server that runs on this file knows within a second, and ends the sessions of the key")


def _short(key: Key) -> str:
    return key.id.hex()[:8]
