"""What a pickle has made its reader build so far, and what it may still."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from types import NoneType
from typing import Final

from limpet.codec.keys import is_nan
from limpet.codec.leaves import LEAVES
from limpet.errors import DecodeError
from limpet.limits import Limits

__all__ = ["Account"]

_PLAIN_KEYS: Final = frozenset({NoneType, bool, int, str, bytes})
"""Keys whatever they hold; a float may be NaN."""
_KEYS: Final = (_PLAIN_KEYS | LEAVES.keys() | {float, range}) - {bytearray}
_NESTED: Final = frozenset({tuple, frozenset})


class Account:
    """One budget for all that a payload builds.

    Args:
        limits: nodes, depth, integer size and colliding keys.
    """

    __slots__ = ("_depth", "_hashes", "_left", "_limits", "bits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.nodes - 1  # the outermost value stands nowhere
        self._depth = 0
        self._hashes: dict[int, tuple[object, set[int]]] = {}  # of tables that are filled bit by bit
        self.bits: int = limits.integer_bits
        """The widest integer accepted."""

    def spend(self, nodes: int) -> None:
        """Charge ``nodes``.

        Raises:
            DecodeError: if fewer are left.
        """
        self._left -= nodes
        if self._left < 0:
            raise DecodeError(f"more values than {self._limits.nodes}")

    def admit(self, keys: Sequence[object], table: Collection[object] = ()) -> None:
        """Charge ``keys`` and see that they may be hashed, and put into ``table``, before anything hashes them.

        Raises:
            DecodeError: if one cannot be a key, or too many share a hash.
        """
        self.spend(2 * len(keys))
        if not _PLAIN_KEYS.issuperset(map(type, keys)):
            for key in keys:
                self._check_key(key)
        if len(table) + len(keys) > self._limits.colliding_keys:
            self._check_collisions(keys, table)

    def _check_key(self, key: object) -> None:
        """See that ``key`` is one. The parts of a tuple count each time, for they are hashed each time."""
        kind = type(key)
        if kind in _NESTED:
            self._depth += 1
            if self._depth > self._limits.depth:
                raise DecodeError(f"a key nested deeper than {self._limits.depth}")
            self.spend(1 + len(key))  # type: ignore[arg-type]  # it has a length
            for item in key:  # type: ignore[attr-defined]  # and items
                self._check_key(item)
            self._depth -= 1
        elif (kind not in _KEYS and not issubclass(kind, Enum)) or is_nan(key):
            raise DecodeError(f"a key that cannot be one: {kind.__name__}")

    def _check_collisions(self, keys: Sequence[object], table: Collection[object]) -> None:
        """Keep the hashes of what is in ``table``: hashing all again for each batch would be quadratic."""
        known = self._hashes.get(id(table)) if table else None
        hashes = set(map(hash, table)) if known is None else known[1]
        hashes.update(map(hash, keys))
        if len(table) + len(keys) - len(hashes) > self._limits.colliding_keys:
            raise DecodeError(f"more than {self._limits.colliding_keys} keys share a hash")
        if known is None and table:
            self._hashes[id(table)] = table, hashes  # the table itself, so that no other gets its id
