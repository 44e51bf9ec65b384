"""What the races are run on, and how to see that nothing is left of them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import limpet
from limpet.drivers.threads.channel import Channel
from limpet.testing.driver import until

__all__ = ["SECONDS", "Counter", "assert_empty", "is_empty", "serving"]

SECONDS = 10.0


@limpet.expose
class Counter:
    """What is served."""

    living: ClassVar[weakref.WeakSet[Counter]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.total = 0
        self.inside = threading.Event()
        self.passing = threading.Event()
        Counter.living.add(self)

    def add(self, number: int) -> int:
        self.total += number
        return self.total

    def echo(self, value: Any) -> Any:
        return value

    def sleep(self, seconds: float) -> None:
        threading.Event().wait(seconds)

    def wait(self) -> bool:
        self.inside.set()
        return self.passing.wait(SECONDS)

    def inside_is_set(self) -> bool:
        return self.inside.wait(SECONDS)

    def let_pass(self) -> None:
        self.passing.set()

    def fail(self, number: int) -> None:
        raise ValueError(number)

    def another(self) -> Counter:
        return Counter()

    def call(self, function: Any, *args: Any) -> Any:
        return function(*args)


@contextmanager
def serving(service: object = Counter, **options: Any) -> Iterator[tuple[limpet.Server, limpet.ClientSession]]:
    """Give a server and a session with it; in the end both ends' tables must be in order, and nothing under way."""
    with limpet.Server(service, "limpet://127.0.0.1:0", **options) as server, limpet.connect(server.url) as session:
        yield server, session
        assert_empty(session)
        until(lambda: all(is_empty(channel) for channel in server._snapshot()))


def is_empty(channel: Channel) -> bool:
    with channel.lock:
        channel.connection.check()
        session = channel.connection.session
        return session is None or not (
            session.pending or session.schedule.requests or channel.waiting or channel.sender.unsent
        )


def assert_empty(session: limpet.ClientSession) -> None:
    until(lambda: is_empty(session._channel))
    until(lambda: session._channel.reader == 0)
