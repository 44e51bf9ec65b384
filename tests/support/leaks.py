"""What a test may leave behind: no thread and no socket."""

from __future__ import annotations

import os
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Holdings"]

HOUSEKEEPING = "limpet-housekeeping"
"""The one thread limpet keeps for the life of the process."""

SETTLE_SECONDS = 2.0
"""How long threads that were told to end, and sockets that they close, may take."""


def open_sockets() -> frozenset[tuple[int, int]]:
    """Return device and inode of each socket this process has open."""
    found = set()
    for descriptor in Path("/dev/fd").iterdir():
        try:
            status = os.fstat(int(descriptor.name))
        except OSError:
            continue  # the descriptor of the listing itself, or one that was closed meanwhile
        if stat.S_ISSOCK(status.st_mode):
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


@dataclass(frozen=True)
class Holdings:
    """The threads and sockets of this process at one moment."""

    threads: frozenset[threading.Thread]
    sockets: frozenset[tuple[int, int]]

    @classmethod
    def now(cls) -> Holdings:
        """Take stock."""
        return cls(frozenset(threading.enumerate()), open_sockets())

    def leaked(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """Return what has come since and does not go within ``seconds``, in words."""
        deadline = time.monotonic() + seconds
        for thread in self._new_threads():
            thread.join(max(0.0, deadline - time.monotonic()))
        closing = threading.Event()
        while open_sockets() - self.sockets and time.monotonic() < deadline:
            closing.wait(0.01)
        threads = [f"thread {thread.name!r} runs on" for thread in self._new_threads()]
        sockets = [f"socket {inode} is open" for _, inode in sorted(open_sockets() - self.sockets)]
        return threads + sockets

    def _new_threads(self) -> list[threading.Thread]:
        new = [thread for thread in threading.enumerate() if thread not in self.threads]
        return [thread for thread in new if thread.name != HOUSEKEEPING]
