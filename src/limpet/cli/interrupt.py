"""Ctrl-C at a prompt: put off while a message is half written or half read.

Raised in the middle of one it would cost the session, for nobody could tell how much of it
the other side has.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from limpet.drivers.threads.line import Line

__all__ = ["putting_off"]

_AGAIN_SECONDS: Final = 0.001


@contextmanager
def putting_off() -> Generator[None]:
    """Let SIGINT raise KeyboardInterrupt in the block, as soon as no message is half done.

    For the main thread. What handled the signal before does so again afterwards.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    if not _is_inside_message(frame):
        raise KeyboardInterrupt
    again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    again.daemon = True
    again.start()


def _is_inside_message(frame: FrameType | None) -> bool:
    """Tell whether a line's lock is held, maybe by what was interrupted."""
    while frame is not None:
        line = frame.f_locals.get("self")
        if isinstance(line, Line) and line.lock.locked():
            return True
        frame = frame.f_back
    return False
