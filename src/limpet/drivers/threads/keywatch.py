"""Looks whether a server's file of keys was changed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from limpet.drivers.keyfile import KeyFile
from limpet.errors import ConfigurationError
from limpet.framing.keys import KeyRing
from limpet.logs import audit, printable

__all__ = ["KeyWatch"]

_log: Final = logging.getLogger("limpet.session")


class KeyWatch:
    """Looks at a file once a second, in a thread of its own.

    Args:
        file: the file.
        replace: takes the keys whenever the file was changed.
    """

    SECONDS: Final = 1.0
    """How often it looks, and so how long a key that was taken back may still be used."""

    __slots__ = ("_file", "_replace", "_stopping", "_thread", "_told")

    def __init__(self, file: KeyFile, replace: Callable[[KeyRing], None]) -> None:
        self._file = file
        self._replace = replace
        self._stopping = Event()
        self._thread: Thread | None = None
        self._told = ""

    def start(self) -> None:
        """Begin to look."""
        thread = Thread(target=self._watch, name="limpet-keys", daemon=True)
        thread.start()
        self._thread = thread

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(self.SECONDS):
            try:
                self._look()
            except Exception:
                # Whatever it was, without this thread no key could be taken back.
                _log.exception("an internal error while looking at the keys")

    def _look(self) -> None:
        try:
            if not self._file.refresh():
                return
        except ConfigurationError as error:
            text = str(error)
            if text != self._told:
                audit.warning("the keys stay as they were: %s", printable(text))
            self._told = text
            return
        self._told = ""
        audit.warning("read %s again: %d keys", printable(str(self._file.path)), len(self._file.ring.by_id))
        self._replace(self._file.ring)
