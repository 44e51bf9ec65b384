"""The threads that run user code: each reads a connection, and runs what it read, where it read it.

Handing a call to another thread costs more than the call itself, so a worker stays with
its connection through a few milliseconds of silence, then goes back to the others.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock, Thread, get_ident
from typing import Final

from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.deadline import seconds_until
from limpet.drivers.threads.line import READ_BYTES
from limpet.errors import SessionLost

__all__ = ["LINGER_SECONDS", "Workers"]

LINGER_SECONDS: Final = 0.005
"""How long a worker waits on a silent connection before it gives it back."""
_IDLE_SECONDS: Final = 10.0
"""After this long without work a worker ends."""
_log: Final = logging.getLogger("limpet.session")


class _Worker(Thread):
    """A thread, and the place where it is given what to do."""

    def __init__(self, workers: Workers, first: Channel) -> None:
        super().__init__(name="limpet-worker", daemon=True)
        self._workers = workers
        self.channel: Channel | None = first
        self.waker: Lock = Lock()
        self.waker.acquire()

    def run(self) -> None:
        """Serve one connection after the other, until there is nothing to do for long."""
        buffer = bytearray(READ_BYTES)
        while self.channel is not None:
            try:
                self._workers.serve(self.channel, buffer)
            except BaseException:
                # Not even the session could be ended. The others have done nothing wrong.
                _log.exception("internal error in a worker")
            self.channel = self._workers.next_for(self)


class Workers:
    """A pool that grows while all its threads are busy, and shrinks when they are not.

    Args:
        limit: the most threads there may be.
        begin: makes a channel's endpoint; called once its session has begun.
    """

    def __init__(self, limit: int, begin: Callable[[Channel], None]) -> None:
        self._limit = limit
        self._begin = begin
        self._lock = Lock()
        self._ready: OrderedDict[Channel, None] = OrderedDict()
        """What waits for a worker, each once."""
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._all)

    @property
    def is_pressed(self) -> bool:
        """Tell whether connections wait for a worker."""
        return bool(self._ready)

    def submit(self, channel: Channel) -> None:
        """Have a worker serve ``channel``: it has something to read, or to run."""
        with self._lock:
            if self._is_closed:
                return
            if self._idle:
                worker = self._idle.pop()
                worker.channel = channel
                worker.waker.release()
            elif len(self._all) < self._limit and (started := self._start(channel)) is not None:
                self._all.add(started)
            else:
                self._ready.setdefault(channel)

    def _start(self, channel: Channel) -> _Worker | None:
        worker = _Worker(self, channel)
        try:
            worker.start()
        except RuntimeError:
            # The system has no more threads. One of those there are will come to it, if there are any.
            _log.exception("no thread for a worker")
            return None
        return worker

    def next_for(self, worker: _Worker) -> Channel | None:
        """Return what ``worker`` should serve next, once there is something; None tells it to end."""
        with self._lock:
            if self._ready:
                return self._ready.popitem(last=False)[0]
            if self._is_closed:
                self._all.discard(worker)
                return None
            worker.channel = None
            self._idle.append(worker)
        if not worker.waker.acquire(timeout=_IDLE_SECONDS):
            with self._lock:
                if worker in self._idle:
                    self._idle.remove(worker)
                    self._all.discard(worker)
                    return None
            # It was given something at the very last moment.
            worker.waker.acquire()
        return worker.channel

    def close(self, seconds: float) -> None:
        """Let every worker end when it is done, and wait up to ``seconds`` for all of them."""
        deadline = time.monotonic() + seconds
        with self._lock:
            self._is_closed = True
            self._ready.clear()
            for worker in self._idle:
                worker.waker.release()
            self._all.difference_update(self._idle)
            waited_for = [*self._idle, *self._all]
            self._idle.clear()
        for worker in waited_for:
            if worker.ident != get_ident():
                worker.join(seconds_until(deadline))

    def serve(self, channel: Channel, buffer: bytearray) -> None:
        """Read a connection and run what it asks for, until it is silent or others need this thread."""
        try:
            with channel.lock:
                is_shut, is_reader = channel.is_shut, channel.reader == 0
                if is_reader and not is_shut:
                    channel.reader = get_ident()
            if is_shut:
                channel.run_deferred()
            elif is_reader:
                # The callbacks of answers may wait for what is to be read: they are another worker's, or come after.
                if channel.answered:
                    self.submit(channel)
                self._read(channel, buffer)
                channel.run_deferred()
            else:
                # Somebody reads it; this thread was called because something may start.
                channel.run_ready()
        except BaseException:
            # A fault of limpet's own, whatever it raises: it costs this session, and nobody else.
            _log.exception("a session ends because of an internal error")
            with channel.lock:
                channel.locked_lose(SessionLost("internal error; the server's log has it"))
                if channel.reader == get_ident():
                    channel.locked_stop_reading()

    def _read(self, channel: Channel, buffer: bytearray) -> None:
        me, view = get_ident(), memoryview(buffer)
        recv_into, lock, ready = channel.sock.recv_into, channel.lock, self._ready
        # What it is called for is there already, to be read or to be run.
        flags = int(socket.MSG_DONTWAIT)
        while True:
            if channel.sender.unsent:
                if not channel.push(time.monotonic() + LINGER_SECONDS):
                    with lock:
                        channel.locked_stop_reading()
                    return
                # What had to wait for room may start now, whether or not there is anything to read.
                flags = socket.MSG_DONTWAIT
            try:
                count = recv_into(buffer, 0, flags)
            except BlockingIOError:
                count = -1
            except OSError as error:
                with lock:
                    channel.locked_lose(SessionLost(f"the connection broke: {error.strerror or error}"))
                    channel.locked_stop_reading()
                channel.bury()
                return
            with lock:
                if count >= 0:
                    channel.locked_receive(view[:count])
                    if channel.endpoint is None and channel.connection.session is not None:
                        self._begin(channel)
                request = channel.locked_start()
                channel.executing = request
                leaves = request is None and (channel.is_shut or (count < 0 and not flags))
                if leaves:
                    channel.locked_stop_reading()
            if leaves or request is None:
                # After a Release, or at the end. A call lets nothing go before it is answered.
                channel.bury()
            if leaves:
                return
            while request is not None:
                request, keeps = channel.run_next(request, me)
                if not keeps:
                    # It ran for long, and another thread reads now. What waits is run here, in order.
                    channel.run_from(request)
                    return
            if ready:
                # It is the others' turn. What more there is to read comes to a worker again.
                with lock:
                    channel.locked_stop_reading()
                channel.bury()
                return
            flags = 0
