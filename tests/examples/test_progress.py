"""The progress bar: what the program says, its bars, and jobs that end because nobody waits."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import limpet
from examples.progress import MOST, PART, count_part, count_primes
from tests.support.programs import EXAMPLES, run, serving, started

SERVICE = "examples.progress:count_primes"
PROGRAM = EXAMPLES / "progress.py"
LONG = "1_000_000_000"  # runs for more than a minute
SECONDS = 30
WITHOUT_RICH = """\
import runpy, sys
sys.modules["rich.progress"] = None
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def parts(line: str) -> tuple[int, int]:
    """Return how much was counted, from the line in which the server says so."""
    said = re.fullmatch(r"(?:the server says: )?(\d+) of (\d+) parts counted\n?", line)
    assert said, line
    return int(said[1]), int(said[2])


def test_the_program() -> None:
    out, _ = run("progress.py")
    lines = [line.rstrip() for line in out.splitlines() if not line.startswith("primes [") and line]
    assert lines[:3] == [
        "5,761,455 primes below 100,000,000",
        "the server says: counting the primes below 100,000,000",
        "the server says: 500 of 500 parts counted",
    ]
    assert lines[3:6] == [
        "A longer one, and Ctrl-C after a second:",
        "interrupted",
        "the server says: counting the primes below 1,000,000,000",
    ]
    done, total = parts(lines[6])
    assert 0 <= done < total == 5_000
    bars = [line for line in out.splitlines() if line.startswith("primes [")]
    assert f"primes [{'#' * 20:40}]  50%" in bars
    assert f"primes [{'#' * 40}] 100%" in bars


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_its_processes_when_it_is_ended(number: signal.Signals) -> None:
    with started(PROGRAM, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.read(1)
        program.send_signal(number)
        program.communicate(timeout=SECONDS)  # ends when all have ended that hold its output
        assert program.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_job_ends_when_nobody_waits(number: signal.Signals) -> None:
    with serving(SERVICE) as (url, server), started(PROGRAM, url, LONG) as client:
        assert server.stdout is not None
        assert server.stdout.readline() == "counting the primes below 1,000,000,000\n"
        assert client.stdout is not None
        assert client.stdout.read(1)  # the bar
        client.send_signal(number)
        done, total = parts(server.stdout.readline())
        assert 0 < done < total
        rest = client.stdout.read()
        assert number is signal.SIGKILL or rest.endswith("interrupted\n")
        assert client.wait(SECONDS) == (-number if number is signal.SIGKILL else 0)


def test_the_job_ends_after_its_deadline() -> None:
    with serving(SERVICE) as (url, server), limpet.connect(url) as session:
        assert server.stdout is not None
        reports: list[tuple[int, int]] = []
        with limpet.timeout(0.5), pytest.raises(limpet.CallTimeout):
            session.open().count_primes(int(LONG), lambda *report: reports.append(report))
        assert server.stdout.readline() == "counting the primes below 1,000,000,000\n"
        done, total = parts(server.stdout.readline())
        assert done < total
        assert reports == [(number, total) for number in range(1, len(reports) + 1)]
        assert session.open().count_primes(1_000, lambda done, total: None) == 168


def test_a_report_that_fails_ends_the_job() -> None:
    with serving(SERVICE) as (url, server), limpet.connect(url) as session:
        assert server.stdout is not None
        with pytest.raises(ZeroDivisionError):
            session.open().count_primes(int(LONG), lambda done, total: done / 0)
        server.stdout.readline()
        assert parts(server.stdout.readline()) == (1, 5_000)


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Yield both ends of a terminal: where a person looks, and where a program prints."""
    person, program = pty.openpty()
    try:
        yield person, program
    finally:
        os.close(person)


def screen(person: int) -> str:
    """Return all that came to a terminal, when its last program has ended."""
    shown = b""
    try:
        while more := os.read(person, 1 << 16):
            shown += more
    except OSError:
        pass  # how Linux says that nobody holds the other end any more
    return shown.decode()


@pytest.mark.parametrize("has_rich", [True, False])
def test_in_a_terminal(has_rich: bool) -> None:
    program = [] if has_rich else ["-c", WITHOUT_RICH]
    with (
        serving(SERVICE) as (url, _),
        terminal() as (person, there),
        started(*program, PROGRAM, url, "1_000_000", stdin=there, stdout=there, stderr=there),
    ):
        os.close(there)
        shown = screen(person)
    assert shown.endswith("78,498 primes\r\n")
    assert "100%" in shown
    assert ("\x1b" in shown) is has_rich


@pytest.mark.parametrize(
    ("limit", "primes"),
    [(2, 0), (3, 1), (10, 4), (100, 25), (101, 25), (102, 26), (PART + 3, 17_984), (3 * PART, 49_098)],
)
def test_counts(limit: int, primes: int) -> None:
    reports: list[tuple[int, int]] = []
    assert count_primes(limit, lambda *report: reports.append(report)) == primes
    total = -(-limit // PART)
    assert reports == [(number, total) for number in range(1, total + 1)]


def test_a_part() -> None:
    def is_prime(number: int) -> bool:
        return all(number % divisor for divisor in range(2, int(number**0.5) + 1))

    for start, stop in ((2, 3), (2, 50), (24, 26), (25, 26), (100, 200), (9_000, 9_100)):
        assert count_part(start, stop) == sum(map(is_prime, range(start, stop)))


@pytest.mark.parametrize("limit", [1, 0, -5, MOST + 1, 2.5, "100", True, None])
def test_what_is_no_limit(limit: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        count_primes(limit, lambda done, total: None)
