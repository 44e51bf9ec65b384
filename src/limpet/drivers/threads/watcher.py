"""The one thread of a server that never runs user code: it accepts, watches silent connections, and keeps time."""

from __future__ import annotations

import logging
import math
import os
import selectors
import socket
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Final

from limpet.drivers.threads.channel import Channel
from limpet.drivers.threads.deadline import seconds_until
from limpet.drivers.threads.workers import Workers
from limpet.logs import audit
from limpet.session.schedule import Request

__all__ = ["Watcher"]

_TICK_SECONDS: Final = 0.01
"""User code that runs this long gives the right to read its connection to others."""
_LOOK_SECONDS: Final = 0.1
"""How often, at most, all deadlines are looked at."""
_RELEASE_SECONDS: Final = 0.4
"""How often it is looked up what peers have lent and nobody uses any more."""
_REST_SECONDS: Final = 0.2
"""How long nothing is accepted after the system refused another descriptor."""
_ACCEPTS: Final = 64
"""Connections accepted in a row before others are looked after."""
_log: Final = logging.getLogger("limpet.session")


class Watcher:
    """Watches the connections that no thread is reading, and hands those that stir to workers.

    Args:
        listener: accepts connections; it never blocks.
        accept: takes a connection that was accepted.
        workers: serve what stirs.
    """

    def __init__(self, listener: socket.socket, accept: Callable[[socket.socket], None], workers: Workers) -> None:
        self._listener = listener
        self._accept = accept
        self._workers = workers
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._selector.register(listener, selectors.EVENT_READ)
        # Others only ever append here, and wake this thread; the selector is its alone.
        self._attended: deque[Channel] = deque()
        self._forgotten: deque[Channel] = deque()
        self._held: dict[Channel, tuple[Request | None, float]] = {}
        """Connections that workers have, what each runs, and when that was seen first."""
        self._next_tick = 0.0
        self._due: dict[Channel, float] = {}
        """When each watched connection wants to be looked at."""
        self._next_look = math.inf
        self._last_look = 0.0
        self._lending: set[Channel] = set()
        """Connections whose peer has lent this side something, a callback say, that may be dropped any time."""
        self._next_release = math.inf
        self._accept_again = 0.0
        self._wake_lock = Lock()
        self._is_stopping = False
        self._thread = Thread(target=self._watch, name="limpet-watcher", daemon=True)
        _watchers.add(self)

    def start(self) -> None:
        """Begin to accept and watch."""
        self._thread.start()

    def stop_accepting(self) -> None:
        """Close the listener; what is connected stays."""
        self._listener.close()
        self._wake()

    def stop(self) -> None:
        """End the thread. What is told to it from now on is done where it is told."""
        self._is_stopping = True
        self._wake()
        self._thread.join()
        _watchers.discard(self)
        with self._wake_lock:
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1
            forgotten = list(self._forgotten)
            self._forgotten.clear()
        for channel in forgotten:
            channel.close_socket()

    def disown(self) -> None:
        """Close this process' copies of the descriptors after a fork; the parent's watcher goes on."""
        # Once only: their numbers may be somebody else's afterwards.
        _watchers.discard(self)
        self._listener.close()
        self._selector.close()
        with suppress(OSError):
            os.close(self._wake_read)
            os.close(self._wake_write)
        self._wake_write = -1

    # What channels ask of their host. Called from any thread, with the channel's lock held.

    @property
    def is_pressed(self) -> bool:
        """Tell whether connections wait for a worker."""
        return self._workers.is_pressed

    def attend(self, channel: Channel) -> None:
        """Watch a connection that nobody reads any more."""
        self._attended.append(channel)
        self._wake()

    def run_soon(self, channel: Channel) -> None:
        """Have a worker run what may start."""
        self._workers.submit(channel)

    def forget(self, channel: Channel) -> None:
        """Close the socket of a connection that has ended, and let go of it."""
        self._forgotten.append(channel)
        self._wake()

    def _wake(self) -> None:
        with self._wake_lock:
            if self._wake_write < 0:
                # Nobody is left to close what a worker gives back only now.
                for channel in self._forgotten:
                    channel.sock.close()
                self._forgotten.clear()
                return
            # A full pipe means that it is about to wake up anyway.
            with suppress(BlockingIOError):
                os.write(self._wake_write, b"\0")

    # The thread.

    def _watch(self) -> None:
        while not self._is_stopping:
            try:
                self._watch_once()
            except Exception:
                # A fault of limpet's own: it may cost a session, but not all the others.
                _log.exception("internal error while watching connections")

    def _watch_once(self) -> None:
        for key, _ in self._selector.select(self._seconds_to_sleep()):
            if key.fileobj is self._listener:
                self._accept_all()
            elif key.fd == self._wake_read:
                os.read(self._wake_read, 65_536)
            else:
                self._hand_over(key.data)
        self._take_in()
        self._keep_time()

    def _seconds_to_sleep(self) -> float | None:
        if self._held or self._attended:
            return _TICK_SECONDS
        next_look = min(self._next_look, self._next_release, self._accept_again or math.inf)
        return None if next_look == math.inf else seconds_until(next_look)

    def _accept_all(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._selector.unregister(self._listener)
                if self._listener.fileno() >= 0:
                    # Out of descriptors: asking again at once would only burn the processor.
                    audit.warning("cannot accept connections: %s", error.strerror)
                    self._accept_again = time.monotonic() + _REST_SECONDS
                return
            self._accept(sock)

    def _hand_over(self, channel: Channel) -> None:
        self._selector.unregister(channel.sock)
        self._held[channel] = (None, 0.0)
        self._workers.submit(channel)

    def _take_in(self) -> None:
        for _ in range(len(self._attended)):
            channel = self._attended.popleft()
            if channel.try_lock():
                try:
                    self._locked_take_in(channel)
                finally:
                    channel.lock.release()
            else:
                # It comes again with the next tick.
                self._attended.append(channel)
        while self._forgotten:
            channel = self._forgotten.popleft()
            self._held.pop(channel, None)
            self._due.pop(channel, None)
            self._lending.discard(channel)
            # It is not there if a worker had it.
            with suppress(KeyError):
                self._selector.unregister(channel.sock)
            # Only now: a number that is closed first may be another connection's already.
            channel.close_socket()
            if channel.has_buried:
                # Users' finalizers run where users' code runs.
                self._workers.submit(channel)

    def _locked_take_in(self, channel: Channel) -> None:
        if channel.is_shut or channel.reader:
            return
        self._held.pop(channel, None)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if channel.sender.unsent else 0)
        try:
            self._selector.register(channel.sock, events, channel)
        except KeyError:
            self._selector.modify(channel.sock, events, channel)
        self._set_deadline(channel)
        session = channel.connection.session
        if session is not None and session.tables.imports.by_handle:
            self._lending.add(channel)
            self._next_release = min(self._next_release, time.monotonic() + _RELEASE_SECONDS)

    def _release_dropped(self, now: float) -> None:
        """Tell peers what of theirs nobody here uses any more, within half a second."""
        for channel in list(self._lending):
            channel.release_dropped()
            session = channel.connection.session
            if session is None or not session.tables.imports.by_handle:
                self._lending.discard(channel)
        self._next_release = now + _RELEASE_SECONDS if self._lending else math.inf

    def _set_deadline(self, channel: Channel) -> None:
        deadline = channel.connection.next_deadline()
        if channel.sender.stalled_since is not None:
            stalled = channel.sender.stalled_since + channel.connection.limits.write_seconds
            deadline = stalled if deadline is None else min(deadline, stalled)
        if deadline is None:
            self._due.pop(channel, None)
        else:
            self._due[channel] = deadline
            self._next_look = min(self._next_look, deadline)

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._accept_again and now >= self._accept_again:
            self._accept_again = 0.0
            if self._listener.fileno() >= 0:
                self._selector.register(self._listener, selectors.EVENT_READ)
        if now >= self._next_release:
            self._release_dropped(now)
        if now >= self._next_look or (self._held and now >= self._last_look + _LOOK_SECONDS):
            self._look(now)
        if self._held and now >= self._next_tick:
            self._tick(now)

    def _look(self, now: float) -> None:
        """Meet what is due. Rarely, for it looks at every connection: deadlines hold to a tenth of a second."""
        for channel in self._held:
            # What a worker reads and runs has begun since it was handed over.
            self._due[channel] = now
        for channel, due in list(self._due.items()):
            if due <= now:
                self._meet_deadline(channel)
        self._last_look = now
        self._next_look = max(min(self._due.values(), default=math.inf), now + _LOOK_SECONDS)

    def _tick(self, now: float) -> None:
        """Let others read the connections whose worker is inside one call for long."""
        self._next_tick = now + _TICK_SECONDS
        for channel, (running, since) in list(self._held.items()):
            executing = channel.executing
            if executing is not running:
                self._held[channel] = (executing, now)
            elif executing is not None and now - since >= _TICK_SECONDS:
                self._take_right_to_read(channel, executing)

    def _meet_deadline(self, channel: Channel) -> None:
        with channel.guarded() as is_open:
            if is_open:
                channel.locked_keep_time()
                self._set_deadline(channel)

    def _take_right_to_read(self, channel: Channel, executing: Request) -> None:
        if not channel.try_lock():
            return
        try:
            if channel.executing is executing and channel.reader:
                channel.executing = None
                channel.locked_stop_reading()
                channel.locked_hand_on()
        finally:
            channel.lock.release()


_watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
"""Every watcher of this process, so that a fork can take their descriptors from the child."""


def _disown_after_fork() -> None:
    for watcher in list(_watchers):
        watcher.disown()


os.register_at_fork(after_in_child=_disown_after_fork)
