"""Messages: what is in them, how many there are, how large they may be, and that each finds its way."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from limpet import concurrent
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.forwarder import Forwarder
from tests.conformance.system import Feature, System

MEBIBYTE = 1 << 20


class Turns:
    """Lets whoever waits go in any order."""

    def __init__(self) -> None:
        self._turns = [Event() for _ in range(3)]

    def wait(self, turn: int) -> int:
        self._turns[turn].wait(10)
        return turn

    def give(self, turn: int) -> None:
        self._turns[turn].set()


# Pyro5's own test of this looks at the numbers of messages, which its users do not see.
@behaviour("P50", "Answers that come in another order reach their own callers")
def answers_in_another_order(system: System) -> None:
    with system.session(Turns, concurrent=True) as session:
        turns = session.open()
        futures = [system.later(turns.wait, turn) for turn in range(3)]
        for turn in (2, 0, 1):
            assert not futures[turn].done()
            turns.give(turn)
            until(futures[turn].done, "an answer is held up")
            assert futures[turn].result() == turn, "it is another call's answer"


class Recorder:
    def take(self, *args: object, **kwargs: object) -> str:
        return repr((args, kwargs))

    def fill(self, first: int, second: int = 2, *, third: int = 3) -> list[int]:
        return [first, second, third]


# Pyro5's own test has "€" as a name, which Python knows only in a dict of arguments.
@behaviour("P51", "Positional, named and unpacked arguments arrive exactly, with names beyond ASCII too")
def arguments(system: System) -> None:
    named = {"a": 2, "b": "c"}
    with system.opened(Recorder) as recorder:
        assert recorder.take() == "((), {})"
        assert recorder.take(1) == "((1,), {})"
        assert recorder.take(1, 2, 3, a=4) == "((1, 2, 3), {'a': 4})"
        assert recorder.take(*"ab", **named) == "(('a', 'b'), {'a': 2, 'b': 'c'})"
        assert recorder.take(größe=1, 名前=2) == "((), {'größe': 1, '名前': 2})"
        assert list(recorder.fill(1)) == [1, 2, 3]
        assert list(recorder.fill(1, third=4)) == [1, 2, 4]
        assert list(recorder.fill(second=5, first=4)) == [4, 5, 3]


class Echo:
    def echo(self, data: bytes) -> bytes:
        return data

    def size(self, data: bytes) -> int:
        return len(data)

    def make(self, size: int) -> bytes:
        return b"x" * size


@behaviour("P54", "After the first, a call is one message each way", Feature.CONNECTIONS)
def one_message_each_way(system: System) -> None:
    with (
        Forwarder() as forwarder,
        system.serve(Echo, seen_at=forwarder.port) as address,
        system.connect(forwarder.through(address)) as session,
    ):
        echo = session.open()
        assert echo.size(b"first") == 5
        for calls in range(1, 4):
            before = forwarder.requests, forwarder.answers
            assert echo.size(b"x" * calls) == calls
            after = forwarder.requests, forwarder.answers
            assert after == (before[0] + 1, before[1] + 1), "not one each way"


class Coast:
    def flood(self) -> None:
        raise type("TideError", (Exception,), {})("too high")

    def level(self) -> int:
        return 3


@behaviour("P56", "An error whose type is the server's own arrives as the library's, and names that type")
def unknown_error(system: System) -> None:
    with system.opened(Coast) as coast:
        with raises(*system.own) as caught:
            coast.flood()
        assert "TideError" in f"{type(caught.error).__name__}: {caught.error}", "it does not name the type"
        assert coast.level() == 3


class Lock:
    """Holds back whoever waits until it is opened, and tells how many do."""

    def __init__(self) -> None:
        self._event = Event()
        self._waiting = 0

    @concurrent
    def wait(self) -> None:
        self._waiting += 1
        self._event.wait(10)
        self._waiting -= 1

    def waiting(self) -> int:
        return self._waiting

    def open(self) -> None:
        self._event.set()


@behaviour("P57", "A call that wants no answer returns at once, and does not hold up the next one")
def no_answer_wanted(system: System) -> None:
    with (
        system.serve(Lock, shared=True) as address,
        system.connect(address) as session,
        system.connect(address) as other,
    ):
        lock, key = session.open(), other.open()
        try:
            assert system.oneway(lock, "wait") is None  # type: ignore[func-returns-value]  # that is what is tested
            until(lambda: lock.waiting() == 1, "the next call is held up")
        finally:
            key.open()
        until(lambda: lock.waiting() == 0, "the call never ends")


@behaviour("P59", "A message over the limit is refused, one below it arrives")
def limit_of_messages(system: System) -> None:
    with system.serve(Echo, message_bytes=MEBIBYTE) as address:
        with system.connect(address) as session:
            assert session.open().size(b"x" * (MEBIBYTE // 2)) == MEBIBYTE // 2
        # Whether the connection lives on is not asked.
        with system.connect(address) as session, raises(*system.own):
            session.open().size(b"x" * 2 * MEBIBYTE)
        with system.connect(address) as session, raises(*system.own):
            session.open().make(2 * MEBIBYTE)
        with system.connect(address) as session:
            assert len(session.open().make(MEBIBYTE // 2)) == MEBIBYTE // 2


@behaviour("P71", "Large buffers arrive whole, both ways")
def large_buffers(system: System) -> None:
    pattern = bytes(range(251)) * (5 * MEBIBYTE // 251)
    with system.opened(Echo) as echo:
        for size in (MEBIBYTE - 1, MEBIBYTE + 1, len(pattern)):
            assert echo.size(pattern[:size]) == size, "it arrives in part"
            assert echo.echo(pattern[:size]) == pattern[:size], "it comes back changed"


class Spring:
    def drops(self, count: int) -> Iterator[int]:
        yield from range(count)


@behaviour("P60", "A generator gives its items in order, then StopIteration each time, and is closed twice")
def generator(system: System) -> None:
    with system.opened(Spring) as spring:
        assert list(spring.drops(300)) == list(range(300))
        drops = spring.drops(3)
        assert [next(drops), next(drops), next(drops)] == [0, 1, 2]
        for _again in range(2):
            with raises(StopIteration):
                next(drops)
        drops.close()
        drops.close()
        early = spring.drops(3)
        assert next(early) == 0
        early.close()
        early.close()
        with raises(StopIteration):
            next(early)
