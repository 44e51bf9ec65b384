"""What each class shows to a peer: a table, built once from its dictionaries.

Members are never looked up by name on an object or its class, for that also finds
what a metaclass, ``__getattr__`` or another's code put there. The class wins: a name
that is in a class's dictionary, and not shown, is not looked for in the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import FunctionType, MethodType
from typing import Any, Final

from limpet.codec import MsgpackCodec
from limpet.errors import ConfigurationError
from limpet.objects.anatomy import MISSING, is_plain, top_package
from limpet.objects.entries import Member, MemberKind
from limpet.objects.operations import Form
from limpet.objects.reviewed import ITERATORS, Reviewed
from limpet.objects.survey import Rules, Survey
from limpet.objects.wrappers import Reference
from limpet.policy.decision import ALLOW, NOTHING, Decision, Deny
from limpet.policy.exposure import Exposure, is_exposed, is_hidden, is_never_exposed
from limpet.policy.names import NamePolicy
from limpet.session.messages import View

__all__ = ["MISSING", "Member", "MemberKind", "MemberTable", "MemberTables"]

_READ_ONLY: Final = Deny("read-only here", "let the object out with limpet.mutable, or serve the class, not one object")
_CHANGE: Final = "annotate the attribute in its class, or make it a property with a setter or deleter that is shown"
_NOT_SETTABLE: Final = Deny("it cannot be set", _CHANGE)
_NOT_DELETABLE: Final = Deny("it cannot be deleted", _CHANGE)
_TABLES: Final = 4_096
"""Classes whose tables are kept. A table holds its class, so that more would keep classes alive."""


class MemberTable:
    """What a class shows.

    Attributes:
        members: by name. All names are legal, so that one found here needs no other check.
        operations: by number.
        is_comparable: whether a container may be asked to compare or hash an instance.
    """

    __slots__ = (
        *("__weakref__", "_blocked", "_is_open", "_names", "_only", "_read", "_tables"),
        *("is_comparable", "members", "operations"),
    )

    def __init__(self, survey: Survey, rules: Rules, tables: MemberTables) -> None:
        self.members: Final[dict[str, Member]] = survey.members
        self.operations: Final[dict[int, Form]] = survey.operations
        self.is_comparable: Final[bool] = survey.is_comparable
        self._blocked = survey.blocked
        self._is_open = survey.is_open
        self._read = survey.read_dictionary
        self._names = rules.names
        self._only = rules.exposure.names
        self._tables = tables

    def value(self, target: object, name: str) -> Any:
        """Return data that ``target`` itself has by a name that is not among ``members``, else MISSING.

        Runs no code of the user's. What it returns has still to be let out.
        """
        if self._read is None or not self._is_shown(name):
            return MISSING
        return dict.get(self._read(target), name, MISSING)

    def _is_shown(self, name: str) -> bool:
        if not self._is_open or not self._names.judge(name) or name in self._blocked:
            return False
        return self._only is None or name in self._only

    def names(self, target: object) -> list[str]:
        """Return the names that ``target`` shows, in order. Runs no code of the user's."""
        shown = {
            name
            for name, member in self.members.items()
            if member.kind is not MemberKind.DATA or member.get is None or self._is_seen(member.get(target))
        }
        if self._read is not None and self._is_open:
            own: dict[Any, Any] = self._read(target)
            shown.update(
                name for name, value in tuple(dict.items(own)) if self._is_shown(name) and self._is_seen(value)
            )
        return sorted(shown)

    def _is_seen(self, value: object) -> bool:
        """Tell whether data with that value is there for a peer: what may not leave is not."""
        return value is not MISSING and is_plain(value) and self._tables.may_go(type(value))

    def declared(self, members: Iterable[Member]) -> list[str]:
        """Return the names of those of ``members`` that are data, but for what the class has and may not leave."""
        return [
            member.name
            for member in members
            if member.kind is MemberKind.PROPERTY
            or (member.kind is MemberKind.DATA and (member.shared is MISSING or self._is_seen(member.shared)))
        ]

    def refusal(self, name: str) -> Deny:
        """Return the one answer for what is hidden and for what is not there, with a hint for the log."""
        judged = self._names.judge(name)
        if isinstance(judged, Deny):
            return Deny(NOTHING, judged.reason)
        if name in self._blocked:
            return Deny(NOTHING, self._blocked[name])
        if not self._is_open:
            return Deny(NOTHING, "the class does not show it, and data that only the instance has is not shown")
        return Deny(NOTHING, "neither the class nor the instance has it")

    def settable(self, target: object, name: str, view: View) -> Decision:
        """Decide whether a peer that has ``view`` of ``target`` may set ``name``."""
        member = self.members.get(name)
        allowed = None if member is None else member.settable
        return self._judge_change(target, name, view, _NOT_SETTABLE, allowed=allowed)

    def deletable(self, target: object, name: str, view: View) -> Decision:
        """Decide whether a peer that has ``view`` of ``target`` may delete ``name``."""
        member = self.members.get(name)
        allowed = None if member is None else member.deletable
        return self._judge_change(target, name, view, _NOT_DELETABLE, allowed=allowed)

    def _judge_change(self, target: object, name: str, view: View, refused: Deny, *, allowed: bool | None) -> Decision:
        if name not in self.members and not self._is_seen(self.value(target, name)):
            return self.refusal(name)
        if view != View.WRITE:
            return _READ_ONLY
        if allowed is None:
            # Nothing declares it: it must be there, in the instance and not in its class, and be data.
            own = MISSING if self._read is None else dict.get(self._read(target), name, MISSING)
            allowed = own is not MISSING and is_plain(own)
        return ALLOW if allowed else refused

    def store(self, target: object, name: str, value: object) -> None:
        """Set ``name`` of ``target``, as its class does that. Ask `settable` first."""
        # Not past the class: one that is frozen, or checks what it is given, stays so.
        type(target).__setattr__(target, name, value)

    def remove(self, target: object, name: str) -> None:
        """Delete ``name`` of ``target``, as its class does that. Ask `deletable` first."""
        type(target).__delattr__(target, name)


class MemberTables:
    """The tables of all classes, under one policy, and what may leave by reference.

    Args:
        exposure: what the user shows.
        names: the gate for names.
        wrappers: limpet's own classes that leave, and what is shown of each.
        carries: tells what travels by value; what msgpack carries if not given.
    """

    __slots__ = ("_carries", "_leaving", "_rules", "_tables")

    def __init__(
        self,
        exposure: Exposure,
        names: NamePolicy | None = None,
        wrappers: Mapping[type, Reviewed] | None = None,
        carries: Callable[[type], bool] | None = None,
    ) -> None:
        self._carries = carries or MsgpackCodec().carries
        self._rules = Rules(exposure, names or NamePolicy(), frozenset(), frozenset(), dict(wrappers or {}))
        self._tables: dict[type, MemberTable] = {}
        self._leaving: set[type] = set()

    @property
    def packages(self) -> frozenset[str]:
        """The top-level packages of what is served."""
        return self._rules.packages

    def served(self, cls: type) -> None:
        """Note that instances of ``cls`` are served. Its package counts for what it inherits.

        Raises:
            ConfigurationError: if ``cls`` can never leave, or is hidden.
        """
        decision = self._rules.exposure.judge(cls)
        if isinstance(decision, Deny) and (is_never_exposed(cls) or is_hidden(cls)):
            raise ConfigurationError(f"it cannot be served: {decision.hint}")
        packages = self._rules.packages
        if self._rules.reviewed(cls) is None:
            packages |= {top_package(cls)} - {"builtins"}
        self._rules = replace(self._rules, served=self._rules.served | {cls}, packages=packages)
        self._tables = {}
        self._leaving = set()

    def of(self, cls: type) -> MemberTable:
        """Return the table of ``cls``, an empty one for what is never shown."""
        try:
            return self._tables[cls]
        except KeyError:
            rules, tables = self._rules, self._tables
            table = MemberTable(Survey(cls, rules), rules, self)
            if len(tables) >= _TABLES:
                tables.clear()
            tables[cls] = table
            return table

    def may_leave(self, cls: type) -> Decision:
        """Decide whether instances of exactly ``cls`` may leave by reference."""
        if cls in self._leaving:
            return ALLOW
        decision = self._judge(cls)
        if decision:
            if len(self._leaving) >= _TABLES:
                self._leaving.clear()
            self._leaving.add(cls)
        return decision

    def may_go(self, cls: type) -> bool:
        """Tell whether an instance of exactly ``cls`` may leave in any way. Runs no code of the user's."""
        return self._carries(cls) or cls in ITERATORS or issubclass(cls, Reference) or bool(self.may_leave(cls))

    def _judge(self, cls: type) -> Decision:
        if cls in ITERATORS:
            return Deny(NOTHING, f"a raw {cls.__qualname__} never leaves, only limpet's cursor over it")
        # Functions have a reviewed list, so that they can be called, but each is judged for itself.
        if not is_never_exposed(cls) and (cls in self._rules.served or self._rules.reviewed(cls) is not None):
            return ALLOW
        return self._rules.exposure.judge(cls)

    def callable_may_leave(self, value: object) -> Decision:
        """Decide whether ``value`` may leave to be called.

        A function may if it is marked with `expose`, a bound method if its object may
        leave and shows it.
        """
        if type(value) is FunctionType and is_exposed(value) and not is_hidden(value):
            return ALLOW
        if type(value) is MethodType:
            member = self.member_behind(value)
            # A view of the object goes with the object: what changes it is no function that goes alone.
            if member is not None and not member.writes:
                return self.may_leave(type(value.__self__))
        return Deny(NOTHING, "mark the function with @limpet.expose, or wrap it with limpet.ref or limpet.functions")

    def member_behind(self, method: MethodType) -> Member | None:
        """Return the shown member that a bound method is, if it is one."""
        function = method.__func__
        if type(function) is not FunctionType:
            return None
        member = self.of(type(method.__self__)).members.get(function.__name__)
        return member if member is not None and member.source is function else None
