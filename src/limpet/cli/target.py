"""What a command works on: a server, one of its services, and what opening that gives."""

from __future__ import annotations

import argparse
import ast
import warnings
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import limpet
from limpet.cli.report import UsageError

__all__ = ["add_options", "connect", "open_service", "opening", "split", "value", "within"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which server and service a command works on."""
    parser.add_argument("url", metavar="URL", help="where the server is, as it printed it")
    parser.add_argument(
        "--open", metavar="ARG", action="append", default=[], help="an argument for the constructor; may be repeated"
    )
    parser.add_argument("--service", metavar="NAME", help="which of the named services to open")
    parser.add_argument("--key", metavar="FILE", help="prove the key in this file, and speak to no server without it")


@contextmanager
def within(seconds: float | None) -> Generator[None]:
    """Let what is asked of a server inside the block take so many seconds, all together; None is no bound.

    Raises:
        UsageError: if it is no time at all.
    """
    with ExitStack() as stack:
        if seconds is not None:
            try:
                stack.enter_context(limpet.timeout(seconds))
            except ValueError as error:
                raise UsageError(str(error)) from None
        yield


def connect(options: argparse.Namespace) -> limpet.ClientSession:
    """Return a session with the server that the options name.

    Args:
        options: the URL, the key and how many seconds connecting may take.

    Raises:
        UsageError: if there is no server, or none that lets us in.
    """
    try:
        return limpet.connect(options.url, timeout=options.timeout, key=options.key)
    except (limpet.LimpetError, OSError, ValueError) as error:
        raise UsageError(str(error)) from None


def open_service(session: limpet.ClientSession, options: argparse.Namespace) -> Any:
    """Return what the service gives that the options name.

    Raises:
        Exception: what opening it raised.
    """
    service = session if options.service is None else session.service(options.service)
    args, kwargs = split(options.open)
    try:
        return service.open(*args, **kwargs)
    except TypeError as error:
        error.add_note("(Arguments for the constructor are given with --open.)")
        raise


def opening(options: argparse.Namespace) -> str:
    """Return how a program opens the same."""
    args, kwargs = split(options.open)
    given = ", ".join([*map(repr, args), *(f"{name}={it!r}" for name, it in kwargs.items())])
    service = "" if options.service is None else f".service({options.service!r})"
    return f"session{service}.open({given})"


def split(words: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that ``words`` stand for; ``NAME=VALUE`` is one by keyword."""
    args, kwargs = [], {}
    for word in words:
        name, equals, rest = word.partition("=")
        if equals and name.isidentifier():
            kwargs[name] = value(rest)
        else:
            args.append(value(word))
    return args, kwargs


def value(word: str) -> Any:
    """Return what ``word`` of the command line stands for: a literal's value, else itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd literals such as 0or
            return ast.literal_eval(word)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return word
