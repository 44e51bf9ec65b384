"""A Python prompt whose names stand for objects of a server's."""

from __future__ import annotations

import ast
import code
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final

import limpet
from limpet.cli.completion import Completer, completing
from limpet.cli.interrupt import putting_off
from limpet.cli.report import complain, origin, show
from limpet.cli.target import within

__all__ = ["Console"]

_OWN: Final = ("limpet", "code")
"""Whose frames are no part of what the user wrote."""
_SCRIPT: Final = "<stdin>"


class Console(code.InteractiveConsole):
    """Runs what a user writes, and tells what came of it.

    Args:
        names: what is in scope; ``session`` is the session that is watched.
        opening: how the service is opened, for the hint when a session is over.
        seconds: how long the calls of one input may take, all together; None for the limits' own.
        key: the file of the key that is proven, for the hint.
    """

    def __init__(
        self, names: dict[str, Any], opening: str, seconds: float | None = None, key: str | None = None
    ) -> None:
        super().__init__(names)
        self._key = key
        self._names = names
        self._opening = opening
        self._seconds = seconds
        self._mourned: object = None
        """The session of which was said that it is over."""
        self.status: int = 0
        """1 if something raised, 130 if it was an interrupt."""

    def converse(self, greeting: str) -> None:
        """Prompt, and run each input, until the user leaves with Ctrl-D or ``exit()``.

        Raises:
            SystemExit: if that is how the user leaves.
        """
        with completing(Completer(self._names)), self._displaying():
            self.interact(greeting, exitmsg="")

    def run_script(self, text: bytes) -> None:
        """Run ``text`` statement by statement, up to the first that raises; results show as at a prompt.

        Args:
            text: Python. If it is none, nothing of it runs.
        """
        try:
            statements = [
                self.compile.compiler(ast.Interactive([statement]), _SCRIPT, "single")  # type: ignore[arg-type]
                for statement in ast.parse(text, _SCRIPT).body
            ]
        except (SyntaxError, ValueError, OverflowError, RecursionError):
            self.showsyntaxerror(_SCRIPT)
            return
        with self._displaying():
            for statement in statements:
                self.runcode(statement)
                if self.status:
                    return

    def runcode(self, code: CodeType) -> None:
        """Run one input, and say so if the session ended meanwhile."""
        with putting_off(), within(self._seconds):
            super().runcode(code)
        session = self._ended_session()
        if session is not None and session is not self._mourned:
            try:
                session.ping()
            except limpet.SessionError as error:
                self._tell_end(error)

    def showtraceback(self) -> None:
        """Show what was raised: the user's own frames and the server's stack, or a line where that says all."""
        error = sys.exception()
        self.status = 130 if isinstance(error, KeyboardInterrupt) else 1
        if isinstance(error, KeyboardInterrupt):
            self.write("\nKeyboardInterrupt\n")
        elif isinstance(error, limpet.SessionError):
            self._tell_end(error)
        elif error is not None:
            show(origin(error, *_OWN), sys.stderr)

    def showsyntaxerror(self, filename: str | None = None, **settings: Any) -> None:
        """Show what is wrong with an input."""
        self.status = 1
        super().showsyntaxerror(filename, **settings)

    def write(self, data: str) -> None:
        """Print lines on standard error."""
        show(data.removesuffix("\n"), sys.stderr)

    def _ended_session(self) -> limpet.ClientSession | None:
        session = self._names.get("session")
        return session if isinstance(session, limpet.ClientSession) and session.is_closed else None

    def _tell_end(self, error: limpet.SessionError) -> None:
        """Say in one line why a session is over; if it is the one that is watched, also how to go on."""
        told = f"{type(error).__name__}: {error}"
        self._mourned = session = self._ended_session()
        if session is not None:
            key = "" if self._key is None else f", key={self._key!r}"
            told += f"; to go on: session = limpet.connect({session.url!r}{key}); proxy = {self._opening}"
        complain(told)

    @contextmanager
    def _displaying(self) -> Generator[None]:
        """Show results as text that is fit for a terminal, and keep the last as ``_``, in this scope alone."""

        def display(value: object) -> None:
            if value is not None:
                show(repr(value))
                self._names["_"] = value

        before, sys.displayhook = sys.displayhook, display
        try:
            yield
        finally:
            sys.displayhook = before
