"""What one side of a session says: requests and the answers they wait for, releases, pings, credit.

The other half, what it hears, is in ``limpet.session.session``.
"""

from __future__ import annotations

from typing import Final

from limpet.errors import CallCancelled, CallError, Code, LimitExceeded, LimpetError, ProtocolError, SessionError
from limpet.limits import Limits
from limpet.session.body import Body, Layout, Tables, lay_out, measure, read_tables
from limpet.session.flow import Window
from limpet.session.fragments import split
from limpet.session.messages import (
    FRAMED_HEAD,
    HEAD_BYTES,
    MORE,
    REFERENCE,
    UNCOUNTED,
    WANT,
    Kind,
    What,
)
from limpet.session.outbox import Outbox
from limpet.session.schedule import Pending, Request
from limpet.session.tables import Import

__all__ = ["Asking"]

_RAISE: Final = int(Kind.RAISE)
_MOST_DROPPED: Final = (1 << 32) - 1
"""References of one object that one entry of a Release can drop: their number has 32 bits."""
_RELEASE_ENTRIES: Final = 64
"""Entries in one Release: even the smallest frame has room for so many."""


class Asking:
    """The half of a session that asks.

    Args:
        limits: what this side accepts.
        frame_bytes, message_bytes: what was agreed for both directions.
        outbox: of the connection that carries the session.
    """

    __slots__ = (
        "_frame_bytes",
        "_last_id",
        "_last_ping",
        "_message_bytes",
        "_outbox_bytes",
        "_pings",
        "_tickets",
        "_unacked_bytes",
        "ended",
        "limits",
        "outbox",
        "pending",
        "received",
        "sent",
        "settled",
        "tables",
        "window",
    )

    def __init__(self, limits: Limits, frame_bytes: int, message_bytes: int, outbox: Outbox) -> None:
        self.limits: Limits = limits
        self.outbox: Outbox = outbox
        self.tables: Tables = Tables(limits)
        self.window: Window = Window(message_bytes)
        self.pending: dict[int, Pending] = {}
        self.settled: list[Pending] = []
        """Answered, or given a nested request, since the driver last looked. Whoever sleeps on one is to be woken."""
        self.sent: int = 0
        """Counted frames sent."""
        self.received: int = 0
        """Counted frames received; every head that goes out says so."""
        self.ended: SessionError | None = None
        """Why the session is over, once it is."""
        self._outbox_bytes = limits.outbox_bytes
        self._frame_bytes = frame_bytes
        self._message_bytes = message_bytes
        self._unacked_bytes = 0
        self._last_id = 0
        self._last_ping = 0
        self._pings: dict[int, Pending] = {}
        self._tickets: list[Pending] = []

    def end(self, why: SessionError, code: Code | None = None, text: str = "") -> None:
        """End the session; see `Session.end`."""
        raise NotImplementedError

    def request(
        self, kind: int, flags: int, target: int, body: Body, *, cause: Request | None = None
    ) -> Pending | None:
        """Send a request, and return what its answer will settle; None while there is no credit for it.

        Args:
            kind: one of the request kinds.
            flags: WANT for an answer, KEEP to keep the result addressable, PROMISE if ``target``
                is an earlier request's id.
            target: a handle the peer gave, or the id of a request whose result was kept.
            body: name and arguments.
            cause: the peer's request in whose handling this one is made.

        Raises:
            EncodeError: if the message is over a limit; nothing was sent.
            CallCancelled: if the cause was cancelled: its caller answers nothing more.
            CallError: if calls are nested too deep.
            SessionError: if the session is over.
        """
        if self.outbox.size > self._outbox_bytes:
            self._end_stuffed()
        if self.ended is not None:
            raise self.ended.anew()
        depth, cause_id = 1, 0
        if cause is not None:
            if cause.cancelled:
                raise CallCancelled("the call that asks for this was cancelled")
            depth, cause_id = cause.depth + 1, cause.id
            if depth > self.limits.nested_calls:
                raise CallError(
                    f"calls inside callbacks are nested {depth} deep; the limit is {self.limits.nested_calls}"
                )
        payload, window, layout = body.payload, self.window, None
        size = HEAD_BYTES + len(payload)
        if body.references or body.buffers or size > self._frame_bytes:
            # The size is known before anything is granted, and whether it may go at all.
            size = measure(body, self.tables, self.limits, self._message_bytes)
            if not window.fits(size):
                return None
            layout = lay_out(body, self.tables)
        elif (window.spent or window.calls <= 0) and not window.fits(size):
            return None
        window.calls -= 1
        window.spent += size
        self._last_id = id_ = self._last_id + 1
        pending = Pending(id_, size, depth, cause)
        if flags & WANT:
            self.pending[id_] = pending
        if layout is None:
            self.sent += 1
            self._unacked_bytes = 0
            self.outbox.put(
                FRAMED_HEAD.pack(size, kind, flags, 0, 0, 0, id_, target, cause_id, self.received) + payload
            )
        else:
            self._put_layout(kind, flags, id_, target, cause_id, layout)
        if self.tables.imports.dropped:
            self.release()
        return pending

    def await_credit(self, cause: Request | None = None) -> Pending:
        """Return what is settled as soon as there may be credit again for a request, or ``cause`` is cancelled."""
        ticket = Pending(0, 0, 0, cause)
        self._tickets.append(ticket)
        return ticket

    def ping(self) -> Pending:
        """Ask for a Pong; what is returned is settled when it comes.

        Raises:
            SessionError: if the session is over.
        """
        if self.ended is not None:
            raise self.ended.anew()
        self._last_ping += 1
        ping = self._pings[self._last_ping] = Pending(self._last_ping, 0, 0)
        self._put_control(Kind.PING, ping.id)
        return ping

    def release(self) -> None:
        """Tell the peer which of its objects nobody here uses any more."""
        released = [
            (handle, min(_MOST_DROPPED, count - start))
            for handle, count in self.tables.imports.collect()
            for start in range(0, count, _MOST_DROPPED)
        ]
        for start in range(0, len(released), _RELEASE_ENTRIES):
            self._put_release(released[start : start + _RELEASE_ENTRIES], What.DROP)

    def forget(self, pending: Pending) -> None:
        """Tell the peer that a kept result is not needed any more."""
        self._put_release([(pending.id, 1)], What.FORGET)

    def _put_release(self, entries: list[tuple[int, int]], what: What) -> None:
        if self.ended is None:
            table = b"".join(REFERENCE.pack(what, 0, 0, count, handle) for handle, count in entries)
            size = HEAD_BYTES + len(table)
            self.sent += 1
            self.outbox.put(FRAMED_HEAD.pack(size, Kind.RELEASE, 0, len(entries), 0, 0, 0, 0, 0, self.received) + table)

    def disown(self, references: list[object]) -> None:
        """Give up the references of a message that nobody will decode."""
        self.tables.imports.dropped.extend(entry for entry in references if type(entry) is Import)

    def _put_layout(self, kind: int, flags: int, id_: int, target: int, cause: int, layout: Layout) -> None:
        for pieces in split(layout, (kind, flags, id_, target, cause), self._frame_bytes - HEAD_BYTES, self.received):
            self.sent += 1
            self.outbox.put_pieces(pieces)
        self._unacked_bytes = 0

    def _put_control(self, kind: Kind, id_: int = 0, target: int = 0) -> None:
        frame = FRAMED_HEAD.pack(HEAD_BYTES, kind, 0, 0, 0, 0, id_, target, 0, self.received)
        if kind in UNCOUNTED:
            self.outbox.put_urgent(frame)
        else:
            self.sent += 1
            self.outbox.put(frame)

    def _end_stuffed(self) -> None:
        """End because the peer does not read: what waits for it may not grow without bound."""
        limit = self._outbox_bytes
        self.end(LimitExceeded(f"over {limit} bytes wait for a peer that does not read"), Code.LIMIT)

    # What comes back.

    def _receive_answer(
        self, kind: int, flags: int, id_: int, references: int, types: int, buffers: int, frame: memoryview
    ) -> None:
        # Looked up first and taken out last: were the answer malformed, its caller must hear of the end.
        pending = self.pending.get(id_)
        if pending is None:
            raise ProtocolError(f"an answer to request {id_}, which does not wait for one")
        if flags & ~MORE:
            raise ProtocolError(f"an answer with the flags {flags}")
        if references or types or buffers:
            if kind == _RAISE and references:
                raise ProtocolError("an error that carries references")
            named, large, payload = read_tables(frame, references, types, buffers, self.tables)
            pending.references, pending.buffers, pending.payload = named, large, payload.tobytes()
        else:
            pending.payload = frame[HEAD_BYTES:].tobytes()
        if kind == _RAISE and len(pending.payload) > self.limits.error_bytes:
            raise LimitExceeded(f"an error of {len(pending.payload)} bytes; the limit is {self.limits.error_bytes}")
        del self.pending[id_]
        pending.kind = kind
        pending.done = True
        self.window.calls += 1
        self.window.spent -= pending.size
        if pending.waker is not None:
            self.settled.append(pending)
        if self._tickets:
            self._settle_tickets()
        if pending.abandoned:
            self.disown(pending.references)
            self.tables.exports.buried.append(pending.references)
            # They are given up once: a future that still has this finds none.
            pending.references = []

    def _receive_pong(self, number: int) -> None:
        if not 1 <= number <= self._last_ping:
            raise ProtocolError(f"a Pong for {number}, which nobody asked for")
        # One whose caller has given up is no fault of the peer's.
        ping = self._pings.pop(number, None)
        if ping is not None:
            ping.done = True
            self.settled.append(ping)

    def _receive_credit(self, calls: int, size: int) -> None:
        self.window.grow(calls, size)
        self._settle_tickets()

    def _settle_tickets(self) -> None:
        for ticket in self._tickets:
            ticket.done = True
        self.settled.extend(self._tickets)
        self._tickets.clear()

    def _asked_for(self, cause: Request) -> list[Pending]:
        """Return what was asked of the peer in handling its request ``cause``, and waits."""
        waiting = (*self.pending.values(), *self._tickets)
        return [pending for pending in waiting if pending.cause is cause and not pending.done]

    def _fail(self, pending: Pending, why: LimpetError) -> None:
        """Settle with ``why`` what will not be answered, or not in time."""
        pending.failure, pending.done, pending.nested = why, True, None
        self.settled.append(pending)

    def _fail_waiting(self, why: SessionError) -> None:
        """Settle with ``why`` all that waits for the peer."""
        for pending in (*self.pending.values(), *self._pings.values()):
            if not pending.done:
                self._fail(pending, why)
        self.pending.clear()
        self._pings.clear()
        self._settle_tickets()
