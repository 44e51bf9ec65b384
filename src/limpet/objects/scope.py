"""Context managers made of generators, over the wire: they can be entered and left, and nothing else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

__all__ = ["MANAGERS", "Scope"]


@contextmanager
def _sample() -> Generator[None]:
    yield


MANAGERS: Final[frozenset[type]] = frozenset({type(_sample())})
"""What leaves only behind a `Scope`, by exact type: the public names of each lead to a frame."""


class Scope:
    """A context manager of the server's, which a peer can only enter and leave.

    Args:
        manager: made by a function marked with `contextlib.contextmanager`.
    """

    __slots__ = ("_manager",)

    def __init__(self, manager: AbstractContextManager[Any]) -> None:
        self._manager = manager

    def enter(self) -> Any:
        """Enter it, and return what it gives."""
        return self._manager.__enter__()

    def leave(self, error: BaseException | None) -> bool:
        """Leave it, and tell whether it swallows ``error``."""
        if error is None:
            return bool(self._manager.__exit__(None, None, None))
        return bool(self._manager.__exit__(type(error), error, error.__traceback__))
