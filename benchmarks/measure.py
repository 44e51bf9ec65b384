"""The measuring: rounds of short slices, each contender beside the others."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import limpet
from benchmarks.contender import Contender
from benchmarks.process import Server, pin, started
from benchmarks.workloads import WORKLOADS, Workload

__all__ = ["Idle", "Plan", "Results", "Spread", "measure"]

WARM_UP = 5
"""Calls before the clock runs, whose answers are checked."""
SHARED = 16
"""Sessions that are not counted: the first ones pay for what all share."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: how often each contender does each workload.
        seconds: how long it does so each time.
        sessions: how many are opened to see what one costs while it is idle.
    """

    rounds: int
    seconds: float
    sessions: int


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, numbers: list[float]) -> Spread:
        return cls(median(numbers), min(numbers), max(numbers))


@dataclass(frozen=True)
class Idle:
    """What the sessions cost a server that nobody calls.

    Attributes:
        kibibytes: memory for each session.
        threads: of the server, with all of them open.
    """

    kibibytes: float
    threads: int


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes:
        plan: how much was asked for.
        machine: where.
        microseconds: by workload and contender, the median call of each round.
        idle: by contender; empty where the system does not tell.
    """

    plan: Plan
    machine: dict[str, Any]
    microseconds: dict[str, dict[str, list[float]]]
    idle: dict[str, Idle]

    def ratio(self, workload: str, contender: str, floor: str) -> Spread:
        """Return how many times the floor's time a contender took, each round by itself."""
        row = self.microseconds[workload]
        return Spread.of([mine / least for mine, least in zip(row[contender], row[floor], strict=True)])


def measure(contenders: Mapping[str, Contender], plan: Plan, tell: Callable[[str], None]) -> Results:
    """Measure all contenders.

    Args:
        contenders: by name.
        plan: how much.
        tell: takes a line that says how far it is.
    """
    core = pin()
    machine = {
        "limpet": limpet.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "core": core,
    }
    microseconds = time_calls(contenders, plan, tell)
    tell("idle sessions")
    found = {name: weigh(name, contender, plan.sessions) for name, contender in contenders.items()}
    return Results(plan, machine, microseconds, {name: idle for name, idle in found.items() if idle})


# ---------------------------------------------------------------- time


def time_calls(
    contenders: Mapping[str, Contender], plan: Plan, tell: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    """Return the median call of each round, by workload and contender."""
    times: dict[str, dict[str, list[float]]] = {
        workload.name: {name: [] for name in contenders} for workload in WORKLOADS
    }
    with ExitStack() as stack:
        calls: dict[str, list[Callable[[], object]]] = {}
        for name, contender in contenders.items():
            server = stack.enter_context(started(name))
            session = stack.enter_context(contender.connect(server.port))
            calls[name] = [workload.prepare(contender, server.port, session) for workload in WORKLOADS]
        names = list(contenders)
        for number in range(plan.rounds):
            tell(f"round {number + 1} of {plan.rounds}")
            for index, workload in enumerate(WORKLOADS):
                for name in names:
                    check(workload, contenders[name], calls[name][index])
                    times[workload.name][name].append(typical(calls[name][index], plan.seconds))
            names.append(names.pop(0))  # nobody is always first, or always behind the same one
    return times


def check(workload: Workload, contender: Contender, call: Callable[[], object]) -> None:
    """Warm up, and see that the answer is right.

    Raises:
        RuntimeError: if it is not.
    """
    for _ in range(WARM_UP):
        answer = call()
        if contender.answers and answer != workload.answer:
            raise RuntimeError(f"{type(contender).__name__}: {workload.name}: a wrong answer")


def typical(call: Callable[[], object], seconds: float) -> float:
    """Return the microseconds of the median call, over ``seconds`` of calls."""
    clock = time.perf_counter_ns
    times: list[int] = []
    before = clock()
    end = before + int(seconds * 1e9)
    while before < end or not times:
        call()
        after = clock()
        times.append(after - before)
        before = after
    return median(times) / 1e3


# ---------------------------------------------------------------- space


def weigh(name: str, contender: Contender, sessions: int) -> Idle | None:
    """Open sessions that make one call each, on a fresh server; None where memory cannot be read."""
    with started(name) as server, ExitStack() as stack:
        for _ in range(SHARED):
            reach(contender, server, stack)
        before = server.memory()
        if before is None:
            return None
        for _ in range(sessions):
            reach(contender, server, stack)
        after, threads = server.memory(), server.threads()
        if after is None or threads is None:
            return None
        return Idle((after - before) / sessions / 1024, threads)


def reach(contender: Contender, server: Server, stack: ExitStack) -> None:
    stack.enter_context(contender.connect(server.port)).null()
