"""Frames on their way out: in order, and a long message never in a control message's way."""

from __future__ import annotations

from collections import deque

__all__ = ["Outbox"]


class Outbox:
    """What has been said and not yet been handed to the network.

    It takes whatever is put in: the session looks at ``size`` before it says more.
    """

    __slots__ = ("_frames", "_plain", "_urgent", "size")

    def __init__(self) -> None:
        self._frames: deque[bytes | list[bytes | memoryview]] = deque()
        self._urgent: deque[bytes] = deque()
        self._plain: list[bytes] = []
        self.size: int = 0
        """How many bytes wait."""

    def put(self, frame: bytes) -> None:
        """Add a frame that is one piece."""
        self.size += len(frame)
        self._frames.append(frame)

    def put_pieces(self, pieces: list[bytes | memoryview]) -> None:
        """Add a frame that lies in several pieces, none of which is copied."""
        self.size += _size_of(pieces)
        self._frames.append(pieces)

    def put_urgent(self, frame: bytes) -> None:
        """Add a control frame that passes what waits, but never splits a frame."""
        self.size += len(frame)
        self._urgent.append(frame)

    @property
    def urgent(self) -> int:
        """Return how many control frames wait that may pass others."""
        return len(self._urgent)

    def put_plain(self, data: bytes) -> None:
        """Add what goes as it is, before all frames: a message of the handshake."""
        self.size += len(data)
        self._plain.append(data)

    def take_only(self) -> bytes | None:
        """Take out the only frame there is, if it is one piece; None if there are more, or none."""
        frames = self._frames
        if len(frames) == 1 and not self._urgent and not self._plain and type(frames[0]) is bytes:
            self.size = 0
            return frames.popleft()  # type: ignore[return-value]  # its type was looked at
        return None

    def take(self, limit: int) -> list[bytes | memoryview]:
        """Take out what goes next, about ``limit`` bytes and at least one frame if there is any."""
        pieces = self.take_plain()
        for frame in self.take_frames(limit):
            pieces += frame
        return pieces

    def take_plain(self) -> list[bytes | memoryview]:
        """Take out what goes as it is."""
        plain: list[bytes | memoryview] = [*self._plain]
        self._plain.clear()
        self.size -= _size_of(plain)
        return plain

    def take_frames(self, limit: int) -> list[list[bytes | memoryview]]:
        """Take out the next frames, each in its pieces, about ``limit`` bytes and at least one if there is any."""
        frames, urgent = self._frames, self._urgent
        taken: list[list[bytes | memoryview]] = []
        size = 0
        while urgent and size < limit:
            size += len(urgent[0])
            taken.append([urgent.popleft()])
        while frames and size < limit:
            pieces = _pieces_of(frames.popleft())
            size += _size_of(pieces)
            taken.append(pieces)
        self.size -= size
        return taken

    def clear(self) -> None:
        """Forget all that waits."""
        self._frames.clear()
        self._urgent.clear()
        self._plain.clear()
        self.size = 0


def _pieces_of(frame: bytes | list[bytes | memoryview]) -> list[bytes | memoryview]:
    return [frame] if isinstance(frame, bytes) else frame


def _size_of(pieces: list[bytes | memoryview]) -> int:
    return sum(map(len, pieces))
