"""``python -m benchmarks`` measures; ``python -m benchmarks serve NAME`` is the other process of it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.floor import MsgpackFloor, SocketFloor
from benchmarks.measure import Plan, measure
from benchmarks.objects import Limpet
from benchmarks.process import serve

FLOORS = ("socket", "msgpack")
SUBJECT = "limpet"
CONTENDERS = {"socket": SocketFloor(), "msgpack": MsgpackFloor(), SUBJECT: Limpet()}

FULL = Plan(rounds=11, seconds=0.4, sessions=200)
QUICK = Plan(rounds=3, seconds=0.15, sessions=50)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what a call costs, beside the least it could cost.",
    )
    parser.add_argument("--quick", action="store_true", help="measure for a few seconds, and less exactly")
    parser.add_argument("--rounds", type=positive, metavar="N", help="how often each workload is measured")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each time")
    parser.add_argument("--sessions", type=positive, metavar="N", help="how many idle sessions are opened")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all results to FILE")
    commands = parser.add_subparsers(dest="command", metavar="serve NAME")
    commands.add_parser("serve", help="only serve, until standard input ends").add_argument("name", choices=CONTENDERS)
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    if wanted.command == "serve":
        serve(CONTENDERS[wanted.name])
        return
    changes = {name: vars(wanted)[name] for name in ("rounds", "seconds", "sessions")}
    plan = replace(
        QUICK if wanted.quick else FULL, **{name: value for name, value in changes.items() if value is not None}
    )
    results = measure(CONTENDERS, plan, lambda line: print(line, file=sys.stderr))
    print(report.as_text(results, FLOORS, SUBJECT))
    if wanted.json:
        wanted.json.write_text(report.as_json(results, FLOORS, SUBJECT), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
