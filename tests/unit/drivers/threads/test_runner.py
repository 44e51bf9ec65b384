"""Running what the peer asks for, in order, and answering it."""

from __future__ import annotations

from threading import get_ident
from typing import Any

import pytest

import limpet
from limpet.drivers.threads import runner as runner_module
from limpet.drivers.threads.line import READ_BYTES
from limpet.errors import CallCancelled
from limpet.session.messages import WANT, Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import call
from tests.support.wire import Message, mine
from tests.unit.drivers.threads.joined import Host, joined
from tests.unit.drivers.threads.test_channel import CALL, Service, answer, function_descriptor, opened


def test_requests_run_in_order() -> None:
    with joined(Service) as (channel, peer, _):
        opened(peer, channel)
        peer.say(*(call(id_, 1, "add", id_, 1) for id_ in range(2, 6)))
        assert channel.try_to_read()
        channel.run_ready()
        assert [peer.hear().payload for _ in range(4)] == [b"\x03", b"\x04", b"\x05", b"\x06"]
        channel.run_ready()
        assert channel.session.schedule.is_idle


def test_who_keeps_the_right_to_read_is_told() -> None:
    with joined(Service) as (channel, peer, _):
        opened(peer, channel)
        peer.say(call(2, 1, "spin"), call(3, 1, "spin"))
        assert channel.try_to_read()
        with channel.lock:
            first = channel.locked_start()
            assert channel.locked_start() is None
            channel.reader = get_ident()
        assert first is not None
        second, keeps = channel.run_next(first, get_ident())
        assert keeps
        assert channel.executing is second
        assert second is not None
        channel.reader = -2
        assert channel.run_next(second, get_ident()) == (None, False)
        channel.reader = 0


def test_concurrent_requests_are_handed_on() -> None:
    with joined(Service, concurrent=True) as (channel, peer, host):
        opened(peer, channel)
        peer.say(call(2, 1, "spin"), call(3, 1, "spin"))
        assert channel.try_to_read()
        host.ran.clear()
        with channel.lock:
            first = channel.locked_start()
        assert first is not None
        assert host.ran == [channel]
        channel.run_from(first)
        assert {peer.hear().id, peer.hear().id} == {2, 3}


def test_a_peer_that_does_not_read_its_answers_waits_with_its_questions() -> None:
    with joined(Service, send_bytes=4_096) as (channel, peer, host):
        opened(peer, channel)
        peer.say(call(2, 1, "big", 3_000_000), call(3, 1, "add", 1, 1))
        assert channel.try_to_read()
        running = Task(channel.run_ready)
        until(lambda: channel.session.outbox.size > READ_BYTES)
        assert len(channel.session.schedule.requests) == 1
        sizes = [len(peer.frame()) for _ in range(3)]
        assert sum(sizes) > 3_000_000
        assert peer.hear().payload == b"\x02"
        running.result()
        assert host.attended


def test_the_host_takes_over_what_a_peer_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_PATIENCE", 0.02)
    with joined(Service, send_bytes=4_096) as (channel, peer, host):
        opened(peer, channel)
        peer.say(call(2, 1, "big", 300_000))
        assert channel.try_to_read()
        host.attended.clear()
        channel.run_ready()
        assert channel.sender.unsent
        assert host.attended
        host.attended.clear()
        peer.say(call(3, 1, "add", 1, 1))
        assert channel.try_to_read()
        channel.reader = -1
        host.attended.clear()
        channel.run_ready()
        assert not host.attended
        channel.reader = 0


def test_an_answer_over_a_limit_is_an_error() -> None:
    with joined(
        Service, frame_bytes=4_096, message_bytes=65_536, outbox_bytes=65_536, error_bytes=2_048
    ) as (channel, peer, _):  # fmt: skip
        opened(peer, channel)
        peer.say(call(2, 1, "big", 100_000))
        assert channel.try_to_read()
        channel.run_ready()
        raised = peer.hear()
        assert raised.kind == Kind.RAISE
        assert b"EncodeError" in raised.payload


def test_a_queued_request_that_is_cancelled() -> None:
    with joined(Service) as (channel, peer, _):
        opened(peer, channel)
        peer.say(call(2, 1, "add", 1, 1), call(3, 1, "add", 1, 2), Message(int(Kind.CANCEL), 0, 3))
        assert channel.try_to_read()
        channel.run_ready()
        raised = peer.hear()
        assert (raised.kind, raised.id) == (Kind.RAISE, 3)
        assert CallCancelled.__name__.encode() in raised.payload
        assert peer.hear().payload == b"\x02"


def test_a_request_whose_session_ends_while_it_runs() -> None:
    with joined(Service, host=Host()) as (channel, peer, _):
        opened(peer, channel)
        peer.say(call(2, 1, "add", 1, 1))
        assert channel.try_to_read()
        with channel.lock:
            request = channel.locked_start()
        assert request is not None
        channel.close()
        channel.run_from(request)
        assert request.cancelled
        assert peer.goodbye() is limpet.Code.DONE


def test_a_served_call_that_calls_back_keeps_the_right_to_read() -> None:
    with joined(Service) as (channel, peer, host):
        opened(peer, channel)
        references: dict[str, Any] = {"references": (mine(5),), "types": ((1, function_descriptor()),)}
        peer.say(Message(CALL, WANT, 2, 1, payload=b"\x92\xa4call\x91\xd5\x10\x00\x00", **references))
        assert channel.try_to_read()
        host.attended.clear()

        def serve() -> tuple[Any, bool]:
            with channel.lock:
                request = channel.locked_start()
                channel.reader, channel.executing = get_ident(), request
            assert request is not None
            return channel.run_next(request, get_ident())

        serving_task = Task(serve)
        back = peer.hear()
        assert (back.target, back.cause) == (5, 2)
        until(lambda: channel.executing is None)
        assert not host.attended
        answer(peer, back, b"\x08")
        assert peer.hear(Kind.RETURN).payload == b"\x08"
        following, keeps = serving_task.result()
        assert (following, keeps) == (None, True)
        with channel.lock:
            channel.locked_stop_reading()


def test_with_others_waiting_a_thread_runs_one_request_and_hands_the_rest_on() -> None:
    with joined(Service) as (channel, peer, host):
        opened(peer, channel)
        peer.say(*[call(id_, 1, "add", id_, 1) for id_ in (2, 3, 4)])
        assert channel.try_to_read()
        host.is_pressed = True
        for id_ in (2, 3, 4):
            host.ran.clear()
            channel.run_ready()
            assert peer.hear().id == id_
            assert host.ran == ([channel] if id_ < 4 else [])


def test_what_was_held_back_is_handed_on_once_the_peer_has_read_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_PATIENCE", 0.01)
    with joined(Service, send_bytes=4_096) as (channel, peer, host):
        opened(peer, channel)
        peer.say(call(2, 1, "big", 3_000_000), call(3, 1, "add", 1, 1))
        assert channel.try_to_read()
        channel.run_ready()
        assert len(channel.session.schedule.requests) == 1
        host.ran.clear()
        reading = Task(lambda: [peer.frame() for _ in range(3)])
        while not reading.is_done:
            with channel.lock:
                channel.locked_send()
        assert host.ran == [channel]
        channel.run_ready()
        assert peer.hear().payload == b"\x02"
