"""What limpet says about its work, and how what came from a peer is made fit to be shown.

Three loggers: ``limpet.wire`` (messages, only when asked for), ``limpet.session`` (what
begins and ends) and ``limpet.audit`` (every refusal). Nothing of a payload is logged
but by ``log(2)`` and ``log(3)``.
"""

from __future__ import annotations

import logging
import pprint
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from threading import Lock
from typing import Any, Final, TextIO
from uuid import UUID

from limpet.errors import ConfigurationError
from limpet.peer import Peer

__all__ = [
    "Presenter",
    "Refusals",
    "WireLog",
    "audit",
    "full_name",
    "log",
    "printable",
    "session",
    "trace",
    "wire",
    "with_article",
]

wire: Final = logging.getLogger("limpet.wire")
session: Final = logging.getLogger("limpet.session")
audit: Final = logging.getLogger("limpet.audit")

# A library stays silent until its user sets up logging, and says so in this way.
logging.getLogger("limpet").addHandler(logging.NullHandler())

_SHORT: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_CUT: Final = "..."
_SHOWN_BYTES: Final = 4_096
"""Of one text, and of one message in the log."""


# ---------------------------------------------------------------- text


def printable(text: str, limit: int = 200) -> str:
    """Return ``text`` fit for a terminal and for one line of a log.

    Whatever is not visible is escaped: control characters, line and paragraph
    separators, marks that turn the direction of writing, surrogates, unassigned
    characters. What can be seen stays, in any script.

    Args:
        text: anything, from anyone.
        limit: the most characters that are returned.
    """
    # Escapes only make it longer, so what is behind the limit need not be read.
    head = text[: limit + 1]
    if not head.isprintable():
        head = "".join([character if character.isprintable() else _escape(character) for character in head])
    return head if len(head) <= limit else head[: limit - len(_CUT)] + _CUT


def _escape(character: str) -> str:
    return _SHORT.get(character) or character.encode("unicode_escape").decode("ascii")


def full_name(cls: type) -> str:
    """Return the module and qualified name of ``cls``, without asking its metaclass."""
    module = type.__dict__["__module__"].__get__(cls)
    name: str = type.__dict__["__qualname__"].__get__(cls)
    return f"{module}.{name}" if type(module) is str else name


def with_article(cls: type) -> str:
    """Return how a text calls an instance of ``cls``: "an int", "a Ledger", "None"."""
    name: str = type.__dict__["__name__"].__get__(cls)
    if cls is type(None):
        return "None"
    return f"{'an' if name[:1].lower() in _VOWELS else 'a'} {name}"


_VOWELS: Final = frozenset("aeio")
"""Without u: most names with it are spoken as in "user"."""


# ---------------------------------------------------------------- values


class Presenter:
    """Copies what may be shown of values, until a budget is spent.

    What is not plain data by its exact type becomes a mark such as ``"<Account>"``: no
    code of the user's runs, and nothing of what it hides is told.

    Args:
        size: the most that all copies may take, in bytes, about as a codec counts them.
    """

    NODE: Final = 16
    """Bytes charged for a value beside its text."""
    DEPTH: Final = 8
    INTEGER_BITS: Final = 8_192
    DECIMAL_BYTES: Final = 512
    DECIMAL_EXPONENT: Final = 6_000

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left: int = size
        """Bytes that are not spent yet."""

    def afford(self, size: int) -> bool:
        """Spend ``size`` bytes, or nothing if they are not left."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def text(self, text: str, limit: int = _SHOWN_BYTES) -> str:
        """Return ``text`` as an exact str that UTF-8 can hold, cut at ``limit`` bytes."""
        limit = min(limit, max(self.left, len(_CUT)))
        # Not text[...]: a subclass may have its own idea of it.
        data = str.__getitem__(text, slice(limit + 1)).encode("utf-8", "backslashreplace")
        if len(data) > limit:
            data = data[: limit - len(_CUT)] + _CUT.encode()
        self.left -= len(data)
        return data.decode("utf-8", "ignore")

    def value(self, value: object) -> object:
        """Return what may be shown of ``value``."""
        return self._copy(value, 0) if self.afford(self.NODE) else _CUT

    def _copy(self, value: Any, depth: int) -> object:
        """Copy one value. Its node is paid for by the container it is in."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is bytes:
            return value if len(value) <= _SHOWN_BYTES and self.afford(len(value)) else self._measure(value)
        if kind is dict:
            if depth == self.DEPTH or not self.afford(2 * len(value) * self.NODE):
                return self._measure(value)
            return {self._copy(key, depth + 1): self._copy(item, depth + 1) for key, item in tuple(value.items())}
        if kind in _COLLECTIONS:
            if depth == self.DEPTH or not self.afford(len(value) * self.NODE):
                return self._measure(value)
            return kind([self._copy(item, depth + 1) for item in tuple(value)])
        return value if self._is_plain(value) else self.mark(kind)

    def mark(self, kind: type) -> str:
        """Return what stands for a value that is not shown."""
        return self.text(f"<{type.__dict__['__name__'].__get__(kind)}>", 100)

    def _measure(self, value: Any) -> str:
        return self.text(f"<{type(value).__name__} of {len(value)}>")

    def _is_plain(self, value: Any) -> bool:
        kind = type(value)
        if kind is int:
            bits = value.bit_length()
            return bits <= self.INTEGER_BITS and self.afford(bits // 8)
        if kind is Fraction:
            return self._is_plain(value.numerator) and self._is_plain(value.denominator)
        if kind is Decimal:
            size = value.__sizeof__()
            fits = size <= self.DECIMAL_BYTES and abs(value.adjusted()) <= self.DECIMAL_EXPONENT
            return fits and self.afford(size)
        if kind in _ZONED:
            return value.tzinfo is None or type(value.tzinfo) is timezone
        return kind in _PLAIN


_COLLECTIONS: Final = frozenset({list, tuple, set, frozenset})
_PLAIN: Final = frozenset({type(None), bool, float, complex, date, timedelta, UUID})
_ZONED: Final = frozenset({datetime, time})


# ---------------------------------------------------------------- the log of refusals


class Refusals:
    """Takes down what was refused, and whose it was; a flood of it is counted and does not fill the log.

    In each second the first refusal of a peer is logged in full; how many more there were
    is logged with the next one after it, or by `flush`.

    Args:
        clock: returns seconds that only ever grow.
    """

    SECONDS: Final = 1.0
    PEERS: Final = 256
    """Told apart in one second. Those beyond are counted together."""

    __slots__ = ("_clock", "_counts", "_lock", "_until")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._until = 0.0

    def note(self, what: str, peer: Peer, reason: str, whose: object = None) -> None:
        """Take down that something of ``peer``'s was refused.

        Args:
            what: "denied", say.
            peer: whose it was.
            reason: in words that are safe to log.
            whose: what such refusals are counted by; the peer if not given.
        """
        key = what, str(peer if whose is None else whose)
        with self._lock:
            now = self._clock()
            counted = self._take() if now >= self._until else {}
            if not self._counts:
                self._until = now + self.SECONDS
            if key not in self._counts and len(self._counts) >= self.PEERS:
                key = what, "others"
            count = self._counts[key] = self._counts.get(key, 0) + 1
        self._tell(counted)
        if count == 1:
            audit.warning("%s peer=%s reason=%s", what, peer, reason)

    def flush(self) -> None:
        """Log what was counted and not told yet."""
        with self._lock:
            counted = self._take()
        self._tell(counted)

    def _take(self) -> dict[tuple[str, str], int]:
        counted, self._counts = self._counts, {}
        return counted

    def _tell(self, counted: dict[tuple[str, str], int]) -> None:
        for (what, whose), count in counted.items():
            if count > 1:
                audit.warning("%s peer=%s: %s more within a second", what, whose, count - 1)


# ---------------------------------------------------------------- the log of messages


class WireLog:
    """Shows messages as they pass, at the levels of `log`.

    Drivers look at ``level`` first, so that a log nobody asked for costs nothing.
    """

    __slots__ = ("_handler", "level")

    def __init__(self) -> None:
        self.level: int = 0
        """What is shown. Set by `log` alone."""
        self._handler: logging.Handler | None = None

    def show(self, level: int, file: TextIO | None) -> None:
        """Do what `log` says."""
        if type(level) is not int or level not in range(4):
            raise ConfigurationError(f"the log has levels 0 to 3, not {level!r}")
        if self._handler is not None:
            wire.removeHandler(self._handler)
            self._handler = None
        if level:
            self._handler = logging.StreamHandler(file or sys.stderr)
            self._handler.setFormatter(logging.Formatter("%(message)s"))
            wire.addHandler(self._handler)
        wire.setLevel(logging.DEBUG if level else logging.NOTSET)
        # Who asked for it here does not want it a second time from the root logger.
        wire.propagate = not level
        self.level = level

    def connected(self, peer: Peer) -> None:
        """Show that ``peer`` connected."""
        wire.info("CONNECT FROM %s", peer if peer.address is None else peer.address)

    def sent(self, peer: Peer, data: bytes | memoryview) -> None:
        """Show that ``data`` went to ``peer``, as much as the network took at once."""
        wire.info("SEND %s BYTES TO %s", len(data), _place(peer))
        self._content(data)

    def received(self, peer: Peer, data: bytes | memoryview) -> None:
        """Show that ``data`` came from ``peer``, as much as there was at once."""
        wire.info("RECV %s BYTES FROM %s", len(data), _place(peer))
        self._content(data)

    def value(self, value: object) -> None:
        """Show what a message holds."""
        if self.level == 3:
            # Copied first: to print an object of the user's may run code, or ask the peer.
            text = pprint.pformat(Presenter(_SHOWN_BYTES).value(value))
            wire.debug("%s", text if len(text) <= _SHOWN_BYTES else f"{text[:_SHOWN_BYTES]}{_CUT}")

    def _content(self, data: bytes | memoryview) -> None:
        # Level 3 has the values instead.
        if self.level == 2:
            text = bytes(data[:_SHOWN_BYTES]).decode("ascii", "backslashreplace")
            cut = len(data) - _SHOWN_BYTES
            wire.debug("%s%s", printable(text, 4 * _SHOWN_BYTES), f"{_CUT} and {cut} bytes more" if cut > 0 else "")


def _place(peer: Peer) -> str:
    return str(peer) if peer.address is None else f"({str(peer.address)!r}, {peer.port})"


trace: Final = WireLog()
"""The log of messages of this process."""


def log(level: int, file: TextIO | None = None) -> None:
    """Show the messages of all sessions of this process.

    Args:
        level: 0 nothing; 1 a line for each send and each read, in general one message; 2 also
            its bytes; 3 also the values of messages, which stand in place of the bytes.
        file: where to, as it is now; standard error by default.

    Raises:
        ConfigurationError: if there is no such level.
    """
    trace.show(level, file)
