"""The one thread of a server that accepts, watches and keeps time."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from limpet.drivers.threads import watcher as watcher_module
from limpet.drivers.threads.address import Address, listen
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.watcher import Watcher
from limpet.drivers.threads.workers import Workers
from limpet.errors import Code, ProtocolError, SessionLost
from limpet.session.messages import WANT, Kind
from limpet.testing.driver import until
from tests.integration.raw import call, payload
from tests.support.wire import Message, framed, mine
from tests.unit.drivers.threads.joined import Host, joined
from tests.unit.drivers.threads.test_channel import function_descriptor


class Gated:
    """What is served."""

    inside = threading.Event()
    passing = threading.Event()

    def __init__(self) -> None:
        self._kept: list[Any] = []

    def wait(self) -> bool:
        Gated.inside.set()
        return Gated.passing.wait(10)

    def add(self, a: int, b: int) -> int:
        return a + b

    def keep(self, value: Any) -> None:
        self._kept.append(value)

    def drop(self) -> None:
        self._kept.clear()


class Watching:
    """A watcher with its listener and pool, and what it accepted."""

    def __init__(self) -> None:
        listener, self.address = listen(Address("127.0.0.1", 0))
        self.accepted: list[socket.socket] = []
        self.workers = Workers(4, lambda _: None)
        self.watcher = Watcher(listener, self.accepted.append, self.workers)
        self.watcher.start()
        self.is_stopped = False

    def connect(self) -> socket.socket:
        return socket.create_connection((self.address.host, self.address.port), 5)

    def stop(self) -> None:
        if not self.is_stopped:
            self.is_stopped = True
            self.watcher.stop_accepting()
            self.workers.close(10)
            self.watcher.stop()
            for sock in self.accepted:
                sock.close()


class ToWatcher(Host):
    """Passes on to a watcher what a channel tells its host."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self.watcher = watcher

    def attend(self, line: Any, /) -> None:
        super().attend(line)
        self.watcher.attend(line)

    def run_soon(self, line: Any, /) -> None:
        super().run_soon(line)
        self.watcher.run_soon(line)

    def forget(self, line: Any, /) -> None:
        self.forgotten.append(line)
        self.watcher.forget(line)


@pytest.fixture
def watching() -> Iterator[Watching]:
    Gated.inside.clear()
    Gated.passing.clear()
    watching = Watching()
    try:
        yield watching
    finally:
        Gated.passing.set()
        watching.stop()


@contextmanager
def watched(watching: Watching, **options: Any) -> Iterator[Any]:
    """Give a channel that the watcher watches, and its peer; the service is open, its handle 1."""
    host = ToWatcher(watching.watcher)
    options = {"receive_seconds": 0.005, "host": host, **options}
    with joined(Gated, **options) as (channel, peer, _):
        with channel.lock:
            watching.watcher.attend(channel)
        peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
        assert peer.hear().kind == Kind.RETURN
        yield channel, peer, host
        channel.close()
        until(lambda: channel.sock.fileno() == -1)


def is_watched(watching: Watching, channel: Channel) -> bool:
    return not watching.watcher._held and channel.reader == 0 and not watching.watcher._attended


# ---------------------------------------------------------------- accepting


def test_it_accepts(watching: Watching) -> None:
    with watching.connect(), watching.connect():
        until(lambda: len(watching.accepted) == 2)


def test_it_stops_accepting(watching: Watching) -> None:
    watching.watcher.stop_accepting()
    with pytest.raises(ConnectionRefusedError):
        watching.connect()


class Listener:
    """A listener whose accept fails as the test says."""

    def __init__(self, listener: socket.socket, errors: list[OSError]) -> None:
        self._listener = listener
        self._errors = errors

    def accept(self) -> tuple[socket.socket, Any]:
        if self._errors:
            raise self._errors.pop(0)
        return self._listener.accept()

    def fileno(self) -> int:
        return self._listener.fileno()

    def close(self) -> None:
        self._listener.close()


@contextmanager
def failing(*errors: OSError) -> Iterator[tuple[Watcher, Address, list[socket.socket]]]:
    sock, address = listen(Address("127.0.0.1", 0))
    accepted: list[socket.socket] = []
    workers = Workers(1, lambda _: None)
    watcher = Watcher(Listener(sock, list(errors)), accepted.append, workers)  # type: ignore[arg-type]  # stands in
    watcher.start()
    try:
        yield watcher, address, accepted
    finally:
        watcher.stop_accepting()
        watcher.stop()
        for sock in accepted:
            sock.close()


def test_out_of_descriptors_it_rests(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watcher_module, "_REST_SECONDS", 0.05)
    with failing(OSError(errno.EMFILE, "Too many open files")) as (_, address, accepted):
        began = time.monotonic()
        with socket.create_connection((address.host, address.port), 5):
            until(lambda: accepted)
        assert time.monotonic() - began >= 0.05
        assert "cannot accept connections: Too many open files" in caplog.text


def test_a_listener_that_is_closed_while_it_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "_REST_SECONDS", 0.02)
    with failing(OSError(errno.EMFILE, "Too many open files")) as (watcher, address, accepted):
        with socket.create_connection((address.host, address.port), 5):
            until(lambda: watcher._accept_again)
            watcher.stop_accepting()
            until(lambda: not watcher._accept_again)
        assert not accepted


def test_a_peer_that_left_before_it_was_accepted() -> None:
    with (
        failing(ConnectionAbortedError()) as (_, address, accepted),
        socket.create_connection((address.host, address.port), 5),
    ):
        until(lambda: accepted)


def test_a_listener_that_is_closed_while_it_accepts() -> None:
    sock, _ = listen(Address("127.0.0.1", 0))
    watcher = Watcher(sock, lambda _: None, Workers(1, lambda _: None))
    sock.close()
    watcher._accept_all()
    watcher.start()
    watcher.stop()


def test_a_burst_is_accepted_whole(watching: Watching) -> None:
    clients = [watching.connect() for _ in range(150)]
    until(lambda: len(watching.accepted) == 150)
    for client in clients:
        client.close()


def test_an_error_while_accepting_costs_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    sock, address = listen(Address("127.0.0.1", 0))
    seen: list[socket.socket] = []

    def accept(sock: socket.socket) -> None:
        seen.append(sock)
        sock.close()
        if len(seen) == 1:
            raise ZeroDivisionError

    watcher = Watcher(sock, accept, Workers(1, lambda _: None))
    watcher.start()
    for _ in range(2):
        with socket.create_connection((address.host, address.port), 5) as client:
            assert client.recv(1) == b""
    until(lambda: len(seen) == 2)
    watcher.stop_accepting()
    watcher.stop()
    assert "internal error while watching" in caplog.text


# ---------------------------------------------------------------- watching


def test_what_stirs_is_handed_to_a_worker_and_taken_back(watching: Watching) -> None:
    with watched(watching) as (channel, peer, host):
        for id_ in range(2, 6):
            until(lambda: is_watched(watching, channel))
            peer.say(call(id_, 1, "add", id_, 1))
            assert peer.hear().payload == bytes([id_ + 1])
        assert len(host.attended) >= 4


def test_it_sleeps_while_nothing_happens(watching: Watching) -> None:
    with watched(watching) as (channel, _, _):
        until(lambda: is_watched(watching, channel))
        assert watching.watcher._seconds_to_sleep() > 1_000  # type: ignore[operator]  # the idle limit


def test_silent_connections_leave_nothing_behind(watching: Watching) -> None:
    for _ in range(3):
        with watched(watching) as (channel, peer, _):
            for id_ in range(2, 8):
                until(lambda: is_watched(watching, channel))
                peer.say(call(id_, 1, "add", 1, 1))
                peer.hear()
            assert len(watching.watcher._due) <= 1
    until(lambda: not watching.watcher._due)
    assert not watching.watcher._held
    assert not watching.watcher._lending


def test_the_right_to_read_is_taken_from_who_runs_for_long(watching: Watching) -> None:
    with watched(watching) as (channel, peer, _):
        peer.say(call(2, 1, "wait"))
        assert Gated.inside.wait(5)
        until(lambda: channel.reader == 0)
        assert channel.executing is None
        peer.say(Message(int(Kind.PING), 0, 7))
        assert peer.hear().kind == Kind.PONG
        Gated.passing.set()
        assert peer.hear().payload == b"\xc3"


def test_nothing_is_taken_before_its_time(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, taken = watching.watcher, list[Any]()
    watching.stop()
    monkeypatch.setattr(watcher, "_take_right_to_read", lambda *what: taken.append(what))
    with joined(Gated) as (channel, _, _):
        first: Any = object()
        second: Any = object()
        watcher._held[channel] = (None, 0.0)
        channel.executing = first
        # However often others wake it up.
        for now in (100.0, 100.002, 100.004, 100.009):
            watcher._tick(now)
        assert taken == []
        watcher._tick(100.011)
        assert taken == [(channel, first)]
        channel.executing = second
        watcher._tick(100.5)
        assert len(taken) == 1
        watcher._tick(100.511)
        assert taken[1:] == [(channel, second)]
        channel.executing = None


def test_a_busy_connection_keeps_nobody_waiting(watching: Watching) -> None:
    with watched(watching) as (busy, _, _), watched(watching) as (_, peer, _):
        until(lambda: is_watched(watching, busy))
        busy.lock.acquire()
        try:
            watching.watcher.attend(busy)
            peer.say(call(2, 1, "add", 1, 1))
            assert peer.hear().payload == b"\x02"
            with watching.connect():
                until(lambda: watching.accepted)
            request: Any = object()
            busy.executing, busy.reader = request, -1
            watching.watcher._take_right_to_read(busy, request)
            assert busy.reader == -1
            busy.executing, busy.reader = None, 0
        finally:
            busy.lock.release()
        until(lambda: is_watched(watching, busy))


def test_the_right_of_who_has_just_finished_is_not_taken(watching: Watching) -> None:
    with watched(watching) as (channel, _, _):
        until(lambda: is_watched(watching, channel))
        channel.reader = -1
        request: Any = object()
        channel.executing = None
        watching.watcher._take_right_to_read(channel, request)
        assert channel.reader == -1
        channel.reader = 0


def test_a_connection_that_is_read_is_not_watched(watching: Watching) -> None:
    with watched(watching) as (channel, _, _):
        until(lambda: is_watched(watching, channel))
        channel.reader = -1
        with channel.lock:
            watching.watcher.attend(channel)
        until(lambda: not watching.watcher._attended)
        channel.reader = 0


def test_what_could_not_be_sent_is_watched_for_room(watching: Watching) -> None:
    with watched(watching, send_bytes=4_096) as (channel, peer, _):
        until(lambda: is_watched(watching, channel))
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(500_000)).pack()))
            channel.locked_send()
            assert channel.sender.unsent
            watching.watcher.attend(channel)
        assert len(peer.frame()) == 500_040
        until(lambda: not channel.sender.unsent)


def test_a_broken_connection_is_forgotten(watching: Watching) -> None:
    with watched(watching) as (channel, peer, host):
        until(lambda: is_watched(watching, channel))
        peer.close()
        until(lambda: channel.sock.fileno() == -1)
        assert host.forgotten == [channel]
        assert isinstance(channel.connection.failure, SessionLost)


# ---------------------------------------------------------------- time


def test_a_handshake_that_is_not_finished(watching: Watching) -> None:
    host = ToWatcher(watching.watcher)
    with joined(Gated, host=host, opened=False, handshake_seconds=0.05) as (channel, peer, _):
        with channel.lock:
            watching.watcher.attend(channel)
        assert peer.rest() == b""
        until(lambda: channel.sock.fileno() == -1)


def test_a_frame_that_is_not_finished(watching: Watching) -> None:
    with watched(watching, frame_seconds=0.05) as (channel, peer, _):
        peer.send(b"\0\0")
        assert peer.goodbye() is Code.LIMIT
        assert isinstance(channel.connection.failure, ProtocolError)


def test_a_frame_that_trickles_to_a_worker(watching: Watching) -> None:
    with watched(watching, frame_seconds=0.1, receive_seconds=1) as (_, peer, _):
        # The worker that waits for the next byte is told by the watcher that time is up.
        peer.send(b"\0\0")
        assert peer.goodbye() is Code.LIMIT


def test_a_session_that_is_idle(watching: Watching) -> None:
    with watched(watching, idle_seconds=0.1) as (_, peer, _):
        assert peer.goodbye() is Code.IDLE


def test_a_peer_that_does_not_read(watching: Watching) -> None:
    with watched(watching, send_bytes=4_096, write_seconds=0.1) as (channel, _, _):
        until(lambda: is_watched(watching, channel))
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(500_000)).pack()))
            channel.locked_send()
            watching.watcher.attend(channel)
        until(lambda: channel.sock.fileno() == -1)
        assert "read nothing" in str(channel.connection.failure)


def test_a_call_that_runs_too_long_is_cancelled_and_others_are_served(watching: Watching) -> None:
    with watched(watching, call_seconds=0.1) as (channel, peer, _), watched(watching) as (_, other, _):
        peer.say(call(2, 1, "wait"))
        assert Gated.inside.wait(5)
        [request] = channel.session.schedule.requests.values()
        until(lambda: request.cancelled)
        for id_ in range(2, 10):
            other.say(call(id_, 1, "add", 1, 1))
            assert other.hear().payload == b"\x02"
        with watching.connect():
            until(lambda: watching.accepted)
        Gated.passing.set()
        assert peer.hear().id == 2


def test_what_nobody_uses_is_released_within_half_a_second(watching: Watching) -> None:
    with watched(watching) as (channel, peer, _):
        lent: dict[str, Any] = {"references": (mine(5),), "types": ((1, function_descriptor()),)}
        peer.say(Message(int(Kind.CALL), WANT, 2, 1, payload=b"\x92\xa4keep\x91\xd5\x10\x00\x00", **lent))
        assert peer.hear().kind == Kind.RETURN
        until(lambda: watching.watcher._lending == {channel})
        peer.say(call(3, 1, "drop"))
        began = time.monotonic()
        released = peer.hear(Kind.RELEASE)
        assert released.references == ((4, 0, 0, 1, 5),)
        assert time.monotonic() - began < 1
        until(lambda: not watching.watcher._lending)


def test_an_internal_error_at_a_deadline_costs_one_session(
    watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(watching, idle_seconds=0.1) as (channel, _, _), watched(watching, idle_seconds=0.3) as (_, other, _):
        failed = threading.Event()
        original = Channel.locked_keep_time

        def fail(line: Channel) -> None:
            if line is channel:
                failed.set()
                raise ZeroDivisionError
            original(line)

        monkeypatch.setattr(Channel, "locked_keep_time", fail)
        assert failed.wait(5)
        assert other.goodbye() is Code.IDLE
        until(lambda: channel.sock.fileno() == -1)
        assert caplog.text.count("internal error") == 1


# ---------------------------------------------------------------- stopping


def fill(pipe: int) -> None:
    while True:
        os.write(pipe, bytes(4_096))


def test_a_full_pipe_is_no_trouble(watching: Watching) -> None:
    watching.stop()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        fill(writing)
    watching.watcher._wake_write = writing
    watching.watcher._wake()
    watching.watcher._wake_write = -1
    os.close(reading)
    os.close(writing)


def test_what_is_forgotten_after_the_end_is_closed_at_once(watching: Watching) -> None:
    with joined(Gated, host=ToWatcher(watching.watcher)) as (channel, _, _):
        watching.stop()
        channel.close()
        assert channel.sock.fileno() == -1


def test_what_is_forgotten_at_the_end_is_closed() -> None:
    listener, _ = listen(Address("127.0.0.1", 0))
    watcher = Watcher(listener, lambda _: None, Workers(1, lambda _: None))
    watcher._is_stopping = True
    watcher.start()
    watcher._thread.join()
    with joined(Gated, host=ToWatcher(watcher)) as (channel, _, _):
        channel.close()
        assert channel.sock.fileno() >= 0
        watcher.stop()
        listener.close()
        assert channel.sock.fileno() == -1


def test_a_child_closes_its_copies(watching: Watching) -> None:
    listener, _ = listen(Address("127.0.0.1", 0))
    watcher = Watcher(listener, lambda _: None, Workers(1, lambda _: None))
    ends = (watcher._wake_read, watcher._wake_write)
    watcher.disown()
    assert listener.fileno() == -1
    for end in ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)


def test_a_child_of_a_stopped_server_closes_nothing() -> None:
    watching = Watching()
    watching.stop()
    files = [os.dup(0) for _ in range(8)]
    watcher_module._disown_after_fork()
    for file in files:
        os.fstat(file)
        os.close(file)
