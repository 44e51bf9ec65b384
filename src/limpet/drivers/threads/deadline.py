"""How long the calls of a block of code may take together."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["bounded", "deadline_of_caller", "seconds_until", "timeout"]

_LONGEST: Final = 10.0**8
"""About three years: longer is for ever."""
_LONGEST_WAIT: Final = 10.0**6
"""About twelve days: some system calls count milliseconds in 31 bits."""

_deadline: ContextVar[float | None] = ContextVar("limpet.deadline", default=None)

deadline_of_caller: Final[Callable[[], float | None]] = _deadline.get


def seconds_until(deadline: float, least: float = 0.0) -> float:
    """Return how many seconds are left, at least ``least``, and at most what the system takes as a timeout."""
    return min(max(least, deadline - time.monotonic()), _LONGEST_WAIT)


def bounded(seconds: float) -> float:
    """Return ``seconds``, or as many as the system can count if they are more.

    Raises:
        ValueError: if they are not more than 0.
    """
    if not seconds > 0:
        raise ValueError(f"a timeout must be more than 0 seconds, not {seconds!r}")
    return min(seconds, _LONGEST)


@contextmanager
def timeout(seconds: float) -> Generator[None]:
    """Let the remote calls inside the ``with`` block take so many seconds, all together.

    The innermost and the soonest deadline counts. A call that is too slow raises
    `CallTimeout` here, and is cancelled on the other side.

    Args:
        seconds: from now; more than 0.

    Raises:
        ValueError: if ``seconds`` is not positive.
    """
    deadline = time.monotonic() + bounded(seconds)
    outer = _deadline.get()
    token = _deadline.set(deadline if outer is None else min(outer, deadline))
    try:
        yield
    finally:
        _deadline.reset(token)
