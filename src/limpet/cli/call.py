"""``limpet call``: one call from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import limpet
from limpet.cli.report import UsageError, show, tell
from limpet.cli.target import add_options, connect, open_service, split, within

__all__ = ["add_command", "run"]

_EPILOG = """\
Each argument is a Python literal if it is one, else a str; NAME=VALUE is a keyword argument.
To pass the text 5 or a=b as such, quote it for Python too: "'5'".
"""


def add_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``call`` to the commands."""
    parser = add_parser(
        "call",
        help="call a method of what is served, and print what it returns",
        description="Open a session, call one method, or read one attribute, and print the result.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_options(parser)
    parser.add_argument("member", metavar="METHOD", help="the method or attribute; with dots, that of an attribute")
    parser.add_argument("arguments", metavar="ARG", nargs="*", default=[], help="its arguments")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="how long to wait, in all")


def run(options: argparse.Namespace) -> int:
    """Make the call, print its result, and return the exit status.

    Raises:
        UsageError: if there is no server, or none that lets us in.
    """
    names = _names(options.member)
    with within(options.timeout), connect(options) as session:
        try:
            found = _member(open_service(session, options), names)
            args, kwargs = split(options.arguments)
            show(_shown(found(*args, **kwargs) if callable(found) or args or kwargs else found))
        except UsageError:
            raise
        except Exception as error:
            tell(error)
            return 1
    return 0


def _names(dotted: str) -> list[str]:
    names = dotted.split(".")
    for name in names:
        # A proxy has such names too; they are its own, and not those of the object it stands for.
        if name.startswith("_") or not name.isidentifier():
            raise UsageError(f"{name!r} cannot be a remote name: it takes an identifier that begins with a letter")
    return names


def _member(found: Any, names: list[str]) -> Any:
    for name in names:
        if not limpet.is_proxy(found):
            raise UsageError(f"there is no {name!r} to be had: what stands before it is no object of the server's")
        found = getattr(found, name)
    return found


def _shown(result: Any) -> str:
    if limpet.is_proxy(result):
        try:
            return repr(limpet.copy(result))
        except limpet.LimpetError:
            pass
    return repr(result)
