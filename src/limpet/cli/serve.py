"""``limpet serve``: listen until told to stop."""

from __future__ import annotations

import argparse
import errno
import logging
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn

import limpet
from limpet.cli.report import UsageError, complain, origin, show
from limpet.cli.service import BrokenModuleError, find, load

__all__ = ["add_command", "run"]

LISTEN: Final = "limpet://127.0.0.1:7373"
_LOG_FORMAT: Final = "%(asctime)s %(name)s %(levelname)s: %(message)s"


class _Stop(BaseException):
    """A signal asked for the end."""


def add_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``serve`` to the commands."""
    parser = add_parser(
        "serve",
        help="serve a class, an object, a dict of services or functions of a module",
        description="Serve what a module has, until Ctrl-C or SIGTERM.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("service", metavar="MODULE:NAME", help="what to serve, as in bank:Account or sums:add,double")
    parser.add_argument("--listen", metavar="URL", default=LISTEN, help="where to listen (%(default)s); port 0 is any")
    parser.add_argument(
        "--allow", metavar="NET", action="append", help="let in this address or network alone; may be repeated"
    )
    parser.add_argument("--shared", action="store_true", help="serve one object to all sessions")
    parser.add_argument(
        "--types", metavar="MODULE:NAME", help="dataclasses and enums that go by value, as in shapes:Point,Color"
    )
    parser.add_argument("--results", choices=["copy"], help="send plain results by value, not by reference")
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--concurrent", action="store_true", help="run calls of one session side by side")
    order.add_argument("--serial", action="store_true", help="run calls of all sessions one at a time")
    parser.add_argument("--keys", metavar="FILE", help="let in only who proves one of the keys in this file")
    parser.add_argument("--local", choices=["anyone"], help="let in any user of this machine, without a proof")
    parser.add_argument(
        "--log", metavar="LEVEL", type=int, choices=range(4), default=0, help="show messages on standard error, 1 to 3"
    )


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes; return the exit status.

    Raises:
        UsageError: if it cannot be served as asked.
    """
    _set_up_logs(options.log)
    try:
        service = load(options.service, shared=options.shared)
        types = find(options.types) if options.types else []
    except BrokenModuleError as broken:
        complain(f"{broken} cannot be imported:")
        show(origin(broken.__cause__ or broken, "limpet", "importlib"), sys.stderr)
        return 1
    with suppress(_Stop), _signals():
        _serve(service, types, options)
    return 0


def _serve(service: Any, types: list[Any], options: argparse.Namespace) -> None:
    settings: dict[str, Any] = {
        name: value
        for name in ("allow", "results", "concurrent", "serial", "local", "keys")
        # Not by its truth: an empty --keys would serve everybody.
        if (value := getattr(options, name)) is not None and value is not False
    }
    with _refusals(options):
        if types:
            settings["profile"] = limpet.Profile.local(codecs=(limpet.MsgpackCodec(types),))
        server = limpet.Server(service, options.listen, **settings)
    try:
        with _refusals(options):
            server.start()
        print(f"serving {options.service} at {server.url}", flush=True)
        server.wait()
    finally:
        server.stop()


@contextmanager
def _refusals(options: argparse.Namespace) -> Generator[None]:
    """Turn what a server refuses at its start into a line for the user."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UsageError(f"cannot listen at {options.listen}: {error.strerror or error}") from None
        raise UsageError(
            f"cannot listen at {options.listen}: something else does; end that, or choose another with --listen "
            "(limpet://127.0.0.1:0 takes any free port)"
        ) from None
    except (ValueError, OverflowError) as error:  # a ConfigurationError, or an address no socket takes
        raise UsageError(f"cannot serve {options.service} at {options.listen}: {error}") from None


def _set_up_logs(level: int) -> None:
    logging.basicConfig(level=logging.WARNING, format=_LOG_FORMAT)
    limpet.log(level)


@contextmanager
def _signals() -> Generator[None]:
    """Make the first SIGINT or SIGTERM a `_Stop`; a second SIGINT, while it stops, is an interrupt."""

    def stop(_number: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise _Stop

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
