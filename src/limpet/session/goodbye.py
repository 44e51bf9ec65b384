"""The last message of a session, and the error it stands for on the other side (wire-protocol, Goodbye)."""

from __future__ import annotations

from typing import Final

from limpet.errors import Code, LimitExceeded, ProtocolError, SessionClosed, SessionError
from limpet.logs import printable
from limpet.session.fragments import Head
from limpet.session.messages import FRAMED_HEAD, HEAD_BYTES, Kind

__all__ = ["pack_goodbye", "read_goodbye"]

_TEXT_BYTES: Final = 256


def pack_goodbye(code: Code, text: str, ack: int) -> bytes:
    """Return a framed Goodbye.

    Args:
        code: why the session ends.
        text: the same in words of limpet's own; cut to 256 bytes.
        ack: how many counted frames have been received.
    """
    said = text.encode(errors="replace")[:_TEXT_BYTES].decode(errors="ignore").encode()
    return FRAMED_HEAD.pack(HEAD_BYTES + len(said), Kind.GOODBYE, 0, 0, 0, 0, code, 0, 0, ack) + said


def read_goodbye(head: Head, frame: memoryview) -> SessionError:
    """Return the error that a peer's Goodbye stands for on this side.

    Raises:
        ProtocolError: if it is malformed.
    """
    _, flags, references, types, buffers, number, *_ = head
    if flags or references or types or buffers or len(frame) > HEAD_BYTES + _TEXT_BYTES:
        raise ProtocolError("a malformed Goodbye")
    try:
        code, text = Code(number), str(frame[HEAD_BYTES:], "utf-8")
    except ValueError as error:
        raise ProtocolError("a malformed Goodbye") from error
    reason = f": {printable(text)}" if text else ""
    match code:
        case Code.DONE | Code.SHUTDOWN | Code.IDLE | Code.REVOKED:
            return SessionClosed(f"the peer closed the session ({code.name.lower()}){reason}")
        case Code.LIMIT:
            return LimitExceeded(f"the peer ended the session: one of its limits was exceeded{reason}")
        case _:
            return ProtocolError(f"the peer ended the session ({code.name.lower()}){reason}", code)
