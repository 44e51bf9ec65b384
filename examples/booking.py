"""A booking desk that all sessions share, and what goes wrong when several clients call it at once.

Look at ``Desk``: it looks, waits for a payment, and acts on what it saw, as code does that
was written for one caller. A lock around that makes it safe, or a server that runs one
call at a time. An instance of a session's own needs neither: its calls run one by one.

    python examples/booking.py                              three servers in turn, and four clients at once
    limpet serve examples.booking:LOCKED_DESK               the server alone, until Ctrl-C
    limpet serve examples.booking:DESK                      the one without a lock; try it with --serial, too
    python examples/booking.py limpet://127.0.0.1:7373      a client; start a few, then press Enter in each
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

import limpet

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- the server's half

SEATS, BUYERS = 20, 4
PAYMENT_SECONDS = 0.01  # a bank, a database, a disk: time in which other calls run


class Desk:
    """Sells the seats of a theatre, to one buyer at a time."""

    def __init__(self, seats: int) -> None:
        self._free = seats

    def book(self) -> int | None:
        """Return the number of a seat that is the caller's from now on, None if there is none left."""
        free = self._free
        if free == 0:
            return None
        time.sleep(PAYMENT_SECONDS)
        self._free = free - 1
        return free


class LockedDesk(Desk):
    """Sells them to any number of buyers: from the look to the act, the others wait."""

    def __init__(self, seats: int) -> None:
        super().__init__(seats)
        self._lock = Lock()

    def book(self) -> int | None:
        with self._lock:
            return super().book()


DESK = Desk(SEATS)
LOCKED_DESK = LockedDesk(SEATS)

# ---------------------------------------------------------------- the client's half


def buy(url: str) -> None:
    """Book seats until there are none left, and print them."""
    with limpet.connect(url) as session:
        desk = session.open_as(Desk)
        input("press Enter to begin\n")
        while (seat := desk.book()) is not None:
            print(seat, flush=True)


# ---------------------------------------------------------------- both, in processes of their own


@contextmanager
def serving(service: str, *options: str) -> Iterator[str]:
    """Serve in a process of its own, yield the URL, and end it in every case."""
    command = [sys.executable, "-m", "limpet", "serve", service, *options, "--listen", "limpet://127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - fixed words
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                sys.exit("the server did not start")
            yield line.split()[-1]
        finally:
            server.terminate()


@contextmanager
def buyer(url: str) -> Iterator[subprocess.Popen[str]]:
    """Run a client in a process of its own, up to where it waits for Enter, and end it in every case."""
    command = [sys.executable, __file__, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            if not (process.stdout and process.stdout.readline()):
                sys.exit("a client did not start")
            yield process
        finally:
            process.kill()


def rush(service: str, *options: str) -> Counter[int]:
    """Let several clients buy at once, and return how often each seat was sold."""
    with serving(service, *options) as url, ExitStack() as stack:
        buyers = [stack.enter_context(buyer(url)) for _ in range(BUYERS)]
        for one in buyers:
            print(file=one.stdin, flush=True)
        return Counter(int(seat) for one in buyers for seat in one.stdout or ())


def main() -> None:
    each_once = Counter(range(1, SEATS + 1))
    print(f"{BUYERS} clients at once, {SEATS} seats:", flush=True)
    for title, name, *options in (
        ("without a lock", "DESK"),
        ("with a lock", "LOCKED_DESK"),
        ("one call at a time", "DESK", "--serial"),
    ):
        sold = rush(f"examples.booking:{name}", *options)
        several = sum(times > 1 for times in sold.values())
        print(f"{title:>20}: {sold.total():3} tickets, {several:2} seats sold more than once", flush=True)
        if title != "without a lock" and sold != each_once:
            sys.exit("each seat should have been sold once")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it, too, ends the server
    buy(*sys.argv[1:]) if sys.argv[1:] else main()
