"""Members: what an entry of a class's dictionary is to a peer."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, MethodDescriptorType
from typing import Any, Final, TypeAlias, cast

from limpet.objects.anatomy import MISSING, has_code, is_plain
from limpet.objects.operands import Operands
from limpet.policy.exposure import CACHED, functions_of, is_concurrent, is_hidden

__all__ = ["Getter", "Member", "MemberKind", "data_member", "is_class_data", "member_of", "read_slot"]

Getter: TypeAlias = Callable[[Any], Any]

_FIELD: Final = type(vars(inspect.FullArgSpec)["args"])
"""The descriptor of a named tuple's field."""
_PLAIN_DEFAULTS: Final = frozenset({type(None), bool, int, float, complex})


class MemberKind(enum.Enum):
    """What can be done with a member."""

    METHOD = "method"
    PROPERTY = "property"
    """Reading it runs code, once."""
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Member:
    """One name that a class shows.

    Attributes:
        name: by which peers ask for it. It is legal.
        kind: what can be done with it.
        call: of a method: takes the object, then the arguments.
        get: of a property or data: takes the object; data answers MISSING if there is none.
        settable: whether it may be set; None if that depends on what the instance holds.
        deletable: the same for deletion.
        writes: whether calling it needs a writable view, as what changes a container does.
        concurrent: whether a call may start while others of its session run.
        source: the function, or the data's descriptor, that it was made of.
        shared: of data: what the class has, if the instance has none of its own.
        operands: of a built-in container's: what it does with its arguments.
    """

    name: str
    kind: MemberKind
    call: Callable[..., Any] | None = None
    get: Getter | None = None
    settable: bool | None = False
    deletable: bool | None = False
    writes: bool = False
    concurrent: bool = False
    source: object = None
    shared: object = MISSING
    operands: Operands | None = None

    @property
    def signature(self) -> str:
        """The parameters without the object: names, and defaults that are numbers, truths or None.

        Other defaults show as ``...``, for their repr may tell anything, and text may be a
        secret. So do all that stand in another function than this one, such as the
        arguments that `functools.partial` keeps.
        """
        if self.kind is not MemberKind.METHOD:
            return ""
        is_static = type(self.source) is staticmethod
        try:
            function = cast("Callable[..., object]", functions_of(self.source)[0])
            found = inspect.signature(function)
        except (TypeError, ValueError):
            return "(...)"
        parameters = list(found.parameters.values())
        if not is_static and parameters and parameters[0].kind in _POSITIONAL:
            del parameters[0]
        is_own = type(function) is not FunctionType or not _REDIRECTS.intersection(function.__dict__)
        return str(inspect.Signature([_told(parameter, is_own=is_own) for parameter in parameters]))

    @property
    def doc(self) -> str:
        """The first line of its documentation."""
        if self.kind is MemberKind.DATA:
            return ""
        doc = functions_of(self.source)[0].__doc__
        return doc.strip().partition("\n")[0] if isinstance(doc, str) else ""


_REDIRECTS: Final = frozenset({"__wrapped__", "__signature__"})
"""What lets a function tell another's signature."""
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class _Text:
    """Shows as a given text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _told(parameter: inspect.Parameter, *, is_own: bool) -> inspect.Parameter:
    default = parameter.default
    if default is inspect.Parameter.empty:
        told: object = default
    elif is_own and type(default) in _PLAIN_DEFAULTS:
        told = default
    else:
        told = _Text("...")
    # An annotation may be any object, with any repr; one that is text stands in the source as it is.
    annotation = parameter.annotation
    shown = _Text(annotation) if type(annotation) is str else inspect.Parameter.empty
    return parameter.replace(default=told, annotation=shown)


# ---------------------------------------------------------------- making


def member_of(name: str, entry: object) -> Member | None:
    """Return what ``entry`` of a class's dictionary is to a peer; None if it is never shown.

    Methods are functions, be they static, of the class or cached. Properties are those
    of the language: a descriptor of a user's own may do anything. A class, a module and
    whatever can be called but is no method are not data.
    """
    make = _MAKERS.get(type(entry))
    return make(name, entry) if make is not None else None


def is_class_data(entry: object) -> bool:
    """Tell whether ``entry`` of a class's dictionary is data that all its instances share."""
    return not has_code(entry) and is_plain(entry)


def data_member(name: str, read: Getter, *, settable: bool | None, shared: object = MISSING) -> Member:
    """Return a member that is data, found by ``read``."""
    return Member(name, MemberKind.DATA, get=read, settable=settable, deletable=settable, shared=shared)


def read_slot(slot: MemberDescriptorType) -> Getter:
    """Return what reads ``slot`` of an object; MISSING if nothing is in it."""

    def read(target: object) -> Any:
        try:
            return slot.__get__(target)
        except AttributeError:
            return MISSING

    return read


def _method(name: str, entry: Callable[..., object]) -> Member:
    return Member(name, MemberKind.METHOD, call=entry, concurrent=is_concurrent(entry), source=entry)


def _static_method(name: str, entry: staticmethod[..., object]) -> Member | None:
    function = entry.__func__
    if type(function) is not FunctionType:
        return None

    def call(_target: object, /, *args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return Member(name, MemberKind.METHOD, call=call, concurrent=is_concurrent(entry), source=entry)


def _class_method(name: str, entry: classmethod[Any, ..., object]) -> Member | None:
    function = entry.__func__
    if type(function) is not FunctionType:
        return None

    def call(target: object, /, *args: object, **kwargs: object) -> object:
        return function(type(target), *args, **kwargs)

    return Member(name, MemberKind.METHOD, call=call, concurrent=is_concurrent(entry), source=entry)


def _property(name: str, entry: property) -> Member | None:
    if entry.fget is None:
        return None
    settable = entry.fset is not None and not is_hidden(entry.fset)
    deletable = entry.fdel is not None and not is_hidden(entry.fdel)
    return Member(name, MemberKind.PROPERTY, get=entry.fget, settable=settable, deletable=deletable, source=entry)


def _cached_property(name: str, entry: cached_property[object]) -> Member:
    return Member(name, MemberKind.PROPERTY, get=lambda target: entry.__get__(target, type(target)), source=entry)


def _enum_property(name: str, entry: enum.property) -> Member | None:
    return Member(name, MemberKind.PROPERTY, get=entry.fget, source=entry) if entry.fget is not None else None


def _native_property(name: str, entry: GetSetDescriptorType | MemberDescriptorType) -> Member:
    return Member(name, MemberKind.PROPERTY, get=entry.__get__, source=entry)


def _field(name: str, entry: Any) -> Member:
    return Member(name, MemberKind.DATA, get=entry.__get__, source=entry)


_MAKERS: Final[Mapping[type, Callable[[str, Any], Member | None]]] = {
    FunctionType: _method,
    MethodDescriptorType: _method,
    CACHED: _method,
    staticmethod: _static_method,
    classmethod: _class_method,
    property: _property,
    cached_property: _cached_property,
    enum.property: _enum_property,
    GetSetDescriptorType: _native_property,
    MemberDescriptorType: _native_property,
    _FIELD: _field,
}
"""By exact type: a subclass of any of these may do as it likes."""
