"""A byte stream cut into frames, each bounded before anything of it is kept (wire-protocol, Frames)."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from limpet.errors import LimitExceeded

__all__ = ["LENGTH", "FrameReader"]

LENGTH = Struct("!I")
"""What stands before every frame: the number of bytes that follow."""

_length_at = LENGTH.unpack_from


class FrameReader:
    """Cut what arrives into frames.

    Args:
        limit: the longest frame that is accepted, in bytes.

    Attributes:
        partial: what has come of a frame that is not whole yet, its length in front. It
            grows as bytes come: a length that was only claimed never allocates anything.
        begun: how many frames have been partial. It tells one from the next.
        fault: why the stream cannot be read on. The frames in front of it were still good.
    """

    __slots__ = ("_limit", "begun", "fault", "partial")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.partial: bytearray = bytearray()
        self.begun: int = 0
        self.fault: LimitExceeded | None = None

    def feed(self, data: memoryview) -> Sequence[memoryview]:
        """Return the frames that ``data`` completes, in order, without their lengths.

        The frames may be views of ``data``: they are valid until its owner reuses it. A length
        over the limit sets ``fault`` as soon as it is known, and nothing is read behind it.
        """
        if self.partial:
            return self._resume(data)
        size = len(data)
        if size >= 4:
            (length,) = _length_at(data)
            if length == size - 4 and length <= self._limit:
                # The common case: one read, one frame.
                return (data[4:],)
        return self._cut(data)

    def _cut(self, data: memoryview) -> list[memoryview]:
        frames: list[memoryview] = []
        start, available = 0, len(data)
        while available - start >= 4:
            length = self._length(data, start)
            end = start + 4 + length
            if end > available or self._is_faulty():
                break
            frames.append(data[start + 4 : end])
            start = end
        if start < available:
            self.partial += data[start:]
            self.begun += 1
        return frames

    def _length(self, data: memoryview | bytearray, start: int) -> int:
        length: int = _length_at(data, start)[0]
        if length > self._limit:
            self.fault = LimitExceeded(f"a frame of {length} bytes; the limit is {self._limit}")
        return length

    def _is_faulty(self) -> bool:
        return self.fault is not None

    def _resume(self, data: memoryview) -> list[memoryview]:
        partial = self.partial
        if len(partial) < 4:
            taken = min(4 - len(partial), len(data))
            partial += data[:taken]
            data = data[taken:]
            if len(partial) < 4:
                return []
        missing = 4 + self._length(partial, 0) - len(partial)
        if self._is_faulty():
            return []
        partial += data[:missing]
        if len(data) < missing:
            return []
        self.partial = bytearray()
        return [memoryview(partial)[4:], *self._cut(data[missing:])]
