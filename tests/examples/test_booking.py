"""The booking desk: what the program says, and desks that are safe to share."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

import limpet
from examples.booking import BUYERS, SEATS, Desk, LockedDesk
from tests.support.programs import EXAMPLES, run, serving, started

PROGRAM = EXAMPLES / "booking.py"
SECONDS = 30
EACH_ONCE = Counter(range(1, SEATS + 1))
SAFE = [("examples.booking:LOCKED_DESK",), ("examples.booking:DESK", "--serial")]


def test_the_program() -> None:
    out, _ = run("booking.py")
    first, *rows = out.splitlines()
    assert first == f"{BUYERS} clients at once, {SEATS} seats:"
    found = [re.fullmatch(r" *(\D+): +(\d+) tickets, +(\d+) seats sold more than once", row) for row in rows]
    told = {row[1]: (int(row[2]), int(row[3])) for row in found if row}
    assert list(told) == ["without a lock", "with a lock", "one call at a time"]
    assert told["with a lock"] == told["one call at a time"] == (SEATS, 0)
    tickets, several = told["without a lock"]
    assert tickets > SEATS
    assert several > 0


def test_it_ends_its_processes_when_it_is_ended() -> None:
    with started(PROGRAM, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.terminate()
        program.communicate(timeout=SECONDS)  # ends when all have ended that hold its output
        assert program.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("service", SAFE)
def test_by_hand(service: tuple[str, ...]) -> None:
    with serving(*service) as (url, _), ExitStack() as stack:
        buyers = [stack.enter_context(started(PROGRAM, url, stdin=subprocess.PIPE)) for _ in range(2)]
        for buyer in buyers:
            assert buyer.stdin is not None
            assert buyer.stdout is not None
            assert buyer.stdout.readline() == "press Enter to begin\n"
        for buyer in buyers:
            print(file=buyer.stdin, flush=True)
        sold = [int(seat) for buyer in buyers for seat in buyer.stdout or ()]
        assert [buyer.wait(SECONDS) for buyer in buyers] == [0, 0]
    assert Counter(sold) == EACH_ONCE


@pytest.mark.parametrize("serial", [False, True])
def test_sessions_that_share_a_desk(serial: bool) -> None:
    desk = Desk(SEATS) if serial else LockedDesk(SEATS)
    with limpet.Server(desk, "limpet://127.0.0.1:0", serial=serial) as server, ExitStack() as sessions:
        desks = [sessions.enter_context(limpet.connect(server.url)).open_as(Desk) for _ in range(BUYERS)]

        def buy(desk: Desk) -> list[int]:
            return list(iter(desk.book, None))

        with ThreadPoolExecutor(BUYERS) as pool:
            sold = [seat for seats in pool.map(buy, desks) for seat in seats]
    assert Counter(sold) == EACH_ONCE


def test_one_buyer_needs_no_lock() -> None:
    desk = Desk(3)
    assert [desk.book() for _ in range(4)] == [3, 2, 1, None]
