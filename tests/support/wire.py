"""Messages as bytes, written and read by the layout in the wire protocol alone: none of the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

__all__ = [
    "HEAD_BYTES",
    "INLINE",
    "Message",
    "cut",
    "drop",
    "forget",
    "fragments",
    "framed",
    "mine",
    "promise",
    "yours",
]

_HEAD = Struct("!BBHHHQQQQ")
_REFERENCE = Struct("!BBHIQ")
_TYPE = Struct("!II")
HEAD_BYTES = 40
INLINE = 1 << 31
"""Set in the type of a reference: an index into the message's own types."""
_MORE = 4

Reference = tuple[int, int, int, int, int]


def mine(handle: int, number: int = 1, view: int = 1) -> Reference:
    return 1, view, 0, number, handle


def yours(handle: int) -> Reference:
    return 2, 0, 0, 0, handle


def promise(id_: int) -> Reference:
    return 3, 0, 0, 0, id_


def drop(handle: int, count: int = 1) -> Reference:
    return 4, 0, 0, count, handle


def forget(id_: int) -> Reference:
    return 5, 0, 0, 1, id_


@dataclass(frozen=True)
class Message:
    """A message, or a frame of one."""

    kind: int
    flags: int = 0
    id: int = 0
    target: int = 0
    cause: int = 0
    ack: int = 0
    references: tuple[Reference, ...] = ()
    types: tuple[tuple[int, bytes], ...] = ()
    payload: bytes = b""
    buffers: tuple[bytes, ...] = ()
    counts: tuple[int, int, int] | None = None
    """What the head says of the tables, if it lies."""

    def pack(self) -> bytes:
        """Return the message in one frame, without its length."""
        counts = self.counts or (len(self.references), len(self.types), len(self.buffers))
        return b"".join(
            (
                _HEAD.pack(self.kind, self.flags, *counts, self.id, self.target, self.cause, self.ack),
                *(_REFERENCE.pack(*reference) for reference in self.references),
                *(_TYPE.pack(number, len(content)) for number, content in self.types),
                *(len(buffer).to_bytes(4) for buffer in self.buffers),
                *(content for _, content in self.types),
                self.payload,
                *self.buffers,
            )
        )

    @classmethod
    def unpack(cls, body: bytes) -> Message:
        """Read a whole message. Anything that does not add up is an error of some kind."""
        kind, flags, references, types, buffers, id_, target, cause, ack = _HEAD.unpack_from(body)
        at = HEAD_BYTES
        table = [_REFERENCE.unpack_from(body, at + 16 * place) for place in range(references)]
        at += 16 * references
        numbers = [_TYPE.unpack_from(body, at + 8 * place) for place in range(types)]
        at += 8 * types
        lengths = [int.from_bytes(body[at + 4 * place : at + 4 * place + 4]) for place in range(buffers)]
        at += 4 * buffers
        described = []
        for number, length in numbers:
            described.append((number, body[at : at + length]))
            at += length
        end = len(body) - sum(lengths)
        assert at <= end
        payload, at = body[at:end], end
        large = []
        for length in lengths:
            large.append(body[at : at + length])
            at += length
        return cls(kind, flags, id_, target, cause, ack, tuple(table), tuple(described), payload, tuple(large))


def framed(*bodies: bytes) -> bytes:
    """Return frames one behind the other."""
    return b"".join(len(body).to_bytes(4) + body for body in bodies)


def cut(data: bytes) -> list[bytes]:
    """Return the bodies of the frames in ``data``, which must end with one."""
    bodies, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4])
        assert end <= len(data)
        bodies.append(data[at + 4 : end])
        at = end
    return bodies


def fragments(message: Message, sizes: Iterable[int]) -> list[bytes]:
    """Return the message in frames with ``sizes`` bytes behind their heads, and one with the rest."""
    whole = message.pack()
    head, rest = whole[:HEAD_BYTES], whole[HEAD_BYTES:]
    more = bytes((head[0], head[1] | _MORE)) + head[2:]
    frames = []
    for size in sizes:
        frames.append(more + rest[:size])
        rest = rest[size:]
    return [*frames, head + rest]
