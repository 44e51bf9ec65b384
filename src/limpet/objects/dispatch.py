"""The one place that touches a user's object on behalf of a peer.

Every request comes here decoded and unjudged, and leaves as a result or an error.
Members are looked up in tables, never by name on the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from types import MethodType
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from limpet.errors import AccessDenied, DecodeError
from limpet.logs import with_article
from limpet.objects.cursor import Cursor
from limpet.objects.members import MISSING, Member, MemberTable, MemberTables
from limpet.objects.operands import Operands, check_length, referred
from limpet.objects.operations import Operation
from limpet.objects.reviewed import CONTAINERS
from limpet.objects.services import Catalog
from limpet.objects.wrappers import Method
from limpet.policy.decision import NOTHING, Deny
from limpet.policy.names import NamePolicy
from limpet.session.messages import Kind, View

__all__ = ["Denied", "Dispatch", "Interceptor", "Invocation"]

_CALL: Final = int(Kind.CALL)
_NO_OPERATION: Final = Deny(NOTHING, "its class does not define that operation, or it is not shown")
_NOT_COMPARABLE: Final = Deny(NOTHING, "a container would compare or hash it, and how that is done is not shown")
_NOT_CALLABLE: Final = "what it holds is no method, nor a function that may leave"
_SHOWN: Final = 64
_NO_KEYWORDS: Final[dict[str, Any]] = {}
_FIRST_ITEMS: Final = 64
"""Items that come along with the answer to an iteration over a container."""


class Invocation(NamedTuple):
    """One use of a user's object: what interceptors see."""

    kind: Kind
    target: object
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    run: Callable[..., Any]


Build = Callable[[Any], Any]
Interceptor = Callable[[Invocation, Callable[[Invocation], Any]], Any]
"""Takes an invocation and what comes next; returns what next returned, or its own."""


class Denied(AccessDenied):
    """A refusal with the hint that only the log, and a peer on loopback, may see."""

    def __init__(self, denial: Deny, what: str) -> None:
        super().__init__(f"{what}: {denial.reason}")
        self.hint: str = denial.hint


class Dispatch:
    """Uses objects as requests say and policies allow.

    Args:
        tables: what each class shows.
        names: the gate for names and keywords.
        catalog: what a peer may open; None on a client.
        interceptors: run around every use of an object, outermost first.
    """

    def __init__(
        self,
        tables: MemberTables,
        names: NamePolicy,
        catalog: Catalog | None = None,
        interceptors: tuple[Interceptor, ...] = (),
    ) -> None:
        self.tables = tables
        self.descriptors: WeakKeyDictionary[type, dict[tuple[int, int], bytes]] = WeakKeyDictionary()
        """What was written of each class, by view and codec: the same for all sessions."""
        self.references: count[int] = count(1)
        """Numbers errors that peers are told of by a number alone."""
        self._names = names
        self._catalog = catalog
        self._interceptors = interceptors

    def perform(self, kind: int, target: object, view: int, value: object, build: Build | None = None) -> Any:
        """Do what a request asks for, and return its result.

        Args:
            kind: of the request.
            target: the object it names.
            view: what the peer may do with the object's own state.
            value: the decoded payload.
            build: makes instances of the records in it, after a policy allowed what they are for.

        Raises:
            AccessDenied: if a policy says no.
            DecodeError: if the payload does not have the form of its kind.
            BaseException: whatever the user's code raises.
        """
        if kind == _CALL:
            return self.call(target, view, value, build)
        if type(value) is not list:
            raise _malformed(kind)
        match kind, value:
            case Kind.OPEN, [str(name), list(args), dict(kwargs)]:
                return self._open(name, args, self._judge_keywords(kwargs), build)
            case Kind.GET, [str(name)]:
                return self._get(target, view, name)
            case Kind.SET, [str(name), new]:
                return self._set(target, view, name, new, build)
            case Kind.DELETE, [str(name)]:
                return self._delete(target, view, name)
            case Kind.OPERATE, [int(number), *operands] if type(number) is int:
                return self._operate(target, view, number, operands, build)
            case Kind.COPY, []:
                return self._use(Kind.COPY, target, "", lambda it, /: it, (), {})
            case Kind.DESCRIBE, []:
                return self._describe(target, view)
            case _:
                raise _malformed(kind)

    def _judge_keywords(self, kwargs: dict[Any, Any]) -> dict[str, Any]:
        for keyword in kwargs:
            decision = self._names.judge(keyword)
            if isinstance(decision, Deny):
                raise Denied(decision, "a keyword argument")
        return kwargs

    def table_of(self, target: object) -> MemberTable:
        """Return what ``target`` shows."""
        return self.tables.of(type(target))

    def _use(
        self,
        kind: Kind,
        target: object,
        name: str,
        run: Callable[..., Any],
        args: Any,
        kwargs: dict[str, Any],
        build: Build | None = None,
    ) -> Any:
        """Run what was allowed, through the interceptors if there are any.

        What is in the payload by reference, or is to be built, comes in first: they see what the object gets.
        """
        if build is not None:
            args, kwargs = build((args, kwargs))  # at once: they may share what is in them
        if not self._interceptors:
            return run(target, *args, **kwargs)
        following: Callable[[Invocation], Any] = _finish
        for interceptor in reversed(self._interceptors):
            following = _around(interceptor, following)
        # A dict of its own: an interceptor may change it, and one without keywords is everybody's.
        return following(Invocation(kind, target, name, tuple(args), dict(kwargs), run))

    def call(self, target: object, view: int, value: object, build: Build | None = None) -> Any:
        """Do what a Call asks for, and return its result; see `perform`. It is the one that is asked for most."""
        if type(value) is not list or not 2 <= len(value) <= 3:
            raise _malformed(_CALL)
        name, args = value[0], value[1]
        kwargs = value[2] if len(value) == 3 else _NO_KEYWORDS
        if type(name) is not str or type(args) is not list or type(kwargs) is not dict:
            raise _malformed(_CALL)
        if kwargs:
            self._judge_keywords(kwargs)
        table = self.tables.of(type(target))
        member = table.members.get(name)
        if member is None or member.call is None:
            return self._call_other(target, table, view, name, args, kwargs, build)
        if member.writes and view != View.WRITE:
            raise _read_only(target, name)
        if self._interceptors or build is not None:
            self._judge_operands(member.operands, (args, kwargs), build)
            return self._use(Kind.CALL, target, name, member.call, args, kwargs, build)
        return member.call(target, *args, **kwargs)

    def _judge_operands(self, operands: Operands | None, values: tuple[object, ...], build: Build | None) -> None:
        """Refuse objects of this side's as operands of a container's that would run what they do not show.

        Raises:
            AccessDenied: if the container would compare or hash one that hides how that is done.
            ValueError: if it would take items from one that has too many.
        """
        if build is None or not operands:
            return
        for value in referred(values):
            if Operands.COMPARED in operands and not self.table_of(value).is_comparable:
                raise Denied(_NOT_COMPARABLE, f"{with_article(type(value))} as an operand")
            if Operands.TAKEN in operands:
                check_length(value)

    def demand_concurrent(self, target: object, value: object) -> None:
        """Refuse a call that passed the others of its session, unless its method is marked with `concurrent`.

        Raises:
            AccessDenied: if it is not.
        """
        name = value[0] if type(value) is list and value else None
        member = self.table_of(target).members.get(name) if type(name) is str else None
        if member is None or not member.concurrent:
            raise Denied(Deny(NOTHING, "only a method marked with @limpet.concurrent may pass the queue"), "the call")

    def _call_other(
        self,
        target: object,
        table: MemberTable,
        view: int,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        build: Build | None,
    ) -> Any:
        """Call what is not a method: the object itself, or data that is a function and may leave."""
        value: Any = target
        if name:
            value = self._get(target, view, name)
            if isinstance(self.tables.callable_may_leave(value), Deny):
                raise self.refused(target, name, _NOT_CALLABLE)
        if type(value) is Method:
            return self._call_member(value.target, value.member, args, kwargs, build)
        if type(value) is MethodType:
            member = self.tables.member_behind(value)
            if member is not None:
                return self._call_member(value.__self__, member, args, kwargs, build)
            run: Callable[..., Any] = value.__func__
            return self._use(Kind.CALL, value.__self__, getattr(run, "__name__", ""), run, args, kwargs, build)
        if name:

            def call(_target: object, /, *args: Any, **kwargs: Any) -> Any:
                return value(*args, **kwargs)

            return self._use(Kind.CALL, target, name, call, args, kwargs, build)
        form = table.operations.get(Operation.CALL)
        if form is None:
            raise Denied(_NO_OPERATION, f"calling the {type(target).__name__}")
        return self._use(Kind.CALL, target, "", form.apply, args, kwargs, build)

    def _call_member(
        self, target: object, member: Member, args: list[Any], kwargs: dict[str, Any], build: Build | None
    ) -> Any:
        """Call a method that was got before, as if by its name: its view was judged then."""
        if member.call is None:
            raise TypeError("this member cannot be called")
        self._judge_operands(member.operands, (args, kwargs), build)
        return self._use(Kind.CALL, target, member.name, member.call, args, kwargs, build)

    def _open(self, name: str, args: list[Any], kwargs: dict[str, Any], build: Build | None) -> Any:
        service = self._catalog.get(name) if self._catalog is not None else None
        if service is None:
            raise AccessDenied(
                f"there is no service named {_shown(name)}" if name else "a service's name is needed here"
            )
        self._judge_operands(service.operands, (args, kwargs), build)
        return self._use(Kind.OPEN, service, name, lambda it, /, *a, **k: it.open(a, k), args, kwargs, build)

    def _get(self, target: object, view: int, name: str) -> Any:
        table = self.table_of(target)
        member = table.members.get(name)

        def read(it: object, /) -> Any:
            if member is None:
                value = table.value(it, name)
            else:
                value = Method(it, member) if member.get is None else member.get(it)
            if value is MISSING:
                raise self.refused(it, name)
            return value

        if member is None and table.value(target, name) is MISSING:
            raise self.refused(target, name)  # No use of the object, so that no interceptor hears of it.
        if member is not None and member.writes and view != View.WRITE:
            raise _read_only(target, name)
        return self._use(Kind.GET, target, name, read, (), {})

    def refused(self, target: object, name: str, hint: str = "") -> Denied:
        """Return what a peer is told of a name that is not there, is hidden, or holds what may not leave."""
        refusal = self.table_of(target).refusal(name)
        return Denied(
            replace(refusal, hint=hint) if hint else refusal, f"{_shown(name)} of the {type(target).__name__}"
        )

    def _set(self, target: object, view: int, name: str, value: Any, build: Build | None) -> None:
        table = self.table_of(target)
        decision = table.settable(target, name, View(view))
        if isinstance(decision, Deny):
            raise Denied(decision, f"setting {_shown(name)} of the {type(target).__name__}")
        self._use(Kind.SET, target, name, lambda it, new, /: table.store(it, name, new), [value], {}, build)

    def _delete(self, target: object, view: int, name: str) -> None:
        table = self.table_of(target)
        decision = table.deletable(target, name, View(view))
        if isinstance(decision, Deny):
            raise Denied(decision, f"deleting {_shown(name)} of the {type(target).__name__}")
        self._use(Kind.DELETE, target, name, lambda it, /: table.remove(it, name), (), {})

    def _operate(self, target: object, view: int, number: int, operands: list[Any], build: Build | None) -> Any:
        table = self.table_of(target)
        form = table.operations.get(number)
        if form is None:
            raise Denied(_NO_OPERATION, f"operation {number} on the {type(target).__name__}")
        if not form.takes(len(operands)):
            raise _malformed(Kind.OPERATE)
        if form.writes and view != View.WRITE:
            raise _read_only(target, form.operation.name.lower())
        if number == Operation.CALL:
            return self._call_other(target, table, view, "", operands, {}, build)
        if form.operands is not None:
            self._judge_operands(form.operands, (operands[:1],), build)
            if number == Operation.SETITEM and type(operands[0]) is slice:
                self._judge_operands(Operands.TAKEN, (operands[1],), build)
        run = form.apply
        if number == Operation.ITERATE or number == Operation.REVERSED:
            run = partial(_first_items, form.apply)
        result = self._use(Kind.OPERATE, target, form.dunder, run, operands, {}, build)
        return Ellipsis if result is NotImplemented else result

    def _describe(self, target: object, view: int) -> list[str]:
        table = self.table_of(target)
        hidden = () if view == View.WRITE else [name for name, member in table.members.items() if member.writes]
        return sorted(set(table.names(target)).difference(hidden))


def _shown(name: str) -> str:
    """Return a peer's name as an error may repeat it."""
    return repr(name if len(name) <= _SHOWN else name[:_SHOWN] + "...")


def _first_items(iterate: Callable[..., Any], target: object, /) -> tuple[tuple[Any, ...], Cursor | None]:
    """Begin an iteration, and return its first items with what fetches the others."""
    cursor = Cursor(iterate(target), is_eager=type(target) in CONTAINERS)
    items, more = cursor.take(_FIRST_ITEMS)
    return items, cursor if more else None


def _finish(invocation: Invocation) -> Any:
    return invocation.run(invocation.target, *invocation.args, **invocation.kwargs)


def _around(interceptor: Interceptor, following: Callable[[Invocation], Any]) -> Callable[[Invocation], Any]:
    return lambda invocation: interceptor(invocation, following)


def _malformed(kind: int) -> DecodeError:
    return DecodeError(f"the payload of a {Kind(kind).name.title()} does not have its form")


def _read_only(target: object, name: str) -> AccessDenied:
    return AccessDenied(
        f"{_shown(name)} would change the {type(target).__name__}, which is read-only here; "
        "limpet.mutable lets it out writable"
    )
