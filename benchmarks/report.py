"""The results, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.measure import Results, Spread

__all__ = ["as_json", "as_text"]

CALLS = "{:22}{:>12}{:>12}{:>12}   {:24}{}"
IDLE = "{:22}{:>12}{:>12}{:>12}"


def as_text(results: Results, floors: tuple[str, str], subject: str) -> str:
    """Return the tables.

    Args:
        results: what was measured.
        floors: the two contenders that ``subject`` is compared with.
        subject: the contender that matters.
    """
    names = (*floors, subject)
    lines = [about(results), "", "One call in microseconds: the median of the rounds' medians."]
    heads = [f"{subject} / {floor}" for floor in floors]
    lines.append(CALLS.format("", *names, *heads).rstrip())
    for workload, row in results.microseconds.items():
        times = [f"{median(row[name]):,.1f}" for name in names]
        ratios = [spread(results.ratio(workload, subject, floor)) for floor in floors]
        lines.append(CALLS.format(workload, *times, *ratios).rstrip())
    if results.idle:
        lines += ["", f"The server with {results.plan.sessions} idle sessions."]
        lines.append(IDLE.format("", *names))
        idle = [results.idle[name] for name in names]
        lines.append(IDLE.format("KiB for each", *(f"{one.kibibytes:,.1f}" for one in idle)))
        lines.append(IDLE.format("threads", *(one.threads for one in idle)))
    return "\n".join(lines)


def about(results: Results) -> str:
    machine, plan = results.machine, results.plan
    place = "not pinned" if machine["core"] is None else f"client and server on core {machine['core']}"
    return (
        f"limpet {machine['limpet']}, {machine['python']}, {machine['system']}, {place}, "
        f"{plan.rounds} rounds of {plan.seconds:g} s"
    )


def spread(ratio: Spread) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})"


def as_json(results: Results, floors: tuple[str, str], subject: str) -> str:
    """Return all of it: each round, and what the tables have."""
    calls: dict[str, Any] = {
        workload: {
            "microseconds": {name: {**asdict(Spread.of(times)), "rounds": times} for name, times in row.items()},
            "ratio": {floor: asdict(results.ratio(workload, subject, floor)) for floor in floors},
        }
        for workload, row in results.microseconds.items()
    }
    idle = {name: asdict(one) for name, one in results.idle.items()}
    whole = {"machine": results.machine, "plan": asdict(results.plan), "calls": calls, "idle": idle}
    return json.dumps(whole, indent=2) + "\n"
