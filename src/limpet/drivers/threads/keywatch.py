"""Looks whether a server's file of keys was changed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from limpet.drivers.keyfile import KeyFile
from limpet.errors import ConfigurationError
from limpet.framing.keys import KeyRing
from limpet.logs import audit, printable

__all__ = ["KeyWatch"]


class KeyWatch:
    """Looks at a file once a second, in a thread of its own.

    Args:
        file: the file.
        replace: takes the keys whenever they are others.
    """

    SECONDS: Final = 1.0
    """A key that was taken back ends its sessions within this time."""

    __slots__ = ("_file", "_replace", "_stopping", "_thread")

    def __init__(self, file: KeyFile, replace: Callable[[KeyRing], None]) -> None:
        self._file = file
        self._replace = replace
        self._stopping = Event()
        self._thread = Thread(target=self._watch, name="limpet-keys", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self.SECONDS):
            try:
                if self._file.is_changed():
                    audit.warning("read %s again: %d keys", printable(str(self._file.path)), len(self._file.ring.by_id))
                    self._replace(self._file.ring)
            except ConfigurationError as error:
                audit.warning("the keys stay as they were: %s", printable(str(error)))
