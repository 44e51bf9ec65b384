"""How long the calls of a block of code may take together."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["deadline_of_caller", "timeout"]

_LONGEST: Final = 10.0**8
"""About three years: longer is for ever."""

_deadline: ContextVar[float | None] = ContextVar("limpet.deadline", default=None)

deadline_of_caller = _deadline.get


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
    if not seconds > 0:
        raise ValueError(f"a timeout must be more than 0 seconds, not {seconds!r}")
    deadline = time.monotonic() + min(seconds, _LONGEST)
    outer = _deadline.get()
    token = _deadline.set(deadline if outer is None else min(outer, deadline))
    try:
        yield
    finally:
        _deadline.reset(token)
