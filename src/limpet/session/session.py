"""One end of a session: what was asked, given and answered, whatever connection carries it.

Nothing here knows sockets, threads or clocks. A driver calls it under one lock, in
short steps: give it a frame, or ask it for something; then take what is to be sent
from ``outbox`` and what is to be done from ``schedule`` and ``settled``.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from limpet.errors import AccessDenied, CallCancelled, CallError, Code, LimitExceeded, ProtocolError, SessionError
from limpet.limits import Limits
from limpet.session.asking import Asking
from limpet.session.body import NO_SUCH_OBJECT, Body, lay_out, measure, read_tables
from limpet.session.flow import Grant
from limpet.session.fragments import Assembly, Head
from limpet.session.goodbye import pack_goodbye, read_goodbye
from limpet.session.messages import (
    CONTROL,
    FRAMED_HEAD,
    HEAD,
    HEAD_BYTES,
    MORE,
    PASS,
    REFERENCE,
    REQUESTS,
    UNCOUNTED,
    WANT,
    Flag,
    Kind,
    What,
)
from limpet.session.outbox import Outbox
from limpet.session.schedule import Pending, Promise, Request, Schedule

__all__ = ["Session"]

_unpack_head: Final = HEAD.unpack_from
# Plain ints: comparing with an enum's member costs a call, and every frame does.
_RETURN: Final = int(Kind.RETURN)
_RAISE: Final = int(Kind.RAISE)
_OPEN: Final = int(Kind.OPEN)
_CALL: Final = int(Kind.CALL)
_DESCRIBE: Final = int(Kind.DESCRIBE)
_KEEP: Final = int(Flag.KEEP)
_PROMISE: Final = int(Flag.PROMISE)
_REQUEST_FLAGS: Final = int(Flag.WANT | Flag.KEEP | Flag.MORE | Flag.PROMISE | Flag.PASS)
_ACK_BYTES: Final = 256 * 1024
"""Received without saying so: after this a bare Ack goes, so that the peer can let go of them."""


class Session(Asking):
    """One end of a session.

    Args:
        limits: what this side accepts.
        is_server: whether this side is the one that serves: some requests have one legal direction.
        concurrent: let requests of this session run at the same time.
        frame_bytes, message_bytes: what was agreed for both directions.
        outbox: of the connection that carries it.
    """

    __slots__ = ("_acked", "_fragments", "_grant", "_is_server", "_last_heard", "assembly", "schedule")

    # Said again for type checkers: they are the asking half's, and change here, too.
    ended: SessionError | None
    received: int
    sent: int

    def __init__(
        self,
        limits: Limits,
        *,
        is_server: bool,
        concurrent: bool,
        frame_bytes: int,
        message_bytes: int,
        outbox: Outbox | None = None,
    ) -> None:
        super().__init__(limits, frame_bytes, message_bytes, outbox or Outbox())
        self.schedule: Schedule = Schedule(
            concurrent=concurrent,
            # Limits with few workers keep some for other sessions as well.
            most=min(limits.running_calls, max(1, limits.workers // 2)),
            buried=self.tables.exports.buried,
        )
        self._is_server = is_server
        self._grant = Grant(limits.calls_in_flight, message_bytes)
        self._acked = 0
        self._last_heard = 0
        self.assembly: Assembly | None = None
        """What has come of a message that is not whole yet."""
        self._fragments = 0

    @property
    def heard(self) -> int:
        """How many messages have come that count; frames of one that is not whole yet do not."""
        return self.received - self._fragments

    def open_credit(self) -> None:
        """Grant the calls this side allows beyond those every side has."""
        calls = self._grant.opening_calls
        if calls:
            self._put_control(Kind.CREDIT, calls)

    def answer(self, request: Request, kind: int, body: Body) -> None:
        """Answer a request of the peer's, and count it as done. A one-way request gets no message.

        Raises:
            EncodeError: if the answer is over a limit; answer again with a smaller one.
        """
        if self.outbox.size > self._outbox_bytes:
            self._end_stuffed()
        if self.ended is not None:
            self.schedule.finish(request)
            return
        grant = self._grant
        if request.flags & WANT:
            payload = body.payload
            size = HEAD_BYTES + len(payload)
            if body.references or body.buffers or size > self._frame_bytes:
                measure(body, self.tables, self.limits, self._message_bytes)
                self._put_layout(kind, 0, request.id, 0, 0, lay_out(body, self.tables))
            else:
                self.sent += 1
                self._unacked_bytes = 0
                self.outbox.put(FRAMED_HEAD.pack(size, kind, 0, 0, 0, 0, request.id, 0, 0, self.received) + payload)
            grant.calls -= 1
            grant.size -= request.size
            if grant.owed_calls and grant.owed_calls == grant.calls:
                # No other answer is left that would tell the peer.
                self._put_control(Kind.CREDIT, *grant.repay())
        elif grant.owe(request.size):
            self._put_control(Kind.CREDIT, *grant.repay())
        self.schedule.finish(request)
        if self.tables.imports.dropped:
            self.release()

    def cancel(self, pending: Pending) -> None:
        """Say that nobody waits for an answer any more; when it comes it is dropped."""
        pending.abandoned, pending.cause = True, None
        if pending in self._tickets:
            self._tickets.remove(pending)
        elif self._pings.get(pending.id) is pending:
            del self._pings[pending.id]
        elif self.pending.get(pending.id) is pending:
            self._put_control(Kind.CANCEL, pending.id)
        while pending.nested:
            # Its waiter would have run it; now it waits its turn like any other.
            self.schedule.arrive(pending.nested.popleft())

    def cancel_request(self, id_: int) -> None:
        """Take note that a request of the peer's is not wanted any more.

        Nor is what was asked of the peer on its behalf: it answers that, or does not, and nobody waits for it.
        """
        request = self.schedule.requests.get(id_)
        if request is None or request.cancelled:
            return
        self.schedule.cancel(id_)
        for pending in self._asked_for(request):
            inside = [nested.id for nested in self.schedule.requests.values() if nested.cause == pending.id]
            self.cancel(pending)
            self._fail(pending, CallCancelled("the call that asked for this was cancelled"))
            for nested_id in inside:
                self.cancel_request(nested_id)

    def end(self, why: SessionError, code: Code | None = None, text: str = "") -> None:
        """End the session: tell the peer if ``code`` is given, fail what waits, forget what was held.

        The first reason stays.
        """
        if self.ended is not None:
            return
        if code is not None:
            self.sent += 1
            self.outbox.put(pack_goodbye(code, text, self.received))
        # Its traceback would hold the frames, and with them the bytes, that it came from.
        self.ended = why.with_traceback(None)
        self.assembly = None
        self._fail_waiting(why)
        self.schedule.clear()
        self.tables.clear()

    def receive(self, frame: memoryview) -> None:
        """Take one frame in.

        Raises:
            ProtocolError: if it is malformed, or not legal now. The session must be ended.
        """
        size = len(frame)
        if size < HEAD_BYTES:
            raise ProtocolError(f"a frame of {size} bytes; the shortest has {HEAD_BYTES}")
        if self.outbox.size > self._outbox_bytes:
            self._end_stuffed()
        if self.ended is not None:
            return
        head = _unpack_head(frame)
        kind, flags, references, types, buffers, id_, target, cause, ack = head
        if ack > self._acked:
            # A control frame may pass others in the outbox, so that an older number can come after it.
            if ack > self.sent:
                raise ProtocolError(f"an acknowledgement of {ack} frames, of which {self.sent} were sent")
            self._acked = ack
        if kind not in UNCOUNTED:
            self.received += 1
            self._unacked_bytes += size
            if self._unacked_bytes > _ACK_BYTES:
                self._unacked_bytes = 0
                self._put_control(Kind.ACK)
        cancelled = False
        if (self.assembly is not None or flags & MORE) and kind not in CONTROL:
            whole = self._assemble(head, frame)
            if whole is None:
                return
            frame, cancelled = whole
            size = len(frame)
        if kind == _RETURN or kind == _RAISE:
            self._receive_answer(kind, flags, id_, references, types, buffers, frame)
        elif kind in REQUESTS:
            self._receive_request(kind, flags, references, types, buffers, id_, target, cause, frame, size)
            if cancelled:
                self.cancel_request(id_)
        else:
            self._receive_other(head, frame)

    def _assemble(self, head: Head, frame: memoryview) -> tuple[memoryview, bool] | None:
        """Add a frame to its message; if that is whole, return it, and whether it was cancelled meanwhile."""
        assembly = self.assembly = self.assembly or Assembly(head, self._message_bytes)
        whole = assembly.add(head, frame)
        if whole is not None:
            self.assembly = None
            return whole, assembly.cancelled
        self._fragments += 1
        if head[0] in REQUESTS:
            # What is held counts, whole or not: its sender has charged it before the first frame.
            self._grant.check(assembly.size)
        elif head[5] not in self.pending:
            raise ProtocolError(f"an answer to request {head[5]}, which does not wait for one")
        return None

    def _receive_request(  # noqa: PLR0917 - the fields of a head, already unpacked
        self,
        kind: int,
        flags: int,
        references: int,
        types: int,
        buffers: int,
        id_: int,
        target: int,
        cause: int,
        frame: memoryview,
        size: int,
    ) -> None:
        if id_ <= self._last_heard:
            raise ProtocolError(f"request {id_} after request {self._last_heard}: ids count up")
        self._last_heard = id_
        if flags & ~_REQUEST_FLAGS:
            raise ProtocolError(f"a request with the flags {flags}")
        if flags & PASS and kind != _CALL:
            raise ProtocolError("only a Call may pass others")
        if (kind == _OPEN or kind == _DESCRIBE) and not self._is_server:
            raise ProtocolError(f"{Kind(kind).name.title()} goes to the server only", Code.UNEXPECTED)
        grant = self._grant
        if grant.calls >= grant.limit_calls or grant.size + size > grant.limit_size:
            grant.check(size)
        grant.calls += 1
        grant.size += size
        if references or types or buffers:
            if references > self.limits.references:
                raise LimitExceeded(f"a message with {references} references; the limit is {self.limits.references}")
            named, large, payload = read_tables(frame, references, types, buffers, self.tables)
            request = Request(kind, flags, id_, cause, payload.tobytes(), size)
            request.references, request.buffers = named, large
            request.promises = tuple(entry for entry in named if type(entry) is Promise)
        else:
            request = Request(kind, flags, id_, cause, frame[HEAD_BYTES:].tobytes(), size)
        export = self.tables.exports.by_handle.get(target)
        if export is not None and not flags & _PROMISE:
            request.target, request.view = export.target, export.view
        elif kind != _OPEN:
            self._find_promise(request, target)
        if flags & _KEEP:
            if len(self.tables.promises) >= self.limits.promises:
                raise LimitExceeded(f"more than {self.limits.promises} kept results")
            request.promise = self.tables.promises[id_] = Promise()
        pending = self.pending.get(cause) if cause else None
        if pending is None or pending.abandoned:
            self.schedule.arrive(request)
        else:
            self._receive_nested(request, pending)

    def _find_promise(self, request: Request, target: int) -> None:
        promise = self.tables.promises.get(target) if request.flags & _PROMISE else None
        if promise is None:
            request.fault = AccessDenied(NO_SUCH_OBJECT)
        else:
            request.target = promise
            request.promises = (*request.promises, promise)

    def _receive_nested(self, request: Request, pending: Pending) -> None:
        """Hand a request to whoever waits for the answer to its cause, past the queue."""
        request.depth = pending.depth + 1
        if request.depth > self.limits.nested_calls:
            request.fault = CallError(f"calls inside callbacks are nested more than {self.limits.nested_calls} deep")
        elif any(not promise.settled for promise in request.promises):
            # The promise's request is behind the one that waits for this very call.
            request.fault = CallError("a call inside a callback names a result that cannot come before its own")
        self.schedule.arrive_nested(request)
        if pending.nested is None:
            pending.nested = deque()
        pending.nested.append(request)
        self.settled.append(pending)

    def _receive_other(self, head: Head, frame: memoryview) -> None:
        kind, flags, references, types, buffers, id_, target, *_ = head
        if kind == Kind.RELEASE:
            self._receive_release(head, frame)
            return
        if kind == Kind.GOODBYE:
            self.end(read_goodbye(head, frame))
            return
        if kind not in CONTROL:
            raise ProtocolError(f"a message of the unknown kind {kind}", Code.UNEXPECTED)
        if len(frame) != HEAD_BYTES or flags or references or types or buffers:
            raise ProtocolError(f"a malformed {Kind(kind).name.title()}")
        match kind:
            case Kind.PING:
                if self.outbox.urgent >= self.limits.pongs:
                    raise LimitExceeded(f"over {self.limits.pongs} Pongs wait for a peer that does not read")
                self._put_control(Kind.PONG, id_)
            case Kind.PONG:
                self._receive_pong(id_)
            case Kind.CREDIT:
                self._receive_credit(id_, target)
            case Kind.CANCEL:
                self._receive_cancel(id_)
            case _:
                pass  # An Ack says all it has to say in its head.

    def _receive_release(self, head: Head, frame: memoryview) -> None:
        _, flags, references, types, buffers, *_ = head
        if flags or types or buffers or not references or len(frame) != HEAD_BYTES + REFERENCE.size * references:
            raise ProtocolError("a malformed Release")
        for what, view, reserved, count, handle in list(REFERENCE.iter_unpack(frame[HEAD_BYTES:])):
            if view or reserved or what not in (What.DROP, What.FORGET):
                raise ProtocolError("a malformed entry in a Release")
            if what == What.DROP:
                self.tables.exports.drop(handle, count)
            elif count != 1 or handle not in self.tables.promises:
                raise ProtocolError(f"a Release of the result of {handle}, which is not kept")
            else:
                self.tables.exports.buried.append(self.tables.promises.pop(handle))

    def _receive_cancel(self, id_: int) -> None:
        if self.assembly is not None and self.assembly.request_id == id_:
            self.assembly.cancelled = True
        elif id_ > self._last_heard:
            raise ProtocolError(f"a Cancel of request {id_}, which has not come")
        else:
            self.cancel_request(id_)

    def check(self) -> None:
        """Raise AssertionError if the tables contradict each other."""
        self.tables.exports.check()
        self.tables.imports.check()
        self.schedule.check()
        assert self._acked <= self.sent  # noqa: S101 - what check() is for
        assert all(pending.id == id_ <= self._last_id for id_, pending in self.pending.items())  # noqa: S101
        assert all(not pending.done or pending.abandoned for pending in self.pending.values())  # noqa: S101
