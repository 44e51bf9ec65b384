"""``python -m tests.conformance`` runs every behaviour with every system, and writes the table."""

from __future__ import annotations

import argparse
import json
import os

from tests.conformance.behaviour import behaviours
from tests.conformance.columns import COLUMNS, load
from tests.conformance.measure import measure
from tests.conformance.process import serve_until_told


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Run every behaviour with every system, and write docs/reference/conformance.md.",
    )
    parser.set_defaults(command="measure", only=None)
    parser.add_argument("--only", metavar="NUMBER", nargs="*", help="run only these, none to write the page anew")
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="run one behaviour with one system, and print what comes of it")
    run.add_argument("system", choices=COLUMNS)
    run.add_argument("number")
    serve = commands.add_parser("serve", help="only serve, until standard input ends")
    serve.add_argument("system", choices=COLUMNS)
    serve.add_argument("path", metavar="MODULE:CLASS")
    serve.add_argument("settings", metavar="JSON", type=json.loads, nargs="?", default={}, help="of the server")
    return parser.parse_args()


def main() -> None:
    wanted = arguments()
    match wanted.command:
        case "serve":
            serve_until_told(load(wanted.system), wanted.path, wanted.settings)
        case "run":
            outcome = behaviours()[wanted.number].outcome(load(wanted.system))
            print(outcome, flush=True)
            os._exit(0)  # whatever a system's threads may still wait for
        case _:
            measure(wanted.only)


if __name__ == "__main__":
    main()
