"""Running by a line what its peer asks for: started in order, one after the other, and answered."""

from __future__ import annotations

import logging
import socket
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

from limpet.drivers.threads.answer import Answer
from limpet.drivers.threads.host import Host
from limpet.drivers.threads.line import READ_BYTES, Line
from limpet.errors import EncodeError
from limpet.objects.endpoint import Endpoint
from limpet.session.body import Body
from limpet.session.connection import Connection
from limpet.session.messages import Kind
from limpet.session.schedule import Request

__all__ = ["Runner"]

_log: Final = logging.getLogger("limpet.session")
_PATIENCE: Final = 0.25
"""How long a thread that only runs requests waits for a peer to read its answers, in seconds."""


class Runner(Line):
    """A line by which threads answer.

    Args:
        sock: connected and blocking, with a receive timeout; the line owns it from now on.
        connection: the core.
        host: see `Host`.
    """

    __slots__ = ("answered", "endpoint")

    def __init__(self, sock: socket.socket, connection: Connection, host: Host[Any]) -> None:
        super().__init__(sock, connection, host)
        self.endpoint: Endpoint | None = None
        """Set by the driver once there is a session."""
        self.answered: deque[Answer] = deque()
        """Answers that have come, and with which code of the user's is to run."""

    def run(self, request: Request) -> None:
        """Run a request that came inside one of this thread's own, and answer it."""
        endpoint = self.endpoint
        assert endpoint is not None  # noqa: S101 - requests come in sessions only
        with self.lock:
            self.session.schedule.begin(request)
        kind, body = endpoint.run(request)
        with self.lock:
            self.locked_answer(request, kind, body)
        self.bury()
        if self.sender.unsent:
            self.push(time.monotonic() + _PATIENCE)
        if request.ending is not None and not self.connection.is_server:
            # A server's threads are no place where keys are pressed, or a program ends: served code raised it.
            raise request.ending.with_traceback(None)

    def locked_start(self) -> Request | None:
        """Return the next request of the peer's that may start, marked as running.

        None may while a peer that asks does not read its answers.
        """
        session = self.connection.session
        if session is None or (self.sender.unsent and session.outbox.size > READ_BYTES):
            return None
        schedule = session.schedule
        request = schedule.start() if schedule.requests else None
        if request is not None and schedule.can_start:
            # This thread is busy from here on: what may run beside it is another's.
            self.locked_hand_on()
        return request

    def _locked_go_on(self) -> Request | None:
        """Return what this thread should run next; if others wait for it, that is handed on, behind them."""
        if not self.host.is_pressed:
            return self.locked_start()
        self.locked_hand_on()
        return None

    def run_ready(self) -> None:
        """Run what the peer asked for outside any call, in order, until nothing of it may start."""
        self.run_deferred()
        with self.lock:
            request = self.locked_start()
        self.run_from(request)

    def run_deferred(self) -> None:
        """Run code of the user's that the lock kept waiting: finalizers, and callbacks of answers that have come."""
        self.bury()
        while self.answered:
            with suppress(IndexError):
                answer = self.answered.popleft()
                try:
                    answer.settle()
                except BaseException:
                    # SystemExit and its like; the future has taken care of the rest. No other answer has to do with it.
                    _log.exception("a callback of an answer raised")

    def run_from(self, request: Request | None) -> None:
        """Run a request that has started, and what may start after it."""
        while request is not None:
            while request is not None:
                request, _ = self.run_next(request)
            if not self.sender.unsent:
                return
            patience = 0.0 if self.host.is_pressed else _PATIENCE
            if not self.push(time.monotonic() + patience):
                with self.lock:
                    if self.reader == 0:
                        self.locked_pass_on()
                return
            # What had to wait until the peer has read its answers may start now.
            with self.lock:
                request = None if self.host.is_pressed else self.locked_start()

    def run_next(self, request: Request, me: int = -1) -> tuple[Request | None, bool]:
        """Run a request that has started, and answer it.

        Returns:
            The next one, started, and whether thread ``me`` still has the right to read.
        """
        endpoint = self.endpoint
        assert endpoint is not None  # noqa: S101 - requests come in sessions only
        session = self.connection.session
        assert session is not None  # noqa: S101
        kind, body = endpoint.run(request)
        with self.lock:
            self.locked_answer(request, kind, body)
            following = self._locked_go_on() if session.schedule.requests else None
            keeps = self.reader == me
            if keeps:
                self.executing = following
        self.bury()
        return following, keeps

    def locked_answer(self, request: Request, kind: int, body: Body) -> None:
        """Answer a request and send it."""
        session, endpoint = self.connection.session, self.endpoint
        assert session is not None  # noqa: S101 - a request came from one
        assert endpoint is not None  # noqa: S101
        try:
            session.answer(request, kind, body)
        except EncodeError as error:
            session.answer(request, int(Kind.RAISE), endpoint.refuse(request, error))
        self.locked_send()
