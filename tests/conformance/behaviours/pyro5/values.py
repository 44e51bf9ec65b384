"""Values: which travel, and as what."""

from __future__ import annotations

import math
import uuid
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System

VALUES: tuple[Any, ...] = (
    math.inf,
    -math.inf,
    0.1 + 0.2,
    math.pi,
    5e-324,
    1.7976931348623157e308,
    -0.0,
    2**64 + 1,
    {1, 2, 3},
    set(),
    {"a": [1, {"b": (2, 3)}]},
    uuid.UUID("12345678-1234-5678-1234-567812345678"),
    Decimal("0.10000000000000000000000000001"),
    date(2026, 2, 28),
    timedelta(days=-1, microseconds=1),
    "ascii",
    "Grüße, čeština",
    "Ελληνικά Русский עברית العربية हिन्दी ไทย",
    "日本語 한국어 中文",
    "\N{SPIRAL SHELL}\N{COMBINING ACUTE ACCENT}\N{ZERO WIDTH JOINER}",
    "line\nbreak\ttab\x00nul\x7f\x85",
)
"""What the server has as well, to compare with."""


class Scales:
    """Compares what arrives with what it should be."""

    def same(self, index: int, value: Any) -> bool:
        expected = VALUES[index]
        return isinstance(value, type(expected)) and repr(value) == repr(expected)

    def give(self, index: int) -> Any:
        return VALUES[index]

    def is_nan(self, value: float) -> bool:
        return math.isnan(value)

    def nan(self) -> float:
        return math.nan


@behaviour("P47", "inf, nan, long fractions, sets, UUIDs and text in any script arrive unchanged")
def unchanged(system: System) -> None:
    with system.opened(Scales) as scales:
        for index, value in enumerate(VALUES):
            assert scales.same(index, value), f"the argument {value!r} arrives as another"
            given = scales.give(index)
            assert given == value, f"the result {value!r} arrives as another"
            if isinstance(value, float | str | uuid.UUID | Decimal):
                assert type(given) is type(value), f"the result {value!r} has another type"
        assert math.copysign(1, scales.give(VALUES.index(-0.0))) == -1
        assert scales.is_nan(math.nan)
        assert math.isnan(scales.nan())


class Ferry:
    """Takes things over, and back."""

    def is_dict(self, value: Any) -> bool:
        return isinstance(value, dict)

    def shown(self, value: Any) -> str:
        return repr(value)

    def hex(self, data: bytes) -> str:
        return data.hex()

    def back(self, value: Any) -> Any:
        return value

    def is_loop(self, value: list[Any]) -> bool:
        return len(value) == 1 and len(value[0][0]) == 1


@behaviour("P41", "bytes and bytearray arrive equal")
def raw_bytes(system: System) -> None:
    with system.opened(Ferry) as ferry:
        for data in (b"", b"\x00\xff", bytes(range(256)), bytes(range(256)) * 1000):
            assert ferry.hex(data) == data.hex(), "bytes arrive as others"
            assert ferry.back(data) == data, "bytes come back as others"
            assert ferry.hex(bytearray(data)) == data.hex(), "a bytearray arrives as another"
            assert ferry.back(bytearray(data)) == data, "a bytearray comes back as another"


LOOKALIKES: tuple[dict[str, Any], ...] = (
    {"__class__": "builtins.ValueError", "__exception__": True, "args": ["stuck"], "attributes": {}},
    {"__class__": "ValueError", "args": [], "kwargs": {}},
    {"__class__": "pyrocore.URI", "state": ["PYRO", "a", None, "127.0.0.1", 1]},
    {"type": "builtins.ValueError", "args": ["stuck"], "text": "stuck"},
    {"py/object": "builtins.ValueError"},
    {"$ref": 1, "ref": [0], "error": "stuck"},
)


@behaviour("P44", "A dict that looks like an error or an object arrives as a dict")
def lookalikes(system: System) -> None:
    with system.opened(Ferry) as ferry:
        for value in LOOKALIKES:
            assert ferry.is_dict(value), "it arrives as something else"
            assert ferry.shown(value) == repr(value), "it arrives as another"
            assert ferry.back(value) == value, "it comes back as something else"


# A codec of values may refuse it; a system that has references need not.
@behaviour("P46", "A list that contains itself raises or arrives as it is, and nothing hangs")
def loop(system: System) -> None:
    items: list[Any] = []
    items.append(items)
    with system.opened(Ferry) as ferry:
        with suppress(ValueError, *system.unsendable):
            assert ferry.is_loop(items), "it arrives as something else"
        assert ferry.back("limpet") == "limpet"


class Coral:
    """Nobody allowed it to travel."""

    def __init__(self) -> None:
        self.colour = "red"


@expose
class Shell:
    def size(self) -> int:
        return 1


class Reef:
    def coral(self) -> Coral:
        return Coral()

    def shell(self) -> Shell:
        return Shell()

    def takes(self, value: object) -> str:
        return type(value).__name__


@behaviour("P43", "An object of a class that nobody allowed does not travel; allowed, it does")
def not_allowed(system: System) -> None:
    with system.opened(Reef) as reef:
        with raises(*system.unsendable):
            reef.coral()
        with raises(*system.unsendable):
            reef.takes(Coral())
        assert reef.shell().size() == 1
