"""``limpet call``: one call from the command line."""

from __future__ import annotations

import argparse
import ast
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import limpet
from limpet.cli.report import UsageError, complain, origin, show
from limpet.errors import LimpetError, RemoteError

__all__ = ["add_command", "run", "value"]

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
    parser.add_argument("url", metavar="URL", help="where the server is, as it printed it")
    parser.add_argument("member", metavar="METHOD", help="the method or attribute; with dots, that of an attribute")
    parser.add_argument("arguments", metavar="ARG", nargs="*", help="its arguments")
    parser.add_argument(
        "--open", metavar="ARG", action="append", default=[], help="an argument for the constructor; may be repeated"
    )
    parser.add_argument("--service", metavar="NAME", help="which of the named services to open")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="how long to wait, in all")


def run(options: argparse.Namespace) -> int:
    """Make the call, print its result, and return the exit status.

    Raises:
        UsageError: if there is no server, or none that lets us in.
    """
    names = _names(options.member)
    with ExitStack() as stack:
        session = _connect(stack, options)
        try:
            found = _member(_open(session, options), names)
            args, kwargs = _split(options.arguments)
            show(_shown(found(*args, **kwargs) if callable(found) or args or kwargs else found))
        except UsageError:
            raise
        except LimpetError as error:
            if isinstance(error, RemoteError):
                show(origin(error, "limpet"), sys.stderr)
            else:
                complain(f"{type(error).__name__}: {error}")
            return 1
        except Exception as error:
            show(origin(error, "limpet"), sys.stderr)
            return 1
    return 0


def value(word: str) -> Any:
    """Return what ``word`` of the command line stands for: a literal's value, else itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd literals such as 0or
            return ast.literal_eval(word)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return word


def _connect(stack: ExitStack, options: argparse.Namespace) -> limpet.ClientSession:
    try:
        if options.timeout is None:
            return stack.enter_context(limpet.connect(options.url))
        stack.enter_context(limpet.timeout(options.timeout))
        return stack.enter_context(limpet.connect(options.url, timeout=options.timeout))
    except (LimpetError, OSError, ValueError) as error:
        raise UsageError(str(error)) from None


def _open(session: limpet.ClientSession, options: argparse.Namespace) -> Any:
    service = session if options.service is None else session.service(options.service)
    args, kwargs = _split(options.open)
    try:
        return service.open(*args, **kwargs)
    except TypeError as error:
        error.add_note("(Arguments for the constructor are given with --open.)")
        raise


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


def _split(words: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    args, kwargs = [], {}
    for word in words:
        name, equals, rest = word.partition("=")
        if equals and name.isidentifier():
            kwargs[name] = value(rest)
        else:
            args.append(value(word))
    return args, kwargs


def _shown(result: Any) -> str:
    if limpet.is_proxy(result):
        try:
            return repr(limpet.copy(result))
        except LimpetError:
            pass
    return repr(result)
