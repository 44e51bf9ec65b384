"""Threads share one session for as long as one likes: ``python -m tests.soak --seconds 60``.

Calls, callbacks, deadlines, cancels, futures, one-way calls, generators and blocks, at random and all at
once. Afterwards no reply is lost, nothing hangs, and no thread, table entry or descriptor is left over.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import limpet
from limpet.testing.driver import Task, until

HANG_SECONDS = 30.0
"""A call that takes this long counts as lost."""


@limpet.expose
class Part:
    """Something that travels by reference."""

    def __init__(self, number: int) -> None:
        self.number = number


class Bench:
    """What the threads share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.told = 0

    def echo(self, value: Any) -> Any:
        return value

    def fail(self, number: int) -> None:
        raise ValueError(number)

    def part(self, number: int) -> Part:
        return Part(number)

    def call(self, function: Callable[[int], int], number: int) -> int:
        return function(number)

    def descend(self, function: Any, depth: int) -> int:
        return 0 if depth == 0 else 1 + int(function(limpet.ref(self.descend), depth - 1))

    def call_soon(self, function: Callable[[int], object], number: int) -> None:
        threading.Thread(target=_call_quietly, args=(function, number), daemon=True).start()

    def wait_for_cancel(self) -> bool:
        pause = threading.Event()
        deadline = time.monotonic() + HANG_SECONDS
        while not limpet.cancelled() and time.monotonic() < deadline:
            pause.wait(0.002)
        return limpet.cancelled()

    def tell(self) -> None:
        with self._lock:
            self.told += 1

    def numbers(self, count: int) -> Iterator[int]:
        yield from range(count)

    @contextmanager
    def shift(self, number: int) -> Generator[Part]:
        yield Part(number)


def _call_quietly(function: Callable[[int], object], number: int) -> None:
    try:
        function(number)
    except limpet.LimpetError:
        return


class Sharer:
    """One of the threads."""

    def __init__(self, session: limpet.ClientSession, bench: Any, seed: int) -> None:
        self._session = session
        self._bench = bench
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.told = 0
        self.called_soon = 0
        self._heard = threading.Semaphore(0)

    def work(self, seconds: float) -> None:
        actions = [name for name in vars(type(self)) if name.startswith("do_")]
        until_then = time.monotonic() + seconds
        number = 0
        while time.monotonic() < until_then:
            number += 1
            name = self._chance.choice(actions)
            with limpet.timeout(HANG_SECONDS):
                getattr(self, name)(number)
            self.done[name[3:]] += 1
        for _ in range(self.called_soon):
            assert self._heard.acquire(timeout=HANG_SECONDS), "a callback outside a call is lost"

    def do_echo(self, number: int) -> None:
        assert self._bench.echo((number, "x")) == (number, "x")

    def do_large(self, number: int) -> None:
        data = bytes([number % 256]) * 200_000
        assert self._bench.echo(data) == data

    def do_fail(self, number: int) -> None:
        try:
            self._bench.fail(number)
        except ValueError as error:
            assert error.args == (number,)  # noqa: PT017 - no test runner here
        else:
            raise AssertionError("no error came")

    def do_reference(self, number: int) -> None:
        assert self._bench.part(number).number == number

    def do_callback(self, number: int) -> None:
        assert self._bench.call(lambda given: self._bench.echo(given + 1), number) == number + 1

    def do_descent(self, _number: int) -> None:
        depth = self._chance.randrange(8)
        assert self._bench.descend(self._descend, depth) == depth

    def _descend(self, function: Any, depth: int) -> int:
        return 0 if depth == 0 else 1 + int(function(self._descend, depth - 1))

    def do_callback_outside(self, number: int) -> None:
        self.called_soon += 1
        self._bench.call_soon(lambda _given: self._heard.release(), number)

    def do_deadline(self, number: int) -> None:
        try:
            with limpet.timeout(self._chance.choice((0.0001, 0.001, 0.01))):
                assert self._bench.echo(number) == number
        except limpet.CallTimeout:
            self.done["deadline passed"] += 1

    def do_cancel(self, _number: int) -> None:
        future = limpet.later(self._bench.wait_for_cancel)
        if self._chance.random() < 0.5:
            threading.Event().wait(0.002)
        assert future.cancel()
        try:
            future.result()
        except CancelledError:
            return
        raise AssertionError("a cancelled call was answered")

    def do_futures(self, number: int) -> None:
        futures = [limpet.later(self._bench.echo, number + index) for index in range(10)]
        assert [future.result(HANG_SECONDS) for future in futures] == [number + index for index in range(10)]

    def do_one_way(self, _number: int) -> None:
        limpet.oneway(self._bench.tell)
        self.told += 1

    def do_iterate(self, _number: int) -> None:
        count = self._chance.randrange(20)
        numbers = self._bench.numbers(count)
        assert [*(limpet.prefetch(numbers, 7) if count % 2 else numbers)] == [*range(count)]

    def do_block(self, number: int) -> None:
        with self._bench.shift(number) as part:
            assert part.number == number

    def do_ping(self, _number: int) -> None:
        assert self._session.ping() < HANG_SECONDS


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def soak(threads: int, seconds: float) -> None:
    """Run it, and fail if anything is lost or left over."""
    before_threads, before_files = threading.active_count(), descriptors()
    exposure = limpet.Exposure(types=[Bench])
    with (
        limpet.Server(limpet.ref(Bench()), "limpet://127.0.0.1:0", exposure=exposure, concurrent=True) as server,
        limpet.connect(server.url) as session,
    ):
        bench = session.open()
        sharers = [Sharer(session, bench, seed) for seed in range(threads)]
        tasks = [Task(sharer.work, seconds) for sharer in sharers]
        for task in tasks:
            task.result(seconds + 2 * HANG_SECONDS)
        total = sum((sharer.done for sharer in sharers), Counter[str]())
        for name, count in sorted(total.items()):
            print(f"{name:>18} {count:>9}")
        print(f"{'in all':>18} {total.total():>9}")
        until(lambda: bench.told == sum(sharer.told for sharer in sharers))
        gc.collect()
        client = session._channel.session
        [channel] = server._snapshot()
        until(lambda: not client.pending and not client.schedule.requests)
        until(lambda: len(client.tables.imports.by_handle) == 1 and not client.tables.exports.by_handle)
        until(lambda: len(channel.session.tables.exports.by_handle) == 1)
        until(lambda: not channel.session.tables.imports.by_handle)
        client.check()
        channel.session.check()
    until(lambda: threading.active_count() <= before_threads + 1)  # the one that does the housekeeping stays
    until(lambda: descriptors() <= before_files + 3)  # its selector and its pipe
    print("nothing was lost, and nothing is left over")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Share one session among threads.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=4)
    wanted = parser.parse_args()
    sys.setswitchinterval(0.0005)
    soak(wanted.threads, wanted.seconds)


if __name__ == "__main__":
    main()
