"""One end of a session in terms of objects: values in and out, proxies, and what the peer asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodType
from typing import Any, Final, cast

from limpet.codec.advice import advice
from limpet.codec.base import Codec, Shallow
from limpet.errors import AccessDenied, DecodeError, EncodeError
from limpet.logs import Refusals, trace, with_article
from limpet.objects.context import serving
from limpet.objects.cursor import Cursor, GeneratorCursor, cursor_over
from limpet.objects.descriptors import describe, read_descriptor
from limpet.objects.dispatch import Denied, Dispatch
from limpet.objects.marshal import Broken, Entry, Inbound, Outbound, Snapshot, outcome
from limpet.objects.members import MemberTables
from limpet.objects.operands import check_held
from limpet.objects.operations import Operation
from limpet.objects.proxy import Caller, Proxy, RemoteFunction, inside, make_proxy
from limpet.objects.proxy_class import function_class, proxy_class
from limpet.objects.remote_errors import rebuild
from limpet.objects.reporter import Reporter
from limpet.objects.reviewed import ITERATORS, Reviewed
from limpet.objects.scope import MANAGERS, Scope
from limpet.objects.services import Opened
from limpet.objects.wrappers import Copied, Method, Mutable, Reference
from limpet.policy.decision import Deny
from limpet.profile import Profile
from limpet.session.body import NO_SUCH_OBJECT, UNKNOWN, Body, Mine, Yours
from limpet.session.connection import Connection
from limpet.session.messages import PASS, WANT, Kind, View
from limpet.session.schedule import Pending, Promise, Request
from limpet.session.session import Session
from limpet.session.tables import Import

__all__ = ["Endpoint", "make_tables"]

_BARE_BYTES: Final = 80
"""Longer ones are not remembered: no name is that long."""
_MOST_BARE: Final = 256
"""Calls without arguments that are remembered, each way."""
_CALL: Final = int(Kind.CALL)
_GET: Final = int(Kind.GET)
_OPERATE: Final = int(Kind.OPERATE)
_RETURN: Final = int(Kind.RETURN)
_RAISE: Final = int(Kind.RAISE)
_PARTS: Final = {
    int(Kind.OPEN): ("service", "args", "kwargs"),
    int(Kind.CALL): ("name", "args", "kwargs"),
    int(Kind.SET): ("name", "value"),
    int(Kind.OPERATE): ("operation", "operand", "second operand"),
}
"""How errors call the parts of a request's payload."""
_TAKES_FAILURE: Final = frozenset({int(Operation.EXIT), int(Operation.THROW)})
_BY_VALUE: Final = frozenset((int(Kind.COPY), int(Kind.DESCRIBE)))
_BY_VALUE_CONTAINERS: Final = (tuple, frozenset, list, dict, set)
_CALLABLES: Final = (FunctionType, MethodType, BuiltinFunctionType, BuiltinMethodType)


_ADVANCES: Final[Mapping[Operation, Callable[..., Any]]] = {
    Operation.NEXT: Cursor.take,
    Operation.AHEAD: Cursor.take_ahead,
}
_RESUMES: Final[Mapping[Operation, Callable[..., Any]]] = {
    **_ADVANCES,
    Operation.SEND: GeneratorCursor.send,
    Operation.THROW: GeneratorCursor.throw,
}
_REVIEWED: Final[Mapping[type, Reviewed]] = {
    Method: Reviewed(operations=(Operation.CALL,)),
    Cursor: Reviewed(read=("close",), operations=tuple(_ADVANCES), applies=_ADVANCES),
    GeneratorCursor: Reviewed(read=("close",), operations=tuple(_RESUMES), applies=_RESUMES),
    Scope: Reviewed(
        operations=(Operation.ENTER, Operation.EXIT),
        applies={Operation.ENTER: Scope.enter, Operation.EXIT: Scope.leave},
    ),
    **{cls: Reviewed(operations=(Operation.CALL,)) for cls in _CALLABLES},
}
"""What limpet itself lets out: cursors, scopes, and functions that were judged before they are wrapped."""


def make_tables(profile: Profile) -> MemberTables:
    """Return the tables of what classes show under a profile."""

    def carries(cls: type) -> bool:
        return any(codec.carries(cls) for codec in profile.codecs)

    return MemberTables(profile.exposure, profile.names, _REVIEWED, carries)


class _NoValues:
    """The leaves of what must be plain: descriptors and errors."""

    def refer(self, value: object) -> int:
        raise EncodeError(f"{with_article(type(value))} where only plain values go")

    def attach(self, _data: bytes) -> int:
        raise EncodeError("a large buffer where only plain values go")

    def reference(self, _index: int) -> object:
        raise DecodeError("a reference where only plain values go")

    def buffer(self, _index: int) -> bytes:
        raise DecodeError("a large buffer where only plain values go")


_PLAIN: Final = _NoValues()


class Endpoint:
    """One end of an open session.

    Args:
        connection: with its session begun.
        caller: what proxies ask through.
        dispatch: what may be done with this side's objects.
        copies_results: send plain results by value instead of by reference.
        refusals: takes down what was denied; of all sessions, or of this one if not given.
    """

    def __init__(
        self,
        connection: Connection,
        caller: Caller,
        dispatch: Dispatch,
        *,
        copies_results: bool = False,
        refusals: Refusals | None = None,
    ) -> None:
        if connection.session is None or connection.agreement is None:
            raise ValueError("an endpoint needs a connection whose session has begun")
        self.connection = connection
        self._session: Session = connection.session
        self._caller = caller
        self._dispatch = dispatch
        # What a client's functions answer is copied, like what a client sends.
        self._copies = copies_results or not connection.is_server
        self._limits = connection.limits
        self._peer = connection.peer
        self._owner = object()
        """Marks errors of this session's peer, which never reach another session."""
        self._reporter = Reporter(connection, dispatch, self._owner, refusals)
        self._codec: Codec = next(
            codec for codec in connection.profile.codecs if codec.id == connection.agreement.codec
        )
        self._build = self._codec.build if self._codec.has_records else None
        self._nothing = Body(self._codec.encode(None, _PLAIN, self._limits))
        self._bare_calls: dict[str, Body] = {}
        self._bare_values: dict[bytes, Any] = {}
        self._proxy_lock = Lock()
        self._classes: dict[bytes, type[Proxy | RemoteFunction]] = {}

    # Asking.

    def cause(self) -> Request | None:
        """Return the peer's request that this thread or task is handling, if it came by this session."""
        request = serving.get()
        return request if request is not None and request.peer is self._peer else None

    def encode(self, value: object, kind: int = 0) -> Body:
        """Return the body of a request: its name, and what goes with it. Containers in it are copied now.

        Args:
            value: the payload.
            kind: of the request, so that errors can name the part that is wrong.

        Raises:
            EncodeError: if something in it cannot travel.
        """
        if trace.level == 3:
            trace.value(value)
        if kind == _CALL and type(value) is list and len(value) == 2 and not value[1] and type(value[0]) is str:
            return self._encode_bare(value[0], value)
        body = Outbound(self, lends=True)
        body.payload = self._codec.encode(value, body, self._limits, names=_PARTS.get(kind, ()))
        return body

    def _encode_bare(self, name: str, value: list[Any]) -> Body:
        """Return the body of a call without arguments: it is the same bytes each time."""
        bare = self._bare_calls.get(name)
        if bare is None:
            bare = Body(self._codec.encode(value, _PLAIN, self._limits))
            if len(self._bare_calls) < _MOST_BARE and len(bare.payload) <= _BARE_BYTES:
                self._bare_calls[name] = bare
        return bare

    def result(self, pending: Pending) -> Any:
        """Return what an answered request answered.

        Raises:
            SessionError: if the session ended first.
            DecodeError: if the answer cannot be read.
            Exception: what the other side raised.
        """
        if pending.failure is not None:
            raise pending.failure.anew()
        is_nothing = pending.kind == _RETURN and pending.payload == self._nothing.payload
        if is_nothing and not pending.references and not pending.buffers:
            return None  # What most methods answer.
        build = self._codec.build if pending.references else self._build
        value = self._decode(pending.payload, pending.references, pending.buffers)
        if pending.kind == _RETURN:
            return value if build is None else build(value)
        raise self._rebuild(value, self._owner if self.connection.is_server else None)

    def _rebuild(self, failure: object, owner: object) -> Exception:
        types = self.connection.profile.errors.rebuilt
        return rebuild(failure, str(self.connection.peer), owner=owner, types=types)

    def _decode(self, payload: bytes, references: list[object], buffers: list[bytes]) -> Any:
        if UNKNOWN in references:
            self._let_go(references)
            raise AccessDenied(NO_SUCH_OBJECT)
        if not references and not buffers:
            value = self._codec.decode(payload, _PLAIN, self._limits)
        else:
            try:
                resolver = Inbound(references, buffers, self)
                value = self._codec.decode(payload, resolver, self._limits)
            finally:
                # Proxies took over the uses they need; the message itself needs none any more.
                self._let_go(references)
        if trace.level == 3:
            trace.value(value)
        return value

    def _let_go(self, references: list[object]) -> None:
        """Give up a message's references: it is decoded, or will not be. Here finalizers may run, and early enough."""
        self._session.disown(references)
        references.clear()

    # Serving.

    def run(self, request: Request) -> tuple[int, Body]:
        """Do what a request asks for; return the kind and body of its answer. Nothing is raised."""
        request.peer = self._peer
        token = serving.set(request)
        try:
            return _RETURN, self._perform(request)
        except BaseException as error:
            # SystemExit and its like from served code end neither this thread nor the server. What ran for a client
            # on a thread of its own program's may end that: the driver lets it go on once it has answered.
            if isinstance(error, KeyboardInterrupt | SystemExit):
                request.ending = error
            if not request.flags & WANT:
                self._reporter.note_unheard(error)
            return _RAISE, self.refuse(request, error)
        finally:
            serving.reset(token)

    def _perform(self, request: Request) -> Body:
        if request.fault is not None:
            self._let_go(request.references)
            raise request.fault
        target, view = request.target, request.view
        if type(target) is Promise:
            try:
                target, view = self._kept(target, request.kind)
            except BaseException:
                self._let_go(request.references)
                raise
        for promise in request.promises:
            if promise.failure is not None:
                self._let_go(request.references)
                raise Broken(promise.failure)
        build = self._codec.build if request.references else self._build
        if request.kind == _CALL:
            # What came beside a payload is looked at, whatever is known of the payload.
            value = None if request.references or request.buffers else self._bare_values.get(request.payload)
            if value is None or trace.level == 3:
                value = self._decode_call(request)
            if request.flags & PASS:
                self._dispatch.demand_concurrent(target, value)
            result = self._dispatch.call(target, view, value, build)
        else:
            value = self._decode(request.payload, request.references, request.buffers)
            if request.kind == _OPERATE:
                value = self._with_error(value)
            result = self._dispatch.perform(request.kind, target, view, value, build)
        if result is None and request.promise is None:
            return self._nothing
        by_value = request.kind in _BY_VALUE
        if type(result) is Copied:
            result, by_value = result.target, True
        body = Snapshot(self) if by_value else Outbound(self)
        try:
            body.payload = self._codec.encode(result, body, self._limits, containers=by_value or self._copies)
        except (AccessDenied, EncodeError) as error:
            if request.kind != _GET:
                raise
            # Whoever asks for a name is told the same of what may not leave as of what is not there.
            hint = error.hint if type(error) is Denied else str(error)
            raise self._dispatch.refused(target, value[0], hint) from None
        if request.promise is not None:
            self._keep(request.promise, result, body)
        return body

    def _with_error(self, value: Any) -> Any:
        """Return the payload of an Operate; where the peer tells of an error in it, with that error."""
        if type(value) is not list or len(value) != 2 or type(value[0]) is not int or value[1] is None:
            return value
        if value[0] not in _TAKES_FAILURE:
            return value
        return [value[0], self._rebuild(value[1], self._owner)]

    def _decode_call(self, request: Request) -> Any:
        """Return a call's payload decoded. One without arguments is the same bytes each time, and is remembered."""
        value = self._decode(request.payload, request.references, request.buffers)
        is_short = len(request.payload) <= _BARE_BYTES and not request.references
        match value:
            case [str(), []] if is_short and len(self._bare_values) < _MOST_BARE:
                self._bare_values[request.payload] = value
            case _:
                pass
        return value

    def _kept(self, promise: Promise, kind: int) -> tuple[object, int]:
        """Return a kept result that is to be used as a target, as if it had been sent."""
        target, view = outcome(promise)
        if not view and kind not in _BY_VALUE:
            # It went by value, and a value is nothing that could be asked for more.
            self._demand(self._dispatch.tables.may_leave(type(target)), type(target))
        return target, view or View.READ

    def _keep(self, promise: Promise, result: object, body: Body) -> None:
        """Keep a result for the peer: what it refers to, or else the value itself, with no view of it."""
        if type(result) is Shallow:
            try:
                check_held(result.value)
            except ValueError as error:
                promise.failure = self.failure(error).payload
                return
            result = result.value
        sent = body.references[0] if len(body.references) == 1 else None
        kind = type(result)
        is_wrapped = issubclass(kind, Reference | Opened) or kind in ITERATORS or kind in MANAGERS
        if type(sent) is Mine and (sent.target is result or is_wrapped):
            promise.value, promise.view = sent.target, sent.view
        else:
            promise.value = result

    def describe_error(self, error: BaseException) -> dict[str, object]:
        """Return what the peer may be told of an error that ends a block here, or is thrown into its generator."""
        return self._reporter.describe(error)

    def refuse(self, request: Request, error: BaseException) -> Body:
        """Return the body of a request's failure, which whoever names its result gets as well. Nothing is raised."""
        body = self.failure(error)
        if request.promise is not None:
            request.promise.failure = body.payload
        return body

    def failure(self, error: BaseException) -> Body:
        """Return the body that tells the peer of ``error``, as far as the error policy lets it know.

        Nothing is raised, whatever the error's own code does.
        """
        if type(error) is Broken:
            return Body(error.payload)
        described, reference = self._reporter.report(error)
        try:
            return Body(self._codec.encode(described, _PLAIN, self._limits))
        except EncodeError:
            # Limits so low that not even a failure fits.
            return Body(self._codec.encode({"reference": reference}, _PLAIN, self._limits))

    # Customs: what may leave, and what comes in.

    def declare(self, value: object, *, lends: bool) -> Entry:
        """Return how ``value`` goes by reference, if it may."""
        view, was_said = View.READ, True
        # By exact type: an object may say anything of its class, and run code for that.
        kind = type(value)
        if kind is Opened:
            opened = cast("Opened", value)
            value, view = opened.target, opened.view
        elif issubclass(kind, Reference):
            value, view = cast("Reference[object]", value).target, View.WRITE if kind is Mutable else View.READ
        else:
            was_said = False
        if issubclass(type(value), Proxy | RemoteFunction):
            shell = cast("Proxy | RemoteFunction", value)
            caller, entry = inside(shell)
            if caller is not self._caller:
                raise EncodeError("a proxy of another session cannot travel in this one")
            return Yours(entry, shell)
        if not was_said and self._session.tables.exports.holds(value, View.WRITE):
            # What this session was given to change is still that when it comes out of a method.
            return Mine(value, View.WRITE, self._describe(value, View.WRITE))
        cls = type(value)
        if cls in ITERATORS and self.connection.is_server:
            value = cursor_over(value)  # type: ignore[arg-type]  # all of them are iterators
        elif cls in MANAGERS and self.connection.is_server:
            value = Scope(value)  # type: ignore[arg-type]  # all of them are context managers
        elif cls in _CALLABLES:
            if not was_said and not lends:
                self._demand(self._dispatch.tables.callable_may_leave(value), cls)
        elif not was_said and cls not in _REVIEWED:
            if not self.connection.is_server:
                hint = advice(cls) or "limpet.ref lets the server call its methods"
                raise EncodeError(f"{with_article(cls)} cannot travel; {hint}")
            self._demand(self._dispatch.tables.may_leave(cls), cls)
        return Mine(value, view, self._describe(value, view))

    def _demand(self, decision: object, cls: type) -> None:
        if isinstance(decision, Deny):
            raise Denied(decision, with_article(cls))

    def _describe(self, target: object, view: View) -> bytes:
        known = self._dispatch.descriptors.setdefault(type(target), {})
        content = known.get((view, self._codec.id))
        if content is None:
            content = self._codec.encode(
                describe(type(target), self._dispatch.table_of(target), view), _PLAIN, self._limits
            )
            if len(content) > self._limits.descriptor_bytes:
                name = type(target).__name__
                raise EncodeError(f"the class {name} shows too much: its descriptor has {len(content)} bytes")
            known[view, self._codec.id] = content
        return content

    def proxy(self, entry: Import) -> tuple[Proxy | RemoteFunction, bool]:
        """Return the proxy for ``entry``, and whether it had to be made."""
        with self._proxy_lock:
            alive = entry.proxy() if entry.proxy is not None else None
            # One that another thread is just releasing asks through nothing any more.
            if isinstance(alive, Proxy | RemoteFunction) and inside(alive)[0] is self._caller:
                return alive, False
            cls = self._classes.get(entry.descriptor)
            if cls is None:
                if len(self._classes) >= self._limits.types:
                    # Only a peer that sends more types than are remembered gets here.
                    self._classes.clear()
                cls = self._classes[entry.descriptor] = self._make_class(entry.descriptor)
            return make_proxy(cls, self._caller, entry), True

    def _make_class(self, content: bytes) -> type[Proxy | RemoteFunction]:
        descriptor = read_descriptor(self._codec.decode(content, _PLAIN, self._limits))
        return function_class(descriptor) if self.connection.is_server else proxy_class(descriptor)
