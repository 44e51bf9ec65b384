"""What the command tells its user: errors in one line each, and a peer's text made harmless."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType
from typing import Final, TextIO

from limpet.logs import printable

__all__ = ["UsageError", "complain", "origin", "show"]

_WIDTH: Final = 100_000
"""Of one line. What is longer is cut."""


class UsageError(Exception):
    """The command cannot do what it was asked; the text says why and what to do."""


def show(text: str, file: TextIO | None = None) -> None:
    """Print ``text``, which may come from a peer: what is not visible is escaped.

    Args:
        text: one or more lines.
        file: where to; standard output by default.
    """
    stream: TextIO = sys.stdout if file is None else file
    encoding = stream.encoding or "ascii"
    for line in text.split("\n"):
        shown = printable(line.replace("\t", "    "), _WIDTH)
        print(shown.encode(encoding, "backslashreplace").decode(encoding), file=stream)
    stream.flush()


def complain(text: str) -> None:
    """Print one line on standard error, with the command's name before it."""
    show(f"limpet: {' '.join(text.split())}", sys.stderr)


def origin(error: BaseException, *own: str) -> str:
    """Return the traceback of ``error`` from where it left the command's own code.

    Args:
        error: what was raised by code that the command ran.
        own: the packages whose frames are left out at the start.
    """
    stack = error.__traceback__
    while stack is not None and _package(stack) in own:
        stack = stack.tb_next
    return "".join(traceback.format_exception(type(error), error, stack)).rstrip()


def _package(stack: TracebackType) -> str:
    name = stack.tb_frame.f_globals.get("__name__")
    return name.partition(".")[0] if isinstance(name, str) else ""
