"""Reads one class, and decides what of it is shown.

Of an entry in a class's dictionary is asked, in this order: is it hidden, by any class in
the resolution order; does a reviewed list have it; does its class count, because it is
served, marked, listed or of the served package; was only a part of it marked; and is it
a method, a property or data at all.
"""

from __future__ import annotations

import operator
from collections import Counter, abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType
from typing import Any, Final

from limpet.logs import full_name
from limpet.objects.anatomy import (
    MISSING,
    annotated,
    dictionary,
    instance_dictionary,
    resolution,
    resolve,
    top_package,
)
from limpet.objects.entries import Getter, Member, MemberKind, data_member, is_class_data, member_of, read_slot
from limpet.objects.fields import fields_text, hashes_hidden, is_generated
from limpet.objects.operands import Operands, bounded, made, operands_of
from limpet.objects.operations import ARITHMETIC, CURSORS, FORMS, Form, Operation
from limpet.objects.reviewed import BASES, CONTAINERS, NEEDS, Reviewed
from limpet.objects.wrappers import Copied
from limpet.policy.exposure import Exposure, is_by_value, is_exposed, is_hidden, is_never_exposed
from limpet.policy.names import NamePolicy

__all__ = ["Rules", "Survey"]

_MAKES: Final = frozenset({"copy", "difference", "hex", "intersection", "most_common", "symmetric_difference", "union"})
"""Methods of containers that make a container, or text of the same size."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides which class counts.

    Attributes:
        exposure: the policy.
        names: the gate for names.
        served: classes that are served.
        packages: the top-level packages these come from.
        wrappers: limpet's own classes that leave, and what is shown of them.
    """

    exposure: Exposure
    names: NamePolicy
    served: frozenset[type]
    packages: frozenset[str]
    wrappers: Mapping[type, Reviewed]

    def reviewed(self, cls: type) -> Reviewed | None:
        """Return the fixed list for exactly ``cls``, if there is one."""
        return self.wrappers.get(cls) or CONTAINERS.get(cls)


class Survey:
    """What is shown of ``cls``.

    Attributes:
        members: by name.
        operations: by number.
        blocked: names that are in a class and not shown, with the reason for the log.
        is_open: whether data that only the instance has is shown.
        read_dictionary: reads an instance's own dictionary; None if it has none to be read.
        is_comparable: whether a container that compares or hashes an instance runs only what is shown.
    """

    def __init__(self, cls: type, rules: Rules) -> None:
        self._cls = cls
        self._rules = rules
        self._only = rules.exposure.names
        self._is_reviewed = rules.reviewed(cls) is not None
        self.members: dict[str, Member] = {}
        self.operations: dict[int, Form] = {}
        self.blocked: dict[str, str] = {}
        self.read_dictionary: Getter | None = None
        self.is_open: bool = False
        self.is_comparable: bool = True
        if is_never_exposed(cls) and not self._is_reviewed:
            return
        if not self._is_reviewed:
            self.read_dictionary = instance_dictionary(cls)
        self._bases = resolution(cls)
        lists = ((base, rules.reviewed(base) or BASES.get(base)) for base in self._bases)
        self._lists = [(base, listed) for base, listed in lists if listed is not None]
        self._hidden = {name for base in self._bases for name, entry in _entries(base) if is_hidden(entry)}
        self._hidden.update(name for _, listed in self._lists for name in listed.private)
        self._counted = self._find_counted()
        self._narrowed = frozenset(base for base in self._counted if _is_narrowed(base))
        self._declared = self._find_declared()
        self.is_open = not (self._is_reviewed or self._narrowed or rules.exposure.annotated_only)
        self._needs: dict[str, tuple[str, ...]] = {}
        self._writing = {name for _, listed in self._lists for name in listed.write}
        self._find_members()
        self._find_operations()
        self._drop_what_uses_hidden()
        self.is_comparable = self._is_reviewed or not any(map(self._is_concealed, _ASKED))

    # ---------------------------------------------------------------- classes

    def _find_counted(self) -> frozenset[type]:
        """Return the classes whose own members may be shown."""
        rules, packages = self._rules, self._rules.packages
        known = rules.served.union(rules.exposure.types, filter(is_exposed, self._bases))
        if self._cls not in known:
            # It was let out by hand, for this once: as far as it goes, it is what is served.
            packages |= {top_package(self._cls)} - {"builtins"}
        return frozenset(
            base for base in self._bases if not is_hidden(base) and (base in known or top_package(base) in packages)
        )

    def _is_whole(self, base: type) -> bool:
        """Tell whether all of ``base`` is shown, and not only what is marked in it."""
        if is_exposed(base):
            return True
        return not self._narrowed or (base in self._rules.exposure.types and base not in self._narrowed)

    # ---------------------------------------------------------------- members

    def _find_declared(self) -> dict[str, bool]:
        """Return the annotated names, and whether each may be set. The class nearest to the instance wins."""
        declared: dict[str, bool] = {}
        for base in self._bases:
            if base in self._counted and self._is_whole(base):
                for name, may_set in annotated(base).items():
                    declared.setdefault(name, may_set)
        return declared

    def _find_members(self) -> None:
        seen: set[str] = set()
        for base in self._bases:
            for name, entry in _entries(base):
                if name not in seen and self._rules.names.judge(name):
                    seen.add(name)
                    shown = self._judge(name, base, entry)
                    if isinstance(shown, Member):
                        self.members[name] = shown
                    elif shown:
                        self.blocked[name] = shown
        self.blocked.update((name, "it is the class's own") for name in self._hidden - seen)
        for name, may_set in self._declared.items():
            if name not in self.members and name not in self.blocked and self._may_be_named(name):
                self.members[name] = data_member(name, self._reader(name, {}), settable=may_set)

    def _may_be_named(self, name: str) -> bool:
        return bool(self._rules.names.judge(name)) and (self._only is None or name in self._only)

    def _judge(self, name: str, base: type, entry: object) -> Member | str:
        """Return the member that ``entry`` is, or why not; '' if it does not stand in an instance's way."""
        if name in self._hidden:
            return "it is marked with @limpet.hide"
        if not self._is_reviewed and self._only is not None and name not in self._only:
            return "the exposure policy does not name it"
        if self._is_reviewed or not self._narrowed:
            for listed_base, listed in self._lists:
                if base in resolution(listed_base) and (name in listed.read or name in listed.write):
                    self._needs[name] = NEEDS.get(base, {}).get(name, ())
                    return _listed_member(name, entry, listed_base, writes=name in listed.write)
        if self._is_reviewed:
            return "it is not among the reviewed members of this type"
        if base not in self._counted:
            return self._judge_foreign(name, base, entry)
        if not self._is_whole(base) and not is_exposed(entry):
            return "only members marked with @limpet.expose are shown of this class"
        shown = self._judge_own(name, base, entry)
        # What changes a container does so in a class of the user's, too, whatever that adds to it.
        return replace(shown, writes=True) if isinstance(shown, Member) and name in self._writing else shown

    def _judge_own(self, name: str, base: type, entry: object) -> Member | str:
        is_method = type(entry) is FunctionType and name not in annotated(base)
        if _is_slot(base, entry):
            member: Member | None = self._slot(name, entry)
        elif type(entry) is FunctionType and not is_method:
            # A field whose default is a function: the instance's own value is what the name means.
            member = None
        elif is_class_data(entry):
            read = self._reader(name, dictionary(base))
            member = data_member(name, read, settable=self._declared.get(name), shared=entry)
        else:
            member = member_of(name, entry)
        if member is None:
            return "it is neither a method, nor a property, nor data"
        if member.kind is MemberKind.DATA and self._rules.exposure.annotated_only and name not in self._declared:
            return "the exposure policy shows only data that is annotated"
        if is_by_value(entry) or is_by_value(base):
            member = replace(member, call=_copied(member.call), get=_copied(member.get))
        if type(entry) is property and not self._is_whole(base):
            return replace(
                member,
                settable=member.settable and is_exposed(entry.fset),
                deletable=member.deletable and is_exposed(entry.fdel),
            )
        return member

    def _judge_foreign(self, name: str, base: type, entry: object) -> Member | str:
        if not is_hidden(base):
            if is_class_data(entry):
                return ""
            if self.is_open and _is_slot(base, entry):
                return self._slot(name, entry)
        return (
            f"it comes from {base.__qualname__}, which is not exposed: "
            f"mark that with @limpet.expose, or list it in Exposure(types=...)"
        )

    def _slot(self, name: str, entry: Any) -> Member:
        return data_member(name, read_slot(entry), settable=self._declared.get(name, True))

    def _reader(self, name: str, shared: Mapping[str, object]) -> Getter:
        """Return what reads data of an object: its own, else what the class has."""
        read_dictionary = self.read_dictionary

        def read(target: object) -> Any:
            if read_dictionary is not None:
                own = dict.get(read_dictionary(target), name, MISSING)
                if own is not MISSING:
                    return own
            return shared.get(name, MISSING)

        return read

    # ---------------------------------------------------------------- operations

    def _find_operations(self) -> None:
        for number, form in FORMS.items():
            found = self._judge_operation(form)
            if found is not None:
                self.operations[number] = found

    def _judge_operation(self, form: Form) -> Form | None:
        dunder = self._code_of(form)
        owner, entry = resolve(self._cls, dunder) or (object, MISSING)
        if entry is None or form.dunder in self._hidden:
            return None
        is_named = self._is_reviewed or self._only is None or form.dunder in self._only
        if self._is_reviewed or form.universal or (is_named and not self._narrowed):
            for base, listed in self._lists:
                if form.operation in listed.operations and owner in resolution(base):
                    self._needs[dunder] = NEEDS.get(owner, {}).get(dunder, ())
                    apply = listed.applies.get(form.operation, form.apply)
                    return replace(form, apply=apply, operands=_operands(form.operation))
        if self._is_reviewed or form.operation in CURSORS:
            return None
        if form.universal:
            is_default = owner is object
            is_shown = is_named and dunder not in self._hidden and (not self._narrowed or is_exposed(entry))
            if is_shown and dunder == "__repr__" and is_generated(owner, entry):
                return replace(form, apply=fields_text(owner, self.members))
            if is_shown and dunder == "__hash__" and hashes_hidden(owner, entry, self.members):
                return replace(form, apply=_impersonal_hash)
            if is_shown and (not is_default or form.operation is Operation.BOOL) and not self._hides_length(form):
                return form
            return replace(form, apply=_IMPERSONAL[form.operation])
        if owner not in self._counted or not is_named or not (self._is_whole(owner) or is_exposed(entry)):
            return None
        # A method of the class's own, like any other: what it changes is its business, unless it is a container.
        return replace(form, writes=form.writes and bool(self._writing))

    def _code_of(self, form: Form) -> str:
        """Return the special method whose code does the operation: the ``__str__`` of `object` asks for the repr."""
        owner, _ = resolve(self._cls, form.dunder) or (object, None)
        return "__repr__" if form.operation is Operation.STR and owner is object else form.dunder

    def _drop_what_uses_hidden(self) -> None:
        """Take back what standard bases add to a class where it would use what the class does not show."""
        while lacking := [name for name, needs in self._needs.items() if not all(map(self._is_shown, needs))]:
            for name in lacking:
                del self._needs[name]
                if self.members.pop(name, None) is not None:
                    self.blocked[name] = "it uses methods of the class that are not shown"
            for number, form in tuple(self.operations.items()):
                if form.dunder in lacking:
                    del self.operations[number]
                    if form.universal:
                        self.operations[number] = replace(form, apply=_IMPERSONAL[form.operation], operands=None)

    def _is_shown(self, name: str) -> bool:
        return name in self.members or any(
            form.dunder == name and form.apply is not _IMPERSONAL.get(form.operation)
            for form in self.operations.values()
        )

    def _is_concealed(self, name: str) -> bool:
        """Tell whether ``name`` is code of the class's that is not shown."""
        if name in self._hidden:
            return True
        _, entry = resolve(self._cls, name) or (object, None)
        return entry is not None and type(entry) not in _NATIVE and not self._is_shown(name)

    def _hides_length(self, form: Form) -> bool:
        """Tell whether ``bool`` would ask a length that is not shown."""
        return form.operation is Operation.BOOL and "__len__" in self._hidden


def _operands(operation: Operation) -> Operands:
    """Return what a container does with the operand of ``operation``."""
    if operation is Operation.ADD or operation is Operation.IADD:
        return Operands.TAKEN
    return Operands.TAKEN | Operands.COMPARED if operation in ARITHMETIC else Operands.COMPARED


def _copied(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return ``function`` with its result marked to go by value."""
    if function is None:
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        return result if result is MISSING else Copied(result)

    return call


def _impersonal_text(target: object) -> str:
    return f"<{full_name(type(target))} object>"


def _impersonal_hash(_target: object) -> int:
    return 0


_IMPERSONAL: Final[Mapping[Operation, Callable[..., object]]] = {
    Operation.BOOL: lambda _target: True,
    Operation.EQ: operator.is_,
    Operation.NE: operator.is_not,
    Operation.STR: _impersonal_text,
    Operation.REPR: _impersonal_text,
    Operation.HASH: _impersonal_hash,
}
"""What stands in for those of `object`, which tell the address in memory, and for a class's own that are not shown."""


_ASKED: Final = (
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"),
    *("__index__", "__len__", "__contains__", "__iter__", "__getitem__", "keys", "items"),
)
"""What a container may run of an operand."""
_NATIVE: Final = (WrapperDescriptorType, MethodDescriptorType)


def _entries(base: type) -> Iterator[tuple[str, object]]:
    # A copy, at once: another thread may add to the class meanwhile.
    yield from tuple(dictionary(base).items())


def _is_narrowed(base: type) -> bool:
    if is_exposed(base):
        return False
    return any(is_exposed(entry) for _, entry in _entries(base) if not issubclass(type(entry), type))


def _is_slot(base: type, entry: object) -> bool:
    return type(entry) is MemberDescriptorType and "__slots__" in dictionary(base)


def _listed_member(name: str, entry: object, base: type, *, writes: bool) -> Member | str:
    member = member_of(name, entry)
    if member is None:
        return "it is not what was reviewed"
    if base not in CONTAINERS and base not in BASES:
        return replace(member, writes=writes)
    operands = operands_of(name)
    if member.call is not None and Operands.TAKEN in operands:
        is_mapping = issubclass(base, dict | abc.Mapping)
        is_pairs = is_mapping and not issubclass(base, Counter)
        member = replace(member, call=bounded(member.call, pairs=is_pairs, keywords=is_mapping))
    if member.call is not None and name in _MAKES:
        member = replace(member, call=made(member.call))
    return replace(member, writes=writes, operands=operands)
