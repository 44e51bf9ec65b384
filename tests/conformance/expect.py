"""What behaviours check with: each failure says in a few words what was wrong, the same words each time."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event
from time import monotonic

__all__ = ["Caught", "raises", "until"]

SECONDS = 5.0
"""How long anything may take before it counts as not happening."""


class Caught:
    """Holds the error that a block raised, once it has."""

    error: Exception


@contextmanager
def raises(*expected: type[Exception]) -> Generator[Caught]:
    """Catch what the block raises, and give it.

    Raises:
        AssertionError: if it raises nothing; an error that is not expected goes through.
    """
    caught = Caught()
    try:
        yield caught
    except expected as error:
        caught.error = error
    else:
        raise AssertionError("no error")


def until(condition: Callable[[], object], otherwise: str, seconds: float = SECONDS) -> None:
    """Wait until ``condition`` is true.

    Args:
        otherwise: what to say if it does not become so.

    Raises:
        AssertionError: if it is not within so many seconds.
    """
    deadline = monotonic() + seconds
    pause = Event()
    while not condition():
        if monotonic() > deadline:
            raise AssertionError(otherwise)
        pause.wait(0.005)
