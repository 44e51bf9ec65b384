"""Runs behaviours with systems, each in a process of its own, so that one that hangs is an outcome too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.conformance import record
from tests.conformance.behaviour import Outcome, behaviours
from tests.conformance.columns import COLUMNS, load
from tests.support.sources import ROOT

__all__ = ["measure"]

SECONDS = 40.0
"""How long one behaviour may take."""


def measure(only: Collection[str] | None) -> None:
    """Run behaviours with every system, and write down what comes of it.

    Args:
        only: their numbers; all if not given. Of others, what is known is kept.
    """
    known = record.load().outcomes
    outcomes = {number: dict(known.get(number, {})) for number in behaviours()}
    wanted = [(number, system) for number in outcomes if only is None or number in only for system in COLUMNS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (number, system), outcome in zip(wanted, pool.map(run, *zip(*wanted, strict=True)), strict=True):
            print(f"{number:5}{system:10}{outcome}", file=sys.stderr, flush=True)
            outcomes[number][system] = outcome
    record.save(record.Record({name: load(name).version for name in COLUMNS}, outcomes))


def run(number: str, system: str) -> Outcome:
    """Return what comes of one behaviour with one system."""
    command = [sys.executable, "-m", "tests.conformance", "run", system, number]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    # A session of its own, so that the servers it started can be ended with it.
    with subprocess.Popen(
        command, cwd=ROOT, stdin=null, stdout=pipe, stderr=null, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return Outcome("fails", "hangs")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        return Outcome("fails", "the process ends")
    return Outcome.parse(output.splitlines()[-1])
