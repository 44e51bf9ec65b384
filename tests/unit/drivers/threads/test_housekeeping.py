"""The one thread per process that looks after sessions which no caller is reading."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from limpet.drivers.threads import housekeeping as housekeeping_module
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.housekeeping import Housekeeping, housekeeping
from limpet.errors import ProtocolError, SessionClosed, SessionLost
from limpet.session.messages import Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import RawPeer, call
from tests.support.wire import Message, framed, mine
from tests.unit.drivers.threads.joined import joined
from tests.unit.drivers.threads.test_channel import answer, ask, descriptor


@contextmanager
def adopted(**options: Any) -> Iterator[tuple[Channel, RawPeer, Housekeeping]]:
    """Give a client's channel that housekeeping looks after."""
    keeper = housekeeping()
    with joined(host=keeper, **options) as (channel, peer, _):  # type: ignore[arg-type]  # a host of another kind
        keeper.adopt(channel)
        yield channel, peer, keeper
        channel.close()
        until(lambda: channel.sock.fileno() == -1)
        assert channel not in keeper._quiet
        assert channel not in keeper._busy


def quiet(channel: Channel, keeper: Housekeeping) -> None:
    until(lambda: channel in keeper._quiet)


def test_there_is_one_for_all() -> None:
    assert housekeeping() is housekeeping()
    assert [thread.name for thread in threading.enumerate()].count("limpet-housekeeping") == 1


def test_a_ping_is_answered_while_nobody_asks() -> None:
    with adopted() as (_, peer, _):
        for id_ in (1, 2, 3):
            peer.say(Message(int(Kind.PING), 0, id_))
            assert peer.hear().id == id_


def test_a_break_is_noticed_while_nobody_asks() -> None:
    with adopted() as (channel, peer, _):
        peer.close()
        until(lambda: isinstance(channel.connection.failure, SessionLost))


def test_a_goodbye_is_noticed_while_nobody_asks() -> None:
    with adopted() as (channel, peer, keeper):
        quiet(channel, keeper)
        peer.say(Message(int(Kind.GOODBYE), 0, 1))
        until(lambda: isinstance(channel.connection.failure, SessionClosed))


def test_it_keeps_out_of_the_way_of_callers() -> None:
    with adopted() as (channel, peer, keeper):
        quiet(channel, keeper)
        asking = Task(ask, channel)
        request = peer.hear()
        until(lambda: channel.reader)
        # What comes wakes both; the caller has it, and the thread leaves the socket alone.
        while channel not in keeper._busy:
            peer.say(Message(int(Kind.ACK)))
        answer(peer, request, b"\x05")
        assert asking.result() == 5
        quiet(channel, keeper)


def test_callbacks_outside_a_call_run_in_order() -> None:
    heard: list[int] = []
    with adopted() as (channel, peer, keeper):
        asking = Task(ask, channel, "f", heard.append)
        request = peer.hear()
        answer(peer, request)
        asking.result()
        quiet(channel, keeper)
        handle = request.references[0][4]
        peer.say(*(call(id_, handle, "", id_) for id_ in range(1, 11)))
        assert [peer.hear(Kind.RETURN).id for _ in range(10)] == list(range(1, 11))
        assert heard == list(range(1, 11))


def test_what_nobody_uses_is_released_within_half_a_second() -> None:
    with adopted() as (channel, peer, keeper):
        asking = Task(ask, channel)
        answer(peer, peer.hear(), b"\xd5\x10\x00\x00", references=(mine(7),), types=((1, descriptor()),))
        proxy = asking.result()
        quiet(channel, keeper)
        began = time.monotonic()
        del proxy, asking
        gc.collect()
        assert peer.hear(Kind.RELEASE).references == ((4, 0, 0, 1, 7),)
        assert time.monotonic() - began < 1


def test_what_is_left_to_send_is_sent_while_nobody_asks() -> None:
    with adopted(send_bytes=4_096) as (channel, peer, _):
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(20_000)).pack()))
            channel.locked_send()
        assert channel.sender.unsent
        assert len(peer.frame()) == 20_040
        until(lambda: not channel.sender.unsent)


def test_a_server_that_does_not_read_is_given_up_while_nobody_asks() -> None:
    with adopted(send_bytes=4_096, write_seconds=0.1) as (channel, _, _):
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(20_000)).pack()))
            channel.locked_send()
        until(lambda: isinstance(channel.connection.failure, SessionLost))


def test_a_frame_that_is_not_finished() -> None:
    with adopted(frame_seconds=0.1) as (channel, peer, keeper):
        quiet(channel, keeper)
        peer.send(b"\0\0")
        until(lambda: isinstance(channel.connection.failure, ProtocolError))


def test_an_internal_error_costs_one_session(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with adopted() as (channel, peer, keeper), adopted() as (other, another, _):
        quiet(channel, keeper)
        quiet(other, keeper)
        original = Channel.try_to_read

        def fail(line: Channel) -> bool:
            if line is channel:
                raise ZeroDivisionError
            return original(line)

        monkeypatch.setattr(Channel, "try_to_read", fail)
        peer.say(Message(int(Kind.PING), 0, 1))
        until(lambda: channel.sock.fileno() == -1)
        another.say(Message(int(Kind.PING), 0, 1))
        assert another.hear().kind == Kind.PONG
        assert caplog.text.count("internal error") == 1


def test_an_internal_error_of_its_own_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with adopted() as (_, peer, _):
        failed = threading.Event()
        original = Housekeeping._look_at_busy

        def fail(keeper: Housekeeping) -> None:
            if not failed.is_set():
                failed.set()
                raise ZeroDivisionError
            original(keeper)

        monkeypatch.setattr(Housekeeping, "_look_at_busy", fail)
        peer.say(Message(int(Kind.PING), 0, 1))
        assert failed.wait(5)
        assert peer.hear().kind == Kind.PONG
        assert "internal error while looking after sessions" in caplog.text


def test_there_are_no_more_threads(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with adopted() as (channel, _, keeper):

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            keeper.run_soon(channel)
        assert "no thread for a callback" in caplog.text


def test_a_session_that_ends_at_once() -> None:
    keeper = housekeeping()
    for _ in range(20):
        with joined(host=keeper) as (channel, _, _):  # type: ignore[arg-type]  # a host of another kind
            keeper.adopt(channel)
            channel.close()
            until(lambda: channel.sock.fileno() == -1)


def fill(pipe: int) -> None:
    while True:
        os.write(pipe, bytes(4_096))


def test_a_full_pipe_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = housekeeping()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        fill(writing)
    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_wake_write", writing)
        keeper._wake()
    os.close(reading)
    os.close(writing)


def test_a_child_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = housekeeping()
    monkeypatch.setattr(housekeeping_module, "_instance", keeper)
    monkeypatch.setattr(housekeeping_module, "_instance_lock", housekeeping_module._instance_lock)
    housekeeping_module._start_anew_after_fork()
    assert housekeeping_module._instance is None
    monkeypatch.undo()
    assert housekeeping() is keeper
