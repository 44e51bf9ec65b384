"""Ctrl-C at a prompt: put off while a message is half written or half read.

Raised in the middle of one it would cost the session, for nobody could tell how much of it
the other side has.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread, main_thread
from types import FrameType
from typing import Final

from limpet.drivers.threads.line import Line

__all__ = ["putting_off"]

_TAKEN_SECONDS: Final = 0.05


@contextmanager
def putting_off() -> Generator[None]:
    """Let SIGINT raise KeyboardInterrupt in the block, as soon as no message is half done.

    For the main thread. What handled the signal before does so again afterwards.
    """
    before = signal.signal(signal.SIGINT, _Interrupter().handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Interrupter:
    """Handles SIGINT: at once, or by a thread that first takes the lock under which messages are written and read."""

    def __init__(self) -> None:
        self._is_granted = False
        self._taken = Event()

    def handle(self, _number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, or see to it that this is called again when it may."""
        line = None if self._is_granted else _line_inside(frame)
        if line is None:
            self._is_granted = False
            self._taken.set()
            raise KeyboardInterrupt
        Thread(target=self._grant, args=(line,), name="limpet-interrupt", daemon=True).start()

    def _grant(self, line: Line) -> None:
        # Whoever waits for the lock in turn gets it: in a loop of calls it is held most of the time, and to look
        # now and then whether it is free could take for ever. The main thread has it not while this one has it.
        with line.lock:
            self._taken.clear()
            self._is_granted = True
            signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)
            self._taken.wait(_TAKEN_SECONDS)
            # It may have come just before the main thread began to wait for this very lock: then it waits on, is
            # interrupted inside, and this has to begin again.
            self._is_granted = False


def _line_inside(frame: FrameType | None) -> Line | None:
    """Return the line whose lock is held, maybe by what was interrupted."""
    while frame is not None:
        line = frame.f_locals.get("self")
        if isinstance(line, Line) and line.lock.locked():
            return line
        frame = frame.f_back
    return None
