"""The restricted codec: pickles of plain data, read and written without pickle's own code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from limpet.codec.base import Leaves, Resolver
from limpet.codec.classes import Classes
from limpet.codec.encoder import BY_VALUE
from limpet.codec.graph import Builder
from limpet.codec.machine import read
from limpet.codec.writer import write
from limpet.errors import DecodeError, EncodeError
from limpet.limits import Limits

__all__ = ["RestrictedCodec"]


class RestrictedCodec:
    """Values as pickles, by exact type, within limits both ways; nothing in a pickle names code to run.

    A container that stands in several places, or in itself, arrives as one.

    Args:
        types: enums and dataclasses that may travel by value. A mapping gives each its name
            on the wire, else it is the class's ``__qualname__``.

    Raises:
        ConfigurationError: if ``types`` has anything else, or two by one name.
    """

    __slots__ = ("_classes",)

    def __init__(self, types: Iterable[type] | Mapping[str, type] = ()) -> None:
        self._classes = Classes(types)

    @property
    def id(self) -> int:
        """The codec's number on the wire."""
        return 2

    @property
    def name(self) -> str:
        """The codec's name in settings and logs."""
        return "restricted"

    @property
    def types(self) -> Mapping[str, type]:
        """The classes this codec knows, by their names on the wire."""
        return {name: known.cls for name, known in self._classes.by_name.items()}

    @property
    def has_records(self) -> bool:
        """Tell whether dataclasses are registered, so that decoded values may hold them unbuilt."""
        return self._classes.have_records

    def carries(self, cls: type) -> bool:
        """Tell whether values of exactly ``cls`` travel by value (see `Codec.carries`)."""
        return cls in BY_VALUE or cls in self._classes.by_type

    def encode(
        self,
        value: object,
        leaves: Leaves,
        limits: Limits,
        *,
        containers: bool = True,
        names: Sequence[str] = (),
    ) -> bytes:
        """Return ``value`` as bytes (see `Codec.encode`)."""
        try:
            return write(value, self._classes, leaves, limits, containers=containers, names=names)
        except RecursionError:
            pass
        raise EncodeError("the value nests too deep to be written")

    def decode(self, payload: bytes | memoryview, resolver: Resolver, limits: Limits) -> object:
        """Return the value in ``payload`` (see `Codec.decode`)."""
        return read(payload, self._classes, resolver, limits)

    def build(self, value: object) -> object:
        """Return decoded ``value`` with its dataclasses built and its references in place (see `Codec.build`)."""
        try:
            return Builder().build(value)
        except RecursionError as error:
            raise DecodeError("values nested too deep") from error
