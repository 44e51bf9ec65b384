"""One job's process: started, listened to, and ended in every case."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import IO, Any

WORK = Path(__file__).with_name("work.py")
UNREAD = 1_000
PATIENCE = 2.0
STACK = 24

# What a job may raise by its own name; anything else becomes a RuntimeError that says what it was.
ERRORS = {
    error.__name__: error
    for error in (ChildProcessError, FileNotFoundError, NotADirectoryError, PermissionError, ValueError)
}


class Output:
    """What a process has said and nobody has read yet, and how it ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: deque[str] = deque()
        self._last: dict[str, Any] | None = None
        self._over = False
        self._stopped = False

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """Take in what ``process`` says until it ends. Runs in a thread of its own."""
        with pipe(process.stdout) as output, pipe(process.stdin):
            for message in output:
                if message.endswith(b"\n"):  # else the process was ended in the middle of it
                    self._take(json.loads(message))
            status = process.wait()
        with self._changed:
            if self._last is None:
                self._last = {"error": ["ChildProcessError", f"the process ended with status {status}", ""]}
            self._over = True
            self._changed.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "line" not in message:
                self._last = message
                return
            # A job that says more than is read has to wait: its pipe fills up.
            self._changed.wait_for(lambda: len(self._lines) < UNREAD or self._stopped)
            self._lines.append(message["line"])
            self._changed.notify_all()

    @property
    def over(self) -> bool:
        with self._changed:
            return self._over

    def read(self, timeout: float) -> tuple[str, ...] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._over, timeout)
            if self._over and not self._lines:
                return None
            lines = tuple(self._lines)
            self._lines.clear()
            self._changed.notify_all()
            return lines

    def last(self, timeout: float) -> dict[str, Any] | None:
        """Return the last message, None if the process still runs after ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._over, timeout)
            return self._last if self._over else None

    def stop(self) -> None:
        """Say that the process is being stopped."""
        with self._changed:
            if self._last is None:
                self._last = {"error": ["RuntimeError", "the job was stopped", ""]}
            self._stopped = True
            self._changed.notify_all()


class Process:
    """A process that runs one job. It ends when this object does, or this program."""

    def __init__(self, name: str, argument: str, folder: Path) -> None:
        process = subprocess.Popen(  # noqa: S603 - a fixed program; the arguments are checked, and no shell reads them
            [sys.executable, "-I", str(WORK), name, argument],
            cwd=folder,
            stdin=subprocess.PIPE,  # never written to: it closes when this program ends, and the job ends with it
            stdout=subprocess.PIPE,
            start_new_session=True,  # so that Ctrl-C reaches the server alone
        )
        self.pid = process.pid
        self._output = Output()
        self._end = weakref.finalize(self, end, process, self._output)
        threading.Thread(target=self._output.follow, args=(process,), name=f"job {self.pid}", daemon=True).start()

    @property
    def running(self) -> bool:
        return not self._output.over

    def read(self, timeout: float) -> tuple[str, ...] | None:
        return self._output.read(timeout)

    def result(self, timeout: float) -> object:
        last = self._output.last(timeout)
        if last is None:
            raise TimeoutError(f"the job still runs after {timeout} seconds")
        if "error" not in last:
            return last["result"]
        kind, text, stack = last["error"]
        known = ERRORS.get(kind)
        error = known(text) if known else RuntimeError(text if kind == "RuntimeError" else f"{kind}: {text}")
        if stack:
            error.add_note("In the process of the job:")
        for line in stack.splitlines()[-STACK:]:
            error.add_note(line)
        raise error

    def stop(self) -> bool:
        """End the process, and tell whether it still ran."""
        running = self.running
        self._end()
        self._output.last(PATIENCE)
        return running


def end(process: subprocess.Popen[bytes], output: Output) -> None:
    """End ``process`` and leave no zombie, whatever state it is in."""
    output.stop()
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream
