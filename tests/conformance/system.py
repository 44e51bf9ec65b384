"""What a behaviour needs to know of a system: to serve, to connect, and what it does not have.

A behaviour is written once, against `System`. Each system has an adapter that does it in the system's own natural
form, as a user who had read its documentation would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from traceback import format_exception
from typing import Any, ClassVar, Final, Protocol, TypedDict, Unpack

from limpet.policy.exposure import is_exposed, is_hidden

__all__ = [
    "Feature",
    "Future",
    "NotOffered",
    "NotYet",
    "Session",
    "Settings",
    "System",
    "is_narrowed",
    "public_members",
]


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


class Settings(TypedDict, total=False):
    """How a server differs from what it is by default."""

    shared: bool
    """Make one instance, without arguments, for all; else one is made for each ``open``."""
    at: str
    """Where to listen: an address of this machine, or the path of a Unix socket."""
    only: Collection[str]
    """The names of all members that clients may reach, special methods among them."""
    stack: bool
    """Whether clients are shown the server's stack."""
    message_bytes: int
    """The largest message."""
    depth: int
    """How deep values are nested at most."""
    idle_seconds: float
    """How long a connection may be idle."""


NO: Final[Mapping[str, str]] = {
    "shared": "no shared objects",
    "at": "TCP over IPv4 only",
    "only": "no list of what is shown",
    "stack": "no choice about the stack",
    "message_bytes": "no limit of messages",
    "depth": "no limit of nesting",
    "idle_seconds": "no limit of idle time",
}
"""What is said of a system that lacks a setting."""


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
    settings: ClassVar[Collection[str]] = ("shared",)
    """Which `Settings` its servers have."""
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
    def host(self, kind: type, **settings: Unpack[Settings]) -> AbstractContextManager[str]:
        """Serve ``kind`` on loopback from threads of this process, and give the address.

        An instance of it is made for each ``open``.
        """

    @abstractmethod
    def connect(self, address: str) -> AbstractContextManager[Session]:
        """Connect to the server at ``address``."""

    def check(self, settings: Settings) -> None:
        """Raise NotOffered if one of these settings is not there."""
        for name in settings:
            if name not in self.settings:
                raise NotOffered(NO[name])

    def serve(self, kind: type, **settings: Unpack[Settings]) -> AbstractContextManager[str]:
        """Serve where it is quickest: in this process, if the system can be its own client there."""
        self.check(settings)
        return self.host(kind, **settings)

    @contextmanager
    def session(self, kind: type, **settings: Unpack[Settings]) -> Generator[Session]:
        """Serve ``kind`` and connect to it."""
        with self.serve(kind, **settings) as address, self.connect(address) as session:
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

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        """Call ``method`` and do not wait.

        Args:
            seconds: how long its result may take.
        """
        raise NotOffered("no futures")

    def named(self, services: Mapping[str, type]) -> AbstractContextManager[str]:
        """Serve several classes, each under its name, and give the address."""
        raise NotOffered("one service for each server")

    def service(self, session: Session, name: str) -> Session:
        """Return what opens the service of that name."""
        raise NotOffered("one service for each server")

    def reference(self, target: object) -> Any:
        """Return what is given as an argument so that the server can call ``target`` here."""
        raise NotOffered("clients have no objects")

    def copy(self, proxy: Any) -> Any:
        """Return a local copy of what ``proxy`` stands for."""
        raise NotOffered("no copies")

    def release(self, proxy: Any) -> None:
        """Let go of the object that ``proxy`` stands for."""
        raise NotOffered("proxies go with their last name")

    def ping(self, session: Session) -> None:
        """Ask for a sign of life."""
        raise NotOffered("no pings")

    def printed(self, error: Exception) -> str:
        """Return what is printed of an error, in the form that shows the remote stack if there is one."""
        return "".join(format_exception(error))


class Future(Protocol):
    """The result of a call that is not waited for."""

    def done(self) -> bool:
        """Tell whether it is there. Waits for nothing, but may look."""
        ...

    def result(self) -> Any:
        """Return it once it is there, or raise what the call raised."""
        ...

    def add_done_callback(self, function: Callable[[Any], object], /) -> None:
        """Call ``function`` once it is there; at once if it is."""
        ...


def is_narrowed(kind: type) -> bool:
    """Tell whether ``kind`` marks what of it is shown, or is not."""
    return any(is_exposed(member) or is_hidden(member) for member in vars(kind).values())


def public_members(kind: type) -> dict[str, Any]:
    """Return the members of ``kind`` that clients are to reach, special methods included."""
    members: dict[str, Any] = {}
    for cls in reversed(kind.__mro__[:-1]):
        members |= vars(cls)
    ours = (name for name in members if not name.startswith("_") or (name.endswith("__") and callable(members[name])))
    shown = {name: members[name] for name in ours if name != "__init__" and not is_hidden(members[name])}
    marked = {name: member for name, member in shown.items() if is_exposed(member)}
    return shown if is_exposed(kind) else marked or shown
