"""Served objects: whose they are, and what they look like."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
from tests.conformance.system import System


class Counter:
    def __init__(self) -> None:
        self._count = 0

    def add(self) -> int:
        self._count += 1
        return self._count


@behaviour("P29", "Each connection has an instance of the served class of its own")
def instance_of_its_own(system: System) -> None:
    with system.serve(Counter) as address, system.connect(address) as first, system.connect(address) as second:
        mine, yours = first.open(), second.open()
        assert [mine.add(), mine.add(), yours.add(), mine.add()] == [1, 2, 1, 3]


class Letters:
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> str:
        return "limpet"[index]

    def __iter__(self) -> Iterator[str]:
        return iter("limpet")


@behaviour("P61", "len(), iteration and indexing work on a proxy; an index out of range raises IndexError")
def sequence(system: System) -> None:
    with system.opened(Letters) as letters:
        assert len(letters) == 6
        assert list(iter(letters)) == list("limpet")
        assert [letters[index] for index in range(6)] == list("limpet")
        with raises(IndexError):
            letters[6]
