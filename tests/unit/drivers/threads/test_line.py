"""Who may read a socket, what is sent on it, and how it ends."""

from __future__ import annotations

import select
import socket
import threading
import time
from io import StringIO
from threading import Lock, get_ident
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.line import Line
from limpet.drivers.threads.sender import poll
from limpet.errors import Code, LimitExceeded, ProtocolError, SessionClosed, SessionLost
from limpet.session.messages import WANT, Kind
from limpet.session.schedule import Pending
from limpet.testing.driver import Task, until
from tests.integration.raw import RawPeer, call, payload
from tests.support.wire import Message, framed
from tests.unit.drivers.threads.joined import Host, joined, open_session


class Empty:
    """What is served where it does not matter."""


def ping(channel: Channel) -> Pending:
    """Ask for a Pong, as a thread does that then waits."""
    with channel.lock:
        pending = channel.session.ping()
        channel.locked_send()
    return pending


def waiting(channel: Channel) -> Pending:
    """Put a ping among those whose threads wait for a reader."""
    pending = ping(channel)
    pending.waker = Lock()
    pending.waker.acquire()
    with channel.lock:
        channel.waiting.append(pending)
    return pending


def is_woken(pending: Pending) -> bool:
    return pending.waker is None


def pong(peer: RawPeer, pending: Pending) -> None:
    peer.say(Message(int(Kind.PONG), 0, pending.id))


def fill(channel: Channel, size: int = 1_000_000) -> None:
    """Say more than the network takes."""
    with channel.lock:
        channel.connection.outbox.put(framed(Message(int(Kind.ACK), payload=bytes(size)).pack()))
        channel.locked_send()
    assert channel.sender.unsent


# ---------------------------------------------------------------- the session


def test_there_is_no_session_before_the_handshake() -> None:
    with joined(opened=False) as (channel, _, _), pytest.raises(SessionClosed, match="no session yet"):
        _ = channel.session


def test_why_there_is_no_session() -> None:
    with joined(opened=False) as (channel, _, _):
        with channel.lock:
            channel.locked_lose(SessionLost("the reason"))
        with pytest.raises(SessionLost, match="the reason"):
            _ = channel.session


def test_a_session_is_not_the_childs() -> None:
    with joined() as (channel, _, host):
        assert channel.session is channel.connection.session
        channel.disown()
        with pytest.raises(SessionClosed, match="belongs to the process that opened it"):
            _ = channel.session
        channel.close()
        channel.release_dropped()
        assert channel.sock.fileno() == -1
        assert not host.forgotten


# ---------------------------------------------------------------- reading


def test_a_host_that_watches_is_told_when_nobody_reads() -> None:
    with joined() as (channel, _, host):
        assert channel.try_to_read()
        assert host.attended == [channel]
        assert channel.reader == 0


def test_a_host_that_looks_for_itself_is_not() -> None:
    with joined(host=Host(watches_each=False)) as (channel, _, host):
        assert channel.try_to_read()
        assert host.attended == []


def test_only_one_may_read() -> None:
    with joined() as (channel, peer, _):
        channel.reader = get_ident()
        peer.say(Message(int(Kind.PING), 0, 1))
        assert not channel.try_to_read()
        channel.reader = 0
        assert channel.try_to_read()
        assert peer.hear().kind == Kind.PONG


def test_what_is_shut_is_not_read() -> None:
    with joined() as (channel, _, _):
        channel.close()
        assert not channel.try_to_read()


def test_an_answer_wakes_who_waits_for_it() -> None:
    with joined() as (channel, peer, _):
        first, second = waiting(channel), waiting(channel)
        pong(peer, second)
        channel.reader = get_ident()
        channel.read_once()
        assert second.done
        assert (is_woken(first), is_woken(second)) == (False, True)


def test_who_stops_reading_wakes_one_that_waits_and_not_the_host() -> None:
    with joined() as (channel, _, host):
        first, second = waiting(channel), waiting(channel)
        assert channel.try_to_read()
        assert (is_woken(first), is_woken(second)) == (True, False)
        assert channel.try_to_read()
        assert is_woken(second)
        assert host.attended == []
        assert channel.try_to_read()
        assert host.attended == [channel]


def test_requests_read_on_the_way_are_handed_on() -> None:
    with joined(Empty) as (channel, peer, host):
        peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})))
        assert channel.try_to_read()
        assert host.ran == [channel]


def test_reads_count() -> None:
    with joined() as (channel, peer, _):
        before = channel.reads
        assert channel.try_to_read()
        assert channel.reads == before
        peer.say(Message(int(Kind.ACK)))
        assert channel.try_to_read()
        assert channel.reads == before + 1


def test_the_peer_hangs_up() -> None:
    with joined() as (channel, peer, host):
        pending = waiting(channel)
        peer.close()
        assert channel.try_to_read()
        assert isinstance(pending.failure, SessionLost)
        assert is_woken(pending)
        assert host.forgotten == [channel]
        assert host.attended == []


def test_the_connection_breaks_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, _, host):
        pending = waiting(channel)
        channel.reader = get_ident()
        channel.sock.close()
        channel.read_once()
        assert isinstance(pending.failure, SessionLost)
        with channel.lock:
            channel.locked_stop_reading()
        assert host.forgotten == [channel]


def test_the_peer_says_goodbye() -> None:
    with joined() as (channel, peer, host):
        peer.say(Message(int(Kind.GOODBYE), 0, int(Code.SHUTDOWN)))
        assert channel.try_to_read()
        assert isinstance(channel.connection.failure, SessionClosed)
        assert host.forgotten == [channel]


def test_what_comes_can_be_traced() -> None:
    log = StringIO()
    limpet.log(2, log)
    try:
        with joined() as (channel, peer, _):
            peer.say(Message(int(Kind.ACK)))
            channel.try_to_read()
    finally:
        limpet.log(0)
    assert "RECV 44 BYTES" in log.getvalue()


def test_an_error_while_reading_gives_the_right_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, _, host):

        def fail(_: Line) -> None:
            raise MemoryError

        monkeypatch.setattr(Line, "read_once", fail)
        with pytest.raises(MemoryError):
            channel.try_to_read()
        assert channel.reader == 0
        assert host.attended == [channel]


# ---------------------------------------------------------------- sending


def test_push_sends_all_when_the_peer_reads() -> None:
    with joined(send_bytes=4_096) as (channel, peer, host):
        fill(channel)
        reading = Task(peer.frame)
        assert channel.push() is True
        assert len(reading.result()) == 1_000_040
        assert channel.reader == 0
        assert host.attended == [channel]


def test_push_reads_meanwhile() -> None:
    with joined(send_bytes=4_096) as (channel, peer, _):
        fill(channel)
        pushing = Task(channel.push)
        peer.say(Message(int(Kind.PING), 0, 7))
        until(lambda: channel.session.outbox.size)  # the Pong, behind what waits
        peer.frame()
        assert peer.hear().id == 7
        assert pushing.result() is True


def test_push_leaves_reading_to_who_does_it() -> None:
    with joined(send_bytes=4_096) as (channel, peer, host):
        fill(channel)
        channel.reader = -1
        peer.say(Message(int(Kind.PING), 0, 7))
        pushing = Task(channel.push)
        peer.frame()
        assert pushing.result() is True
        assert channel.reader == -1
        assert channel.reads == 0
        assert host.attended == []
        channel.reader = 0


def test_push_gives_the_right_to_read_back_as_it_was() -> None:
    with joined(send_bytes=4_096) as (channel, _, host):
        fill(channel)
        held = object()
        channel.reader, channel.executing = get_ident(), held  # type: ignore[assignment]  # it is only carried
        assert channel.push(time.monotonic() + 0.01) is False
        assert (channel.reader, channel.executing) == (get_ident(), held)
        assert host.attended == []
        channel.reader, channel.executing = 0, None


def test_push_gives_up_at_its_deadline() -> None:
    with joined(send_bytes=4_096) as (channel, _, _):
        fill(channel)
        began = time.monotonic()
        assert channel.push(began + 0.05) is False
        assert 0.04 < time.monotonic() - began < 1
        assert channel.sender.unsent


def test_push_gives_up_at_its_deadline_however_much_there_is_to_read() -> None:
    with joined(send_bytes=4_096) as (channel, peer, _):
        fill(channel)
        is_over = threading.Event()
        chatter = framed(Message(int(Kind.ACK)).pack()) * 100

        def flood() -> None:
            while not is_over.is_set():
                if poll(peer.sock, select.POLLOUT, 1):
                    peer.sock.send(chatter, socket.MSG_DONTWAIT)

        flooding = Task(flood)
        assert channel.push(time.monotonic() + 0.05) is False
        is_over.set()
        flooding.result()


def test_push_to_a_peer_that_never_reads_ends_the_session() -> None:
    with joined(send_bytes=4_096, write_seconds=0.05) as (channel, _, host):
        fill(channel)
        assert channel.push() is True
        assert isinstance(channel.connection.failure, SessionLost)
        assert "read nothing for 0.05 seconds" in str(channel.connection.failure)
        assert host.forgotten == [channel]


class Chatty:
    """A socket that takes nothing any more, and has always more to read."""

    def __init__(self, sock: socket.socket, data: bytes) -> None:
        self.sock = sock
        self.data = data
        self.reads = 0

    def send(self, *_: object) -> int:
        raise BrokenPipeError("no more")

    def recv(self, *_: object) -> bytes:
        self.reads += 1
        return self.data

    def shutdown(self, how: int) -> None:
        self.sock.shutdown(how)

    def close(self) -> None:
        self.sock.close()


@pytest.mark.parametrize(
    ("said", "reads"), [(Message(int(Kind.ACK)), 16), (Message(int(Kind.GOODBYE), 0, int(Code.DONE)), 1)]
)
def test_one_that_reads_nothing_and_never_stops_talking_is_not_heard_out(said: Message, reads: int) -> None:
    with joined() as (channel, _, host):
        chatty: Any = Chatty(channel.sock, framed(said.pack()))
        channel.sock = channel.sender._sock = chatty
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK)).pack()))
            channel.locked_send()
        assert chatty.reads == reads
        assert host.forgotten == [channel]


def test_nothing_follows_what_could_not_be_sent() -> None:
    with joined() as (channel, peer, host):
        channel.reader = -1
        peer.say(Message(int(Kind.GOODBYE), 0, int(Code.LIMIT)))
        chatty: Any = Chatty(channel.sock, b"")
        channel.sender._sock, taken = chatty, channel.sender._sock
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK)).pack()))
            channel.locked_send()
        channel.sender._sock = taken
        assert peer.rest() == b""
        # The other thread hears why.
        channel.reader = get_ident()
        channel.read_once()
        with channel.lock:
            channel.locked_stop_reading()
        assert isinstance(channel.connection.failure, LimitExceeded)
        assert host.forgotten == [channel]


def test_who_looks_after_all_lines_passes_over_a_busy_one() -> None:
    with joined() as (channel, _, _):
        with channel.lock:
            assert not channel.try_lock()
            with channel.guarded() as is_open:
                assert not is_open
        assert channel.try_lock()
        channel.lock.release()


def test_the_reason_is_heard_although_sending_fails() -> None:
    with joined(send_bytes=4_096) as (channel, peer, host):
        pending = waiting(channel)
        peer.say(Message(int(Kind.GOODBYE), 0, int(Code.LIMIT), payload=b"too much"))
        peer.close()
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK)).pack()))
            channel.locked_send()
        assert "too much" in str(pending.failure)
        assert is_woken(pending)
        assert host.forgotten == [channel]


def test_sending_fails_without_a_reason() -> None:
    with joined() as (channel, peer, _):
        pending = waiting(channel)
        peer.close()
        ping(channel)
        assert isinstance(pending.failure, SessionLost)


def test_sending_fails_while_another_thread_reads() -> None:
    with joined() as (channel, peer, host):
        channel.reader = -1
        pending = waiting(channel)
        peer.say(Message(int(Kind.GOODBYE), 0, int(Code.SHUTDOWN)))
        peer.close()
        with channel.lock:
            channel.connection.outbox.put(framed(Message(int(Kind.ACK)).pack()))
            channel.locked_send()
        # It is the reader who finds the end, and the reason in front of it.
        assert not pending.done
        channel.reader = get_ident()
        channel.read_once()
        assert isinstance(pending.failure, SessionClosed)
        with channel.lock:
            channel.locked_stop_reading()
        assert host.forgotten == [channel]


def test_an_interrupt_while_sending_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with joined() as (channel, _, _):

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(channel.sender.__class__, "send", interrupt)
        monkeypatch.setattr(channel.sender.__class__, "send_frame", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ping(channel)
        assert isinstance(channel.connection.failure, SessionLost)


def test_nothing_is_sent_on_what_is_shut() -> None:
    with joined() as (channel, peer, _):
        channel.close()
        channel.connection.outbox.put(b"never")
        with channel.lock:
            channel.locked_send()
        assert peer.goodbye() is Code.DONE


def test_a_session_that_ends_of_itself_ends_its_line() -> None:
    with joined(send_bytes=4_096, outbox_bytes=1 << 20, message_bytes=1 << 20) as (channel, _, host):
        pending = waiting(channel)
        fill(channel)
        with channel.lock:
            channel.connection.outbox.put(bytes(2 << 20))
            with pytest.raises(ProtocolError, match="does not read"):
                channel.session.request(int(Kind.CALL), WANT, 1, channel.endpoint.encode(["x", []], 2))  # type: ignore[union-attr]
            channel.locked_send()
        assert pending.done
        assert is_woken(pending)
        assert host.forgotten == [channel]


# ---------------------------------------------------------------- time and ending


def test_a_frame_that_is_not_finished_ends_the_session() -> None:
    with joined(frame_seconds=0.02) as (channel, peer, host):
        peer.send(b"\0\0\1")
        assert channel.try_to_read()
        deadline = channel.connection.deadline
        assert deadline is not None
        with channel.lock:
            channel.locked_keep_time()
        assert not channel.is_shut
        until(lambda: time.monotonic() > deadline)
        with channel.lock:
            channel.locked_keep_time()
        assert isinstance(channel.connection.failure, ProtocolError)
        assert host.forgotten == [channel]
        with channel.lock:
            channel.locked_keep_time()
        assert host.forgotten == [channel]
        assert peer.goodbye() is Code.LIMIT


def test_close_says_goodbye_once() -> None:
    with joined() as (channel, peer, host):
        pending = waiting(channel)
        channel.close(Code.SHUTDOWN, "enough")
        channel.close()
        assert isinstance(pending.failure, SessionClosed)
        assert is_woken(pending)
        assert host.forgotten == [channel]
        goodbye = peer.hear(Kind.GOODBYE)
        assert (goodbye.id, goodbye.payload) == (Code.SHUTDOWN, b"enough")
        assert peer.rest() == b""


def test_close_before_there_is_a_session_says_nothing() -> None:
    with joined(opened=False) as (channel, peer, host):
        channel.close()
        assert peer.rest() == b""
        assert host.forgotten == [channel]


def test_what_is_read_is_closed_by_its_reader() -> None:
    with joined() as (channel, _, host):
        reading = threading.Event()

        def read() -> None:
            channel.reader = get_ident()
            reading.set()
            while select.select([channel.sock], [], [], 5)[0] and channel.sock.recv(100):
                pass
            with channel.lock:
                channel.locked_stop_reading()

        task = Task(read)
        assert reading.wait(5)
        channel.close()
        task.result()
        assert host.forgotten == [channel]


def test_a_socket_is_read_before_it_is_closed() -> None:
    class Keeping(Host):
        def forget(self, line: Line, /) -> None:
            self.forgotten.append(line)

    with joined(host=Keeping()) as (channel, peer, _):
        channel.reader = get_ident()
        for _ in range(3):
            peer.send(bytes(10_000))
        channel.reader = 0
        channel.close(Code.LIMIT)
        channel.close_socket()
        assert channel.sock.fileno() == -1
        assert peer.goodbye() is Code.LIMIT
        channel.close_socket()


def test_closing_does_not_read_for_ever() -> None:
    with joined() as (channel, peer, _):
        peer.sock.settimeout(0.2)
        flooding = Task(peer.try_to_send, bytes(6_000_000))
        until(lambda: select.select([channel.sock], [], [], 0)[0])
        channel.close_socket()
        assert channel.sock.fileno() == -1
        flooding.result()


def test_an_internal_error_costs_this_line_alone(caplog: pytest.LogCaptureFixture) -> None:
    with joined() as (channel, _, host):
        pending = waiting(channel)
        fail_inside(channel)
        assert isinstance(pending.failure, SessionLost)
        assert host.forgotten == [channel]
        assert "internal error" in caplog.text
        with channel.guarded() as is_open:
            assert not is_open
        assert not channel.lock.locked()


def fail_inside(channel: Channel) -> None:
    with channel.guarded() as is_open:
        assert is_open
        raise ZeroDivisionError


def test_the_host_may_give_the_right_of_one_that_runs_for_long_to_another() -> None:
    with joined(Empty) as (channel, peer, host):
        channel.reader = -1
        with channel.lock:
            channel.locked_stop_reading()
        assert host.attended == [channel]
        peer.say(Message(int(Kind.OPEN), WANT, 1, payload=payload("", [], {})), call(2, 1, "x"))
        assert channel.try_to_read()
        with channel.lock:
            channel.locked_give_back(-1, None, was_reader=False)
        assert host.attended == [channel, channel]


def test_two_lines_of_one_process() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    theirs.close()
    with joined() as (one, _, _), joined(Empty, opened=False) as (other, _, _):
        open_session(other.connection)
        assert one.session is not other.session
