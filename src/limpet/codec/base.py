"""What a codec is: values to bytes and back, with references and buffers as leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from limpet.limits import Limits

__all__ = ["Codec", "Leaves", "Record", "Referred", "Resolver", "Shallow"]


class Leaves(Protocol):
    """Where an encoder leaves what does not go into the payload."""

    def refer(self, value: object, /) -> int:
        """Return the index of ``value``, below 65536, in the message's table of references.

        Raises:
            EncodeError: if ``value`` may not leave; nothing was recorded.
        """
        ...

    def attach(self, data: bytes, /) -> int:
        """Return the index of ``data``, below 65536, among the message's buffers."""
        ...


class Resolver(Protocol):
    """Where a decoder finds what did not go into the payload."""

    def reference(self, index: int, /) -> object:
        """Return what the reference at ``index`` stands for, an object of this side's as `Referred`.

        Raises:
            DecodeError: if the message has no such reference.
        """
        ...

    def buffer(self, index: int, /) -> bytes:
        """Return the buffer at ``index``.

        Raises:
            DecodeError: if the message has no such buffer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A registered class's fields, read but not yet built.

    Nothing of the class has run: ``Codec.build`` runs it, after the policy allowed the call.
    """

    cls: type
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Referred:
    """What a reference stands for, kept apart from the values of the payload.

    A resolver gives it for an object of this side's, and a decoder puts it in place as it is:
    neither takes a list of this side's for a part of the payload. ``Codec.build`` puts the
    object itself there, once the request is judged.
    """

    value: object


@dataclass(frozen=True, slots=True)
class Shallow:
    """A built-in container that goes by value, though containers are referred to: it alone, not those in it."""

    value: object


@runtime_checkable
class Codec(Protocol):
    """Turns values into bytes and back, keeping their exact types.

    A codec has no state of a session, may be shared by all sessions and threads,
    and never does I/O.
    """

    @property
    def id(self) -> int:
        """The codec's number on the wire (wire-protocol, codec ids)."""
        ...

    @property
    def name(self) -> str:
        """The codec's name in settings and logs."""
        ...

    @property
    def has_records(self) -> bool:
        """Tell whether decoded values may hold a `Record`.

        If not, `build` need not be called for a message without references.
        """
        ...

    def carries(self, cls: type) -> bool:
        """Tell whether values of exactly ``cls`` travel by value, whatever is in them."""
        ...

    def encode(
        self,
        value: object,
        leaves: Leaves,
        limits: Limits,
        *,
        containers: bool = True,
        names: Sequence[str] = (),
    ) -> bytes:
        """Return ``value`` as bytes.

        Args:
            value: what to write. A `Shallow` is written as what is in it.
            leaves: takes references and large buffers.
            limits: depth, nodes and integer size that are not exceeded.
            containers: copy lists, dicts, sets and bytearrays into the payload; else they
                go to ``leaves.refer`` wherever they stand, inside tuples too.
            names: what to call the items of ``value`` in errors, if it is a list.

        Raises:
            EncodeError: if a value has no form here and ``leaves`` refuses it; names the
                path to it, as in ``args[0]['x'][3]`` if ``names`` has ``args``.
        """
        ...

    def decode(self, payload: bytes | memoryview, resolver: Resolver, limits: Limits) -> object:
        """Return the value in ``payload``, all of it and nothing behind it.

        Registered dataclasses come as `Record`, references as the resolver gives them. Pass the
        value through `build` before use.

        Raises:
            DecodeError: if the payload is malformed or over a limit, whatever it holds.
        """
        ...

    def build(self, value: object) -> object:
        """Return decoded ``value`` with each `Record` and `Referred` replaced by what it is for.

        May change lists and dicts in place; call it once, for parts of it may be shared.

        Raises:
            DecodeError: if a class does not accept its fields.
        """
        ...
