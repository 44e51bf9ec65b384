"""Asking by a line and answering by it, from any number of threads.

Whoever waits for an answer while nobody reads, reads for all: the others sleep until
their own answer has come or the reader leaves. What a reader runs for the peer never
holds up the others: a client's reader leaves before it runs anything, and from a
server's worker the right to read is taken when it runs for long.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from functools import partial
from threading import TIMEOUT_MAX, Lock, get_ident
from typing import Any, Final

from limpet.drivers.threads.answer import Answer
from limpet.drivers.threads.deadline import deadline_of_caller
from limpet.drivers.threads.host import Host
from limpet.drivers.threads.line import READ_BYTES, insist
from limpet.drivers.threads.runner import Runner
from limpet.drivers.threads.sender import poll
from limpet.errors import CallTimeout, LimpetError, SessionLost
from limpet.objects.context import serving
from limpet.session.body import Body
from limpet.session.connection import Connection
from limpet.session.messages import WANT
from limpet.session.schedule import Pending, Request, Stage
from limpet.session.tables import Import

__all__ = ["Channel"]

_READS_A_LOOK: Final = 16
"""Reads after which a waiting thread looks at the clock, though there was always something to read."""


class Channel(Runner):
    """A line that threads ask and answer by.

    Args:
        sock: connected and blocking, with a receive timeout; the channel owns it from now on.
        connection: the core.
        host: see `Host`.
        read_bytes: how much a waiting thread reads at a time.
    """

    __slots__ = ("_counts", "_read_bytes", "_view")

    awaited: int

    def __init__(
        self, sock: socket.socket, connection: Connection, host: Host[Channel], read_bytes: int = READ_BYTES
    ) -> None:
        super().__init__(sock, connection, host)
        self._read_bytes = read_bytes
        self._view: memoryview | None = None
        self._counts: Iterator[int] = iter(())

    # Asking.

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        """Send a request to the peer's object ``target``, and return its answer.

        Raises:
            CallTimeout: if the deadline of ``limpet.timeout`` passed.
            SessionError: if the session is over.
            Exception: what the other side raised.
        """
        endpoint = self.endpoint
        if endpoint is None or self.is_forked:
            raise self._no_session()
        body = endpoint.encode(value, kind)
        deadline = deadline_of_caller()
        pending = None
        try:
            pending = self.request(kind, flags | WANT, target, body, deadline)
            self.wait(pending, deadline)
            self.bury()
            return endpoint.result(pending)
        except KeyboardInterrupt:
            self._abandon(pending)
            raise

    def begin(self, kind: int, target: int, value: object, flags: int = 0) -> Answer:
        """Send a request, and return at once what will have its answer.

        Raises:
            EncodeError: if it cannot travel; nothing was sent.
            SessionError: if the session is over.
        """
        endpoint = self.endpoint
        if endpoint is None or self.is_forked:
            raise self._no_session()
        body = endpoint.encode(value, kind)
        deadline = deadline_of_caller()
        latest = time.monotonic() + self.connection.limits.answer_seconds if deadline is None else deadline
        pending = self.request(kind, flags | WANT, target, body, deadline)
        answer = Answer(self, pending, latest)
        with self.lock:
            self.awaited += 1
            pending.waker = answer
            if pending.done or pending.nested:
                pending.waker = None
                self.locked_settle(answer)
            if self.reader == 0 and self.awaited:
                self.host.attend(self)
        return answer

    def tell(self, kind: int, target: int, value: object, flags: int = 0) -> None:
        """Send a request whose answer nobody wants.

        Raises:
            EncodeError: if it cannot travel; nothing was sent.
            SessionError: if the session is over.
        """
        endpoint = self.endpoint
        if endpoint is None or self.is_forked:
            raise self._no_session()
        self.request(kind, flags, target, endpoint.encode(value, kind), deadline_of_caller())

    # What an `Answer` asks of its channel.

    def locked_settle(self, answer: Answer) -> None:
        """Take note that an answer has come, or that the peer asks for something on the way there."""
        pending = answer.pending
        if not pending.done:
            # Nobody waits who would run it, and it must not wait for what waits for it.
            pending.waker = answer
            self.session.schedule.arrive_inside(pending)
            self.host.run_soon(self)
            return
        self.awaited -= 1
        if answer.has_callbacks:
            self.answered.append(answer)
            self.host.run_soon(self)
        else:
            answer.settle()

    def locked_withdraw(self, answer: Answer) -> None:
        """Tell the peer that nobody wants the answer any more."""
        answer.pending.waker = None
        self.awaited -= 1
        self._locked_abandon(answer.pending)

    def read_answer(self, pending: Pending) -> Any:
        """Return what was answered, or raise it."""
        if self.endpoint is None or self.is_forked:
            raise self._no_session()
        return self.endpoint.result(pending)

    def discard(self, pending: Pending) -> None:
        """Let go of what came with an answer that nobody reads, from any thread at any time."""
        session = self.connection.session
        if session is not None:
            session.disown(pending.references)

    def describe_error(self, error: BaseException) -> object:
        """Return what the peer may be told of an error of this side's, as plain data.

        Raises:
            SessionError: if there is no session.
        """
        if self.endpoint is None or self.is_forked:
            raise self._no_session()
        return self.endpoint.describe_error(error)

    def give_up(self, entry: Import) -> None:
        """Note that nobody uses ``entry`` any more; the peer hears of it with the next message."""
        session = self.connection.session
        if session is not None:
            session.tables.imports.dropped.append(entry)

    def release_dropped(self) -> None:
        """Tell the peer what nobody uses any more, unless the line is busy: then what goes out next does."""
        if self.is_forked:
            return
        session = self.connection.session
        if session is not None and session.tables.imports.dropped:
            with self.guarded() as is_open:
                if is_open:
                    session.release()
                    self.locked_send()

    def request(self, kind: int, flags: int, target: int, body: Body, deadline: float | None = None) -> Pending:
        """Send a request; wait for credit if there is none.

        Raises:
            EncodeError: if it is over a limit; nothing was sent.
            CallTimeout: if there was no credit before the deadline.
            SessionError: if the session is over.
        """
        session = self.connection.session
        if session is None or self.is_forked:
            raise self._no_session()
        endpoint = self.endpoint
        cause = endpoint.cause() if endpoint is not None and serving.get() is not None else None
        pending, is_writing = None, False
        try:
            while pending is None:
                with self.lock:
                    is_writing = True
                    pending = session.request(kind, flags, target, body, cause=cause)
                    is_writing = False
                    ticket = session.await_credit(cause) if pending is None else None
                    self.locked_send()
                if ticket is not None:
                    self.wait(ticket, deadline)
            if self.sender.unsent and not self.push(deadline):
                self._give_up(pending, "the request could not be sent before the deadline")
            return pending
        except KeyboardInterrupt:
            if is_writing:
                # Half a message may be in the outbox, half a reference in the table.
                with self.lock:
                    self.locked_lose(SessionLost("interrupted while a message was being written"))
            self._abandon(pending)
            raise

    def _abandon(self, pending: Pending | None) -> None:
        """Give up waiting: tell the peer, and have others run what only this thread would have run."""
        if pending is not None:
            with self.lock:
                self._locked_abandon(pending)

    def _abandon_interrupted(self, pending: Pending, *, is_half_done: bool) -> None:
        with self.lock:
            self._locked_abandon(pending)
            if pending.nested or is_half_done:
                self.locked_lose(SessionLost("interrupted while a callback was begun or answered"))

    def _stop_waiting(self, pending: Pending, me: int, held: Request | None, *, was_reader: bool) -> None:
        with self.lock:
            self._locked_stop_following(pending)
            self.locked_give_back(me, held, was_reader=was_reader)

    def wait(self, pending: Pending, deadline: float | None = None) -> None:
        """Wait until ``pending`` is answered, running what the peer asks for on its way there.

        Args:
            pending: what is waited for.
            deadline: in seconds of time.monotonic; None for the limit of answers.

        Raises:
            CallTimeout: if the deadline passed. The peer was told.
        """
        me = get_ident()
        was_reader, held = self.reader == me, self.executing
        nested: Request | None = None
        try:
            while not pending.done or pending.nested:
                nested = waker = None
                with self.lock:
                    reader = self.reader
                    if pending.nested:
                        nested = pending.nested.popleft()
                        if reader == me:
                            self.executing = nested
                    elif pending.done:
                        break
                    elif reader == 0 or reader == me:
                        # From one that reads, the right to read is not taken: it runs nothing.
                        self.locked_begin_reading(me)
                    else:
                        waker = Lock()
                        waker.acquire()
                        pending.waker = waker
                        self.waiting.append(pending)
                if nested is not None:
                    self.run(nested)
                elif waker is not None:
                    self._follow(pending, waker, deadline)
                else:
                    self._lead(pending, deadline, held, was_reader=was_reader)
        except BaseException as error:
            was_interrupted = not isinstance(error, LimpetError)
            is_half_done = nested is not None and nested.stage is not Stage.DONE
            insist(partial(self._stop_waiting, pending, me, held, was_reader=was_reader))
            if was_interrupted:
                insist(partial(self._abandon_interrupted, pending, is_half_done=is_half_done))
            raise

    def _lead(self, pending: Pending, deadline: float | None, held: Request | None, *, was_reader: bool) -> None:
        """Read for all until ``pending`` is answered or there is something to run on its way."""
        view = self._view or self._make_buffer()
        session = self.connection.session
        assert session is not None  # noqa: S101 - there is something to wait for
        schedule = session.schedule
        count, is_whole, reads, started = -1, True, 0, 0.0
        try:
            while True:
                try:
                    if deadline is not None or self.sender.unsent:
                        self._await_readable(pending, deadline)
                    for count in self._counts:
                        with self.lock:
                            is_whole = False
                            self.locked_receive(view[:count])
                            is_whole, count = True, -1  # noqa: PLW2901 - it says what is unread, for an interrupt
                            if schedule.requests:
                                self.locked_hand_on()
                            if pending.done or pending.nested:
                                if was_reader:
                                    self.executing = held
                                else:
                                    self.locked_stop_reading()
                                return
                        reads += 1
                        if deadline is not None or self.sender.unsent:
                            self._await_readable(pending, deadline)
                        elif not reads % _READS_A_LOOK:
                            started = self._look_at_clock(pending, started)
                except BlockingIOError:
                    # The socket's own timeout: the hot path never looks at a clock.
                    started = self._look_at_clock(pending, started)
                if pending.done:
                    # Nothing was read that says so: it was given up with the call that it was made for.
                    self.give_back(self.reader, held, was_reader=was_reader)
                    return
        except LimpetError:
            raise
        except OSError as error:
            with self.lock:
                self.locked_lose(SessionLost(f"the connection broke: {error.strerror or error}"))
                self.locked_give_back(self.reader, held, was_reader=was_reader)
        except BaseException:
            self._take_in_rest(view[: max(0, count)], is_whole=is_whole)
            raise

    def _take_in_rest(self, data: memoryview, *, is_whole: bool) -> None:
        """Take in what was read when an interrupt came; if it came while a message was taken in, that is the end."""
        with self.lock:
            if not is_whole:
                self.locked_lose(SessionLost("interrupted while a message was being read"))
            elif data:
                self.locked_receive(data)

    def _make_buffer(self) -> memoryview:
        buffer = bytearray(self._read_bytes)
        self._view = memoryview(buffer)
        # A for loop over this stores the count in the very step that reads: an interrupt
        # comes before a read or once it is known how much came, never in between.
        self._counts = iter(partial(self.sock.recv_into, buffer), None)
        return self._view

    def _look_at_clock(self, pending: Pending, started: float) -> float:
        """Hold a wait without a deadline to the limit of answers; return since when it is watched."""
        now = time.monotonic()
        if self.connection.deadline is not None:
            with self.lock:
                self.locked_keep_time()
        limit = self.connection.limits.answer_seconds
        if started and now - started > limit:
            self._give_up(pending, f"no answer in {limit:g} seconds")
        return started or now

    def _await_readable(self, pending: Pending, deadline: float | None) -> None:
        """Wait until there is something to read, sending meanwhile what could not be sent."""
        while True:
            with self.lock:
                if self.sender.unsent or self.connection.deadline is not None:
                    self.locked_keep_time()
                if pending.done or pending.nested:
                    return
                wanted = select.POLLIN | (select.POLLOUT if self.sender.unsent else 0)
            seconds = 1.0 if deadline is None else min(deadline - time.monotonic(), 1.0)
            ready = poll(self.sock, wanted, seconds)
            if deadline is not None and time.monotonic() >= deadline:
                self._give_up(pending, "no answer before the deadline")
            if ready & ~select.POLLOUT:
                return

    def _follow(self, pending: Pending, waker: Lock, deadline: float | None) -> None:
        """Sleep until the reader has the answer, or leaves."""
        if deadline is None:
            deadline = time.monotonic() + self.connection.limits.answer_seconds
        waker.acquire(timeout=min(max(0.0, deadline - time.monotonic()), TIMEOUT_MAX))
        is_late = time.monotonic() >= deadline
        with self.lock:
            self.waiting.remove(pending)
            pending.waker = None
            if self.reader == 0 and (pending.done or is_late):
                # It may have been this one's turn to read, but it will not.
                self.locked_pass_on()
        if is_late:
            self._give_up(pending, "no answer before the deadline")

    def _locked_stop_following(self, pending: Pending) -> None:
        if pending in self.waiting:
            self.waiting.remove(pending)
            pending.waker = None
            if self.reader == 0:
                self.locked_pass_on()

    def _locked_abandon(self, pending: Pending) -> None:
        """Tell the peer that nobody waits any more; have others run what only this thread would have run."""
        if not pending.done and not self.is_shut:
            self.session.cancel(pending)
            self.locked_hand_on()
            self.locked_send()

    def _give_up(self, pending: Pending, why: str) -> None:
        with self.lock:
            if pending.done:
                return
            self._locked_abandon(pending)
        raise CallTimeout(why) from None
