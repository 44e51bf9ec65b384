"""What the contract serves."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any, Self

from limpet.objects.context import cancelled, peer
from limpet.objects.wrappers import mutable, ref
from limpet.policy import by_value, concurrent, expose

__all__ = ["Gate", "Item", "Workshop", "living", "names_of_living"]

_HANGING = 20.0
"""Nothing served waits longer than this, so that a failed contract ends."""

living: weakref.WeakSet[Any] = weakref.WeakSet()
"""Every workshop and item that a server still keeps, in this process."""


def names_of_living() -> list[str]:
    """Return the names of all workshops and items that are still kept."""
    gc.collect()
    return sorted(str(thing.name) for thing in list(living))


class Gate:
    """Where a served call stops until the test lets it pass."""

    def __init__(self) -> None:
        self.entered: Event = Event()
        self.opened: Event = Event()

    def pass_through(self) -> bool:
        """Say that the call is here, and wait."""
        self.entered.set()
        return self.opened.wait(_HANGING)


@expose
class Item:
    """Something small that travels by reference."""

    def __init__(self, name: str) -> None:
        self.name: str = name
        living.add(self)

    def __add__(self, other: object) -> Item:
        return Item(f"{self.name}{other.name if isinstance(other, Item) else other}")

    def __radd__(self, other: object) -> Item:
        return Item(f"{other}{self.name}")

    def __iadd__(self, other: object) -> Self:
        self.name += str(other)
        return self

    def __neg__(self) -> str:
        return self.name[::-1]

    def __int__(self) -> int:
        return len(self.name)

    def __format__(self, specification: str) -> str:
        return format(self.name, specification)

    def shout(self) -> str:
        """Return its name, loudly."""
        return self.name.upper()


class Workshop:
    """An object with one of everything; an instance for each ``open``."""

    gate: Gate
    """Set by the test on a class of its own, for calls that wait."""

    def __init__(self, name: str = "", *, size: int = 0) -> None:
        self.name: str = name
        self.size: int = size
        self.items: list[int] = [1, 2, 3]
        self._secret = "hidden"  # noqa: S105 - hidden by its name, as the contract checks
        self._kept: list[Any] = []
        self._seen: list[Any] = []
        self._lock = Lock()
        self._inside = self._most = 0
        self._background: Any = None
        self.was_cancelled: bool = False
        living.add(self)

    def add(self, number: int, *, times: int = 1) -> int:
        """Return the size after it has grown."""
        self.size += number * times
        return self.size

    def echo(self, value: Any) -> Any:
        """Return the value."""
        return value

    def kind(self, value: Any) -> str:
        """Return the name of the value's type."""
        return type(value).__name__

    def fail(self, text: str) -> None:
        """Raise a ValueError."""
        raise ValueError(text)

    def leave(self) -> None:
        """Try to end the server."""
        raise SystemExit(text := "not while the contract runs") from KeyError(text)

    def item(self, name: str) -> Item:
        """Return a new item."""
        return Item(name)

    def is_kept(self, value: Any) -> bool:
        """Tell whether this very object was kept."""
        return any(kept is value for kept in self._kept)

    def keep(self, value: Any) -> None:
        """Keep what came."""
        self._kept.append(value)

    def keep_nothing(self) -> None:
        """Let go of all that was kept."""
        self._kept.clear()

    def kept_item(self, name: str) -> Item:
        """Return a new item, and keep it."""
        item = Item(name)
        self._kept.append(item)
        return item

    def numbers(self, count: int) -> Iterator[int]:
        """Yield numbers, and remember which have been asked for."""
        for number in range(count):
            self._seen.append(number)
            yield number

    def shelf(self) -> Any:
        """Return a list that may be changed from outside."""
        return mutable(self.items)

    def big(self, count: int) -> bytes:
        """Return so many bytes."""
        return b"\xa5" * count

    def note(self, value: Any) -> None:
        """Remember a value."""
        self._seen.append(value)

    def seen(self) -> list[Any]:
        """Return what was remembered, as a copy."""
        return [*self._seen]

    def wait(self) -> bool:
        """Wait at the gate."""
        return self.gate.pass_through()

    @concurrent
    def open_gate(self) -> str:
        """Let the call that waits pass, while it runs."""
        self.gate.opened.set()
        return "opened"

    @by_value
    def inventory(self) -> dict[str, list[int]]:
        """Return all there is, as a copy."""
        return {"items": self.items}

    @contextmanager
    def shift(self, name: str) -> Generator[Item]:
        """Give an item for a while, and remember how that ended."""
        self._seen.append("begun")
        try:
            yield Item(name)
        except LookupError as error:
            self._seen.append(f"failed: {error.args[0]}")
            raise
        except ValueError:
            self._seen.append("swallowed")
        else:
            self._seen.append("ended")

    def echoes(self, first: str) -> Generator[str, str, str]:
        """Yield what was sent last; a KeyError is taken for a word."""
        said = first
        while said:
            try:
                said = yield said
            except KeyError as error:
                said = f"caught {error.args[0]}"
        return "silence"

    def wait_for_cancel(self) -> bool:
        """Wait until the caller has given up, and say whether that came."""
        self.gate.entered.set()
        pause = Event()
        for _ in range(int(_HANGING / 0.005)):
            if cancelled():
                self.was_cancelled = True
                self.gate.opened.set()
                return True
            pause.wait(0.005)
        return False

    def overlap(self) -> int:
        """Return how many calls of this were ever inside at once."""
        with self._lock:
            self._inside += 1
            self._most = max(self._most, self._inside)
        Event().wait(0.001)
        with self._lock:
            self._inside -= 1
        return self._most

    def caller(self) -> str:
        """Return who calls."""
        return str(peer())

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the client's."""
        return function(*args)

    def descend(self, function: Callable[..., Any], depth: int) -> int:
        """Call each other until the depth is 0; return how deep it was."""
        return 0 if depth == 0 else 1 + function(ref(self._callee), depth - 1)

    def _callee(self, function: Callable[..., Any], depth: int) -> int:
        return self.descend(function, depth)

    def call_in_background(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function of the client's for each argument, in a thread of its own, outside any call."""

        def run() -> None:
            try:
                self._background = [function(argument) for argument in arguments]
            except Exception as error:
                self._background = error

        self._background = None
        Thread(target=run, name="contract-background", daemon=True).start()

    def background(self) -> Any:
        """Return how the calls in the background ended: the sizes of their answers, a text, or None."""
        ended = self._background
        if isinstance(ended, list):
            return tuple(len(answer) if isinstance(answer, bytes) else answer for answer in ended)
        return None if ended is None else f"{type(ended).__name__}: {ended}"
