"""One thread per process that looks after sessions which no caller is reading.

It answers pings, notices a broken connection, sends releases that nothing else took
along, and hands callbacks that come outside a call to a thread of their session. While
callers use a session it keeps out of their way: it looks up now and then whether they
have gone quiet, and only then watches the socket.
"""

from __future__ import annotations

import logging
import os
import selectors
from collections import deque
from contextlib import suppress
from threading import Lock, Thread
from typing import Final

from limpet.drivers.threads.channel import Channel
from limpet.errors import SessionLost

__all__ = ["Housekeeping", "housekeeping"]

_log: Final = logging.getLogger("limpet.session")
_TICK_SECONDS: Final = 0.05
_RELEASE_SECONDS: Final = 0.4
"""Releases go within half a second, whether or not a call takes them along."""


class Housekeeping:
    """The host of all client channels of this process."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        # Others only append here; the selector and the sets are this thread's alone.
        self._new: deque[Channel] = deque()
        self._ended: deque[Channel] = deque()
        self._attended: deque[Channel] = deque()
        self._busy: dict[Channel, int] = {}
        """Channels that callers use, and how often they had read at the last look."""
        self._quiet: set[Channel] = set()
        self._thread = Thread(target=self._look_after, name="limpet-housekeeping", daemon=True)
        self._thread.start()

    def adopt(self, channel: Channel) -> None:
        """Look after a new channel."""
        self._new.append(channel)
        self._wake()

    watches_each = False
    """Whether callers have gone quiet is looked up now and then; told only if an answer is wanted."""

    is_pressed = False
    """Whatever is to run gets a thread of its own."""

    def attend(self, channel: Channel) -> None:
        """Watch a channel from now on: an answer is wanted for which no caller waits."""
        self._attended.append(channel)
        self._wake()

    def run_soon(self, channel: Channel) -> None:
        """Run what the peer asked for outside any call, in a thread of its own, in order."""
        try:
            Thread(target=channel.run_ready, name="limpet-callback", daemon=True).start()
        except RuntimeError:
            # The system has no more threads. What was asked for waits until something else comes.
            _log.exception("no thread for a callback")

    def forget(self, channel: Channel) -> None:
        """Close the socket of a session that has ended."""
        self._ended.append(channel)
        self._wake()

    def _wake(self) -> None:
        # A full pipe means that it is about to wake up anyway.
        with suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")

    def _look_after(self) -> None:
        while True:
            try:
                self._look_once()
            except Exception:
                # A fault of limpet's own: it may cost a session, but not all the others.
                _log.exception("internal error while looking after sessions")

    def _look_once(self) -> None:
        for key, _ in self._selector.select(self._seconds_to_sleep()):
            if key.fd == self._wake_read:
                os.read(self._wake_read, 65_536)
            else:
                self._read(key.data)
        while self._new:
            self._busy[self._new.popleft()] = -1
        while self._attended:
            channel = self._attended.popleft()
            if channel in self._busy and not channel.is_shut:
                self._watch(channel)
        self._look_at_busy()
        for channel in (*self._busy, *self._quiet):
            self._look_at(channel)
        while self._ended:
            self._close(self._ended.popleft())

    def _look_at(self, channel: Channel) -> None:
        """Do what time asks for, and say what no caller has said."""
        if channel.connection.deadline is not None or channel.sender.unsent:
            with channel.guarded() as is_open:
                if is_open:
                    channel.locked_keep_time()
        channel.release_dropped()

    def _seconds_to_sleep(self) -> float | None:
        if self._busy:
            return _TICK_SECONDS
        return _RELEASE_SECONDS if self._quiet else None

    def _look_at_busy(self) -> None:
        for channel, reads in list(self._busy.items()):
            if channel.reads != reads or channel.reader:
                self._busy[channel] = channel.reads
            elif not channel.is_shut:
                self._watch(channel)

    def _watch(self, channel: Channel) -> None:
        del self._busy[channel]
        self._quiet.add(channel)
        self._selector.register(channel.sock, selectors.EVENT_READ, channel)

    def _read(self, channel: Channel) -> None:
        """Read a session that stirs; if a caller reads it already, keep out of the way."""
        try:
            if channel.try_to_read():
                return
        except Exception:
            _log.exception("a session ends because of an internal error")
            with channel.lock:
                channel.locked_lose(SessionLost("internal error; the log has it"))
        self._selector.unregister(channel.sock)
        self._quiet.discard(channel)
        self._busy[channel] = channel.reads

    def _close(self, channel: Channel) -> None:
        self._busy.pop(channel, None)
        if channel in self._quiet:
            self._quiet.discard(channel)
            self._selector.unregister(channel.sock)
        channel.close_socket()
        if channel.has_buried:
            self.run_soon(channel)


_instance: Housekeeping | None = None
_instance_lock = Lock()


def housekeeping() -> Housekeeping:
    """Return this process' housekeeping, started now if it has none."""
    global _instance  # noqa: PLW0603 - one per process is what it is for
    with _instance_lock:
        if _instance is None:
            _instance = Housekeeping()
        return _instance


def _start_anew_after_fork() -> None:
    # Threads do not survive a fork; neither does the session of any channel.
    global _instance, _instance_lock
    _instance, _instance_lock = None, Lock()


os.register_at_fork(after_in_child=_start_anew_after_fork)
