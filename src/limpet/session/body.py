"""What a message carries behind its head, and how it is laid out (wire-protocol, Messages)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limpet.errors import EncodeError, ProtocolError
from limpet.limits import Limits
from limpet.session.messages import HEAD_BYTES, INLINE_TYPE, LENGTHS, REFERENCE, TYPE, View, What
from limpet.session.schedule import Pending, Promise
from limpet.session.tables import Exports, Import, Imports, Types

__all__ = [
    "EMPTY",
    "NO_SUCH_OBJECT",
    "UNKNOWN",
    "Body",
    "Layout",
    "Mine",
    "Tables",
    "Yours",
    "lay_out",
    "measure",
    "read_tables",
]

NO_SUCH_OBJECT = "no such object"
"""All that a peer is told of a handle that never existed, was released, or is another session's."""


class Mine(NamedTuple):
    """An object of this side's that is about to be sent by reference."""

    target: object
    view: int
    descriptor: bytes


class Yours(NamedTuple):
    """An object of the peer's that is about to be sent back to it.

    The holder is what uses it, a proxy say: it must live until the message is on its way,
    or a Release might overtake it.
    """

    entry: Import
    holder: object


class Body:
    """A payload with the references and buffers it points to, before any handle is given out.

    Making one has no effect on the session: exports are granted when the message is sent,
    all of them or none.
    """

    __slots__ = ("buffers", "payload", "references")

    def __init__(
        self,
        payload: bytes = b"",
        references: Sequence[Mine | Yours | Pending] = (),
        buffers: Sequence[bytes] = (),
    ) -> None:
        self.payload: bytes = payload
        self.references: Sequence[Mine | Yours | Pending] = references
        self.buffers: Sequence[bytes] = buffers


EMPTY = Body()


class Tables:
    """All that a session knows of who holds what."""

    __slots__ = ("exports", "imports", "promises", "types")

    def __init__(self, limits: Limits) -> None:
        self.exports: Exports = Exports(limits.exports)
        self.imports: Imports = Imports(limits.exports, limits.types * limits.descriptor_bytes)
        self.types: Types = Types(limits.types, limits.descriptor_bytes)
        self.promises: dict[int, Promise] = {}

    def clear(self) -> None:
        """Forget all: the session is over."""
        self.exports.clear()
        self.imports.clear()
        self.exports.buried.extend(self.promises.values())
        self.promises.clear()


class Layout(NamedTuple):
    """A message's parts behind its head, with the counts that the head names."""

    references: int
    types: int
    buffers: int
    size: int
    parts: list[bytes | memoryview]


def measure(body: Body, tables: Tables, limits: Limits, message_bytes: int) -> int:
    """Return how long the message with ``body`` is, having seen that it may go. Nothing is granted.

    Raises:
        EncodeError: if it is over a limit of either side.
    """
    if len(body.references) > limits.references or len(body.buffers) > limits.references:
        raise EncodeError(f"a message with more than {limits.references} references or large buffers")
    mine = [entry for entry in body.references if type(entry) is Mine]
    if not tables.exports.room_for((entry.target, entry.view) for entry in mine):
        raise EncodeError(f"the peer holds {limits.exports} objects already; it must release some first")
    unknown = {entry.descriptor for entry in mine} - tables.types.sent.keys()
    size = (
        HEAD_BYTES
        + REFERENCE.size * len(body.references)
        + sum(TYPE.size + len(descriptor) for descriptor in unknown)
        + LENGTHS.size * len(body.buffers)
        + len(body.payload)
        + sum(map(len, body.buffers))
    )
    if size > message_bytes:
        raise EncodeError(f"a message of {size} bytes; the limit is {message_bytes}")
    return size


def lay_out(body: Body, tables: Tables) -> Layout:
    """Grant what ``body`` refers to, and return the message's parts. It was measured: it goes."""
    references, types = bytearray(), bytearray()
    descriptors: list[bytes] = []
    inline: dict[bytes, int] = {}
    for entry in body.references:
        match entry:
            case Mine(target, view, descriptor):
                known = len(tables.types.sent)
                number = tables.types.number(descriptor)
                if number is None:
                    # Over the limit of what is remembered: it goes along, once in this message.
                    place = inline.setdefault(descriptor, len(descriptors))
                    number = INLINE_TYPE | place
                    is_new = place == len(descriptors)
                else:
                    is_new = number > known
                if is_new:
                    types += TYPE.pack(0 if number & INLINE_TYPE else number, len(descriptor))
                    descriptors.append(descriptor)
                export = tables.exports.grant(target, view)
                references += REFERENCE.pack(What.MINE, view, 0, number, export.handle)
            case Yours(entry=held):
                references += REFERENCE.pack(What.YOURS, 0, 0, 0, held.handle)
            case Pending():
                references += REFERENCE.pack(What.PROMISE, 0, 0, 0, entry.id)
    lengths = b"".join(LENGTHS.pack(len(buffer)) for buffer in body.buffers)
    front = b"".join((bytes(references), bytes(types), lengths, *descriptors))
    parts = [front, body.payload, *body.buffers]
    size = HEAD_BYTES + sum(map(len, parts))
    return Layout(len(body.references), len(descriptors), len(body.buffers), size, [part for part in parts if part])


class _Unknown:
    """Stands for a reference to what is not there; whoever uses it fails, and nothing else does."""


UNKNOWN = _Unknown()


def read_tables(
    message: memoryview, references: int, types: int, buffers: int, tables: Tables
) -> tuple[list[object], list[bytes], memoryview]:
    """Return what the references of a message stand for, its buffers, and its payload.

    References count as received from here on, whether or not the payload can be read.

    Raises:
        ProtocolError: if the parts do not fit into the message, or an entry is malformed.
    """
    position = HEAD_BYTES + REFERENCE.size * references
    lengths_at = position + TYPE.size * types
    body_at = lengths_at + LENGTHS.size * buffers
    if body_at > len(message):
        raise ProtocolError("a message shorter than its tables")
    type_entries = list(TYPE.iter_unpack(message[position:lengths_at]))
    lengths = [length for (length,) in LENGTHS.iter_unpack(message[lengths_at:body_at])]
    payload_end = len(message) - sum(lengths)
    inline: list[bytes] = []
    for number, length in type_entries:
        descriptor = bytes(message[body_at : body_at + length])
        body_at += length
        if body_at > payload_end:
            raise ProtocolError("a message shorter than its descriptors")
        tables.types.learn(number, descriptor)
        inline.append(descriptor)
    if body_at > payload_end:
        raise ProtocolError("a message shorter than its buffers")
    # Lists first: were an error to be raised while an iterator over the message is alive, its
    # traceback would keep the iterator, and collecting that cycle crashes CPython 3.11 and 3.12.
    resolved = [_resolve(entry, inline, tables) for entry in list(REFERENCE.iter_unpack(message[HEAD_BYTES:position]))]
    pieces, start = [], payload_end
    for length in lengths:
        pieces.append(bytes(message[start : start + length]))
        start += length
    return resolved, pieces, message[body_at:payload_end]


def _resolve(entry: tuple[int, int, int, int, int], inline: list[bytes], tables: Tables) -> object:
    what, view, reserved, number, handle = entry
    if reserved:
        raise ProtocolError("a reference with a reserved field set")
    if what == What.MINE:
        if view not in (View.READ, View.WRITE):
            raise ProtocolError(f"a reference with the unknown view {view}")
        descriptor = _descriptor(number, inline, tables)
        return tables.imports.arrive(handle, descriptor, view, is_inline=bool(number & INLINE_TYPE))
    if view or number:
        raise ProtocolError("a reference with a field set that means nothing there")
    if what == What.YOURS:
        return tables.exports.by_handle.get(handle, UNKNOWN)
    if what == What.PROMISE:
        return tables.promises.get(handle, UNKNOWN)
    raise ProtocolError(f"a reference of the unknown kind {what}")


def _descriptor(number: int, inline: list[bytes], tables: Tables) -> bytes:
    if number & INLINE_TYPE:
        place = number - INLINE_TYPE
        if place < len(inline):
            return inline[place]
    elif number in tables.types.received:
        return tables.types.received[number]
    raise ProtocolError(f"a reference of type {number}, which was never described")
