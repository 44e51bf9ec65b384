"""What a type shows to the other side, as it goes over the wire (wire-protocol, Descriptors).

A descriptor belongs to a class and a view, is sent once per session, and is plain
data: names, signatures and numbers of operations. What is read back is checked
entry by entry, for a client trusts its server no more than a server its clients.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from limpet.errors import DecodeError, EncodeError
from limpet.logs import printable
from limpet.objects.anatomy import resolution
from limpet.objects.members import MemberKind, MemberTable
from limpet.objects.operations import FORMS, Operation
from limpet.objects.reviewed import CONTAINERS
from limpet.policy.names import NamePolicy
from limpet.session.messages import View

__all__ = ["INTERFACES", "Descriptor", "describe", "read_descriptor"]

_TEXT: Final = 400
"""Characters of a name, signature or first line of documentation."""
INTERFACES: Final[Mapping[str, type]] = {
    "Mapping": Mapping,
    "Sequence": Sequence,
    "Set": AbstractSet,
    "MutableMapping": MutableMapping,
    "MutableSequence": MutableSequence,
    "MutableSet": MutableSet,
}
"""What isinstance() may tell of a proxy, by its name in collections.abc."""
_READ_ONLY: Final = ("Mapping", "Sequence", "Set")
_READABLE: Final = frozenset({Operation.LENGTH, Operation.ITERATE, Operation.CONTAINS})
_PROMISES: Final[Mapping[str, frozenset[Operation | str]]] = {
    "Mapping": _READABLE | {Operation.GETITEM},
    "Sequence": frozenset({Operation.LENGTH, Operation.ITERATE, Operation.GETITEM}),
    "Set": _READABLE,
    "MutableMapping": _READABLE | {Operation.GETITEM, Operation.SETITEM, Operation.DELITEM},
    "MutableSequence": _READABLE | {Operation.GETITEM, Operation.SETITEM, Operation.DELITEM, "insert"},
    "MutableSet": _READABLE | {"add", "discard"},
}
"""What each promises that the others are made of: operations and methods."""
_MEMBERS: Final = 512
"""Members of one class. Each becomes a function on the other side, of some hundred times the size it has here."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a type shows.

    Attributes:
        name: the class's qualified name, for people.
        doc: the first line of its documentation.
        methods: signature and first line of documentation of each method, by name.
        data: names of properties and declared data.
        operations: which of the closed list it supports.
        interface: a name of collections.abc that it truly implements, or nothing.
        concurrent: methods whose calls pass the others of their session.
    """

    name: str
    doc: str
    methods: Mapping[str, tuple[str, str]]
    data: frozenset[str]
    operations: frozenset[Operation]
    interface: str = ""
    concurrent: frozenset[str] = frozenset()


def describe(cls: type, table: MemberTable, view: View) -> dict[str, object]:
    """Return what ``cls`` shows through ``view``, as plain data.

    Raises:
        EncodeError: if that is too much.
    """
    writable = view is View.WRITE
    members = [member for member in table.members.values() if writable or not member.writes]
    operations = [number for number, form in table.operations.items() if writable or not form.writes]
    concurrent = [member.name for member in members if member.concurrent]
    if len(members) > _MEMBERS:
        raise EncodeError(
            f"the class {cls.__name__} shows too much: {len(members)} members, and a peer takes {_MEMBERS}; "
            "hide some, or show only some with Exposure.only or @limpet.expose"
        )
    methods = {
        member.name: [member.signature[:_TEXT], member.doc[:_TEXT]]
        for member in members
        if member.kind is MemberKind.METHOD
    }
    return {
        "name": cls.__qualname__[:_TEXT],
        "doc": _first_line(cls.__dict__.get("__doc__")),
        "methods": methods,
        "data": table.declared(members),
        "operations": sorted(int(number) for number in operations),
        "interface": _interface(cls, {*operations, *methods}, writable=writable),
        **({"concurrent": concurrent} if concurrent else {}),
    }


def _interface(cls: type, shown: set[int | str], *, writable: bool) -> str:
    """Return the interface that a class truly implements through this view: one that it, or a base, has."""
    names = tuple(INTERFACES)[::-1] if writable else _READ_ONLY
    return next((name for name in names if _has(cls, INTERFACES[name]) and shown >= _PROMISES[name]), "")


def _has(cls: type, interface: type) -> bool:
    # Not issubclass(cls, ...), which may run code of the class's.
    return any(base is interface or (base in CONTAINERS and issubclass(base, interface)) for base in resolution(cls))


def _first_line(doc: object) -> str:
    return doc.strip().partition("\n")[0][:_TEXT] if isinstance(doc, str) else ""


def read_descriptor(value: object) -> Descriptor:
    """Return the descriptor in ``value``, which a peer sent.

    Operations that are not known here are left out: a newer peer may have more.

    Raises:
        DecodeError: if it has not the form that `describe` gives.
    """
    try:
        match value:
            case {
                "name": str(name),
                "doc": str(doc),
                "methods": dict(methods),
                "data": list(data),
                "operations": list(operations),
                "interface": str(interface),
                **rest,
            }:
                return Descriptor(
                    name=printable(name, _TEXT),
                    doc=printable(doc, _TEXT),
                    methods={_name(key): _texts(texts) for key, texts in methods.items()},
                    data=frozenset(_name(key) for key in data),
                    operations=frozenset(Operation(number) for number in operations if _is_known(number)),
                    interface=interface if interface in INTERFACES else "",
                    concurrent=frozenset(_name(key) for key in _list(rest.get("concurrent", []))),
                )
            case _:
                raise DecodeError("a malformed descriptor")
    except (TypeError, ValueError) as error:
        raise DecodeError(f"a malformed descriptor: {error}") from error


def _is_known(number: object) -> bool:
    if type(number) is not int:
        raise TypeError("an operation that is no number")
    return number in FORMS


def _list(value: object) -> list[object]:
    if type(value) is not list:
        raise TypeError("a list that is none")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not NamePolicy().judge(value):
        raise ValueError("a member whose name cannot be one")
    return value


def _texts(value: object) -> tuple[str, str]:
    match value:
        case [str(signature), str(doc)]:
            return printable(signature, _TEXT), printable(doc, _TEXT)
        case _:
            raise ValueError("a member without signature and documentation")
