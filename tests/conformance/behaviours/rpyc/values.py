"""Values that travel as themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.system import Feature, System

VALUES = (
    None,
    True,
    0,
    -(2**70),
    1.5,
    2 + 3j,
    "",
    "limpet \N{SPIRAL SHELL}",
    b"\x00\xff",
    (),
    (1, ("two", (3.0, b"four")), None),
    ...,
    slice(1, 10, 2),
    frozenset({1, "two"}),
)


class Echo:
    def back(self, value: Any) -> Any:
        return value


@behaviour("R16", "Plain values come back equal and of the same type, nested ones too")
def echo(system: System) -> None:
    with system.opened(Echo) as echo:
        for value in VALUES:
            back = echo.back(value)
            assert (type(back), back) == (type(value), value), f"{value!r} comes back as {type(back).__name__}"


class Numbers:
    def __init__(self) -> None:
        self._numbers = [1, 2, 3]

    def all(self) -> list[int]:
        return self._numbers

    def count(self) -> int:
        return len(self._numbers)

    def kind(self, value: object) -> str:
        return type(value).__name__

    def total(self, values: list[int]) -> int:
        return sum(values)


@behaviour("R53", "A local copy of a remote list is a list, and a list as argument arrives as one")
def lists(system: System) -> None:
    with system.opened(Numbers) as numbers:
        local = system.copy(numbers.all())
        assert type(local) is list
        assert local == [1, 2, 3]
        local.append(4)
        assert numbers.count() == 3
        assert numbers.total(local) == 10
        assert numbers.kind(local) == "list", "it arrives as something else"


class Request:
    """Gives its arguments to code that knows nothing of proxies."""

    def encoded(self, params: dict[str, Any]) -> str:
        return urlencode(params)

    def dumped(self, params: dict[str, Any]) -> str:
        return json.dumps(params)

    def merged(self, params: dict[str, Any]) -> bool:
        return {**params, "tide": 2} == {"shells": 3, "where": "rock", "tide": 2}


@behaviour("R64", "A dict as argument can be used there by code that knows nothing of proxies")
def dict_for_others(system: System) -> None:
    params = {"shells": 3, "where": "rock"}
    with system.opened(Request) as request:
        assert request.encoded(params) == urlencode(params)
        assert request.merged(params)
        assert json.loads(request.dumped(params)) == params


@expose
@dataclass
class Catch:
    count: int
    where: str
    weight: float
    tag: bytes


class Sea:
    def catch(self) -> Catch:
        return Catch(3, "rock", 1.5, b"\x00\x01")


@behaviour("R32", "The fields of a remote dataclass equal the ones set there", Feature.ATTRIBUTES)
def fields_of_a_dataclass(system: System) -> None:
    with system.opened(Sea) as sea:
        catch = sea.catch()
        assert (catch.count, catch.where, catch.weight, catch.tag) == (3, "rock", 1.5, b"\x00\x01")
