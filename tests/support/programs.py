"""The examples as programs: run to their end, or served and used by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.sources import ROOT

__all__ = ["EXAMPLES", "ROOT", "run", "serving", "started"]

EXAMPLES = ROOT / "examples"
PYTHON = (sys.executable, "-W", "error")
SECONDS = 45


def run(example: str, *words: str, typed: str | None = None) -> tuple[str, str]:
    """Return what an example printed, and what it said on standard error.

    Both end only when every process has ended that the example started: each holds its standard error.
    """
    done = subprocess.run(
        [*PYTHON, f"examples/{example}", *words],
        cwd=ROOT,
        env=_environment(),
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@contextmanager
def started(*command: str | Path, **settings: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program, and end it in every case."""
    with subprocess.Popen(
        [*PYTHON, *command],
        cwd=ROOT,
        env=_environment(),
        stdout=settings.pop("stdout", subprocess.PIPE),
        encoding="utf-8",
        **settings,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(service: str, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``limpet serve`` as its user does; yield the URL and the process."""
    words = ("-m", "limpet", "serve", service, *options, "--listen", "limpet://127.0.0.1:0")
    with started(*words, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert first.startswith(f"serving {service} at limpet://127.0.0.1:")
        yield first.split()[-1], server


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": "utf-8"}
