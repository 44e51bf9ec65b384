"""Ctrl-C at any moment of a call hurts nobody but the caller."""

from __future__ import annotations

import linecache
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import limpet
from limpet.testing.driver import Task, until
from tests.integration.counter import Counter, is_empty

INTERRUPTED = """
import signal, sys, threading, time, limpet
from limpet.testing.driver import Task, until

class Slow:
    def __init__(self): self.passing = threading.Event()
    def wait(self): return self.passing.wait(20)
    def go(self): self.passing.set()
    def echo(self, value): return value
    def size(self, value): return len(value)
    def call(self, function): return function()

main = threading.get_ident()
def interrupt(): signal.pthread_kill(main, signal.SIGINT)

server = limpet.Server(Slow, "limpet://127.0.0.1:0", concurrent=True)
server.start()
session = limpet.connect(server.url)
slow = session.open()
channel = session._channel
how = sys.argv[1]
others = []

def when(condition):
    def run():
        until(condition)
        interrupt()
    return Task(run)

try:
    if how == "reading":
        helper = when(lambda: channel.reader == main and others)
        starter = Task(lambda: (until(lambda: channel.reader == main), others.append(Task(slow.echo, "other"))))
        slow.wait()
    elif how == "reading with others":
        def run():
            until(lambda: channel.reader == main)
            others.extend(Task(slow.wait) for _ in range(3))
            until(lambda: len(channel.waiting) == 3)
            interrupt()
        helper = Task(run)
        slow.wait()
    elif how == "following":
        others.append(Task(slow.wait))
        until(lambda: channel.reader)
        helper = when(lambda: channel.waiting)
        slow.wait()
    elif how == "in a callback":
        helper = None
        slow.call(interrupt)
    elif how == "with a deadline":
        helper = when(lambda: channel.reader == main)
        with limpet.timeout(20):
            slow.wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("not interrupted", flush=True)
print(slow.echo("after"), flush=True)
slow.go()
print([task.result() for task in others], flush=True)
until(lambda: not channel.session.pending and not channel.waiting and channel.reader == 0)
channel.connection.check()
session.close()
server.stop()
print("stopped", flush=True)
"""


@pytest.mark.parametrize(
    ("how", "others"),
    [
        ("reading", "['other']"),
        ("reading with others", "[True, True, True]"),
        ("following", "[True]"),
        ("in a callback", "[]"),
        ("with a deadline", "[]"),
    ],
)
def test_ctrl_c_hurts_nobody_else(how: str, others: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, how], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.splitlines() == ["interrupted", "after", others, "stopped"], done.stderr


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_in_a_callback_ends_the_caller_and_not_the_session(kind: type[BaseException]) -> None:
    def leave() -> None:
        raise kind

    with limpet.Server(Counter, "limpet://127.0.0.1:0") as server, limpet.connect(server.url) as session:
        counter = session.open()
        with pytest.raises(kind):
            counter.call(leave)
        assert counter.add(1) == 1


# ---------------------------------------------------------------- an interrupt at every line


class Interrupter:
    """Raises KeyboardInterrupt at the n-th line of the driver that a thread comes to.

    Lines where a signal cannot be handled are left out: the end of a ``with`` block.
    """

    FILES = ("channel.py", "line.py", "sender.py")

    def __init__(self, number: int) -> None:
        self.left = number
        self.place = ""

    def __call__(self, frame: Any, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if "drivers/threads" not in name or not name.endswith(self.FILES) or frame.f_code.co_name == "give_up":
            return None  # What a finalizer raises goes nowhere.
        return self._line

    def _line(self, frame: Any, event: str, _: Any) -> Any:
        if event == "line" and not _source(frame).startswith(("with ", "try:", "finally:")):
            self.left -= 1
            if self.left == 0:
                self.place = f"{frame.f_code.co_name}:{frame.f_lineno}: {_source(frame)}"
                raise KeyboardInterrupt
        return self._line


def _source(frame: Any) -> str:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()


def interrupted_at(number: int, action: Callable[[], object]) -> str:
    """Run ``action`` in a thread with an interrupt at the n-th line; return where it was, empty if it came no more."""
    interrupter = Interrupter(number)

    def run() -> None:
        sys.settrace(interrupter)
        try:
            action()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)

    with suppress(limpet.SessionError):
        Task(run).result()
    return interrupter.place


ACTIONS: dict[str, Callable[[Any], object]] = {
    "call": lambda counter: counter.echo(1),
    "deadline": lambda counter: _within(5, counter.echo, 1),
    "callback": lambda counter: counter.call(lambda: counter.echo(2)),
    "large": lambda counter: counter.echo(bytes(3_000_000)),
}


def _within(seconds: float, function: Callable[..., Any], *args: Any) -> Any:
    with limpet.timeout(seconds):
        return function(*args)


def place_that_hurts_nobody(server: limpet.Server, action: Callable[[Any], object], number: int) -> str:
    """Interrupt a call at its n-th line, while another waits; see that either both go on, or both end."""
    with limpet.connect(server.url) as session:
        counter = session.open()
        other = Task(counter.wait)
        until(lambda: session._channel.session.pending)
        place = interrupted_at(number, lambda: action(counter))
        try:
            with limpet.timeout(5):
                assert counter.echo(3) == 3
                counter.let_pass()
                assert other.result() is True
            until(lambda: is_empty(session._channel), 5)
        except limpet.SessionError:
            with pytest.raises(limpet.SessionError):
                other.result()
        except (limpet.CallTimeout, AssertionError) as error:
            raise AssertionError(f"an interrupt at {place} hurts others: {error}") from error
        finally:
            for served in list(Counter.living):
                served.passing.set()
        return place


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_an_interrupt_at_any_line_leaves_the_others_going(action: Callable[[Any], object]) -> None:
    with limpet.Server(Counter, "limpet://127.0.0.1:0", concurrent=True) as server:
        number = 1
        while place_that_hurts_nobody(server, action, number):
            number += 1
        assert number > 20
