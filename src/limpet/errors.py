"""Every error limpet raises, and what each one ends.

    LimpetError
    ├── ConfigurationError      nothing was started
    ├── CallError               one call failed; the session lives
    │   ├── AccessDenied        a policy said no, or there is nothing by that name
    │   ├── CallTimeout         the deadline passed
    │   ├── CallCancelled       the call was cancelled before or while it ran
    │   ├── EncodeError         a value cannot travel; nothing was sent
    │   ├── DecodeError         a payload was refused; its references were counted
    │   └── RemoteError         the other side raised what cannot be rebuilt here
    └── SessionError            the session is over
        ├── SessionClosed       it was closed on purpose, by either side
        ├── SessionLost         the connection broke; what ran may or may not have finished
        ├── ConnectRefused      no session came to be
        └── ProtocolError       the peer broke the protocol; carries the code it was told
            └── LimitExceeded   the peer went over a limit

An error answers two questions: whose fault it is, and what dies with it.
"""

from __future__ import annotations

from copy import copy
from enum import IntEnum
from typing import Final, Self

__all__ = [
    "AccessDenied",
    "CallCancelled",
    "CallError",
    "CallTimeout",
    "Code",
    "ConfigurationError",
    "ConnectRefused",
    "DecodeError",
    "EncodeError",
    "LimitExceeded",
    "LimpetError",
    "ProtocolError",
    "RemoteError",
    "SessionClosed",
    "SessionError",
    "SessionLost",
]


class Code(IntEnum):
    """Why a session ends, as Goodbye carries it (wire-protocol, Goodbye)."""

    DONE = 0
    """Closed by the side that sent it; nothing went wrong."""
    SHUTDOWN = 1
    """The server is stopping."""
    MALFORMED = 2
    """A frame or message does not have the form the wire protocol fixes."""
    UNEXPECTED = 3
    """A message that is well formed, but not legal now or from this side."""
    LIMIT = 4
    """A limit of the receiver was exceeded."""
    IDLE = 5
    """Nothing was asked for longer than the idle limit."""
    INTERNAL = 6
    """The sender failed in a way that is its own fault."""
    REVOKED = 7
    """The key that the client proved is not valid any more."""


class LimpetError(Exception):
    """Base of all errors that limpet itself raises."""

    def anew(self) -> Self:
        """Return the same error once more.

        One that is raised again and again grows a stack, and all that was raised from keeps the frames of all.
        """
        again = copy(self)
        again.__cause__ = self.__cause__
        return again


class ConfigurationError(LimpetError, ValueError):
    """A setting is unsafe or makes no sense; nothing was started."""


class CallError(LimpetError):
    """One call failed; the session lives."""


class AccessDenied(CallError, AttributeError):
    """A policy refused, or there is nothing by that name: a peer cannot tell which.

    It is an ``AttributeError``, so that ``hasattr`` and ``getattr`` with a default work.
    """

    def __init__(self, *args: object, name: str | None = None) -> None:
        # With a name set, be it None, the interpreter does not add the proxy that was asked;
        # from Python 3.12 on a traceback would search that for similar names, over the network.
        super().__init__(*args, name=name)


class CallTimeout(CallError, TimeoutError):
    """A deadline passed before the answer came."""


class CallCancelled(CallError):
    """The call was cancelled."""


class EncodeError(CallError, TypeError):
    """A value cannot travel; nothing of the message was sent."""


class DecodeError(CallError, ValueError):
    """A payload was refused before anything was built from it for the user."""


class RemoteError(CallError):
    """The other side raised an error whose type is not known here.

    What is raised is an instance of a subclass named after the remote type;
    ``type_name`` has its full name.
    """

    type_name: str = ""


class SessionError(LimpetError, ConnectionError):
    """The session is over; no call on it can succeed any more."""


class SessionClosed(SessionError):
    """The session was closed on purpose, here or by the other side."""


class SessionLost(SessionError):
    """The connection broke without a Goodbye.

    A call that was waiting may or may not have run to its end on the other side.
    """


class ConnectRefused(SessionError):
    """No session came to be: nobody listens, the handshake failed or the peer refused."""


class ProtocolError(SessionError):
    """The peer broke the protocol.

    Args:
        text: what was wrong, in words that are safe to log.
        code: what the peer is told in Goodbye.
    """

    def __init__(self, text: str, code: Code = Code.MALFORMED) -> None:
        super().__init__(text)
        self.code: Final = code


class LimitExceeded(ProtocolError):
    """The peer went over one of this side's limits."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Code.LIMIT)
