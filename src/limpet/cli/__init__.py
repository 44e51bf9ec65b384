"""The ``limpet`` command: serve what a module has, and use what is served.

    limpet serve bank:Account
    limpet call limpet://127.0.0.1:7373 deposit 5 --open Ada
    limpet describe limpet://127.0.0.1:7373 --open Ada
    limpet shell limpet://127.0.0.1:7373 --open Ada
    limpet keys new ada

Status: 0 done, 1 the call failed, 2 the command cannot do what it was asked, 130 interrupted.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, Final

from limpet._version import __version__
from limpet.cli import call, describe, keys, serve, shell
from limpet.cli.report import UsageError, complain

__all__ = ["main"]

_OPTION: Final = re.compile(r"-(?![\d.])")
"""A word that is an option, and no number below 0."""


class _Parser(argparse.ArgumentParser):
    """Takes the arguments of a call wherever they stand: argparse stops taking them at the first option."""

    def parse_known_args(self, *args: Any, **kwargs: Any) -> tuple[Any, list[str]]:
        options, rest = super().parse_known_args(*args, **kwargs)
        if "arguments" in options:
            options.arguments += [word for word in rest if not _OPTION.match(word)]
            rest = [word for word in rest if _OPTION.match(word)]
        return options, rest


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        argv: the arguments without the program's name; those of this process by default.

    Raises:
        SystemExit: as argparse does it, with 2 for words it does not know, and 0 after ``--help``.
    """
    options = _parser().parse_args(argv)
    try:
        status: int = options.run(options)
    except UsageError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> _Parser:
    parser = _Parser(prog="limpet", description="Serve Python objects to other processes, and use them.")
    parser.add_argument("--version", action="version", version=f"limpet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve.add_command(commands.add_parser)
    call.add_command(commands.add_parser)
    describe.add_command(commands.add_parser)
    shell.add_command(commands.add_parser)
    keys.add_command(commands.add_parser)
    return parser
