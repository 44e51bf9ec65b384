"""A progress bar here for a job that runs there, and Ctrl-C here that stops it there.

Look at ``count_primes``: ``report`` is a function of the client's, and calling it draws
the bar in the client's terminal. Between two calls it asks ``limpet.cancelled()`` whether
anybody still waits; a client that presses Ctrl-C, or is gone, does not.

    python examples/progress.py                                           a server, and two jobs of a client
    limpet serve examples.progress:count_primes                           the server alone, until Ctrl-C
    python examples/progress.py limpet://127.0.0.1:7373 1_000_000_000     a client; press Ctrl-C
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil, isqrt
from pathlib import Path
from typing import IO

import limpet

try:
    from rich.progress import Progress
except ImportError:
    Progress = None  # type: ignore[assignment, misc]

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- the server's half

PART = 200_000  # numbers between two reports
MOST = 10**10


def count_primes(limit: int, report: Callable[[int, int], object]) -> int:
    """Return how many primes there are below ``limit``; call ``report(done, total)`` after each part.

    Raises:
        ValueError: if ``limit`` is no whole number from 2 to ten thousand million.
    """
    if type(limit) is not int or not 2 <= limit <= MOST:
        raise ValueError(f"a whole number from 2 to {MOST:,}, please")
    print(f"counting the primes below {limit:,}", flush=True)
    found, done, total = 0, 0, ceil(limit / PART)
    try:
        while done < total and not limpet.cancelled():
            found += count_part(max(2, done * PART), min(limit, (done + 1) * PART))
            done += 1
            report(done, total)
    finally:
        print(f"{done} of {total} parts counted", flush=True)  # also if ``report`` raises: its client may be gone
    return found


def count_part(start: int, stop: int) -> int:
    """Return how many primes there are from ``start`` up to ``stop``."""
    is_prime = bytearray([1]) * (stop - start)
    for divisor in range(2, isqrt(stop) + 1):
        first = max(divisor * divisor, ceil(start / divisor) * divisor)
        is_prime[first - start :: divisor] = bytes(len(range(first, stop, divisor)))
    return is_prime.count(1)


# ---------------------------------------------------------------- the client's half


def count(url: str, limit: int) -> int | None:
    """Have the primes counted, and draw how far it is; return None if Ctrl-C came first."""
    try:
        with bar() as draw, limpet.connect(url) as session:
            found: int = session.open().count_primes(limit, draw)
            return found
    except KeyboardInterrupt:
        return None  # the call that waited was cancelled on its way out


@contextmanager
def bar() -> Iterator[Callable[[int, int], object]]:
    """Yield a function that draws a progress bar: rich's, or a plain one where that is not installed."""
    if Progress is None or not sys.stdout.isatty():
        try:
            yield draw_plain
        finally:
            print()
        return
    with Progress() as progress:
        task = progress.add_task("primes")
        yield lambda done, total: progress.update(task, completed=done, total=total)


def draw_plain(done: int, total: int) -> None:
    print(f"\rprimes [{'#' * (40 * done // total):40}] {done / total:4.0%}", end="", flush=True)


def client(url: str, limit: str) -> None:
    found = count(url, int(limit))
    print("interrupted" if found is None else f"{found:,} primes")


# ---------------------------------------------------------------- both, in processes of their own


@contextmanager
def serving(service: str) -> Iterator[tuple[str, IO[str]]]:
    """Serve in a process of its own, yield the URL and what the server prints, and end it in every case."""
    command = [sys.executable, "-m", "limpet", "serve", service, "--listen", "limpet://127.0.0.1:0"]
    # In a process group of its own, so that Ctrl-C reaches the client alone.
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0) as server:  # noqa: S603
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not server.stdout or not line:
                sys.exit("the server did not start")
            yield line.split()[-1], server.stdout
        finally:
            server.terminate()


def main() -> None:
    limit, right = 100_000_000, 5_761_455
    with serving("examples.progress:count_primes") as (url, server):
        found = count(url, limit)
        if found != right:
            sys.exit("interrupted" if found is None else f"{found:,} is wrong")
        print(f"{found:,} primes below {limit:,}")
        print(f"the server says: {server.readline()}the server says: {server.readline()}")

        print("A longer one, and Ctrl-C after a second:", flush=True)
        with subprocess.Popen([sys.executable, __file__, url, "1_000_000_000"]) as client:  # noqa: S603 - this program
            begun = server.readline()
            time.sleep(1)
            client.send_signal(signal.SIGINT)
        print(f"the server says: {begun}the server says: {server.readline()}", end="")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it, too, ends the server
    client(*sys.argv[1:]) if sys.argv[1:] else main()
