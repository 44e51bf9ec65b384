"""What an error may tell a peer, and which of a peer's errors come back as themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, cast

from limpet.errors import ConfigurationError
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
        types: exception classes of the user's that a peer's errors come back as. Each is
            made by ``cls(*args)``, or without its constructor if that fails; its attributes
            never travel. A mapping gives each the name it has on the other side, such as
            ``"__main__.BankError"``, else that is its module and qualified name.

    Raises:
        ConfigurationError: if a level is none, or ``types`` has anything but subclasses of
            Exception, or one that ends an iteration, or two by one name.
    """

    local: Level = Level.FULL
    network: Level = Level.SERVED
    types: Collection[type[Exception]] | Mapping[str, type[Exception]] = field(default=(), hash=False)

    def __post_init__(self) -> None:
        for name, level in (("local", self.local), ("network", self.network)):
            if type(level) is not Level:
                raise ConfigurationError(f"ErrorPolicy.{name} is a limpet.Level, as in Level.REFERENCE, not {level!r}")
        if isinstance(self.types, type):
            raise ConfigurationError(f"ErrorPolicy.types is a collection of classes, as in [{self.types.__name__}]")
        object.__setattr__(self, "types", MappingProxyType(_named(self.types)))

    @property
    def rebuilt(self) -> Mapping[str, type[Exception]]:
        """Return ``types`` by their names on the other side."""
        return cast("Mapping[str, type[Exception]]", self.types)

    def level(self, peer: Peer, /) -> Level:
        """Return how much of an error ``peer`` may see."""
        return self.local if peer.is_local else self.network


def _named(types: Any) -> dict[str, type[Exception]]:
    entries = list(types.items()) if isinstance(types, Mapping) else [(_full_name(cls), cls) for cls in types]
    for name, cls in entries:
        if type(name) is not str or not isinstance(cls, type) or not issubclass(cls, Exception):
            raise ConfigurationError(f"ErrorPolicy.types: {cls!r:.60} is no subclass of Exception")
        if issubclass(cls, StopIteration | StopAsyncIteration):
            raise ConfigurationError(f"ErrorPolicy.types: {cls.__name__} would end an iteration of the caller's")
    if len(dict(entries)) < len(entries):
        raise ConfigurationError("ErrorPolicy.types: two have one name; give them in a mapping")
    return dict(entries)


def _full_name(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}" if isinstance(cls, type) else ""
