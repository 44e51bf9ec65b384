"""Messages longer than a frame: cut on the way out, put together on the way in (wire-protocol, Fragments)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from limpet.errors import LimitExceeded, ProtocolError
from limpet.session.body import Layout
from limpet.session.messages import FRAMED_HEAD, HEAD_BYTES, MORE, REQUESTS, SPLITTABLE

__all__ = ["Assembly", "Head", "split"]

Head = tuple[int, int, int, int, int, int, int, int, int]
"""Kind, flags, references, types, buffers, id, target, cause, ack."""


def split(
    layout: Layout, head: tuple[int, int, int, int, int], room: int, ack: int
) -> Iterator[list[bytes | memoryview]]:
    """Yield a message's frames, each as pieces of the message's own parts: nothing is copied.

    Args:
        layout: the parts behind the head.
        head: kind, flags, id, target and cause.
        room: how many bytes fit behind the head of one frame.
        ack: how many counted frames have been received.
    """
    kind, flags, id_, target, cause = head
    counts = layout.references, layout.types, layout.buffers
    parts = deque(memoryview(part) for part in layout.parts)
    missing = layout.size - HEAD_BYTES
    while True:
        wanted = min(room, missing)
        missing -= wanted
        more = MORE if missing else 0
        pieces: list[bytes | memoryview] = [
            FRAMED_HEAD.pack(HEAD_BYTES + wanted, kind, flags | more, *counts, id_, target, cause, ack)
        ]
        while wanted:
            part = parts.popleft()
            pieces.append(part[:wanted])
            if len(part) > wanted:
                parts.appendleft(part[wanted:])
            wanted -= len(pieces[-1])
        yield pieces
        if not missing:
            return


class Assembly:
    """A message of which some frames have come.

    Args:
        head: of its first frame.
        limit: how long it may become, in bytes.

    Attributes:
        cancelled: the peer gave the request up before it was whole.
        due: when it must be whole, in seconds of whoever keeps time; None until that one has seen it.

    Raises:
        ProtocolError: if a message of this kind never has several frames.
    """

    __slots__ = ("_head", "_limit", "_message", "cancelled", "due")

    def __init__(self, head: Head, limit: int) -> None:
        if head[0] not in SPLITTABLE:
            raise ProtocolError(f"a message of kind {head[0]} in several frames")
        self._head = head
        self._limit = limit
        # One buffer that grows: frames of a few bytes would each be an object of many.
        self._message = bytearray()
        self.cancelled: bool = False
        self.due: float | None = None

    @property
    def size(self) -> int:
        """Return how many bytes have come."""
        return len(self._message)

    @property
    def request_id(self) -> int:
        """Return the message's id if it is a request, else 0: an answer's id is this side's own."""
        return self._head[5] if self._head[0] in REQUESTS else 0

    def add(self, head: Head, frame: memoryview) -> memoryview | None:
        """Add a frame; return the message, one head in front, when it is whole.

        Raises:
            ProtocolError: if the frame belongs to another message, or is empty.
            LimitExceeded: if the message becomes too long.
        """
        if (head[0], head[1] | MORE, *head[2:8]) != self._head[:8]:
            raise ProtocolError("another message between the frames of one")
        if len(frame) == HEAD_BYTES:
            raise ProtocolError("a fragment with nothing in it")
        self._message += frame[HEAD_BYTES:] if self._message else frame
        if len(self._message) > self._limit:
            raise LimitExceeded(f"a message of over {self._limit} bytes")
        return None if head[1] & MORE else memoryview(self._message)
