"""The msgpack codec: limpet's default. ``limpet.codec.layout`` has the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgpack import ExtType, Packer  # type: ignore[import-untyped]

from limpet.codec.base import Leaves, Resolver
from limpet.codec.budget import NODES_PER_BYTE
from limpet.codec.classes import Classes, build
from limpet.codec.decoder import decode
from limpet.codec.encoder import BY_VALUE, Encoder, is_plain
from limpet.codec.layout import INTEGER
from limpet.codec.leaves import write_integer
from limpet.errors import DecodeError, EncodeError
from limpet.limits import Limits

__all__ = ["MsgpackCodec"]

_KEPT_BYTES: Final = 256 << 10
"""A packer that wrote more is not used again: its buffer would stay as large as that."""


class MsgpackCodec:
    """Values as msgpack, by exact type, within limits both ways.

    Args:
        types: enums and dataclasses that may travel by value. A mapping gives each its name
            on the wire, else it is the class's ``__qualname__``.

    Raises:
        ConfigurationError: if ``types`` has anything else, or two by one name.
    """

    __slots__ = ("_classes", "_writers")

    def __init__(self, types: Iterable[type] | Mapping[str, type] = ()) -> None:
        self._classes = Classes(types)
        self._writers: list[_Writer] = []

    @property
    def id(self) -> int:
        """The codec's number on the wire."""
        return 1

    @property
    def name(self) -> str:
        """The codec's name in settings and logs."""
        return "msgpack"

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
            if is_plain(value, limits.depth if containers else 0):
                payload = self._write(value, limits.integer_bits)
                if payload is not None and len(payload) * NODES_PER_BYTE <= limits.nodes:
                    return payload
            encoder = Encoder(self._classes, leaves, limits, containers=containers, names=names)
            payload = self._write(encoder.lower(value), limits.integer_bits)
            if payload is not None:
                return payload
            # What the packer refused is named by a slower look that hands nothing to the leaves.
            looker = Encoder(self._classes, _NoLeaves(), limits, containers=containers, names=names, careful=True)
            looker.lower(value)
        except RecursionError:
            pass
        raise EncodeError("the value nests too deep to be written, or it changed meanwhile")

    def decode(self, payload: bytes | memoryview, resolver: Resolver, limits: Limits) -> object:
        """Return the value in ``payload`` (see `Codec.decode`)."""
        return decode(payload, self._classes, resolver, limits)

    def build(self, value: object) -> object:
        """Return decoded ``value`` with its dataclasses built and its references in place (see `Codec.build`)."""
        try:
            return build(value)
        except RecursionError as error:
            raise DecodeError("values nested too deep") from error

    def _write(self, tree: object, bits: int) -> bytes | None:
        """Return ``tree`` as msgpack, or None if the packer refuses some of it."""
        try:
            writer = self._writers.pop()
        except IndexError:
            writer = _Writer()
        writer.bits = bits
        try:
            payload = writer.pack(tree)
        except (ValueError, TypeError):
            return None
        if len(payload) <= _KEPT_BYTES:
            self._writers.append(writer)
        return payload


class _Writer:
    """A packer for one thread at a time: another, or a finalizer, may want to encode meanwhile."""

    __slots__ = ("bits", "pack")

    def __init__(self) -> None:
        self.bits = 0
        self.pack: Callable[[object], bytes] = Packer(strict_types=True, default=self._integer).pack

    def _integer(self, value: object) -> ExtType:
        """Return what msgpack has no form for: of a checked tree, only integers over 64 bits."""
        if type(value) is not int:
            raise TypeError
        return ExtType(INTEGER, write_integer(value, self.bits))


class _NoLeaves:
    """Takes nothing, and lets an encoder go on."""

    def refer(self, value: object) -> int:  # noqa: ARG002
        return 0

    def attach(self, data: bytes) -> int:  # noqa: ARG002
        return 0
