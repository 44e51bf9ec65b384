"""What the command tells its user: errors in one line each, and a peer's text made harmless."""

from __future__ import annotations

import sys
import traceback
from types import FrameType
from typing import Final, TextIO

from limpet.errors import LimpetError, RemoteError
from limpet.logs import printable

__all__ = ["UsageError", "complain", "fit", "origin", "show", "tell"]

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
    for line in text.split("\n"):
        print(fit(line, stream), file=stream)
    stream.flush()


def fit(line: str, file: TextIO) -> str:
    """Return ``line`` fit to be printed to ``file``: what is not visible, or not in its encoding, is escaped."""
    encoding = file.encoding or "ascii"
    return printable(line.replace("\t", "    "), _WIDTH).encode(encoding, "backslashreplace").decode(encoding)


def complain(text: str) -> None:
    """Print one line on standard error, with the command's name before it."""
    show(f"limpet: {' '.join(text.split())}", sys.stderr)


def tell(error: Exception) -> None:
    """Print why a remote call failed: limpet's own errors in one line, those of served code with their stack."""
    if isinstance(error, LimpetError) and not isinstance(error, RemoteError):
        complain(f"{type(error).__name__}: {error}")
    else:
        show(origin(error, "limpet"), sys.stderr)


def origin(error: BaseException, *own: str) -> str:
    """Return the traceback of ``error`` and of what it came from, without the command's own part of it.

    Args:
        error: what was raised by code that the command ran.
        own: the packages whose frames are left out.
    """
    told = traceback.TracebackException.from_exception(error)
    left = [(told, error)]
    while left:
        part, source = left.pop()
        frames = (frame for frame, _ in traceback.walk_tb(source.__traceback__))
        part.stack[:] = [entry for entry, frame in zip(part.stack, frames, strict=False) if _package(frame) not in own]
        origins = [(part.__cause__, source.__cause__), (part.__context__, source.__context__)]
        if isinstance(source, BaseExceptionGroup):
            origins += zip(part.exceptions or (), source.exceptions, strict=False)
        left += [(one, its) for one, its in origins if one is not None and its is not None]
    return "".join(told.format()).rstrip()


def _package(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name.partition(".")[0] if isinstance(name, str) else ""
