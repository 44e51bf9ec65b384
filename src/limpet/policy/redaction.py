"""What an error may tell a peer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from limpet.peer import Peer

__all__ = ["ErrorPolicy", "Level"]


class Level(Enum):
    """How much of an error leaves. No level lets out attributes of an error, or locals.

    What limpet itself says of a request, such as that there is no such member, is told at
    every level: it is about what the peer asked for.
    """

    FULL = "full"
    """Type, arguments, text and notes of the error and of what it came from; every frame,
    with the file's whole path and the line of source."""
    SERVED = "served"
    """Types of all; arguments, text and notes only of what a ``raise`` in the served code
    made; frames of the served code alone, with the file's name, without path and source."""
    REFERENCE = "reference"
    """A number alone, under which the server's log has the rest."""


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """Says how much of an error a peer may see.

    Attributes:
        local: for peers on this machine.
        network: for all others.
    """

    local: Level = Level.FULL
    network: Level = Level.SERVED

    def level(self, peer: Peer, /) -> Level:
        """Return how much of an error ``peer`` may see."""
        return self.local if peer.is_local else self.network
