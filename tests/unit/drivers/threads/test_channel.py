"""Asking and answering by a line, from any number of threads."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from threading import Event, Lock, get_ident
from typing import Any

import pytest

import limpet
from limpet.drivers.threads import channel as channel_module
from limpet.drivers.threads.channel import Channel
from limpet.errors import CallCancelled, CallTimeout, EncodeError, SessionClosed, SessionLost
from limpet.objects.context import serving
from limpet.objects.endpoint import Endpoint
from limpet.session.body import EMPTY
from limpet.session.messages import WANT, Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import RawPeer, call, payload
from tests.support.wire import Message, framed, mine
from tests.unit.drivers.threads.joined import joined

CALL = int(Kind.CALL)
NOTHING = b"\xc0"


class Service:
    """What the other side calls."""

    def __init__(self) -> None:
        self.inside = Event()
        self.passing = Event()

    def add(self, a: int, b: int) -> int:
        return a + b

    def big(self, size: int) -> bytes:
        return bytes(size)

    def call(self, function: Callable[[], Any]) -> Any:
        return function()

    def spin(self) -> int:
        return get_ident()


def ask(channel: Channel, name: str = "f", *args: Any) -> Any:
    return channel.ask(CALL, 1, [name, [*args]])


def answer(peer: RawPeer, request: Message, data: bytes = NOTHING, **changes: Any) -> None:
    peer.say(Message(int(Kind.RETURN), 0, request.id, payload=data, **changes))


def opened(peer: RawPeer, channel: Channel) -> None:
    """Have the peer open the service: its handle is 1."""
    peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
    assert channel.try_to_read()
    channel.run_ready()
    assert peer.hear().kind == Kind.RETURN


# ---------------------------------------------------------------- asking


def test_a_call_and_its_answer() -> None:
    with joined() as (channel, peer, host):
        asking = Task(ask, channel, "f", 1)
        request = peer.hear()
        assert (request.kind, request.target, request.payload) == (CALL, 1, payload("f", [1]))
        answer(peer, request, b"\x05")
        assert asking.result() == 5
        assert channel.reader == 0
        assert host.attended == [channel]
        assert not channel.waiting


def test_no_session_yet() -> None:
    with joined(opened=False) as (channel, _, _):
        with pytest.raises(SessionClosed):
            ask(channel)
        with pytest.raises(SessionClosed):
            channel.request(CALL, WANT, 1, EMPTY)
        channel.give_up(None)  # type: ignore[arg-type]  # nothing looks at it
        channel.release_dropped()
        assert channel.locked_start() is None


def test_no_session_any_more() -> None:
    with joined() as (channel, _, _):
        channel.close()
        with pytest.raises(SessionClosed):
            ask(channel)
        channel.disown()
        with pytest.raises(SessionClosed, match="belongs to the process"):
            channel.request(CALL, WANT, 1, EMPTY)
        with pytest.raises(SessionClosed, match="belongs to the process"):
            ask(channel)


def test_what_cannot_travel_is_not_sent() -> None:
    with joined() as (channel, peer, _):
        with pytest.raises(EncodeError):
            ask(channel, "f", object())
        asking = Task(ask, channel)
        answer(peer, peer.hear())
        assert asking.result() is None


def test_without_credit_a_call_waits_for_it() -> None:
    with joined() as (channel, peer, _):
        tasks = [Task(ask, channel) for _ in range(64)]
        found = [peer.hear() for _ in tasks]
        late = Task(ask, channel, "late")
        until(lambda: channel.session._tickets)
        answer(peer, found[0])
        request = peer.hear()
        assert request.payload == payload("late", [])
        for message in (*found[1:], request):
            answer(peer, message)
        for task in (*tasks, late):
            task.result()


def test_without_credit_until_the_deadline() -> None:
    with joined() as (channel, peer, _):
        tasks = [Task(ask, channel) for _ in range(64)]
        found = [peer.hear() for _ in tasks]
        with pytest.raises(CallTimeout), limpet.timeout(0.05):
            ask(channel, "late")
        assert not channel.session._tickets
        for message in found:
            answer(peer, message)
        for task in tasks:
            task.result()


def test_a_large_request_while_the_peer_sends_a_large_answer() -> None:
    data = bytes(3_000_000)
    with joined(send_bytes=4_096) as (channel, peer, _):
        asking = Task(ask, channel, "f", data)
        size = 0
        while size < len(data):
            size += len(peer.frame()) - 40
        peer.send(framed(Message(int(Kind.RETURN), 4, 1, payload=bytes(1_000_000)).pack()))
        peer.say(Message(int(Kind.RETURN), 0, 1, payload=b"\x00"))
        with pytest.raises(limpet.DecodeError):
            asking.result()


def test_a_deadline_while_sending() -> None:
    with joined(send_bytes=4_096) as (channel, peer, _):
        with pytest.raises(CallTimeout, match="could not be sent"), limpet.timeout(0.05):
            ask(channel, "f", bytes(1_000_000))
        [pending] = channel.session.pending.values()
        assert pending.abandoned
        pushing = Task(channel.push)
        peer.frame()
        assert peer.frame()[0] == Kind.CANCEL
        pushing.result()
        answer(peer, Message(CALL, id=pending.id))
        channel.try_to_read()


def test_dropped_references_are_told() -> None:
    with joined() as (channel, peer, _):
        asking = Task(ask, channel)
        answer(peer, peer.hear(), b"\xd5\x10\x00\x00", references=(mine(7),), types=((1, descriptor()),))
        proxy = asking.result()
        del proxy, asking
        gc.collect()
        channel.release_dropped()
        release = peer.hear()
        assert (release.kind, release.references) == (Kind.RELEASE, ((4, 0, 0, 1, 7),))
        channel.release_dropped()
        channel.close()
        channel.release_dropped()
        assert peer.goodbye() is limpet.Code.DONE


def descriptor() -> bytes:
    """Return what a server writes of a class, as it goes over the wire."""
    with joined(Service) as (channel, peer, _):
        peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
        assert channel.try_to_read()
        channel.run_ready()
        [(_, content)] = peer.hear().types
        return content


# ---------------------------------------------------------------- waiting


def test_a_wait_that_is_over_already() -> None:
    with joined() as (channel, peer, _):
        pending = channel.request(CALL, WANT, 1, EMPTY)
        answer(peer, peer.hear())
        assert channel.try_to_read()
        channel.wait(pending)
        assert pending.done


def test_an_answer_that_comes_while_the_lock_is_awaited() -> None:
    with joined() as (channel, peer, _):
        pending = channel.request(CALL, WANT, 1, EMPTY)
        answer(peer, peer.hear())
        channel.lock.acquire()
        waiting = Task(channel.wait, pending)
        # It is in wait() now, and has seen that there is no answer yet.
        Event().wait(0.05)
        channel.connection.receive(framed(Message(int(Kind.RETURN), 0, pending.id, payload=NOTHING).pack()))
        channel.lock.release()
        waiting.result()
        assert channel.reads == 0
        channel.sock.recv(1_000)


def test_the_limit_of_answers_of_a_reader() -> None:
    with joined(answer_seconds=0.1, receive_seconds=0.02) as (channel, peer, _):
        with pytest.raises(CallTimeout, match=r"no answer in 0\.1 seconds"):
            ask(channel)
        request = peer.hear()
        assert peer.hear().kind == Kind.CANCEL
        answer(peer, request)
        assert channel.try_to_read()
        assert not channel.session.pending


def test_the_limit_of_answers_of_a_follower() -> None:
    with joined(answer_seconds=0.1) as (channel, peer, _):
        channel.reader = -1
        with pytest.raises(CallTimeout):
            ask(channel)
        channel.reader = 0
        answer(peer, peer.hear())
        channel.try_to_read()


def test_the_limit_of_answers_while_the_peer_talks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "_READS_A_LOOK", 1)
    with joined(answer_seconds=0.05) as (channel, peer, _):
        asking = Task(ask, channel)
        request = peer.hear()
        pause = Event()
        while not asking.is_done:
            peer.say(Message(int(Kind.ACK)))
            pause.wait(0.001)  # so that what nobody reads any more does not fill the line
        with pytest.raises(CallTimeout):
            asking.result()
        until(channel.try_to_read)
        answer(peer, request)
        until(lambda: channel.try_to_read() and not channel.session.pending)


def test_a_deadline_of_a_reader() -> None:
    with joined() as (channel, peer, host):
        with pytest.raises(CallTimeout, match="before the deadline"), limpet.timeout(0.05):
            ask(channel)
        assert channel.reader == 0
        assert host.attended == [channel]
        answer(peer, peer.hear())
        assert channel.try_to_read()


def test_a_deadline_of_a_follower_who_was_about_to_read() -> None:
    with joined() as (channel, peer, host):
        channel.reader = -1
        late = Task(lambda: timed(0.05, channel))
        until(lambda: channel.waiting)
        patient = Task(ask, channel, "patient")
        until(lambda: len(channel.waiting) == 2)
        first = channel.waiting[0]
        with channel.lock:
            # The reader leaves, and wakes the first; but it comes to late.
            channel.reader = 0
            first.waker = None
        with pytest.raises(CallTimeout):
            late.result()
        found = {message.payload: message for message in (peer.hear(), peer.hear())}
        answer(peer, found[payload("patient", [])], b"\x07")
        assert patient.result() == 7
        assert host.attended == [channel]
        answer(peer, found[payload("f", [])])
        assert channel.try_to_read()


def test_a_deadline_of_the_only_follower_tells_the_host() -> None:
    with joined() as (channel, peer, host):
        channel.reader = -1
        late = Task(lambda: timed(0.05, channel))
        until(lambda: channel.waiting)
        channel.reader = 0
        with pytest.raises(CallTimeout):
            late.result()
        assert host.attended == [channel]
        answer(peer, peer.hear())
        channel.try_to_read()


def timed(seconds: float, channel: Channel) -> Any:
    with limpet.timeout(seconds):
        return ask(channel)


def test_an_answer_at_the_deadline_counts() -> None:
    with joined() as (channel, peer, _):
        pending = channel.request(CALL, WANT, 1, EMPTY)
        answer(peer, peer.hear())
        assert channel.try_to_read()
        channel._give_up(pending, "late")
        assert not pending.abandoned


def test_the_connection_breaks_under_a_reader() -> None:
    with joined() as (channel, peer, host):
        asking = Task(ask, channel)
        peer.hear()
        until(lambda: channel.reader)
        peer.close()
        with pytest.raises(SessionLost):
            asking.result()
        assert host.forgotten == [channel]


def test_a_reader_gets_an_error_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, peer, host):

        def fail() -> int:
            raise ConnectionResetError(104, "Connection reset by peer")

        channel._make_buffer()
        channel._counts = iter(fail, None)
        with pytest.raises(SessionLost, match="Connection reset by peer"):
            ask(channel)
        assert host.forgotten == [channel]
        assert peer.hear().kind == CALL


def test_a_frame_that_stalls_under_a_reader() -> None:
    with joined(frame_seconds=0.05, receive_seconds=0.02) as (channel, peer, _):
        asking = Task(ask, channel)
        peer.hear()
        peer.send(b"\0\0")
        with pytest.raises(limpet.ProtocolError, match="not finished in time"):
            asking.result()


def test_a_frame_that_stalls_under_a_reader_with_a_deadline() -> None:
    with joined(frame_seconds=0.05) as (channel, peer, _):
        asking = Task(timed, 5, channel)
        peer.hear()
        peer.send(b"\0\0")
        with pytest.raises(limpet.ProtocolError, match="not finished in time"):
            asking.result()


def test_the_socket_is_given_up_while_nothing_can_be_sent() -> None:
    with joined(send_bytes=4_096, write_seconds=0.1, receive_seconds=0.02) as (channel, peer, _):
        asking = Task(ask, channel)
        peer.hear()
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(1_000_000)).pack()))
            channel.locked_send()
        with pytest.raises(SessionLost, match="read nothing"):
            asking.result()


# ---------------------------------------------------------------- interrupts


def raise_interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["_lead", "_follow", "_await_readable"])
def test_an_interrupt_of_a_wait(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    with joined() as (channel, peer, host):
        if place == "_follow":
            channel.reader = -1
        with monkeypatch.context() as patch:
            patch.setattr(Channel, place, raise_interrupt)
            with pytest.raises(KeyboardInterrupt), limpet.timeout(5):
                ask(channel)
        if place == "_follow":
            channel.reader = 0
        else:
            assert host.attended == [channel]
        assert channel.reader == 0
        assert not channel.waiting
        request = peer.hear()
        assert (peer.hear().kind, request.kind) == (Kind.CANCEL, CALL)
        answer(peer, request)
        assert channel.try_to_read()


def test_an_interrupt_once_bytes_have_come_takes_them_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, peer, _):
        asking = Task(ask, channel)
        other = channel.request(CALL, WANT, 1, EMPTY)
        found = [peer.hear(), peer.hear()]
        for message in found:
            answer(peer, message)
        channel.wait(other)
        assert asking.result() is None

        class Interrupting:
            """The lock, and Ctrl-C while it is waited for with bytes in the hand."""

            def __init__(self, lock: Any) -> None:
                self.lock, self.count = lock, 0

            def __enter__(self) -> None:
                self.count += 1
                if self.count == 2:
                    raise KeyboardInterrupt
                self.lock.acquire()

            def __exit__(self, *_: object) -> None:
                self.lock.release()

        pending = channel.request(CALL, WANT, 1, EMPTY)
        answer(peer, peer.hear())
        channel.lock = Interrupting(channel.lock)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            channel.wait(pending)
        assert pending.done
        assert channel.reader == 0


def test_an_interrupt_inside_the_core_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, peer, host):
        asking = channel.request(CALL, WANT, 1, EMPTY)
        answer(peer, peer.hear())
        with monkeypatch.context() as patch:
            patch.setattr(Channel, "locked_receive", raise_interrupt)
            with pytest.raises(KeyboardInterrupt):
                channel.wait(asking)
        assert isinstance(channel.connection.failure, SessionLost)
        assert host.forgotten == [channel]


def test_an_interrupt_while_a_message_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, _, _):
        with monkeypatch.context() as patch:
            patch.setattr(type(channel.session), "request", raise_interrupt)
            with pytest.raises(KeyboardInterrupt):
                ask(channel)
        with pytest.raises(SessionLost):
            ask(channel)


def test_an_interrupt_while_a_large_message_is_pushed(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined(send_bytes=4_096) as (channel, peer, _):
        with monkeypatch.context() as patch:
            patch.setattr("limpet.drivers.threads.line.poll", raise_interrupt)
            with pytest.raises(KeyboardInterrupt):
                ask(channel, "f", bytes(100_000))
        [pending] = channel.session.pending.values()
        assert pending.abandoned
        assert channel.reader == 0
        pushing = Task(channel.push)
        peer.frame()
        assert peer.frame()[0] == Kind.CANCEL
        pushing.result()
        answer(peer, Message(CALL, id=pending.id))
        channel.try_to_read()


# ---------------------------------------------------------------- callbacks on the way


def test_a_nested_request_runs_where_its_cause_waits() -> None:
    with joined() as (channel, peer, _):
        threads: list[int] = []

        def function() -> int:
            threads.append(get_ident())
            assert serving.get() is not None
            return 9

        asking = Task(lambda: (get_ident(), ask(channel, "f", function)))
        request = peer.hear()
        peer.say(call(1, request.references[0][4], "", cause=request.id))
        assert peer.hear(Kind.RETURN).payload == b"\x09"
        answer(peer, request)
        assert asking.result() == (threads[0], None)


def test_a_nested_request_reaches_a_follower() -> None:
    with joined() as (channel, peer, _):
        leader = Task(ask, channel, "leader")
        first = peer.hear()
        until(lambda: channel.reader)
        follower = Task(lambda: (get_ident(), ask(channel, "f", get_ident)))
        second = peer.hear()
        until(lambda: channel.waiting)
        peer.say(call(1, second.references[0][4], "", cause=second.id))
        told = peer.hear(Kind.RETURN)
        answer(peer, second)
        me, _ = follower.result()
        assert int.from_bytes(told.payload[-8:]) == me
        answer(peer, first)
        leader.result()


def test_the_answer_comes_with_a_nested_request_still_to_run() -> None:
    with joined() as (channel, peer, _):
        ran = Event()
        asking = Task(ask, channel, "f", ran.set)
        request = peer.hear()
        nested = call(1, request.references[0][4], "", cause=request.id)
        peer.send(framed(nested.pack(), Message(int(Kind.RETURN), 0, request.id, payload=NOTHING).pack()))
        assert asking.result() is None
        assert ran.is_set()
        assert peer.hear(Kind.RETURN).id == 1


def test_a_nested_request_of_a_call_that_was_given_up_is_handed_on() -> None:
    with joined() as (channel, peer, host):
        ran = Event()

        def hurry() -> None:
            with limpet.timeout(0.1):
                ask(channel, "f", ran.set)

        asking = Task(hurry)
        request = peer.hear()
        with pytest.raises(CallTimeout):
            asking.result()
        peer.say(call(1, request.references[0][4], "", cause=request.id))
        until(lambda: channel.try_to_read() and channel.session.schedule.requests)
        assert host.ran[-1] is channel
        channel.run_ready()
        assert ran.is_set()
        answer(peer, request)
        assert channel.try_to_read()


def test_a_large_answer_to_a_nested_request_is_pushed() -> None:
    with joined(send_bytes=4_096) as (channel, peer, _):
        asking = Task(ask, channel, "f", lambda: "x" * 500_000)
        request = peer.hear()
        peer.say(call(1, request.references[0][4], "", cause=request.id))
        assert len(peer.hear(Kind.RETURN).payload) > 500_000
        answer(peer, request)
        asking.result()


def test_an_interrupt_inside_a_callback_goes_on_once_it_is_answered() -> None:
    with joined() as (channel, peer, _):
        asking = Task(ask, channel, "f", raise_interrupt)
        request = peer.hear()
        peer.say(call(1, request.references[0][4], "", cause=request.id))
        assert peer.hear(Kind.RETURN, Kind.RAISE).kind == Kind.RAISE
        with pytest.raises(KeyboardInterrupt):
            asking.result()
        answer(peer, request)
        until(lambda: channel.try_to_read() and not channel.session.pending)


def test_what_is_not_for_the_reader_is_handed_on() -> None:
    with joined() as (channel, peer, host):
        asking = Task(ask, channel, "f", get_ident)
        request = peer.hear()
        peer.say(call(1, request.references[0][4], ""))
        until(lambda: host.ran)
        assert host.ran == [channel]
        channel.run_ready()
        assert peer.hear(Kind.RETURN).id == 1
        answer(peer, request)
        asking.result()


def calling_back(peer: RawPeer, channel: Channel, id_: int = 2) -> tuple[Task, Message]:
    """Have a worker's thread run a call that waits for a callback; return its task, and what it asked."""
    lent: dict[str, Any] = {"references": (mine(5),), "types": ((1, function_descriptor()),)}
    peer.say(Message(CALL, WANT, id_, 1, payload=b"\x92\xa4call\x91\xd5\x10\x00\x00", **lent))
    assert channel.try_to_read()

    def serve() -> None:
        with channel.lock:
            request = channel.locked_start()
            channel.reader, channel.executing = get_ident(), request
        assert request is not None
        channel.run_next(request, get_ident())
        with channel.lock:
            channel.locked_stop_reading()

    return Task(serve), peer.hear()


def test_a_callback_is_not_waited_for_once_its_call_is_cancelled() -> None:
    with joined(Service) as (channel, peer, _):
        opened(peer, channel)
        task, back = calling_back(peer, channel)
        peer.say(Message(int(Kind.CANCEL), 0, 2))
        assert (peer.hear().kind, back.kind) == (Kind.CANCEL, CALL)
        raised = peer.hear()
        assert (raised.kind, raised.id) == (Kind.RAISE, 2)
        assert CallCancelled.__name__.encode() in raised.payload
        task.result()
        # Its answer may still come.
        answer(peer, back)
        assert channel.try_to_read()
        assert channel.connection.failure is None


def test_a_callback_is_not_waited_for_once_its_call_has_taken_too_long() -> None:
    with joined(Service, call_seconds=0.05) as (channel, peer, host):
        opened(peer, channel)
        task, _ = calling_back(peer, channel)

        def is_over() -> bool:
            # As a server's watcher does, in a thread of its own.
            with channel.guarded() as is_open:
                assert is_open
                channel.connection.next_deadline()
                channel.locked_keep_time()
            return task.is_done

        until(is_over)
        assert (peer.hear().kind, peer.hear().kind) == (Kind.CANCEL, Kind.RAISE)
        assert channel.reader == 0
        assert host.attended


def test_who_waits_without_reading_is_told_as_well() -> None:
    with joined(Service) as (channel, peer, _):
        opened(peer, channel)
        channel.reader = -1
        lent: dict[str, Any] = {"references": (mine(5),), "types": ((1, function_descriptor()),)}
        peer.say(Message(CALL, WANT, 2, 1, payload=b"\x92\xa4call\x91\xd5\x10\x00\x00", **lent))
        channel.read_once()
        task = Task(channel.run_ready)
        until(lambda: channel.waiting)
        peer.say(Message(int(Kind.CANCEL), 0, 2))
        channel.read_once()
        task.result()
        channel.reader = 0


def test_interrupts_come_one_upon_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts = [KeyboardInterrupt(), KeyboardInterrupt()]

    class Interrupted:
        """A lock that is interrupted twice while it is waited for."""

        def __init__(self) -> None:
            self.inner = Lock()

        def __enter__(self) -> None:
            if channel.reader and interrupts:
                raise interrupts.pop()
            self.inner.acquire()

        def __exit__(self, *_: object) -> None:
            self.inner.release()

        def release(self) -> None:
            self.inner.release()

        def acquire(self, **_: Any) -> bool:
            return self.inner.acquire()

    with joined() as (channel, peer, host):
        pending = channel.request(CALL, WANT, 1, EMPTY)

        def interrupt(*_: object, **__: object) -> None:
            channel.lock = Interrupted()  # type: ignore[assignment]  # stands in
            raise KeyboardInterrupt

        monkeypatch.setattr(Channel, "_lead", interrupt)
        with pytest.raises(KeyboardInterrupt):
            channel.wait(pending)
        assert not interrupts
        assert channel.reader == 0
        assert host.attended == [channel]
        assert peer.hear().kind == CALL


def function_descriptor() -> bytes:
    """Return what a client writes of a function."""
    with joined() as (channel, peer, _):
        asking = Task(ask, channel, "f", get_ident)
        request = peer.hear()
        answer(peer, request)
        asking.result()
        [(_, content)] = request.types
        return content


def test_a_cause_is_a_request_of_this_session_alone() -> None:
    with joined(Service) as (channel, _, _), joined(Service) as (other, _, _):
        assert isinstance(channel.endpoint, Endpoint)
        assert other.endpoint is not None
        assert channel.endpoint.cause() is None


def test_time_passes_only_while_waiting() -> None:
    began = time.monotonic()
    with joined() as (channel, peer, _):
        asking = Task(timed, 5, channel)
        answer(peer, peer.hear(), b"\x01")
        assert asking.result() == 1
    assert time.monotonic() - began < 2
