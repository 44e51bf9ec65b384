"""``limpet shell``: a Python prompt with a session in scope."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from typing import Any, Final

import limpet
from limpet.cli.console import Console
from limpet.cli.report import complain
from limpet.cli.target import add_options, connect, open_service, opening, within
from limpet.logs import with_article
from limpet.objects.proxy import descriptor_of

__all__ = ["add_command", "run"]

_FAREWELL: Final = "Tab completes, Ctrl-C stops a call, Ctrl-D leaves."


def add_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``shell`` to the commands."""
    parser = add_parser(
        "shell",
        help="a Python prompt with what is served in scope",
        description="Open a session and what is served there, and run Python with both in scope: at a prompt, "
        "or what comes through a pipe.",
    )
    parser.set_defaults(run=run)
    add_options(parser)
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, help="how long connecting, and each input's calls, may take"
    )


def run(options: argparse.Namespace) -> int:
    """Converse until the user leaves, or run what comes through a pipe; return the exit status.

    Raises:
        UsageError: if there is no server, or none that lets us in.
        SystemExit: if the user's code raises it.
    """
    with within(options.timeout):
        session = connect(options)
    with session:
        names: dict[str, Any] = {"__name__": "__console__", "__doc__": None, "limpet": limpet, "session": session}
        with within(options.timeout):
            _open(names, session, options)
        console = Console(names, opening(options), options.timeout, options.key)
        if sys.stdin.isatty():
            console.converse(_greeting(names, session))
            return 0
        console.run_script(sys.stdin.buffer.read())
        return console.status


def _open(names: dict[str, Any], session: limpet.ClientSession, options: argparse.Namespace) -> None:
    try:
        names["proxy"] = open_service(session, options)
    except Exception as error:
        notes = getattr(error, "__notes__", ())
        complain(" ".join((f"the service could not be opened: {type(error).__name__}: {error}", *notes)))


def _greeting(names: dict[str, Any], session: limpet.ClientSession) -> str:
    lines = [f"limpet {limpet.__version__}, Python {platform.python_version()}. In scope:"]
    if "proxy" in names:
        lines.append(f"  proxy    {_about(names['proxy'])}")
    lines.append(f"  session  with {session.url}; session.open() opens what is served")
    lines.append("  limpet   the package: limpet.copy(proxy), limpet.timeout(5), ...")
    return "\n".join([*lines, _FAREWELL])


def _about(found: Any) -> str:
    if not limpet.is_proxy(found):
        return with_article(type(found))
    descriptor = descriptor_of(found)
    return ": ".join(filter(None, (descriptor.name, descriptor.doc)))
