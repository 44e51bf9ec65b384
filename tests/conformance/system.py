"""What a behaviour needs to know of a system: to serve, to connect, and what it does not have.

A behaviour is written once, against `System`. Each system has an adapter that does it in the system's own natural
form, as a user who had read its documentation would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from traceback import format_exception
from types import TracebackType
from typing import Any, ClassVar, Final, Protocol, Self, TypedDict, Unpack

from limpet.policy.exposure import is_exposed, is_hidden

__all__ = [
    "Feature",
    "Future",
    "NotOffered",
    "NotYet",
    "Server",
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
    CALLER = "who calls"
    CONNECTIONS = "connections that are closed"
    IN_PROCESS = "servers in the threads of one process"
    NAMESPACES = "attributes that are set and deleted"
    OPERATORS = "operators"
    PROPERTIES = "properties"
    REFERENCES = "results by reference"
    REFUSALS = "values that cannot travel"
    WITH = "with blocks"


class Settings(TypedDict, total=False):
    """How a server differs from what it is by default."""

    shared: bool
    """Make one instance, without arguments, for all; else one is made for each ``open``."""
    at: str
    """Where to listen: an address of this machine, or the path of a Unix socket."""
    port: int
    """Which port; any free one if it is not said."""
    seen_at: int
    """The port at which clients reach it, through a forwarder."""
    allow: str
    """The one address that clients may come from."""
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
    concurrent: bool
    """Let the calls of one connection run at the same time."""
    connections: int
    """How many clients may be connected."""
    workers: int
    """How many calls run at the same time."""
    rest_seconds: float
    """How long a thread without work is kept."""


NO: Final[Mapping[str, str]] = {
    "shared": "no shared objects",
    "at": "TCP over IPv4 only",
    "port": "no choice of ports",
    "seen_at": "nothing to say about forwarders",
    "allow": "no policy of addresses",
    "only": "no list of what is shown",
    "stack": "no choice about the stack",
    "message_bytes": "no limit of messages",
    "depth": "no limit of nesting",
    "idle_seconds": "no limit of idle time",
    "concurrent": "calls of one connection run in turn",
    "connections": "no limit of connections",
    "workers": "a thread for each connection",
    "rest_seconds": "a thread for each connection",
}
"""What is said of a system that lacks a setting."""


class Session(Protocol):
    """A client's connection."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served: a new instance made with these arguments, or the shared one."""
        ...


class Server(Protocol):
    """A server that is made and not started. Its ``with`` block starts it, and stops it."""

    @property
    def url(self) -> str:
        """Return where clients connect to, once it has started."""
        ...

    def start(self) -> None:
        """Begin to serve, and return."""
        ...

    def stop(self) -> None:
        """End it."""
        ...

    def wait(self) -> None:
        """Wait until it has ended."""
        ...

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.stop()


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
    facade: ClassVar[str]
    """The module that its users import."""
    nonsense: ClassVar[Mapping[str, object]] = {}
    """A setting of its own that makes no sense."""
    own: ClassVar[tuple[type[Exception], ...]] = ()
    """What all its own errors are."""
    misuse: ClassVar[tuple[type[Exception], ...]] = ()
    """What a user gets for an address, a service or a setting that is none."""
    denied: ClassVar[tuple[type[Exception], ...]]
    """What a client gets for a member or a service that is not there, or not for it."""
    unsendable: ClassVar[tuple[type[Exception], ...]] = ()
    """What a client gets for an argument or a result that cannot travel."""
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

    def timeouts(self, seconds: float) -> AbstractContextManager[None]:
        """Let all calls in the ``with`` block take so many seconds."""
        raise NotOffered("no timeouts")

    def oneway(self, proxy: Any, name: str, *args: object) -> None:
        """Call the method of that name, and want no answer."""
        raise NotOffered("each call has an answer")

    def later(self, method: Callable[..., Any], *args: object, seconds: float | None = None) -> Future:
        """Call ``method`` and do not wait.

        Args:
            seconds: how long its result may take.
        """
        raise NotOffered("no futures")

    def server(self, kind: type) -> Server:
        """Return a server of ``kind``, not yet started."""
        raise NotOffered("nothing to start")

    def publish(self, target: object) -> Server:
        """Return a server of ``target`` itself, the same for all."""
        raise NotOffered("what is served gives the objects")

    def default_host(self) -> str:
        """Return where a server listens if nothing is said of it; nothing for a Unix socket."""
        raise NotOffered("an address is always named")

    def address(self, host: str, port: int) -> str:
        """Return the address of a server, as text."""
        raise NotOffered("host and port are no text")

    def addresses(self) -> Mapping[str, str]:
        """Return an address of each kind, and how it is shown."""
        raise NotOffered("host and port are no text")

    def shown(self, address: str) -> str:
        """Return how an address is shown; nothing is connected."""
        raise NotOffered("host and port are no text")

    def codecs(self) -> Mapping[str, int]:
        """Return the codecs there are, and which number each has on the wire."""
        raise NotOffered("no choice of codecs")

    def speaking(self, kind: type, codec: str) -> AbstractContextManager[Session]:
        """Serve ``kind`` and connect to it with that codec."""
        raise NotOffered("no choice of codecs")

    def configure(self, **settings: object) -> None:
        """Give a server settings of the system's own, and forget it."""
        raise NotOffered("no settings")

    def caller(self) -> object:
        """Return, in served code, who calls."""
        raise NotOffered(self.lacks[Feature.CALLER])

    def carried(self, function: Callable[[], object]) -> object:
        """Return, in served code, what ``function`` returns in another thread that knows who calls."""
        raise NotOffered(self.lacks[Feature.CALLER])

    def named(self, services: Mapping[Any, Any]) -> AbstractContextManager[str]:
        """Serve several classes and objects, each under its name, and give the address."""
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

    def prefetch(self, iterator: Any, count: int) -> Iterator[Any]:
        """Iterate in chunks of so many items."""
        raise NotOffered("items come one by one")

    def release(self, proxy: Any) -> None:
        """Let go of the object that ``proxy`` stands for."""
        raise NotOffered("proxies go with their last name")

    def ping(self, session: Session) -> None:
        """Ask for a sign of life."""
        raise NotOffered("no pings")

    def close(self, session: Session) -> None:
        """End a connection."""
        raise NotOffered(self.lacks[Feature.CONNECTIONS])

    def mark(self, target: Any) -> Any:
        """Mark a method or a class as one that clients may reach, as a decorator does."""
        raise NotOffered("no marks")

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
    """Return the members of ``kind`` that clients are to reach, special methods included.

    A class that is marked shows all it defines; if a class marks members of its own, it and those beside it show what
    is marked.
    """
    bases = kind.__mro__[:-1]
    narrowed = any(is_exposed(member) for base in bases if not is_exposed(base) for member in vars(base).values())
    owners: dict[str, type] = {}
    for base in reversed(bases):
        owners.update(dict.fromkeys(vars(base), base))
    members: dict[str, Any] = {}
    for name, base in owners.items():
        member = vars(base)[name]
        ours = not name.startswith("_") or (name.endswith("__") and callable(member) and name != "__init__")
        if ours and not is_hidden(member) and (not narrowed or is_exposed(base) or is_exposed(member)):
            members[name] = member
    return members
