"""A server's process: started, placed, looked at, and ended in every case."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import Contender

__all__ = ["Server", "pin", "serve", "started"]

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 10.0
"""Seconds that a server may take to start, and to end."""


def pin() -> int | None:
    """Keep this process and those it starts on one core, and return which; None where that cannot be said."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))  # interrupts mostly go to the first
    os.sched_setaffinity(0, {core})
    return core


def serve(contender: Contender) -> None:
    """Serve until standard input ends: with the program that started this one, whatever becomes of it."""
    with contender.serve() as port:
        print(port, flush=True)
        sys.stdin.read()


@dataclass(frozen=True)
class Server:
    """A server that runs in another process.

    Attributes:
        port: where it listens.
        folder: what Linux tells of its process, None elsewhere.
    """

    port: int
    folder: Path | None

    def memory(self) -> int | None:
        """Return the bytes of memory it has resident, None where that cannot be read."""
        # Not from `status`: the kernel lets that lag behind by as much as is to be seen here.
        return self._number("smaps_rollup", r"^Rss:\s+(\d+) kB$", 1024)

    def threads(self) -> int | None:
        """Return how many threads it has, None where that cannot be read."""
        return self._number("status", r"^Threads:\s+(\d+)$", 1)

    def _number(self, file: str, pattern: str, unit: int) -> int | None:
        if self.folder is None:
            return None
        found = re.search(pattern, (self.folder / file).read_text(encoding="ascii", errors="replace"), re.MULTILINE)
        return int(found[1]) * unit if found else None


@contextmanager
def started(name: str) -> Generator[Server]:
    """Run the server of the contender called ``name``.

    Raises:
        ChildProcessError: if it does not start in time.
    """
    command = [sys.executable, "-m", "benchmarks", "serve", name]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Server(ready(process), folder(process.pid))
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def ready(process: subprocess.Popen[bytes]) -> int:
    """Return the port that the server says it listens on."""
    output = process.stdout
    line = output.readline() if output and select.select([output], [], [], PATIENCE)[0] else b""
    if not line.strip().isdigit():
        raise ChildProcessError(f"the server did not start: {process.args!r} said {line!r}")
    return int(line)


def folder(pid: int) -> Path | None:
    path = Path(f"/proc/{pid}")
    return path if (path / "smaps_rollup").exists() else None
