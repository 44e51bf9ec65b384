"""The service: what a client may start, and what it holds of a job that runs."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import ClassVar

import limpet
from examples.jobs.process import Process
from examples.jobs.work import JOBS

AT_ONCE = 4
LONGEST_WAIT = 10.0


def patience(timeout: float) -> float:
    """Return the seconds to wait, however odd a client's number is."""
    # In this order: a comparison with NaN is false, so that min() returns what comes first.
    return max(0.0, min(LONGEST_WAIT, float(timeout)))


@limpet.expose
class Job:
    """A job in a process of its own. It is stopped when its client lets go of it."""

    def __init__(self, name: str, argument: str, folder: Path) -> None:
        self._name = name
        self._process = Process(name, argument, folder)

    @property
    def name(self) -> str:
        return self._name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    def read(self, timeout: float = 1.0) -> tuple[str, ...] | None:
        """Return the lines that have come since the last call; None when there will be no more.

        Waits for the first line, at most ``timeout`` seconds, and then returns none.
        """
        return self._process.read(patience(timeout))

    def result(self, timeout: float = LONGEST_WAIT) -> object:
        """Return what the job returned, or raise what it raised.

        Raises:
            TimeoutError: if it still runs after ``timeout`` seconds.
        """
        return self._process.result(patience(timeout))

    def stop(self) -> bool:
        """End the job, and tell whether that was needed."""
        return self._process.stop()


@limpet.expose
class Jobs:
    """The jobs of one client: each ``open`` makes an instance, and its jobs end with it."""

    root = Path.cwd()
    """What jobs may read. A Path is not exposed, so no client can look at this one."""
    _all: ClassVar[weakref.WeakSet[Job]] = weakref.WeakSet()
    """Those of all instances: the machine is one, however often a client opens the service."""
    _starting = threading.Lock()

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def names(self) -> tuple[str, ...]:
        """Return the names of the jobs there are."""
        return tuple(sorted(JOBS))

    def start(self, name: str, argument: str | int) -> Job:
        """Start a job: ``hash`` or ``count`` of a folder, ``countdown`` from a number.

        Raises:
            ValueError: if there is no such job, or the argument is not for it.
            PermissionError: if the folder is outside of what jobs may read.
            RuntimeError: if too many jobs run already, of all clients.
        """
        if name not in JOBS:
            raise ValueError(f"there is no job {name!r}, only {', '.join(self.names())}")
        checked = self._number(argument) if name == "countdown" else self._folder(argument)
        self._jobs = [job for job in self._jobs if job.running]
        with self._starting:
            if sum(job.running for job in self._all) >= AT_ONCE:
                raise RuntimeError(f"{AT_ONCE} jobs are running; stop one or wait")
            job = Job(name, checked, self.root)
            self._all.add(job)
        self._jobs.append(job)
        return job

    def _number(self, argument: object) -> str:
        if type(argument) is not int:
            raise ValueError(f"countdown takes a whole number, not {argument!r}")
        return str(argument)

    def _folder(self, argument: object) -> str:
        if type(argument) is not str:
            raise ValueError(f"the folder must be a str, not {argument!r}")
        # Resolved first: "..", an absolute path and a symbolic link all lead where they lead.
        folder = (self.root / argument).resolve()
        if not folder.is_relative_to(self.root):
            raise PermissionError(f"{argument!r} is outside of what jobs may read")
        below = folder.relative_to(self.root)
        if any(part.startswith(".") for part in below.parts):
            raise PermissionError(f"{argument!r} is hidden: jobs read no hidden files")
        return str(below)
