"""Two endpoints joined in memory: values and proxies over the real wire, on one thread, and all of it within reach."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from limpet.errors import CallError, EncodeError
from limpet.objects.dispatch import Dispatch, Interceptor
from limpet.objects.endpoint import Endpoint, make_tables
from limpet.objects.proxy import inside
from limpet.objects.services import catalog
from limpet.peer import Peer, parse_address
from limpet.profile import Profile
from limpet.session.body import Body
from limpet.session.connection import Connection, Phase
from limpet.session.messages import Flag, Kind
from limpet.session.schedule import Pending, Request
from limpet.session.session import Session
from limpet.session.tables import Import
from tests.support.pair import Clock, entropy

__all__ = ["NETWORK", "End", "Ends", "Served", "ends", "handle_of"]

WANT = int(Flag.WANT)
NETWORK = Peer(parse_address("192.0.2.7"), 4_000)
"""A peer that is not on this machine."""


def loopback(port: int) -> Peer:
    return Peer(parse_address("127.0.0.1"), port)


class Served:
    """Server and client tables, to be shared by several sessions as a server shares them."""

    def __init__(self, service: object, profile: Profile, interceptors: tuple[Interceptor, ...] = ()) -> None:
        self.profile = profile
        self.tables = make_tables(profile)
        services = catalog(service)
        for served in services.values():
            self.tables.served(served.cls)
        self.dispatch = Dispatch(self.tables, profile.names, services, interceptors)


class End:
    """One side: what its proxies ask through, and what answers the other."""

    def __init__(self, ends: Ends, connection: Connection, dispatch: Dispatch, *, copies: bool) -> None:
        self.ends = ends
        self.connection = connection
        self.endpoint = Endpoint(connection, self, dispatch, copies_results=copies)

    @property
    def session(self) -> Session:
        session = self.connection.session
        assert session is not None
        return session

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        return self.wait(self.send(kind, target, self.endpoint.encode(value, kind), flags | WANT))

    def begin(self, kind: int, target: int, value: object, flags: int = 0) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(self.ask(kind, target, value, flags))
        return future

    def tell(self, kind: int, target: int, value: object, flags: int = 0) -> None:
        self.send(kind, target, self.endpoint.encode(value, kind), flags)
        while self.ends.step():
            pass

    def describe_error(self, error: BaseException) -> object:
        return self.endpoint.describe_error(error)

    def send(self, kind: int, target: int, body: Body, flags: int = WANT) -> Pending:
        pending = self.session.request(kind, flags, target, body, cause=self.endpoint.cause())
        assert pending is not None
        return pending

    def wait(self, pending: Pending) -> Any:
        while not pending.done:
            if not self.ends.step():
                raise CallError("nothing more can happen, and this call has no answer")
        return self.endpoint.result(pending)

    def give_up(self, entry: Import) -> None:
        self.session.tables.imports.dropped.append(entry)

    def run_ready(self) -> bool:
        session, found = self.session, False
        settled, session.settled[:] = list(session.settled), ()
        for pending in settled:
            while pending.nested:
                request = pending.nested.popleft()
                session.schedule.begin(request)
                self.run(request)
                found = True
        while (following := session.schedule.start()) is not None:
            self.run(following)
            found = True
        return found

    def run(self, request: Request) -> None:
        kind, body = self.endpoint.run(request)
        try:
            self.session.answer(request, kind, body)
        except EncodeError as error:
            self.session.answer(request, int(Kind.RAISE), self.endpoint.refuse(request, error))


class Ends:
    """A client and a server of one service.

    Args:
        service: what `limpet.Server` takes, or what several sessions share.
        profile: of the server, and of the client too unless that has its own.
        peer: who the server takes the client for.
        copies: send plain results by value.
    """

    def __init__(
        self,
        service: object,
        *,
        profile: Profile | None = None,
        client: Profile | None = None,
        peer: Peer | None = None,
        copies: bool = False,
        interceptors: tuple[Interceptor, ...] = (),
    ) -> None:
        profile = profile or Profile.local()
        shared = service if type(service) is Served else Served(service, profile, interceptors)
        clock = Clock()
        # The address policy is not what is looked at here.
        theirs = Connection.server(profile, peer=loopback(1), clock=clock, entropy=entropy)
        theirs.peer = peer or loopback(1)
        mine = Connection.client(client or profile, peer=loopback(2), clock=clock, entropy=entropy)
        self._ways = ((mine, theirs), (theirs, mine))
        while self.carry():
            pass
        assert theirs.phase is Phase.OPEN
        self.tables = shared.tables
        asks = Dispatch(make_tables(client or profile), profile.names)
        self.server = End(self, theirs, shared.dispatch, copies=copies)
        self.client = End(self, mine, asks, copies=False)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return self.client.ask(Kind.OPEN, 0, ["", [*args], kwargs])

    def open_named(self, name: str, *args: Any) -> Any:
        return self.client.ask(Kind.OPEN, 0, [name, [*args], {}])

    def raw(self, kind: int, target: Any, *value: object) -> Any:
        """Ask for anything of a proxy's object, or of a handle, past all checks of the client's."""
        handle = target if isinstance(target, int) else handle_of(target)
        return self.client.ask(kind, handle, list(value))

    def step(self) -> bool:
        carried = self.carry()
        ran = self.server.run_ready()
        return self.client.run_ready() or ran or carried

    def carry(self) -> bool:
        carried = False
        for sender, receiver in self._ways:
            while pieces := sender.outgoing():
                carried = True
                for piece in pieces:
                    receiver.receive(piece)
        return carried

    def settle(self) -> None:
        """Let everybody hear of the proxies that are gone."""
        for end in (self.client, self.server):
            end.session.release()
        while self.step():
            pass

    def check(self) -> None:
        """Raise if a table contradicts another, or the session has ended."""
        for end in (self.client, self.server):
            end.connection.check()
            assert end.connection.failure is None, end.connection.failure

    def exported(self) -> list[Any]:
        """Return what the client holds of the server's, after all news have come in."""
        self.settle()
        return [export.target for export in self.server.session.tables.exports.by_handle.values()]

    def lent(self) -> list[Any]:
        """Return what the server holds of the client's, after all news have come in."""
        self.settle()
        return [export.target for export in self.client.session.tables.exports.by_handle.values()]


@contextmanager
def ends(
    service: object,
    *,
    profile: Profile | None = None,
    client: Profile | None = None,
    peer: Peer | None = None,
    copies: bool = False,
    interceptors: tuple[Interceptor, ...] = (),
) -> Iterator[Ends]:
    """Yield two ends, and check afterwards that their session lives on and its tables agree."""
    pair = Ends(service, profile=profile, client=client, peer=peer, copies=copies, interceptors=interceptors)
    yield pair
    pair.settle()
    pair.check()


def handle_of(proxy: Any) -> int:
    """Return the number on the wire of what a proxy stands for."""
    return inside(proxy)[1].handle
