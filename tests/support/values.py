"""Values of the whole grammar, and an equality that is as strict as the codec promises."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from limpet.errors import DecodeError

__all__ = ["Parts", "hashables", "identity", "scalars", "values"]


class Parts:
    """The parts of a message that are not its payload, for both ways."""

    def __init__(self) -> None:
        self.references: list[object] = []
        self.buffers: list[bytes] = []

    def refer(self, value: object) -> int:
        self.references.append(value)
        return len(self.references) - 1

    def attach(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def reference(self, index: int) -> object:
        if index >= len(self.references):
            raise DecodeError(f"the message has no reference {index}")
        return self.references[index]

    def buffer(self, index: int) -> bytes:
        if index >= len(self.buffers):
            raise DecodeError(f"the message has no buffer {index}")
        return self.buffers[index]


def identity(value: Any) -> object:
    """Return what two values share only if they are of one type and form, in every part."""
    return type(value).__name__, _content(value)


def _content(value: Any) -> object:
    match value:
        case float():
            return struct.pack("!d", value)
        case complex():
            return struct.pack("!dd", value.real, value.imag)
        case list() | tuple():
            return [identity(item) for item in value]
        case dict():
            return [(identity(key), identity(item)) for key, item in value.items()]
        case set() | frozenset():
            return sorted(repr(identity(item)) for item in value)
        case slice():
            return [identity(item) for item in (value.start, value.stop, value.step)]
        case range():
            return value.start, value.stop, value.step
        case Decimal():
            return value.as_tuple()
        case datetime() | time():
            return value.replace(tzinfo=None), value.fold, value.utcoffset(), value.tzname()
        case _:
            return value


zones = (
    st.none()
    | st.builds(
        timezone,
        st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)),
    )
    | st.just(UTC)
    | st.just(timezone(timedelta(hours=1), "CET"))
)

scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 70), 1 << 70)
    | st.builds(
        lambda power, offset, sign: sign * (1 << power) + offset,
        st.sampled_from([7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 4000]),
        st.integers(-1, 1),
        st.sampled_from([-1, 1]),
    )
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.just(...)
    | st.dates()
    | st.datetimes(timezones=zones)
    | st.times(timezones=zones)
    | st.timedeltas()
    | st.decimals().filter(lambda value: not value.is_finite() or abs(value.as_tuple().exponent) < 4000)  # type: ignore[arg-type]
    | st.uuids()
    | st.fractions()
)


def _is_key(value: object) -> bool:
    if isinstance(value, Decimal):
        return not value.is_nan()
    return value == value  # noqa: PLR0124


hashables: st.SearchStrategy[Any] = st.recursive(
    st.deferred(lambda: scalars.filter(_is_key)) | st.builds(range, st.integers(), st.integers(), st.integers(1)),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)

values: st.SearchStrategy[Any] = st.recursive(
    st.deferred(lambda: scalars | hashables) | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=6).map(tuple)
        | st.dictionaries(hashables, inner, max_size=6)
        | st.dictionaries(st.text(), inner, max_size=6)
        | st.sets(hashables, max_size=6)
        | st.builds(slice, inner, inner, inner)
    ),
    max_leaves=24,
)
