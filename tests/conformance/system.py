"""What a behaviour needs to know of a system: to serve, to connect, and what it does not have.

A behaviour is written once, against `System`. Each system has an adapter that does it in the system's own natural
form, as a user who had read its documentation would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any, ClassVar, Protocol

from limpet.policy.exposure import is_hidden

__all__ = ["Feature", "NotOffered", "NotYet", "Session", "System", "public_members"]


class NotOffered(Exception):
    """The system has nothing of the kind; the text says so in a few words."""


class NotYet(NotOffered):
    """limpet has nothing of the kind, and means to; the text names what is missing."""


class Feature(Enum):
    """What a behaviour uses of proxies without naming it, so that only the adapter can say it is not there."""

    ATTRIBUTES = "data attributes"
    CALLBACKS = "functions as arguments"
    OPERATORS = "operators"
    PROPERTIES = "properties"
    REFERENCES = "results by reference"
    WITH = "with blocks"


class Session(Protocol):
    """A client's connection."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served: a new instance made with these arguments, or the shared one."""
        ...


class System(ABC):
    """One way to reach the objects of another process.

    A served class is at the top level of its module, so that a process of its own can import it. Classes of which
    methods return instances are marked with `limpet.expose`, and the methods annotated.
    """

    name: ClassVar[str]
    """What its column is called."""
    lacks: ClassVar[Mapping[Feature, str]] = {}
    """What it does not have, and what it does instead."""
    denied: ClassVar[tuple[type[Exception], ...]]
    """What a client gets for a member that is not there, or not for it."""
    late: ClassVar[tuple[type[Exception], ...]] = ()
    """What a client gets when a deadline passed."""
    lost: ClassVar[tuple[type[Exception], ...]]
    """What a client gets when the connection is gone."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Return which version is looked at."""

    @abstractmethod
    def host(self, kind: type, *, shared: bool = False) -> AbstractContextManager[str]:
        """Serve ``kind`` on loopback from threads of this process, and give the address.

        Args:
            kind: an instance of it is made for each ``open``.
            shared: make one instance, without arguments, for all.
        """

    @abstractmethod
    def connect(self, address: str) -> AbstractContextManager[Session]:
        """Connect to the server at ``address``."""

    def serve(self, kind: type, *, shared: bool = False) -> AbstractContextManager[str]:
        """Serve where it is quickest: in this process, if the system can be its own client there."""
        return self.host(kind, shared=shared)

    @contextmanager
    def session(self, kind: type, *, shared: bool = False) -> Generator[Session]:
        """Serve ``kind`` and connect to it."""
        with self.serve(kind, shared=shared) as address, self.connect(address) as session:
            yield session

    @contextmanager
    def opened(self, kind: type, *args: object, **kwargs: object) -> Generator[Any]:
        """Serve ``kind``, connect and open it."""
        with self.session(kind) as session:
            yield session.open(*args, **kwargs)

    def adopt(self, proxy: Any) -> None:  # noqa: B027 - to do nothing is right for most
        """Let the calling thread use ``proxy``, which another thread got."""

    def timeout(self, seconds: float, proxy: Any) -> AbstractContextManager[None]:
        """Let calls of ``proxy`` in the ``with`` block take so many seconds."""
        raise NotOffered("no timeouts")

    def later(self, method: Callable[..., Any], *args: object) -> Future:
        """Call ``method`` and do not wait."""
        raise NotOffered("no futures")


class Future(Protocol):
    """The result of a call that is not waited for."""

    def done(self) -> bool:
        """Tell whether it is there. Waits for nothing, but may look."""
        ...

    def result(self) -> Any:
        """Return it once it is there, or raise what the call raised."""
        ...


def public_members(kind: type) -> dict[str, Any]:
    """Return the members of ``kind`` that clients are to reach, special methods included."""
    members: dict[str, Any] = {}
    for cls in reversed(kind.__mro__[:-1]):
        members |= vars(cls)
    ours = (name for name in members if not name.startswith("_") or (name.endswith("__") and callable(members[name])))
    return {name: members[name] for name in ours if name != "__init__" and not is_hidden(members[name])}
