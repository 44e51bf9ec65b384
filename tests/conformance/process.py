"""A server in a process of its own, which can be killed."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Unpack

from tests.conformance.system import Settings, System
from tests.support.sources import ROOT

__all__ = ["ServerProcess", "serve_until_told", "server_process"]

PATIENCE = 20.0
"""Seconds that a server may take to start, and to end."""


@dataclass(frozen=True)
class ServerProcess:
    """A server that runs in another process.

    Attributes:
        address: where clients connect to.
    """

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it at once; it can say nothing to anybody."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Tell it to end, wait until it has, and return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE)


@contextmanager
def server_process(system: System, kind: type, **settings: Unpack[Settings]) -> Generator[ServerProcess]:
    """Serve ``kind`` from another process, which ends with this one at the latest.

    Raises:
        ChildProcessError: if it does not start in time.
    """
    system.check(settings)
    path = f"{kind.__module__}:{kind.__qualname__}"
    command = [sys.executable, "-m", "tests.conformance", "serve", system.name, path, json.dumps(settings)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        server = ServerProcess(ready(process), process)
        try:
            yield server
        finally:
            try:
                server.stop()
            except subprocess.TimeoutExpired:
                server.kill()


def ready(process: subprocess.Popen[str]) -> str:
    """Return the address that the server says it has."""
    output = process.stdout
    line = output.readline() if output and select.select([output], [], [], PATIENCE)[0] else ""
    if not line:
        process.kill()
        raise ChildProcessError(f"the server did not start: {process.args!r}")
    return line.strip()


def serve_until_told(system: System, path: str, settings: Settings) -> None:
    """Serve the class at ``path`` until standard input ends.

    Args:
        path: ``module:name``.
        settings: of the server.
    """
    module, _, name = path.partition(":")
    with system.host(attrgetter(name)(import_module(module)), **settings) as address:
        print(address, flush=True)
        sys.stdin.read()
