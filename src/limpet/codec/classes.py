"""The enums and dataclasses a codec was told of: what of them travels, and how they are built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from operator import attrgetter
from typing import Final, cast

from limpet.codec.base import Record, Referred
from limpet.errors import ConfigurationError, DecodeError

__all__ = ["Classes", "EnumClass", "RecordClass", "build", "construct"]


@dataclass(frozen=True, slots=True)
class EnumClass:
    """A registered enum. A member travels by its name."""

    cls: type[Enum]
    name: str
    members: Mapping[str, Enum]


@dataclass(frozen=True, slots=True)
class RecordClass:
    """A registered dataclass. The fields that its constructor takes travel."""

    cls: type
    name: str
    getters: Mapping[str, Callable[[object], object]]

    def read(self, value: object) -> dict[str, object]:
        """Return the fields of ``value``. Runs the class's descriptors, if it has such."""
        return {field: get(value) for field, get in self.getters.items()}


class Classes:
    """The classes one codec may send and build, by type and by name.

    Args:
        types: enums and dataclasses. A mapping gives each its name on the wire, else it is
            the class's ``__qualname__``. Both sides must use the same names.

    Raises:
        ConfigurationError: if something else is among them, or two share a name.
    """

    def __init__(self, types: Iterable[type] | Mapping[str, type]) -> None:
        if isinstance(types, type):
            raise ConfigurationError(f"a codec's types are a collection of classes, as in [{types.__name__}]")
        if isinstance(types, Mapping):
            known = [_describe(cls, name) for name, cls in cast("Mapping[str, type]", types).items()]
        else:
            known = [_describe(cls) for cls in types]
        self.by_type: Final = {entry.cls: entry for entry in known}
        self.by_name: Final = {entry.name: entry for entry in known}
        if not len(known) == len(self.by_type) == len(self.by_name):
            raise ConfigurationError("each of a codec's types needs a name of its own: give them in a mapping")
        self.have_records: Final = any(type(entry) is RecordClass for entry in known)

    def member(self, name: object, member: object) -> Enum:
        """Return a registered enum's member.

        Raises:
            DecodeError: if there is none by these names.
        """
        entry = self.by_name.get(name) if type(name) is str else None
        if type(entry) is not EnumClass or type(member) is not str or member not in entry.members:
            raise DecodeError("an enum that this side's codec does not know, or not this member of it")
        return entry.members[member]

    def record(self, name: object, values: object) -> Record:
        """Return a registered dataclass's fields, not built.

        Raises:
            DecodeError: if there is no such class, or it has not these fields.
        """
        entry = self.by_name.get(name) if type(name) is str else None
        if type(entry) is not RecordClass or type(values) is not dict or not entry.getters.keys() >= values.keys():
            raise DecodeError("a dataclass that this side's codec does not know, or not these fields of it")
        return Record(entry.cls, values)


def _describe(cls: object, name: str | None = None) -> EnumClass | RecordClass:
    if isinstance(cls, type) and issubclass(cls, Enum):
        return EnumClass(cls, name or cls.__qualname__, dict(cls.__members__))
    if isinstance(cls, type) and is_dataclass(cls):
        getters = {field.name: attrgetter(field.name) for field in fields(cls) if field.init}
        return RecordClass(cls, name or cls.__qualname__, getters)
    raise ConfigurationError(f"a codec's types are enums and dataclasses, not {cls!r}")


def build(value: object) -> object:
    """Return ``value``, as decoded, with its records built and what it refers to in place.

    Lists and dicts are changed in place, and nothing of this side's own is looked into.

    Raises:
        DecodeError: if a class does not accept its fields.
    """
    if type(value) is list:
        value[:] = map(build, value)
    elif type(value) is dict:
        value.update(zip(value, map(build, list(value.values())), strict=True))
    elif type(value) is tuple:
        return tuple(map(build, value))
    elif type(value) is slice:
        return slice(build(value.start), build(value.stop), build(value.step))
    elif type(value) is Record:
        return construct(value, build)
    elif type(value) is Referred:
        return value.value
    return value


def construct(record: Record, build: Callable[[object], object]) -> object:
    """Return what ``record`` is of, made by its constructor.

    Args:
        record: the fields.
        build: makes each field what it shall be.

    Raises:
        DecodeError: if the class does not accept them.
    """
    values = {field: build(value) for field, value in record.fields.items()}
    try:
        return record.cls(**values)
    except Exception as error:
        raise DecodeError(f"{record.cls.__qualname__} refused its fields: {type(error).__name__}") from error
