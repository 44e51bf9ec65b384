"""What a policy answers, and what a policy is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias, TypeVar, final

__all__ = ["ALLOW", "NOTHING", "Allow", "Decision", "Deny", "Policy"]

NOTHING: Final = "nothing to see"
"""What a peer is told of what is hidden and of what is not there: it cannot tell which."""

_Subject_contra = TypeVar("_Subject_contra", contravariant=True)


@final
@dataclass(frozen=True, slots=True)
class Allow:
    """A policy said yes."""

    def __bool__(self) -> Literal[True]:
        return True


@final
@dataclass(frozen=True, slots=True)
class Deny:
    """A policy said no. It is false, so that a bare ``if`` decides as it reads.

    Attributes:
        reason: what the peer is told.
        hint: how to allow it, for the server's log and for a peer on loopback alone.
    """

    reason: str
    hint: str = ""

    def __bool__(self) -> Literal[False]:
        return False


Decision: TypeAlias = Allow | Deny

ALLOW: Final = Allow()


class Policy(Protocol[_Subject_contra]):
    """Decides from facts alone, always the same way: a frozen dataclass with this one method."""

    def judge(self, subject: _Subject_contra, /) -> Decision:
        """Return `Allow`, or `Deny` with the reason. Never raises, whatever ``subject`` is."""
        ...
