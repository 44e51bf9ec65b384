"""What may be hashed: the keys of dicts and the items of sets, on both ways."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final

from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["KEY", "VALUE", "Place", "check_collisions", "is_nan"]


class Place(Enum):
    """Where a value stands."""

    VALUE = auto()
    KEY = auto()
    """It will be hashed, on its own or in a tuple or frozenset that is."""


VALUE: Final = Place.VALUE
KEY: Final = Place.KEY


def is_nan(value: Any) -> bool:
    """Return whether ``value`` is a number that does not equal itself, and so is no key."""
    if type(value) is Decimal:
        return value.is_nan()  # a signalling NaN cannot be compared
    return type(value) in {float, complex} and value != value  # noqa: PLR0124


def check_collisions(keys: Collection[object], limits: Limits) -> None:
    """Check that ``keys``, which are hashable, do not share hashes on purpose.

    A table of n keys with one hash takes n * n / 2 comparisons to build.

    Raises:
        DecodeError: if more than ``limits.colliding_keys`` do.
    """
    if len(keys) > limits.colliding_keys and len(keys) - len(set(map(hash, keys))) > limits.colliding_keys:
        raise DecodeError(f"more than {limits.colliding_keys} keys share a hash")
