"""Iteration over the wire: items go in chunks, bounded in number and in bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from threading import Lock
from types import GeneratorType
from typing import Any, Final

__all__ = ["Cursor", "GeneratorCursor", "cursor_over"]

_ITEMS: Final = 1 << 16
"""Items in one chunk, whatever was asked for."""
_ROOM: Final = 64 * 1024
"""About how many bytes the items of one chunk may have together: one more is always taken."""
_OBJECT_COST: Final = 256
"""What an item is charged that may go by reference: so a chunk has a few hundred of them at most."""


class Cursor:
    """An iterator of the server's, which a peer can only advance and close.

    A raw iterator never leaves: a generator's public names reach the whole process.

    Args:
        iterator: what is advanced.
        is_eager: whether a chunk may hold more items than one: taking items of a built-in
            container early is not noticed, running a generator ahead is.
    """

    __slots__ = ("_failure", "_is_eager", "_iterator", "_lock")

    def __init__(self, iterator: Iterator[Any], *, is_eager: bool) -> None:
        self._iterator: Iterator[Any] | None = iterator
        self._is_eager = is_eager
        self._failure: Exception | None = None
        self._lock = Lock()

    @contextmanager
    def _advancing(self) -> Generator[None]:
        """Refuse to be advanced while advancing, as a generator does: to wait could be for ever."""
        if not self._lock.acquire(blocking=False):
            raise ValueError("this iterator is being advanced already")
        try:
            yield
        finally:
            self._lock.release()

    def take(self, count: int) -> tuple[tuple[Any, ...], bool]:
        """Return the next items, up to ``count``, and whether there may be more.

        An error after the first item waits for the next call, so that no item is lost.
        """
        return self._take(count, is_eager=self._is_eager)

    def take_ahead(self, count: int) -> tuple[tuple[Any, ...], bool]:
        """Do as `take`, for a peer that wants a generator run ahead of what it uses."""
        return self._take(count, is_eager=True)

    def _take(self, count: int, *, is_eager: bool) -> tuple[tuple[Any, ...], bool]:
        with self._advancing():
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            items: list[Any] = []
            wanted = min(max(count, 1), _ITEMS) if is_eager else 1
            room = _ROOM
            while self._iterator is not None and len(items) < wanted and room > 0:
                try:
                    item = next(self._iterator)
                except StopIteration:
                    self._iterator = None
                except Exception as error:
                    self._iterator = None
                    if not items:
                        raise
                    self._failure = error
                else:
                    items.append(item)
                    room -= _cost(item)
            return tuple(items), self._iterator is not None or self._failure is not None

    def close(self) -> None:
        """End the iteration; a generator's own clean-up runs."""
        with self._advancing():
            iterator, self._iterator = self._iterator, None
            self._failure = None
        if type(iterator) is GeneratorType:
            iterator.close()


class GeneratorCursor(Cursor):
    """A cursor over a generator, which can also be sent something, or an error.

    Args:
        generator: what is advanced.
    """

    __slots__ = ()

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        super().__init__(generator, is_eager=False)

    def send(self, value: object) -> tuple[Any, bool]:
        """Return what the generator yields next, and False; or what it returned, and True."""
        return self._resume(lambda generator: generator.send(value))

    def throw(self, error: BaseException) -> tuple[Any, bool]:
        """Raise ``error`` where the generator waits; else as `send`."""
        return self._resume(lambda generator: generator.throw(error))

    def _resume(self, resume: Callable[[Generator[Any, Any, Any]], Any]) -> tuple[Any, bool]:
        with self._advancing():
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            # One that has ended behaves like an empty one: it returns nothing, or raises what it is thrown.
            generator = self._iterator if type(self._iterator) is GeneratorType else _ended()
            try:
                return resume(generator), False
            except StopIteration as end:
                self._iterator = None
                return end.value, True
            except BaseException:
                self._iterator = None
                raise


def _ended() -> Generator[Any, Any, Any]:
    generator = _nothing()
    next(generator, None)
    return generator


def _nothing() -> Generator[Any, Any, Any]:
    yield from ()


def cursor_over(iterator: Iterator[Any]) -> Cursor:
    """Return the cursor that stands for ``iterator``, a function's result."""
    return GeneratorCursor(iterator) if type(iterator) is GeneratorType else Cursor(iterator, is_eager=False)


def _cost(item: Any, depth: int = 3) -> int:
    """Return about how many bytes ``item`` adds to a chunk, without looking at much of it."""
    kind = type(item)
    if kind in _TEXTS:
        return len(item)
    if kind in _NUMBERS:
        return 8
    if kind not in _CONTAINERS:
        return _OBJECT_COST
    if not depth or len(item) > _LOOKED_AT:
        # Too much to look at: that many items of a fair size, and at least a chunk's worth if nested deep.
        return _OBJECT_COST + len(item) * _OBJECT_COST if depth else _ROOM
    try:
        parts = chain(item, item.values()) if kind is dict else item
        return _OBJECT_COST + sum(_cost(part, depth - 1) for part in parts)
    except RuntimeError:
        return _ROOM  # Another thread changed it meanwhile.


_TEXTS: Final = frozenset({str, bytes})
_CONTAINERS: Final = frozenset({tuple, frozenset, list, dict, set})
_LOOKED_AT: Final = 64
_NUMBERS: Final = frozenset({bool, int, float, type(None)})
