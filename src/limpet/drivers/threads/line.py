"""A socket and the connection on it, under one lock: who may read, what is sent, how it ends.

The lock covers the core and a send that never blocks; user code and waiting run
without it. Methods named ``locked_...`` are called with the lock held.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock, get_ident
from typing import Any, Final

from limpet.drivers.threads.host import Host
from limpet.drivers.threads.sender import Sender, poll
from limpet.errors import Code, SessionClosed, SessionError, SessionLost
from limpet.logs import trace
from limpet.session.connection import Connection, Phase
from limpet.session.schedule import Pending, Request
from limpet.session.session import Session

__all__ = ["READ_BYTES", "Line", "insist"]

READ_BYTES: Final = 64 * 1024
"""A read buffer: large enough for bulk, small enough to stay in the cache and for each thread to have one."""

_log: Final = logging.getLogger("limpet.session")
_LAST_READS: Final = 16
"""Reads of what a peer that is gone had said, under the lock: one that goes on saying is not heard to its end."""
_PATIENCE: Final = 0.005
"""How long who looks after all lines waits for the lock of one, in seconds."""

_CLOSED: Final = Phase.CLOSED


class Line:
    """A socket with a connection on it, shared by threads.

    Args:
        sock: connected and blocking, with a receive timeout; the line owns it from now on.
        connection: the core.
        host: see `Host`.
    """

    __slots__ = (
        "__weakref__",
        "_is_attended",
        "awaited",
        "connection",
        "executing",
        "host",
        "is_forked",
        "is_shut",
        "lock",
        "reader",
        "reads",
        "sender",
        "sock",
        "waiting",
    )

    def __init__(self, sock: socket.socket, connection: Connection, host: Host[Any]) -> None:
        self.sock: socket.socket = sock
        self.connection: Connection = connection
        self.host: Host[Any] = host
        self.lock: Lock = Lock()
        self.sender: Sender = Sender(sock)
        self.reader: int = 0
        """The thread that alone may read, 0 for none. It may be running user code meanwhile."""
        self.executing: Request | None = None
        """What the reader runs, if it is a server's worker: from one that runs for long the right is taken."""
        self.reads: int = 0
        """Grows with every read: an unchanged number means silence."""
        self.waiting: list[Pending] = []
        """Whose answers are waited for by threads that do not read."""
        self.is_shut: bool = False
        """Whether it is over; the socket is closed as soon as nobody reads it."""
        self._is_attended = host.watches_each
        self.awaited: int = 0
        """Answers that are wanted though no thread waits for them: somebody must read."""
        self.is_forked: bool = False
        """Whether this is a child's copy of a parent's line."""
        _lines.add(self)

    @property
    def session(self) -> Session:
        """Return the session.

        Raises:
            SessionError: if there is none here: not yet, not any more, or not in this process.
        """
        session = self.connection.session
        if session is None or self.is_forked:
            raise self._no_session()
        return session

    def _no_session(self) -> SessionError:
        if self.is_forked:
            return SessionClosed("this session belongs to the process that opened it; connect anew after a fork")
        failure = self.connection.failure
        return SessionClosed("there is no session yet") if failure is None else failure.anew()

    # Reading and sending.

    def locked_receive(self, data: memoryview) -> None:
        """Take in what was read, wake whose answer has come, and send what that calls for."""
        connection = self.connection
        self.reads += 1
        if trace.level:
            trace.received(connection.peer, data)
        if data:
            connection.receive(data)
        else:
            connection.receive_eof()
        session = connection.session
        if session is not None and session.settled:
            self._locked_wake_settled(session)
        if connection.outbox.size:
            self.locked_send()
        if connection.phase is _CLOSED:
            self.locked_shut()

    def _locked_wake_settled(self, session: Session) -> None:
        for pending in session.settled:
            if pending.waker is not None:
                _wake(pending)
        session.settled.clear()

    def locked_hand_on(self) -> None:
        """Have others run what came in between and is not for this thread."""
        session = self.connection.session
        if session is not None and session.schedule.requests and session.schedule.can_start:
            self.host.run_soon(self)

    def locked_begin_reading(self, me: int) -> None:
        """Take the right to read for thread ``me``, which runs nothing meanwhile."""
        self.reader, self.executing = me, None

    def locked_stop_reading(self) -> None:
        """Give up the right to read; if somebody waits for an answer, it is theirs."""
        self.reader = 0
        self.executing = None
        if self.is_shut:
            self.host.forget(self)
        elif not (self.waiting and self.locked_wake_next()) and (self._is_attended or self.awaited):
            self.host.attend(self)

    def locked_pass_on(self) -> None:
        """Have somebody else read: another that waits, else the host."""
        if not self.is_shut and not self.locked_wake_next():
            self.host.attend(self)

    def locked_wake_next(self) -> bool:
        """Wake one that waits, to read from now on; tell whether there was one."""
        return any(_wake(pending) for pending in self.waiting)

    def locked_send(self) -> None:
        """Hand the network what it takes at once, and keep the rest."""
        if self.is_shut:
            return
        connection = self.connection
        try:
            frame = None if self.sender.unsent else connection.next_frame()
            if frame is None:
                was_stuck = bool(self.sender.unsent)
                self.sender.send(connection)
                if was_stuck and not self.sender.unsent:
                    # Requests were held back until the peer had read its answers.
                    self.locked_hand_on()
            else:
                self.sender.send_frame(frame, connection)
        except OSError as error:
            if self._locked_hear_why():
                self.locked_lose(SessionLost(f"the connection broke while sending: {error.strerror or error}"))
            else:
                # What was not sent is gone: nothing may follow it. The other thread reads on to the end.
                with suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)
        except BaseException:
            # It is not known how much of it was sent.
            self.locked_lose(SessionLost("interrupted while a message was being sent"))
            raise
        session = connection.session
        if session is not None and session.ended is not None:
            self.locked_lose(session.ended)

    def _locked_hear_why(self) -> bool:
        """Read what a peer that has hung up said before it did; False if another thread is at it.

        That one finds the end, and the reason in front of it.
        """
        if self.reader not in (0, get_ident()):
            return False
        with suppress(OSError):
            for _ in range(_LAST_READS):
                data = self.sock.recv(READ_BYTES, socket.MSG_DONTWAIT)
                if not data:
                    break
                self.connection.receive(data)
                if self.connection.phase is _CLOSED:
                    break
        return True

    def push(self, deadline: float | None = None) -> bool:
        """Send what the network did not take, reading meanwhile if nobody else does.

        Both sides may be sending at once: if neither read, neither could finish.

        Args:
            deadline: give up then, in seconds of time.monotonic, however much there is to read.

        Returns:
            whether all was sent.
        """
        me = get_ident()
        was_reader, held = self.reader == me, self.executing
        try:
            while True:
                with self.lock:
                    self.locked_send()
                    self.locked_check_stall()
                    if not self.sender.unsent:
                        return True
                    reads = self.reader in (0, me)
                    if reads:
                        self.locked_begin_reading(me)
                seconds = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
                ready = poll(self.sock, select.POLLOUT | (select.POLLIN if reads else 0), seconds)
                if reads and ready & ~select.POLLOUT:
                    self.read_once()
                    self.bury()
                if deadline is not None and time.monotonic() >= deadline:
                    return False
        finally:
            self.give_back(me, held, was_reader=was_reader)

    def give_back(self, me: int, held: Request | None, *, was_reader: bool) -> None:
        """Leave the right to read as thread ``me`` found it, before any interrupt that comes meanwhile."""
        insist(partial(self._give_back, me, held, was_reader=was_reader))

    def _give_back(self, me: int, held: Request | None, *, was_reader: bool) -> None:
        with self.lock:
            self.locked_give_back(me, held, was_reader=was_reader)

    def locked_give_back(self, me: int, held: Request | None, *, was_reader: bool) -> None:
        """Leave the right to read as thread ``me`` found it, whatever happened in between."""
        if self.reader == me:
            if was_reader:
                self.executing = held
            else:
                self.locked_stop_reading()

    def try_to_read(self) -> bool:
        """Read what is there if nobody reads, and tell whether this thread could. It runs no code of the user's."""
        me = get_ident()
        try:
            with self.lock:
                if self.reader or self.is_shut:
                    return False
                self.reader = me
            self.read_once()
        finally:
            with self.lock:
                self.locked_give_back(me, None, was_reader=False)
                if self.has_buried:
                    # Finalizers are code of the user's, and this thread looks after all lines.
                    self.host.run_soon(self)
        return True

    def read_once(self) -> None:
        """Read what is there, without waiting. Only the reader may call this."""
        buffer = bytearray(READ_BYTES)
        try:
            count = self.sock.recv_into(buffer, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            with self.lock:
                self.locked_lose(SessionLost(f"the connection broke: {error.strerror or error}"))
            return
        with self.lock:
            self.locked_receive(memoryview(buffer)[:count])
            self.locked_hand_on()

    @property
    def has_buried(self) -> bool:
        """Tell whether there is something to `bury`."""
        session = self.connection.session
        return session is not None and bool(session.tables.exports.buried)

    def bury(self) -> None:
        """Let go of what nobody needs any more, without the lock: finalizers of users' objects may run any code."""
        session = self.connection.session
        if session is not None:
            buried = session.tables.exports.buried
            while buried:
                # Another thread may be at it, too.
                with suppress(IndexError):
                    buried.popleft()

    # Time and ending.

    def try_lock(self) -> bool:
        """Take the lock, unless others hold it for long: who looks after all lines does not wait for one."""
        return self.lock.acquire(timeout=_PATIENCE)

    @contextmanager
    def guarded(self) -> Generator[bool]:
        """Hold the lock for who looks after all lines, and give whether it has it and the line is open.

        A line that is busy is passed over, and an internal error costs this one and no other.
        """
        if not self.try_lock():
            yield False
            return
        try:
            yield not self.is_shut
        except Exception:
            _log.exception("a session ends because of an internal error")
            self.locked_lose(SessionLost("internal error; the log has it"))
        finally:
            self.lock.release()

    def locked_keep_time(self) -> None:
        """Do what time asks for: end what is too slow."""
        if not self.is_shut:
            self.connection.handle_deadline()
            session = self.connection.session
            if session is not None and session.settled:
                # What waited for a call that ran too long.
                self._locked_wake_settled(session)
                self.locked_hand_on()
            self.locked_check_stall()
            self.locked_send()
            if self.connection.failure is not None:
                self.locked_shut()

    def locked_check_stall(self) -> None:
        """Give the session up if the peer has not read for too long."""
        limit = self.connection.limits.write_seconds
        since = self.sender.stalled_since
        if since is not None and time.monotonic() - since > limit:
            self.locked_lose(SessionLost(f"the peer read nothing for {limit:g} seconds"))

    def locked_lose(self, why: SessionError) -> None:
        """End the session because the connection cannot go on."""
        self.connection.lose(why)
        self.locked_shut()

    def close(self, code: Code = Code.DONE, text: str = "") -> None:
        """End the session with a Goodbye, and close the socket."""
        if self.is_forked:
            return
        with self.lock:
            self.locked_close(code, text)
        self.bury()

    def locked_close(self, code: Code, text: str) -> None:
        """Do what `close` does, but let go of nothing yet."""
        if not self.is_shut:
            self.connection.close(code, text)
            self.locked_send()
            self.locked_shut()

    def locked_shut(self) -> None:
        """Shut the socket down and wake all that wait; it is closed once nobody reads it."""
        if self.is_shut:
            return
        self.is_shut = True
        self.sender.unsent.clear()
        # Wakes a reader in another thread. It fails if the peer was faster.
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        for pending in self.waiting:
            _wake(pending)
        session = self.connection.session
        if session is not None:
            self._locked_wake_settled(session)
        if not self.reader:
            self.host.forget(self)

    def close_socket(self) -> None:
        """Close the socket of a line that is shut. What else arrived is read first, so that a Goodbye is not lost."""
        with self.lock:
            with suppress(OSError):
                for _ in range(_LAST_READS):
                    if not self.sock.recv(READ_BYTES, socket.MSG_DONTWAIT):
                        break
            self.sock.close()

    def disown(self) -> None:
        """Close this process' copy of the socket after a fork; the session lives on in the parent."""
        self.is_forked = True
        self.lock = Lock()
        self.sock.close()


def insist(step: Callable[[], None]) -> None:
    """Take a step, again if it is interrupted; then let the interrupt go on.

    Args:
        step: does no harm when it is taken twice.
    """
    interrupt = None
    while True:
        try:
            step()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def _wake(pending: Pending) -> bool:
    """Wake whoever waits for ``pending``; tell whether anybody did."""
    waker, pending.waker = pending.waker, None
    if waker is not None:
        waker.release()
    return waker is not None


_lines: weakref.WeakSet[Line] = weakref.WeakSet()
"""Every line of this process, so that a fork can take them from the child."""


def _disown_after_fork() -> None:
    # Two processes on one stream would mix their frames. The descriptor is closed here
    # without a word; the parent's session goes on.
    for line in list(_lines):
        line.disown()


os.register_at_fork(after_in_child=_disown_after_fork)
