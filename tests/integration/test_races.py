"""Threads that meet at the worst moment: built by pausing them there, not by luck."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.workers import Workers
from limpet.sansio import Kind
from limpet.testing.driver import Task, until
from tests.integration.counter import SECONDS, Counter, assert_empty, is_empty, serving
from tests.integration.raw import RawPeer, RawServer
from tests.support.wire import Message


class Pause:
    """Holds the first thread that comes to a function, until the test lets it go on."""

    def __init__(self, patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        original = getattr(owner, name)

        def paused(*args: Any, **kwargs: Any) -> Any:
            if self._lock.acquire(blocking=False):
                self.reached.set()
                assert self.go_on.wait(SECONDS)
            return original(*args, **kwargs)

        patch.setattr(owner, name, paused)


@contextmanager
def facing(**limits: Any) -> Iterator[tuple[limpet.ClientSession, RawPeer]]:
    """Give a client's session, and the other end of it."""
    profile = limpet.Profile.local(limits=limpet.Limits(**limits))
    with RawServer() as server:
        connecting = Task(lambda: limpet.connect(server.url, profile=profile))
        with server.accept() as peer, connecting.result() as session:
            yield session, peer
            assert_empty(session)


def answer(peer: RawPeer, request: Message, value: bytes) -> None:
    peer.say(Message(int(Kind.RETURN), 0, request.id, payload=value))


def asking(session: limpet.ClientSession, number: int) -> Task:
    return Task(session.open, number)


def requests(peer: RawPeer, count: int) -> dict[int, Message]:
    """Return so many requests by the number that each brought."""
    found = {}
    for _ in range(count):
        message = peer.hear(Kind.OPEN)
        found[message.payload[3]] = message
    return found


# ---------------------------------------------------------------- between the check and the wait


def test_an_answer_between_the_check_and_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with facing() as (session, peer):
        leader = asking(session, 1)
        found = requests(peer, 1)
        until(lambda: session._channel.reader)
        pause = Pause(monkeypatch, Channel, "_follow")
        follower = asking(session, 2)
        found |= requests(peer, 1)
        assert pause.reached.wait(SECONDS)
        # The reader takes the answer in while the other is about to wait for it, and goes on reading.
        answer(peer, found[2], b"\x02")
        until(lambda: not session._channel.session.pending.keys() & {found[2].id})
        began = time.monotonic()
        pause.go_on.set()
        assert follower.result() == 2
        assert time.monotonic() - began < 1
        answer(peer, found[1], b"\x01")
        assert leader.result() == 1


def test_the_reader_leaves_between_the_check_and_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with facing() as (session, peer):
        leader = asking(session, 1)
        found = requests(peer, 1)
        until(lambda: session._channel.reader)
        pause = Pause(monkeypatch, Channel, "_follow")
        follower = asking(session, 2)
        found |= requests(peer, 1)
        assert pause.reached.wait(SECONDS)
        answer(peer, found[1], b"\x01")
        assert leader.result() == 1
        pause.go_on.set()
        until(lambda: session._channel.reader)
        answer(peer, found[2], b"\x02")
        assert follower.result() == 2


def test_the_session_ends_between_the_check_and_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    with facing() as (session, peer):
        leader = asking(session, 1)
        requests(peer, 1)
        until(lambda: session._channel.reader)
        pause = Pause(monkeypatch, Channel, "_follow")
        follower = asking(session, 2)
        assert pause.reached.wait(SECONDS)
        peer.close()
        with pytest.raises(limpet.SessionLost):
            leader.result()
        pause.go_on.set()
        with pytest.raises(limpet.SessionLost):
            follower.result()


def test_an_answer_between_asking_and_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with facing() as (session, peer):
        pause = Pause(monkeypatch, Channel, "_lead")
        task = asking(session, 1)
        assert pause.reached.wait(SECONDS)
        answer(peer, requests(peer, 1)[1], b"\x01")
        pause.go_on.set()
        assert task.result() == 1


def test_a_follower_whose_turn_comes_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with facing() as (session, peer):
        leader = asking(session, 1)
        found = requests(peer, 1)
        until(lambda: session._channel.reader)
        pause = Pause(monkeypatch, Channel, "_follow")

        def hurry() -> None:
            with limpet.timeout(0.05):
                session.open(2)

        late = Task(hurry)
        found |= requests(peer, 1)
        assert pause.reached.wait(SECONDS)
        third = asking(session, 3)
        found |= requests(peer, 1)
        until(lambda: len(session._channel.waiting) == 2)
        # The reader leaves, and wakes the one that is late already.
        answer(peer, found[1], b"\x01")
        assert leader.result() == 1
        threading.Event().wait(0.1)
        pause.go_on.set()
        with pytest.raises(limpet.CallTimeout):
            late.result()
        answer(peer, found[3], b"\x03")
        assert third.result() == 3
        answer(peer, found[2], b"\x02")


# ---------------------------------------------------------------- who reads


def test_a_reader_that_times_out_hands_over() -> None:
    with facing() as (session, peer):

        def hurry() -> None:
            with limpet.timeout(0.2):
                session.open(1)

        leader = Task(hurry)
        found = requests(peer, 1)
        until(lambda: session._channel.reader)
        followers = {number: asking(session, number) for number in (2, 3)}
        found |= requests(peer, 2)
        until(lambda: len(session._channel.waiting) == 2)
        with pytest.raises(limpet.CallTimeout):
            leader.result()
        assert peer.hear(Kind.CANCEL).id == found[1].id
        for number, task in followers.items():
            answer(peer, found[number], bytes([number]))
            assert task.result() == number
        answer(peer, found[1], b"\x01")


def test_answers_in_the_reverse_order() -> None:
    with facing() as (session, peer):
        tasks = {}
        found: dict[int, Message] = {}
        for number in range(1, 9):
            tasks[number] = asking(session, number)
            found |= requests(peer, 1)
        for number in reversed(tasks):
            answer(peer, found[number], bytes([number]))
        assert [tasks[number].result() for number in tasks] == list(tasks)


def test_a_close_from_another_thread_ends_every_wait() -> None:
    with facing() as (session, peer):
        tasks = [asking(session, number) for number in range(1, 5)]
        requests(peer, 4)
        until(lambda: len(session._channel.waiting) == 3)
        closers = [Task(session.close) for _ in range(3)]
        for task in tasks:
            with pytest.raises(limpet.SessionClosed):
                task.result()
        for closer in closers:
            closer.result()
        assert peer.goodbye() is limpet.Code.DONE


# ---------------------------------------------------------------- finalizers


@pytest.fixture
def small_heap() -> Iterator[None]:
    """Let a collection look at what the test makes, and not at all that thousands of others left."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("small_heap")
def test_finalizers_during_calls_of_other_threads() -> None:
    with serving(concurrent=True) as (server, session):
        counter = session.open()
        before = len(Counter.living)

        def litter() -> None:
            for _ in range(60):
                circle: list[Any] = [counter.another(), counter.another()]
                circle.append(circle)

        tasks = [Task(litter) for _ in range(4)]
        collected = 0
        while not all(task.is_done for task in tasks):
            collected += gc.collect()
        for task in tasks:
            task.result()
        gc.collect()

        def is_freed() -> bool:
            gc.collect()
            return len(Counter.living) <= before

        until(is_freed)
        assert collected
        [channel] = server._snapshot()
        assert len(channel.session.tables.exports.by_handle) == 1
        assert len(session._channel.session.tables.imports.by_handle) == 1


def test_a_finalizer_while_its_own_thread_holds_the_lock() -> None:
    with serving() as (_, session):
        counter = session.open()
        proxy = counter.another()
        with session._channel.lock:
            del proxy
            gc.collect()
        assert counter.add(1) == 1


def test_a_proxy_that_dies_while_its_object_is_sent_again() -> None:
    shared = Counter()
    with serving(limpet.functions(get=lambda: limpet.ref(shared)), concurrent=True) as (server, session):
        table = session.open()

        def get_and_drop() -> None:
            for _ in range(200):
                assert table.get().add(0) == 0

        for task in [Task(get_and_drop) for _ in range(4)]:
            task.result(30)
        gc.collect()
        [channel] = server._snapshot()
        until(lambda: len(channel.session.tables.exports.by_handle) == 1)


# ---------------------------------------------------------------- many threads


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_background_threads_do_not_hold_up_calls() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        stopping = threading.Event()

        def chatter() -> None:
            while not stopping.is_set():
                counter.echo(1)

        tasks = [Task(chatter) for _ in range(3)]
        began = time.monotonic()
        for seconds in (0.05, 0.02, 0.02, 0.05):
            counter.sleep(seconds)
        assert time.monotonic() - began < 3
        stopping.set()
        for task in tasks:
            task.result()
        assert not session._channel.lock.locked()


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("concurrent", [False, True])
def test_a_storm(concurrent: bool) -> None:
    with serving(concurrent=concurrent) as (server, session):
        shared = session.open()

        def work(thread: int) -> dict[str, int]:
            chance = random.Random(thread)
            done = dict.fromkeys(("echo", "fail", "late", "call", "open", "ping"), 0)
            for number in range(200):
                match what := chance.choice(("echo", "echo", "echo", "fail", "late", "call", "open", "ping")):
                    case "echo":
                        assert shared.echo((thread, number)) == (thread, number)
                    case "fail":
                        with pytest.raises(ValueError, match=f"^{number}$"):
                            shared.fail(number)
                    case "late":
                        try:
                            with limpet.timeout(chance.choice((0.0001, 0.001, 0.01))):
                                assert shared.echo(number) == number
                        except limpet.CallTimeout:
                            pass
                    case "call":
                        assert shared.call(lambda a: shared.echo(a + 1), number) == number + 1
                    case "open":
                        assert shared.another().add(number) == number
                    case "ping":
                        session.ping()
                done[what] += 1
            return done

        tasks = [Task(work, thread) for thread in range(16)]
        assert [sum(task.result(50).values()) for task in tasks] == [200] * 16
        gc.collect()
        until(lambda: is_empty(session._channel))
        [channel] = server._snapshot()
        until(lambda: len(channel.session.tables.exports.by_handle) == 1)
        client = session._channel.session
        assert (len(client.tables.imports.by_handle), len(client.tables.exports.by_handle)) == (1, 0)
        assert len(server._workers) <= server.profile.limits.workers


@pytest.mark.usefixtures("restless")
def test_sessions_that_come_and_go() -> None:
    with limpet.Server(Counter, "limpet://127.0.0.1:0") as server:

        def come_and_go() -> None:
            for number in range(15):
                with limpet.connect(server.url) as session:
                    assert session.open().add(number) == number

        for task in [Task(come_and_go) for _ in range(8)]:
            task.result(40)
        until(lambda: server.sessions == 0)


def test_what_is_kept_of_sessions_that_are_over() -> None:
    with limpet.Server(Counter, "limpet://127.0.0.1:0") as server:
        channels: list[weakref.ref[Channel]] = []
        for _ in range(5):
            with limpet.connect(server.url) as session:
                counter = session.open()
                for _ in range(3):
                    counter.add(1)
                    threading.Event().wait(0.01)  # The worker parks the connection each time.
                channels += [weakref.ref(channel) for channel in server._snapshot()]
                channels.append(weakref.ref(session._channel))
            del counter, session
        until(lambda: server.sessions == 0)

        def living() -> int:
            gc.collect()
            return sum(channel() is not None for channel in channels)

        # A thread that waits for work may still know the last one it had.
        until(lambda: living() <= 2)


def _has_none(server: limpet.Server) -> bool:
    return server.sessions == 0


def test_a_stop_while_clients_come_and_call() -> None:
    for _ in range(5):
        stopping = threading.Event()
        server = limpet.Server(Counter, "limpet://127.0.0.1:0")
        server.start()

        def use(server: limpet.Server = server, stopping: threading.Event = stopping) -> int:
            count = 0
            try:
                while not stopping.is_set():
                    with limpet.connect(server.url) as session:
                        session.open().add(1)
                        count += 1
            except limpet.SessionError:
                pass
            return count

        tasks = [Task(use) for _ in range(6)]
        threading.Event().wait(0.05)
        stops = [Task(server.stop) for _ in range(3)]
        for task in stops:
            task.result()
        stopping.set()
        assert sum(task.result() for task in tasks) > 0
        until(partial(_has_none, server))


def test_a_worker_is_there_for_whoever_comes_while_the_last_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        limpet.Server(Counter, "limpet://127.0.0.1:0") as server,
        limpet.connect(server.url) as first,
        limpet.connect(server.url) as second,
    ):
        one, other = first.open(), second.open()
        until(lambda: len(server._workers._idle) == len(server._workers))
        # The idle worker has been given one connection and has not begun, when another stirs.
        pause = Pause(monkeypatch, Workers, "serve")
        waiting = Task(one.add, 1)
        assert pause.reached.wait(SECONDS)
        assert other.add(1) == 1
        pause.go_on.set()
        assert waiting.result() == 1
