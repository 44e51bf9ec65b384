"""Who holds what: the objects each side gave the other, and the descriptors sent along.

Handles are plain counters of one session, never reused: a peer can only name what it
was given, and what it was given is in the table or gone for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from limpet.errors import LimitExceeded, ProtocolError

__all__ = ["Export", "Exports", "Import", "Imports", "Types"]


class Export:
    """An object of this side that the peer may name.

    Attributes:
        handle: its number on the wire.
        target: the object itself, kept alive by this entry.
        view: what the peer may do with its state.
        count: how often it was sent and not yet released.
    """

    __slots__ = ("count", "handle", "target", "view")

    def __init__(self, handle: int, target: object, view: int) -> None:
        self.handle: int = handle
        self.target: object = target
        self.view: int = view
        self.count: int = 0


class Exports:
    """The objects the peer holds, each once for each view.

    Args:
        limit: how many there may be.
    """

    __slots__ = ("_by_identity", "_last", "buried", "by_handle", "limit")

    def __init__(self, limit: int) -> None:
        self.limit: int = limit
        self.by_handle: dict[int, Export] = {}
        # id() is safe as a key only because the entry keeps its object alive.
        self._by_identity: dict[tuple[int, int], Export] = {}
        self._last = 0
        self.buried: deque[object] = deque()
        """What nobody needs any more. The driver empties it without its lock: a finalizer may run any code."""

    def room_for(self, objects: Iterable[tuple[object, int]]) -> bool:
        """Tell whether sending all of ``objects``, each with its view, stays within the limit."""
        new = {key for target, view in objects if (key := (id(target), view)) not in self._by_identity}
        return len(self.by_handle) + len(new) <= self.limit

    def holds(self, target: object, view: int) -> bool:
        """Tell whether the peer holds ``target`` with that very view."""
        export = self._by_identity.get((id(target), view))
        return export is not None and export.target is target

    def grant(self, target: object, view: int) -> Export:
        """Count one more reference to ``target`` as sent, and return its entry."""
        key = (id(target), view)
        export = self._by_identity.get(key)
        if export is None:
            self._last += 1
            export = Export(self._last, target, view)
            self._by_identity[key] = self.by_handle[self._last] = export
        export.count += 1
        return export

    def drop(self, handle: int, count: int) -> None:
        """Drop ``count`` references that the peer says it had.

        Raises:
            ProtocolError: if it never had as many, or the count is not positive.
        """
        export = self.by_handle.get(handle)
        if export is None or not 1 <= count <= export.count:
            raise ProtocolError(f"a Release of {count} references of handle {handle}, which has fewer")
        export.count -= count
        if not export.count:
            del self.by_handle[handle]
            del self._by_identity[id(export.target), export.view]
            self.buried.append(export.target)

    def clear(self) -> None:
        """Forget all: the session is over."""
        self.buried.extend(export.target for export in self.by_handle.values())
        self.by_handle.clear()
        self._by_identity.clear()

    def check(self) -> None:
        """Raise AssertionError if the two indexes disagree or a count is not positive."""
        assert len(self.by_handle) == len(self._by_identity) <= self.limit  # noqa: S101 - what check() is for
        for handle, export in self.by_handle.items():
            assert export.handle == handle <= self._last  # noqa: S101
            assert export.count >= 1  # noqa: S101
            assert self._by_identity[id(export.target), export.view] is export  # noqa: S101


class Import:
    """An object of the peer's that this side may name.

    Attributes:
        handle: its number on the wire.
        descriptor: what its type shows, as the peer described it.
        view: what this side may do with its state.
        count: how often it was received; a release names this.
        inline_bytes: what its descriptor is charged with, if it came for this object alone.
        uses: who holds it now: proxies, and messages that are not decoded yet.
        proxy: returns the living proxy of it, if there is one.
    """

    __slots__ = ("count", "descriptor", "handle", "inline_bytes", "proxy", "uses", "view")

    def __init__(self, handle: int, descriptor: bytes, view: int) -> None:
        self.handle: int = handle
        self.descriptor: bytes = descriptor
        self.view: int = view
        self.count: int = 0
        self.uses: int = 0
        self.inline_bytes: int = 0
        self.proxy: Callable[[], object | None] | None = None


class Imports:
    """What the peer gave this side, and what of it nobody here needs any more.

    Args:
        limit: how many objects may be held; a peer that sends more ends the session.
        inline_limit: how many bytes of descriptors that are not remembered they may have together.
    """

    __slots__ = ("_inline_bytes", "_inline_limit", "by_handle", "dropped", "limit")

    def __init__(self, limit: int, inline_limit: int) -> None:
        self.limit: int = limit
        self._inline_limit = inline_limit
        self._inline_bytes = 0
        self.by_handle: dict[int, Import] = {}
        self.dropped: list[Import] = []
        """One entry for each use that ended. Finalizers append to it, from any thread, and do no more."""

    def arrive(self, handle: int, descriptor: bytes, view: int, *, is_inline: bool = False) -> Import:
        """Count one reference as received and in use by the message that brought it.

        Args:
            handle: the peer's number for the object.
            descriptor: of its type.
            view: what may be done with its own state.
            is_inline: whether the descriptor came along, for this object alone.

        Raises:
            ProtocolError: if the handle changed its view.
            LimitExceeded: if there are too many.
        """
        entry = self.by_handle.get(handle)
        if entry is None:
            if len(self.by_handle) >= self.limit:
                raise LimitExceeded(f"more than {self.limit} references held")
            if is_inline:
                self._inline_bytes += len(descriptor)
                if self._inline_bytes > self._inline_limit:
                    raise LimitExceeded(f"over {self._inline_limit} bytes of descriptors that came along")
            entry = self.by_handle[handle] = Import(handle, descriptor, view)
            entry.inline_bytes = len(descriptor) if is_inline else 0
        elif entry.view != view:
            raise ProtocolError(f"handle {handle} came with another view than before")
        entry.count += 1
        entry.uses += 1
        return entry

    def collect(self) -> list[tuple[int, int]]:
        """Return handle and total count of what nobody uses any more, and forget it."""
        released = []
        while self.dropped:
            entry = self.dropped.pop()
            entry.uses -= 1
            # An entry can only be gone when its last use is: uses never come back from zero.
            if not entry.uses and self.by_handle.pop(entry.handle, None) is entry:
                self._inline_bytes -= entry.inline_bytes
                released.append((entry.handle, entry.count))
        return released

    def clear(self) -> None:
        """Forget all: the session is over."""
        self.by_handle.clear()
        self.dropped.clear()
        self._inline_bytes = 0

    def check(self) -> None:
        """Raise AssertionError if an entry has no count, or is used by nobody and not about to go."""
        leaving = {id(entry) for entry in self.dropped}
        for handle, entry in self.by_handle.items():
            assert entry.handle == handle  # noqa: S101
            assert entry.count >= 1  # noqa: S101
            assert entry.uses >= 1 or id(entry) in leaving  # noqa: S101


class Types:
    """Descriptors of types: each goes over the wire once, then by its number.

    Args:
        limit: how many are remembered in a direction; later ones go along every time.
        descriptor_bytes: the longest descriptor that is accepted.
    """

    __slots__ = ("_descriptor_bytes", "_limit", "received", "sent")

    def __init__(self, limit: int, descriptor_bytes: int) -> None:
        self._limit = limit
        self._descriptor_bytes = descriptor_bytes
        self.sent: dict[bytes, int] = {}
        self.received: dict[int, bytes] = {}

    def number(self, descriptor: bytes) -> int | None:
        """Return the number a descriptor has or gets now; None if no more are remembered."""
        known = self.sent.get(descriptor)
        if known is None and len(self.sent) < self._limit:
            known = self.sent[descriptor] = len(self.sent) + 1
        return known

    def learn(self, number: int, descriptor: bytes) -> None:
        """Remember what the peer calls ``number``; 0 is for one message alone.

        Raises:
            ProtocolError: if numbers do not count up by one from 1.
            LimitExceeded: if there are too many, or this one is too long.
        """
        if len(descriptor) > self._descriptor_bytes:
            raise LimitExceeded(f"a descriptor of {len(descriptor)} bytes; the limit is {self._descriptor_bytes}")
        if number == 0:
            return
        if len(self.received) >= self._limit:
            raise LimitExceeded(f"more than {self._limit} types")
        if number != len(self.received) + 1:
            raise ProtocolError(f"type {number} is out of turn")
        self.received[number] = descriptor
