"""A client and a server joined in memory: unit tests of what a service lets out, without sockets or threads."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future
from threading import RLock
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, cast

from limpet.errors import CallError, EncodeError, SessionClosed
from limpet.objects.dispatch import Dispatch, Interceptor
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.proxy import check_name
from limpet.objects.services import catalog
from limpet.peer import Peer, parse_address
from limpet.profile import Profile
from limpet.session.connection import Connection, Phase
from limpet.session.messages import WANT, Kind
from limpet.session.schedule import Request
from limpet.session.session import Session
from limpet.session.tables import Import

__all__ = ["MemoryPair", "MemoryService", "memory_pair"]

T = TypeVar("T")
_OPEN: Final = int(Kind.OPEN)
_RAISE: Final = int(Kind.RAISE)


class _End:
    """One side of a pair, and what its proxies ask through."""

    def __init__(self, pair: MemoryPair, connection: Connection, dispatch: Dispatch, *, copies_results: bool) -> None:
        self._pair = pair
        self.connection = connection
        self.endpoint: Endpoint = Endpoint(connection, self, dispatch, copies_results=copies_results)

    @property
    def session(self) -> Session:
        session = self.connection.session
        if session is None:
            raise self.connection.failure or SessionClosed("there is no session yet")
        return session

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        """Ask the other side and return its answer; all that happens on the way happens here and now."""
        with self._pair.lock:
            endpoint = self.endpoint
            body = endpoint.encode(value, kind)
            pending = self.session.request(kind, flags | WANT, target, body, cause=endpoint.cause())
            if pending is None:
                raise CallError("there is no credit left for this call")
            while not pending.done:
                if not self._pair.step():
                    # It must not begin once the call that it waits for has ended.
                    self.session.cancel(pending)
                    self._pair.carry()
                    raise CallError("this call waits for itself: it was made inside a call that must end first")
            return endpoint.result(pending)

    def begin(self, kind: int, target: int, value: object, flags: int = 0) -> Future[Any]:
        """Ask the other side; here and now, so that the future is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(self.ask(kind, target, value, flags))
        except Exception as error:
            future.set_exception(error)
        return future

    def tell(self, kind: int, target: int, value: object, flags: int = 0) -> None:
        """Ask the other side for something whose answer nobody wants."""
        with self._pair.lock:
            endpoint = self.endpoint
            body = endpoint.encode(value, kind)
            if self.session.request(kind, flags, target, body, cause=endpoint.cause()) is None:
                raise CallError("there is no credit left for this call")
            while self._pair.step():
                pass

    def describe_error(self, error: BaseException) -> object:
        """Return what the other side may be told of an error, as plain data."""
        return self.endpoint.describe_error(error)

    def give_up(self, entry: Import) -> None:
        """Note that a proxy is gone; the other side hears of it with the next message, or with `MemoryPair.settle`."""
        self.session.tables.imports.dropped.append(entry)

    def run_ready(self) -> bool:
        """Run what the other side asked for, and tell whether there was anything."""
        session, found = self.session, False
        settled, session.settled[:] = list(session.settled), ()
        for pending in settled:
            while pending.nested:
                request = pending.nested.popleft()
                session.schedule.begin(request)
                self._run(request)
                found = True
        while (following := session.schedule.start()) is not None:
            self._run(following)
            found = True
        return found

    def _run(self, request: Request) -> None:
        kind, body = self.endpoint.run(request)
        try:
            self.session.answer(request, kind, body)
        except EncodeError as error:
            self.session.answer(request, _RAISE, self.endpoint.refuse(request, error))
        if isinstance(request.ending, KeyboardInterrupt):
            # Whoever pressed the keys meant the program: both sides are in one thread.
            raise KeyboardInterrupt


class MemoryService:
    """One of the named services of a pair's server."""

    __slots__ = ("_end", "_name")

    def __init__(self, end: _End, name: str) -> None:
        self._end = end
        self._name = name

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served: a new instance made with these arguments, or the shared object.

        Raises:
            AccessDenied: if there is no such service, it takes no arguments, or a name cannot go over the wire.
            SessionError: if the session is over.
            Exception: what making the instance raised.
        """
        for name in (*((self._name,) if self._name else ()), *kwargs):
            check_name(name)
        return self._end.ask(_OPEN, 0, [self._name, [*args], kwargs])

    def open_as(self, interface: type[T], *args: Any, **kwargs: Any) -> T:  # noqa: ARG002 - for type checkers
        """Return what `open` returns; for a type checker it is an ``interface``."""
        return cast("T", self.open(*args, **kwargs))


class MemoryPair:
    """A client and a server in one thread, joined by bytes that go from hand to hand.

    It is used as a session is; every call runs at once, on the thread that makes it:

        with memory_pair(Account) as session:
            account = session.open("Ada")

    All goes over the wire format and through the policies, as on a network. What needs a
    second thread cannot be seen here: deadlines, cancelling, callbacks outside of a call.

    Attributes:
        client: the end that opens.
        server: the end that serves.
        lock: held while anything runs.
    """

    def __init__(
        self,
        service: object,
        *,
        profile: Profile | None = None,
        results: Literal["reference", "copy"] = "reference",
        interceptors: tuple[Interceptor, ...] = (),
    ) -> None:
        profile = profile or Profile.local()
        # Either end has a peer of its own, on loopback: that is how an end knows its own requests.
        peers = [Peer(parse_address("127.0.0.1"), port) for port in (1, 2)]
        server = Connection.server(profile, peer=peers[0], clock=time.monotonic, entropy=os.urandom)
        client = Connection.client(profile, peer=peers[1], clock=time.monotonic, entropy=os.urandom)
        self._ways = ((client, server), (server, client))
        self.lock: RLock = RLock()
        while self.carry():
            pass
        tables = make_tables(profile)
        services = catalog(service)
        for served in services.values():
            tables.served(served.cls)
        serves = Dispatch(tables, profile.names, services, interceptors)
        asks = Dispatch(make_tables(profile), profile.names)
        self._client = _End(self, client, asks, copies_results=False)
        self._server = _End(self, server, serves, copies_results=results == "copy")
        self.client: Endpoint = self._client.endpoint
        self.server: Endpoint = self._server.endpoint

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served, as a session's ``open`` does.

        Raises:
            AccessDenied: if it takes no arguments, or only named services are served.
            SessionError: if the session is over.
            Exception: what making the instance raised.
        """
        return self.service("").open(*args, **kwargs)

    def open_as(self, interface: type[T], *args: Any, **kwargs: Any) -> T:  # noqa: ARG002 - for type checkers
        """Return what `open` returns; for a type checker it is an ``interface``."""
        return cast("T", self.open(*args, **kwargs))

    def service(self, name: str) -> MemoryService:
        """Return the service of that name. Nothing is asked of the server yet."""
        return MemoryService(self._client, name)

    @property
    def is_closed(self) -> bool:
        """Tell whether the session is over."""
        return self._client.connection.phase is Phase.CLOSED

    def settle(self) -> None:
        """Tell both ends what proxies are gone, and let all that is under way arrive."""
        with self.lock:
            for end in (self._client, self._server):
                end.session.release()
            while self.step():
                pass

    def step(self) -> bool:
        """Carry what was said, run what was asked for, and tell whether there was anything."""
        carried = self.carry()
        for end in (self._client, self._server):
            # Finalizers of users' objects run here, where nothing is half done.
            end.session.tables.exports.buried.clear()
        ran = self._server.run_ready()
        return self._client.run_ready() or ran or carried

    def carry(self) -> bool:
        """Carry what was said to the other end, and tell whether there was anything."""
        carried = False
        for sender, receiver in self._ways:
            while pieces := sender.outgoing():
                carried = True
                for piece in pieces:
                    receiver.receive(piece)
        return carried

    def check(self) -> None:
        """Raise AssertionError if a table of either end contradicts another."""
        for end in (self._client, self._server):
            end.connection.check()

    def close(self) -> None:
        """End the session; the server lets go of everything. Twice is harmless."""
        with self.lock:
            self._client.connection.close()
            self.carry()
            for end in (self._client, self._server):
                end.session.tables.exports.buried.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()


def memory_pair(
    service: object,
    *,
    profile: Profile | None = None,
    results: Literal["reference", "copy"] = "reference",
    interceptors: tuple[Interceptor, ...] = (),
) -> MemoryPair:
    """Return a client and a server of ``service`` joined in memory: use it as a session.

    Args:
        service: what `limpet.Server` takes.
        profile: of both ends; `Profile.local` if not given.
        results: "copy" sends plain results by value.
        interceptors: run around every use of an object, outermost first.

    Raises:
        ConfigurationError: if the service cannot be served.
    """
    return MemoryPair(service, profile=profile, results=results, interceptors=interceptors)
