"""A table of functions: plain remote procedure calls, here a converter of units.

Look at the functions: they know nothing of limpet. Two names with a comma between make
a table of them, and what one of them raises is raised in the client.

    python examples/convert.py                                  a server, a client, and the end
    limpet serve examples.convert:convert,units                 the server alone, until Ctrl-C
    limpet call limpet://127.0.0.1:7373 convert 26.2 mi km      a client of it
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import limpet

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- the server's half

UNITS = {  # what it measures, and how an amount of it becomes one of the first unit of its kind: times, plus
    "m": ("length", 1.0, 0.0),
    "km": ("length", 1_000.0, 0.0),
    "ft": ("length", 0.3048, 0.0),
    "mi": ("length", 1_609.344, 0.0),
    "kg": ("mass", 1.0, 0.0),
    "lb": ("mass", 0.45359237, 0.0),
    "K": ("temperature", 1.0, 0.0),
    "C": ("temperature", 1.0, 273.15),
    "F": ("temperature", 5 / 9, 459.67 * 5 / 9),
}


def convert(amount: float, source: str, target: str) -> float:
    """Return what ``amount`` of the unit ``source`` is in the unit ``target``.

    Raises:
        ValueError: if there is no such unit, or the two measure different things.
    """
    for unit in (source, target):
        if unit not in UNITS:
            raise ValueError(f"there is no unit {unit!r}, only {', '.join(UNITS)}")
    kind, times, plus = UNITS[source]
    other_kind, other_times, other_plus = UNITS[target]
    if kind != other_kind:
        raise ValueError(f"{source} is a unit of {kind}, {target} one of {other_kind}")
    return (amount * times + plus - other_plus) / other_times


def units(kind: str) -> tuple[str, ...]:
    """Return the units of ``kind``: length, mass or temperature."""
    return tuple(unit for unit, (what, _, _) in UNITS.items() if what == kind)


# ---------------------------------------------------------------- the client's half


def use(url: str) -> None:
    with limpet.connect(url) as session:
        table = session.open()
        print("units of length:", *table.units("length"))
        for amount, source, target in ((26.2, "mi", "km"), (6, "ft", "m"), (150, "lb", "kg"), (451, "F", "C")):
            print(f"{amount} {source} = {table.convert(amount, source, target):.5g} {target}")

        for wrong in ((1, "mi", "kg"), (1, "parsec", "km"), ("many", "mi", "km"), (1, "mi")):
            try:
                table.convert(*wrong)
            except (TypeError, ValueError) as error:
                print(f"convert{wrong}: {type(error).__name__}: {error}")
        print(f"and the next call: -40 F = {table.convert(-40, 'F', 'C'):.0f} C")


@contextmanager
def serving(service: str) -> Iterator[str]:
    """Serve in a process of its own, yield the URL, and end it in every case."""
    command = [sys.executable, "-m", "limpet", "serve", service, "--listen", "limpet://127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - fixed words
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                sys.exit("the server did not start")
            yield line.split()[-1]
        finally:
            server.terminate()


def main() -> None:
    with serving("examples.convert:convert,units") as url:
        use(url)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it, too, ends the server
    main()
