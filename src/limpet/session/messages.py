"""The form of a message: head, table of references, types, payload, buffers (wire-protocol, Messages).

The session reads and writes all of this as fixed structs. Only the payload goes
through the codec, which sees a reference or a large buffer as a leaf.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

__all__ = [
    "CONTROL",
    "FRAMED_HEAD",
    "HEAD",
    "HEAD_BYTES",
    "INLINE_TYPE",
    "LENGTHS",
    "MORE",
    "PASS",
    "REFERENCE",
    "REQUESTS",
    "SPLITTABLE",
    "TYPE",
    "UNCOUNTED",
    "WANT",
    "Flag",
    "Kind",
    "View",
    "What",
]


class Kind(IntEnum):
    """What a message is."""

    OPEN = 1
    CALL = 2
    GET = 3
    SET = 4
    DELETE = 5
    OPERATE = 6
    COPY = 7
    DESCRIBE = 8
    RETURN = 16
    RAISE = 17
    RELEASE = 32
    CANCEL = 33
    PING = 48
    PONG = 49
    ACK = 50
    CREDIT = 51
    GOODBYE = 64
    REDIRECT = 65
    STREAM = 80
    DATA = 81
    END = 82
    MAP = 83


class Flag(IntFlag):
    """What a head says besides its kind."""

    WANT = 1
    """A result is wanted; a request without it is one-way."""
    KEEP = 2
    """The result stays addressable under the request's id until it is forgotten."""
    MORE = 4
    """The message goes on in the next frame of its kind and id."""
    PROMISE = 8
    """The target is the result of the sender's earlier request with that id."""
    META = 16
    """The payload begins with metadata. Reserved by a feature bit."""
    PASS = 32
    """The call may start while others of the session run: the receiver sees that its method allows that."""


class What(IntEnum):
    """What an entry of the table of references stands for, in the sender's view."""

    MINE = 1
    """An object of the sender's: its handle, type and view."""
    YOURS = 2
    """An object of the receiver's, by the handle the receiver gave."""
    PROMISE = 3
    """The result of the sender's earlier request with that id."""
    DROP = 4
    """In Release: this many references to the receiver's object are dropped."""
    FORGET = 5
    """In Release: the kept result of that request is not needed any more."""


class View(IntEnum):
    """What a reference lets its holder do with the object's own state."""

    READ = 1
    WRITE = 2


HEAD: Final = Struct("!BBHHHQQQQ")
"""Kind, flags, number of references, types and buffers, id, target, cause, ack."""
HEAD_BYTES: Final = HEAD.size
FRAMED_HEAD: Final = Struct("!IBBHHHQQQQ")
"""A frame's length and the head behind it: one pack for the common message."""
REFERENCE: Final = Struct("!BBHIQ")
"""What, view, zero, type or count, handle."""
TYPE: Final = Struct("!II")
"""A descriptor's number and length."""
LENGTHS: Final = Struct("!I")
"""A buffer's length."""
INLINE_TYPE: Final = 1 << 31
"""Set in a type number that is an index into this very message's types."""

# Plain ints: a comparison with an enum member costs a call on the hot path.
WANT: Final = int(Flag.WANT)
MORE: Final = int(Flag.MORE)
PASS: Final = int(Flag.PASS)
REQUESTS: Final = frozenset(int(kind) for kind in Kind if kind < Kind.RETURN)
SPLITTABLE: Final = REQUESTS | {int(Kind.RETURN), int(Kind.RAISE)}
"""What may be longer than a frame."""
UNCOUNTED: Final = frozenset((int(Kind.PING), int(Kind.PONG), int(Kind.ACK)))
"""Frames that resume never sends again, so that neither side counts them."""
CONTROL: Final = UNCOUNTED | {int(Kind.CREDIT), int(Kind.CANCEL)}
"""What may pass between the frames of one message: none of it could overtake a reference."""
