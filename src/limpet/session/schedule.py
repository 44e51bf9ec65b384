"""Which of the peer's requests may start, and when (design: Order).

Requests of one session start in the order they came and run one at a time, unless the
session is concurrent, or the request may pass the others. One with a cause goes to
whoever waits for the answer to that cause, past the queue: the queue may be waiting for it.
Of all the others only so many run at once, so that no session takes every thread there is.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Final, Protocol

from limpet.errors import CallCancelled, LimpetError
from limpet.peer import Peer
from limpet.session.messages import PASS

__all__ = ["Pending", "Promise", "Request", "Schedule", "Stage", "Waker"]


_NOBODY: Final = Peer()
# Shared by all messages that carry none, and never changed: most carry none.
_NO_REFERENCES: Final[list[object]] = []
_NO_BUFFERS: Final[list[bytes]] = []


class Stage(Enum):
    """How far a request of the peer's has come."""

    QUEUED = auto()
    RUNNING = auto()
    DONE = auto()


# Looking a member up in its enum costs a call in Python 3.11.
_QUEUED: Final = Stage.QUEUED
_RUNNING: Final = Stage.RUNNING
_DONE: Final = Stage.DONE


class Promise:
    """The result of a request, kept for the peer under the request's id.

    Attributes:
        settled: whether the request has been answered.
        value: the result, if there is one.
        view: what the peer may do with its own state.
        failure: what there is instead: the payload of the Raise that the request was answered with.
    """

    __slots__ = ("failure", "settled", "value", "view")

    def __init__(self) -> None:
        self.settled: bool = False
        self.value: object = None
        self.view: int = 0
        self.failure: bytes | None = None


class Request:
    """A request of the peer's.

    Attributes:
        id: the peer's number for it.
        kind, flags, cause: as in its head.
        target: the object named by the head: an export's object, a `Promise`, or None for Open.
        view: what the peer may do with the target's own state.
        payload: not decoded yet.
        references: what the table of references stood for when it arrived.
        buffers: large bytes beside the payload.
        size: bytes charged to the peer's credit.
        depth: how many calls inside callbacks inside calls this is, 1 for none.
        promises: earlier results it names, as target or among its references.
        promise: where its own result is kept, if it is.
        fault: why it must be answered with a failure instead of being run.
        stage: how far it has come.
        cancelled: the peer does not want the answer any more.
        peer: who asks; set when it is run.
        ending: KeyboardInterrupt or SystemExit, if that is how it ended.
        deadline: when it is cancelled by this side; set once it has run for a while.
    """

    __slots__ = (
        "buffers",
        "cancelled",
        "cause",
        "deadline",
        "depth",
        "ending",
        "fault",
        "flags",
        "id",
        "inside",
        "kind",
        "payload",
        "peer",
        "promise",
        "promises",
        "references",
        "size",
        "stage",
        "target",
        "view",
    )

    def __init__(self, kind: int, flags: int, id_: int, cause: int, payload: bytes, size: int) -> None:
        self.kind: int = kind
        self.flags: int = flags
        self.id: int = id_
        self.cause: int = cause
        self.payload: bytes = payload
        self.size: int = size
        self.target: object = None
        self.view: int = 0
        self.references: list[object] = _NO_REFERENCES
        self.buffers: list[bytes] = _NO_BUFFERS
        self.promises: tuple[Promise, ...] = ()
        self.promise: Promise | None = None
        self.depth: int = 1
        self.fault: Exception | None = None
        self.stage: Stage = _QUEUED
        self.cancelled: bool = False
        self.deadline: float | None = None
        self.peer: Peer = _NOBODY
        self.ending: BaseException | None = None
        self.inside: Pending | None = None


class Pending:
    """A request of this side's that the peer has not answered.

    Attributes:
        id: this side's number for it.
        size: bytes charged to this side's credit.
        depth: how many calls inside callbacks inside calls this is, 1 for none.
        cause: the peer's request in whose handling this one was made, if there is one.
        done: whether the answer has come, or cannot come any more.
        failure: why it cannot come: the session is over, or its cause was cancelled.
        kind: of the answer, RETURN or RAISE.
        payload, references, buffers: of the answer.
        nested: requests the peer made while handling this one; whoever waits for it runs them.
        nested_turn: the one of them that runs, or will, where nobody waits.
        abandoned: nobody waits for it any more.
        waker: for the driver: how to wake whoever waits.
    """

    __slots__ = (
        "abandoned",
        "buffers",
        "cause",
        "depth",
        "done",
        "failure",
        "id",
        "kind",
        "nested",
        "nested_turn",
        "payload",
        "references",
        "size",
        "waker",
    )

    def __init__(self, id_: int, size: int, depth: int, cause: Request | None = None) -> None:
        self.id: int = id_
        self.size: int = size
        self.depth: int = depth
        self.cause: Request | None = cause
        self.done: bool = False
        self.abandoned: bool = False
        self.failure: LimpetError | None = None
        self.kind: int = 0
        self.payload: bytes = b""
        self.references: list[object] = _NO_REFERENCES
        self.buffers: list[bytes] = _NO_BUFFERS
        self.nested: deque[Request] | None = None
        self.nested_turn: Request | None = None
        self.waker: Waker | None = None


class Waker(Protocol):
    """What a driver waits on: a lock, an event, a future."""

    def release(self) -> None:
        """Wake whoever waits."""
        ...


class Schedule:
    """The peer's requests, from arrival to answer.

    Args:
        concurrent: let more than one run at a time.
        most: how many may run at once, beside those with a cause.
        buried: takes what requests held, and is emptied where finalizers may run.
    """

    __slots__ = (
        "_buried",
        "_exempt",
        "_is_draining",
        "_most",
        "_passing",
        "_queue",
        "_running",
        "_serial",
        "is_concurrent",
        "requests",
    )

    def __init__(self, *, concurrent: bool, most: int, buried: deque[object] | None = None) -> None:
        self.is_concurrent: bool = concurrent
        self._most = most
        self._buried = deque() if buried is None else buried
        self._queue: deque[Request] = deque()
        # What may pass the others.
        self._passing: deque[Request] = deque()
        # What is not even counted: what will be answered with a failure, and what one that runs may be waiting for.
        self._exempt: deque[Request] = deque()
        self._running: set[Request] = set()
        self._serial: Request | None = None
        self._is_draining = False
        self.requests: dict[int, Request] = {}
        """Every request that is queued or running, by the peer's id."""

    def arrive(self, request: Request) -> None:
        """Queue a request that has no living cause."""
        if self._is_draining:
            # One whose waiter gave up is among them already.
            self.requests.pop(request.id, None)
            self._buried.append(request)
            return
        self.requests[request.id] = request
        if request.fault is not None:
            self._exempt.append(request)
        elif request.promises or not request.flags & PASS:
            self._queue.append(request)
        else:
            self._passing.append(request)

    def arrive_inside(self, pending: Pending) -> None:
        """Let what came on the way to an answer start at once, for nobody waits who would run it.

        One after the other, as whoever waited would: the peer may send many.
        """
        while pending.nested and pending.nested_turn is None:
            request = pending.nested.popleft()
            if self._is_draining:
                self.requests.pop(request.id, None)
                self._buried.append(request)
            elif request.id in self.requests:
                request.inside, pending.nested_turn = pending, request
                self._exempt.append(request)

    def begin(self, request: Request) -> None:
        """Mark a nested request as running: its waiter runs it now."""
        request.stage = _RUNNING

    def arrive_nested(self, request: Request) -> None:
        """Count in a request that its waiter runs at once, past the queue."""
        self.requests[request.id] = request

    @property
    def can_start(self) -> bool:
        """Tell whether `start` would return a request."""
        if self._exempt:
            return True
        # One that may pass the others may have been made to stop them: it gets a place beyond theirs.
        if len(self._running) >= self._most:
            return bool(self._passing) and len(self._running) == self._most
        return bool(self._passing) or bool(self._queue and self._serial is None and not self._is_blocked())

    def start(self) -> Request | None:
        """Return the next request to run, marked as running; None if none may start now."""
        if self._exempt:
            request = self._exempt.popleft()
            request.stage = _RUNNING
            return request
        running = len(self._running)
        if running >= self._most and not (self._passing and running == self._most):
            return None
        if self._passing:
            request = self._passing.popleft()
        elif self._queue and self._serial is None and not (self._queue[0].promises and self._is_blocked()):
            request = self._queue.popleft()
            if not self.is_concurrent:
                self._serial = request
        else:
            return None
        self._running.add(request)
        request.stage = _RUNNING
        return request

    def _is_blocked(self) -> bool:
        """Tell whether the first in the queue names a result that is not there yet."""
        return not all(promise.settled for promise in self._queue[0].promises)

    def finish(self, request: Request) -> None:
        """Take out a request that has its answer, and let go of all it brought."""
        request.stage = _DONE
        if request.promise is not None:
            request.promise.settled = True
        if request.promises or request.references:
            # A chain of kept results would hold every request that made one.
            self._buried.extend((request.promises, request.references, request.target))
            request.promises, request.references, request.target = (), _NO_REFERENCES, None
        self.requests.pop(request.id, None)
        self._running.discard(request)
        if request.inside is not None:
            inside, request.inside = request.inside, None
            inside.nested_turn = None
            self.arrive_inside(inside)
        if self._serial is request:
            self._serial = None

    def cancel(self, id_: int) -> Request | None:
        """Mark a request as not wanted; one still queued will be answered without being run."""
        request = self.requests.get(id_)
        if request is not None:
            request.cancelled = True
            if request.stage is not Stage.QUEUED:
                return request
            for queue in (self._queue, self._passing):
                if request in queue:
                    queue.remove(request)
                    self._exempt.append(request)
            if request in self._exempt:
                request.fault = request.fault or CallCancelled("cancelled before it started")
        return request

    def drain(self) -> None:
        """Forget what has not started, and all that comes: the session is about to end, and its end answers them."""
        self._is_draining = True
        nested = [request for request in self._exempt if request.fault is None]
        for request in (*self._queue, *self._passing, *nested):
            self._buried.append(self.requests.pop(request.id))
        self._queue.clear()
        self._passing.clear()
        self._exempt = deque(request for request in self._exempt if request.fault is not None)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is queued or running."""
        return not self.requests

    def clear(self) -> None:
        """Forget what is queued, and mark what runs as not wanted: the session is over."""
        self._buried.extend(self.requests.values())
        self._queue.clear()
        self._passing.clear()
        self._exempt.clear()
        self.requests = {id_: request for id_, request in self.requests.items() if request.stage is Stage.RUNNING}
        for request in self.requests.values():
            request.cancelled = True

    def check(self) -> None:
        """Raise AssertionError if a request is queued and running at once, or in no place at all."""
        queued = {request.id for request in (*self._queue, *self._passing, *self._exempt)}
        for id_, request in self.requests.items():
            assert request.id == id_  # noqa: S101 - what check() is for
            assert request.stage is not Stage.DONE  # noqa: S101
            assert id_ not in queued or request.stage is Stage.QUEUED  # noqa: S101
        assert self._serial is None or self._serial.id in self.requests  # noqa: S101
        assert all(request.stage is Stage.RUNNING for request in self._running)  # noqa: S101
        assert len(self._running) <= self._most + 1  # noqa: S101
