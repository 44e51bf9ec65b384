"""The command as a user has it: a process, in a folder, on a terminal or behind a pipe."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from limpet.testing.driver import until

__all__ = ["LEAVE", "TAB", "Terminal", "serving", "terminal"]

SECONDS = 40
"""Longer than anything takes that works."""
LEAVE, TAB = "\x04", "\t"
_INTERRUPT = "\x03"

_LIMPET = (sys.executable, "-m", "limpet")
_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that its keys send signals
os.execv(sys.executable, [sys.executable, "-m", "limpet", *sys.argv[1:]])
"""


@contextmanager
def serving(*words: str, cwd: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield ``limpet serve`` and its first line; end it in every case."""
    with subprocess.Popen(
        [*_LIMPET, "serve", *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        watchdog = threading.Timer(SECONDS, server.kill)
        watchdog.start()
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline()
        finally:
            watchdog.cancel()
            watchdog.join()
            server.kill()


class Terminal:
    """What a person sees and does.

    Args:
        keyboard: the other end of the program's terminal.
        program: what runs on it.
    """

    def __init__(self, keyboard: int, program: subprocess.Popen[bytes]) -> None:
        self._keyboard = keyboard
        self._program = program
        self._unread = ""
        self.seen = ""
        """All that was shown."""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._keyboard, keys.encode())

    def read_to(self, text: str) -> str:
        """Return what is shown from where the last reading ended, up to ``text``, which is waited for."""
        deadline = time.monotonic() + SECONDS
        while text not in self._unread:
            assert self._read(deadline), f"no {text!r} on the terminal, but {self._unread!r}"
        shown, _, self._unread = self._unread.partition(text)
        return shown

    def interrupt(self) -> None:
        """Press Ctrl-C, once the program waits for something.

        While it is busy, the key might come in the middle of a message, or between the prompt and the look for keys.
        """
        until(self._is_asleep)
        self.type(_INTERRUPT)

    def _is_asleep(self) -> bool:
        file = Path(f"/proc/{self._program.pid}/stat")
        if file.exists():
            return file.read_text().rpartition(")")[2].split()[0] == "S"
        asked = ("ps", "-o", "stat=", "-p", str(self._program.pid))
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.startswith("S")

    def status(self) -> int:
        """Return the program's exit status, once it has ended."""
        deadline = time.monotonic() + SECONDS
        while self._read(deadline):
            pass
        return self._program.wait(SECONDS)

    def _read(self, deadline: float) -> bool:
        """Take what is shown next; tell whether there was anything."""
        ready, _, _ = select.select([self._keyboard], [], [], max(0.0, deadline - time.monotonic()))
        data = b""
        if ready:
            with suppress(OSError):  # how a terminal says that nobody is at its other end
                data = os.read(self._keyboard, 65_536)
        text = data.decode(errors="replace").replace("\r\n", "\n")
        self._unread += text
        self.seen += text
        return bool(data)


@contextmanager
def terminal(*words: str, cwd: Path, term: str = "dumb") -> Iterator[Terminal]:
    """Yield a terminal on which ``limpet`` runs; end that in every case."""
    keyboard, screen = os.openpty()
    try:
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))
        program = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *words],
            cwd=cwd,
            env={**os.environ, "TERM": term},
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
        )
    except BaseException:
        os.close(keyboard)
        raise
    finally:
        os.close(screen)
    try:
        yield Terminal(keyboard, program)
    finally:
        program.terminate()
        watchdog = threading.Timer(SECONDS, program.kill)
        watchdog.start()
        program.wait()
        watchdog.cancel()
        watchdog.join()
        os.close(keyboard)
