"""What a line turns to when no thread of its own is left: a server's watcher, or the client's housekeeping."""

from __future__ import annotations

from typing import Protocol, TypeVar

__all__ = ["Host"]

_Line_contra = TypeVar("_Line_contra", contravariant=True)


class Host(Protocol[_Line_contra]):
    """Who owns a line's spare time: a server's watcher, or the client's housekeeping."""

    @property
    def watches_each(self) -> bool:
        """Tell whether `attend` must be called whenever nobody reads any more."""
        ...

    @property
    def is_pressed(self) -> bool:
        """Tell whether others wait for the threads that run what peers ask for."""
        ...

    def attend(self, line: _Line_contra, /) -> None:
        """Watch the socket from now on: nobody reads it. Called with its lock held."""
        ...

    def run_soon(self, line: _Line_contra, /) -> None:
        """Have a thread run what the peer asked for outside any call. Called with the lock held."""
        ...

    def forget(self, line: _Line_contra, /) -> None:
        """Close the socket and let go: the session is over and nobody reads. Called with the lock held."""
        ...
