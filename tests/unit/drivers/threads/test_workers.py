"""The threads that run user code."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from limpet.drivers.threads import workers as workers_module
from limpet.drivers.threads.answer import Answer
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.sender import poll
from limpet.drivers.threads.workers import Workers
from limpet.errors import SessionLost
from limpet.session.messages import WANT, Kind
from limpet.session.schedule import Pending
from limpet.testing.driver import Task, until
from tests.integration.raw import RawPeer, call, payload
from tests.support.wire import Message, framed
from tests.unit.drivers.threads.joined import Host, joined


class Gated:
    """What is served."""

    inside = threading.Event()
    passing = threading.Event()

    def wait(self) -> bool:
        Gated.inside.set()
        return Gated.passing.wait(10)

    def add(self, a: int, b: int) -> int:
        return a + b

    def big(self, size: int) -> bytes:
        return bytes(size)


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    Gated.inside.clear()
    Gated.passing.clear()
    yield
    Gated.passing.set()


@contextmanager
def pool(limit: int = 4, begin: Any = None) -> Iterator[Workers]:
    workers = Workers(limit, begin or (lambda _: None))
    try:
        yield workers
    finally:
        Gated.passing.set()
        workers.close(10)


def begun(channel: Channel, peer: RawPeer) -> None:
    """Open the service in this thread; its handle is 1."""
    peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
    assert channel.try_to_read()
    channel.run_ready()
    assert peer.hear().kind == Kind.RETURN


def idle(workers: Workers, count: int) -> None:
    until(lambda: len(workers._idle) == len(workers) == count)


def test_a_worker_reads_and_runs_and_parks() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, host):
        begun(channel, peer)
        host.attended.clear()
        peer.say(call(2, 1, "add", 1, 2), call(3, 1, "add", 3, 4))
        workers.submit(channel)
        assert [peer.hear().payload, peer.hear().payload] == [b"\x03", b"\x07"]
        until(lambda: host.attended == [channel])
        assert channel.reader == 0
        idle(workers, 1)


def test_a_worker_begins_a_session() -> None:
    begun_with: list[Channel] = []
    with pool(begin=begun_with.append) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        endpoint, channel.endpoint = channel.endpoint, None

        def begin(channel: Channel) -> None:
            begun_with.append(channel)
            channel.endpoint = endpoint

        workers._begin = begin
        peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
        workers.submit(channel)
        assert peer.hear().kind == Kind.RETURN
        assert begun_with == [channel]


def test_the_pool_grows_while_all_are_busy_and_no_further() -> None:
    with (
        pool(2) as workers,
        joined(Gated, receive_seconds=0.005) as (one, first, _),
        joined(Gated, receive_seconds=0.005) as (two, second, _),
        joined(Gated, receive_seconds=0.005) as (three, third, _),
    ):
        for channel, peer in ((one, first), (two, second), (three, third)):
            begun(channel, peer)
            peer.say(call(2, 1, "wait"))
        workers.submit(one)
        workers.submit(two)
        assert len(workers) == 2
        workers.submit(three)
        assert len(workers) == 2
        assert list(workers._ready) == [three]
        Gated.passing.set()
        assert [peer.hear().payload for peer in (first, second, third)] == [b"\xc3"] * 3
        idle(workers, 2)


def test_an_idle_worker_is_used_again() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        for id_ in range(2, 8):
            peer.say(call(id_, 1, "add", 1, 2))
            workers.submit(channel)
            assert peer.hear().payload == b"\x03"
            idle(workers, 1)


def test_an_idle_worker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "_IDLE_SECONDS", 0.01)
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        workers.submit(channel)
        until(lambda: len(workers) == 0)
        peer.say(call(2, 1, "add", 1, 2))
        workers.submit(channel)
        assert peer.hear().payload == b"\x03"


def test_work_that_comes_as_a_worker_gives_up_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "_IDLE_SECONDS", 0.05)
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        workers.submit(channel)
        idle(workers, 1)
        [worker] = workers._idle
        # Its time is up while the lock is held by whoever gives it work.
        with workers._lock:
            threading.Event().wait(0.1)
            workers._idle.remove(worker)
            worker.channel = channel
            worker.waker.release()
        peer.say(call(2, 1, "add", 1, 2))
        assert peer.hear().payload == b"\x03"


def test_there_are_no_more_threads(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            workers.submit(channel)
        assert len(workers) == 0
        assert "no thread for a worker" in caplog.text
        peer.say(call(2, 1, "add", 1, 2))
        workers.submit(channel)
        assert peer.hear().payload == b"\x03"
        until(lambda: not workers._ready)


def test_a_closed_pool_takes_nothing() -> None:
    with pool() as workers, joined(Gated) as (channel, _, _):
        workers.close(1)
        workers.submit(channel)
        assert len(workers) == 0


def test_close_waits_for_who_is_at_work_and_forgets_the_rest() -> None:
    with pool(1) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        peer.say(call(2, 1, "wait"))
        workers.submit(channel)
        assert Gated.inside.wait(5)
        workers._ready[channel] = None
        closing = Task(workers.close, 10)
        until(lambda: workers._is_closed)
        assert not closing.is_done
        Gated.passing.set()
        closing.result()
        assert len(workers) == 0


def test_close_waits_no_longer_than_told() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        peer.say(call(2, 1, "wait"))
        workers.submit(channel)
        assert Gated.inside.wait(5)
        workers.close(0.05)
        assert len(workers) == 1
        Gated.passing.set()
        until(lambda: len(workers) == 0)


def test_close_waits_for_all_workers_together() -> None:
    with (
        pool(2) as workers,
        joined(Gated, receive_seconds=0.005) as (one, first, _),
        joined(Gated, receive_seconds=0.005) as (two, second, _),
    ):
        for channel, peer in ((one, first), (two, second)):
            begun(channel, peer)
            peer.say(call(2, 1, "wait"))
            workers.submit(channel)
        until(lambda: one.executing and two.executing)
        waits: list[float | None] = []

        def join(worker: threading.Thread, seconds: float | None = None) -> None:
            waits.append(seconds)
            threading.Event().wait(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Thread, "join", join)
            workers.close(0.05)
        assert len(waits) == 2
        assert waits[1] == 0
        Gated.passing.set()
        until(lambda: len(workers) == 0)


def test_a_worker_may_close_its_own_pool() -> None:
    closed = threading.Event()
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):

        def close(_: Channel) -> None:
            workers.close(5)
            closed.set()

        workers._begin = close
        channel.endpoint = None
        peer.say(Message(int(Kind.ACK)))
        workers.submit(channel)
        assert closed.wait(5)


def test_what_is_shut_is_left_alone() -> None:
    with pool() as workers, joined(Gated) as (channel, _, host):
        channel.close()
        workers.submit(channel)
        idle(workers, 1)
        assert host.forgotten == [channel]


def test_who_does_not_read_runs_what_may_start() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        peer.say(call(2, 1, "add", 1, 2))
        assert channel.try_to_read()
        channel.reader = -1
        workers.submit(channel)
        assert peer.hear().payload == b"\x03"
        idle(workers, 1)
        assert channel.reader == -1
        channel.reader = 0


def answered(channel: Channel, callback: Callable[[], object]) -> None:
    """Have an answer come, with a callback that is to run."""
    answer = Answer(channel, Pending(1, 0, 1), None)
    answer.add_done_callback(lambda _: callback())
    answer.pending.done = True
    channel.answered.append(answer)


def test_what_is_to_be_read_waits_for_no_callback() -> None:
    with pool(1) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        ended: list[bool] = []
        answered(channel, lambda: ended.append(Gated.passing.wait(10)))
        peer.say(call(2, 1, "add", 1, 2))
        workers.submit(channel)
        assert peer.hear().payload == b"\x03"
        assert ended == []
        Gated.passing.set()
        until(lambda: ended == [True])


def test_a_callback_waits_for_nothing_that_was_read() -> None:
    with pool(2) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        answered(channel, Gated.passing.set)
        peer.say(call(2, 1, "wait"))
        workers.submit(channel)
        assert peer.hear().payload == b"\xc3"


def test_the_callbacks_of_what_is_shut_run() -> None:
    with pool() as workers, joined(Gated) as (channel, _, _):
        channel.close()
        answered(channel, Gated.passing.set)
        workers.submit(channel)
        assert Gated.passing.wait(10)


def test_the_right_to_read_is_taken_from_a_worker() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, host):
        begun(channel, peer)
        peer.say(call(2, 1, "wait"), call(3, 1, "add", 1, 2))
        workers.submit(channel)
        assert Gated.inside.wait(5)
        with channel.lock:
            assert channel.executing is not None
            channel.locked_stop_reading()
        Gated.passing.set()
        assert [peer.hear().payload, peer.hear().payload] == [b"\xc3", b"\x03"]
        idle(workers, 1)
        assert channel.reader == 0
        assert host.attended


def test_a_worker_leaves_a_silent_connection_at_once_if_others_wait() -> None:
    with (
        pool(1) as workers,
        joined(Gated, receive_seconds=5) as (one, first, host),
        joined(Gated, receive_seconds=0.005) as (two, second, _),
    ):
        begun(one, first)
        begun(two, second)
        host.attended.clear()
        first.say(call(2, 1, "wait"))
        workers.submit(one)
        assert Gated.inside.wait(5)
        workers.submit(two)
        second.say(call(2, 1, "add", 1, 2))
        Gated.passing.set()
        assert first.hear().payload == b"\xc3"
        # The first one's silence would hold the only worker for 5 seconds.
        assert second.hear().payload == b"\x03"
        assert host.attended == [one]


class Flood:
    """A peer that never stops talking."""

    def __init__(self, peer: RawPeer) -> None:
        self._peer = peer
        self._is_over = threading.Event()
        self._task = Task(self._talk)

    def _talk(self) -> None:
        chatter = framed(Message(int(Kind.ACK)).pack()) * 100
        while not self._is_over.is_set():
            if poll(self._peer.sock, select.POLLOUT, 1):
                self._peer.sock.send(chatter, socket.MSG_DONTWAIT)

    def stop(self) -> None:
        self._is_over.set()
        self._task.result()


def test_a_peer_that_never_stops_talking_keeps_no_worker_from_others() -> None:
    with (
        pool(1) as workers,
        joined(Gated, receive_seconds=0.005) as (one, first, host),
        joined(Gated, receive_seconds=0.005) as (two, second, _),
    ):
        begun(one, first)
        begun(two, second)
        host.attended.clear()
        flood = Flood(first)
        workers.submit(one)
        until(lambda: one.reads > 10)
        second.say(call(2, 1, "add", 1, 2))
        workers.submit(two)
        assert second.hear().payload == b"\x03"
        assert host.attended == [one]
        flood.stop()


def test_a_peer_that_asks_much_shares_its_worker() -> None:
    with (
        pool(1) as workers,
        joined(Gated, receive_seconds=0.005) as (one, first, host),
        joined(Gated, receive_seconds=0.005) as (two, second, _),
    ):
        begun(one, first)
        begun(two, second)
        host.ran.clear()
        first.say(call(2, 1, "wait"), call(3, 1, "add", 1, 1), call(4, 1, "add", 2, 2))
        workers.submit(one)
        assert Gated.inside.wait(5)
        second.say(call(2, 1, "add", 1, 2))
        workers.submit(two)
        host.is_pressed = True
        Gated.passing.set()
        assert second.hear().payload == b"\x03"
        assert first.hear().payload == b"\xc3"
        idle(workers, 1)
        # The host of this test only remembers; a server's has it come to a worker again.
        assert host.ran == [one]
        host.is_pressed = False
        workers.submit(one)
        assert [first.hear().payload, first.hear().payload] == [b"\x02", b"\x04"]


def test_what_waits_for_a_worker_waits_once() -> None:
    with pool(1) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, _):
        begun(channel, peer)
        peer.say(call(2, 1, "wait"))
        workers.submit(channel)
        assert Gated.inside.wait(5)
        for _ in range(3):
            workers.submit(channel)
        assert list(workers._ready) == [channel]
        assert workers.is_pressed
        Gated.passing.set()
        idle(workers, 1)
        assert not workers.is_pressed


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, MemoryError])
def test_whatever_escapes_costs_one_session_and_no_worker(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pool(1) as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, host):
        begun(channel, peer)

        def fail(*_: object) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Channel, "locked_start", fail)
            peer.say(call(2, 1, "add", 1, 2))
            workers.submit(channel)
            until(lambda: host.forgotten == [channel])
        idle(workers, 1)
        with monkeypatch.context() as patch:
            patch.setattr(Channel, "run_deferred", fail)
            patch.setattr(Channel, "locked_lose", fail)
            workers.submit(channel)
            idle(workers, 1)
            until(lambda: "internal error in a worker" in caplog.text)


def test_the_peer_hangs_up_on_a_worker() -> None:
    with pool() as workers, joined(Gated, receive_seconds=0.005) as (channel, peer, host):
        peer.close()
        workers.submit(channel)
        until(lambda: host.forgotten == [channel])
        assert isinstance(channel.connection.failure, SessionLost)
        idle(workers, 1)


def test_the_connection_breaks_under_a_worker() -> None:
    with pool() as workers, joined(Gated) as (channel, _, host):
        channel.sock.close()
        workers.submit(channel)
        until(lambda: host.forgotten == [channel])
        assert isinstance(channel.connection.failure, SessionLost)
        idle(workers, 1)


def test_a_peer_that_does_not_read_is_parked() -> None:
    with (
        pool() as workers,
        joined(Gated, receive_seconds=0.005, send_bytes=4_096) as (channel, peer, host),
    ):
        begun(channel, peer)
        host.attended.clear()
        peer.say(call(2, 1, "big", 500_000), call(3, 1, "add", 1, 2))
        workers.submit(channel)
        until(lambda: host.attended)
        assert channel.sender.unsent
        idle(workers, 1)
        reading = Task(peer.frame)
        while not reading.is_done:
            workers.submit(channel)
        assert len(reading.result()) > 500_000
        workers.submit(channel)
        assert peer.hear().payload == b"\x03"


def test_an_internal_error_costs_one_session(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with (
        pool() as workers,
        joined(Gated, receive_seconds=0.005) as (channel, peer, host),
        joined(Gated, receive_seconds=0.005) as (other, another, _),
    ):
        begun(other, another)
        connection = channel.connection

        def fail(_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(type(connection), "receive", fail)
            peer.send(framed(Message(int(Kind.ACK)).pack()))
            workers.submit(channel)
            until(lambda: host.forgotten == [channel])
        assert "internal error" in caplog.text
        assert isinstance(connection.failure, SessionLost)
        idle(workers, 1)
        another.say(call(2, 1, "add", 1, 2))
        workers.submit(other)
        assert another.hear().payload == b"\x03"
        idle(workers, 1)


def test_an_internal_error_of_one_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pool() as workers, joined(Gated, host=Host()) as (channel, _, host):
        channel.reader = -1

        def fail(_: Channel) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(Channel, "run_ready", fail)
            workers.submit(channel)
            until(lambda: channel.is_shut)
        idle(workers, 1)
        assert not host.forgotten
        with channel.lock:
            channel.locked_stop_reading()
        assert host.forgotten == [channel]
