"""Objects that stay on the server: containers, and how long they live."""

from __future__ import annotations

from weakref import WeakSet

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import until
from tests.conformance.system import Feature, System


class Numbers:
    def __init__(self, count: int = 3) -> None:
        self._numbers = [*range(1, count + 1)]

    def all(self) -> list[int]:
        return self._numbers


@behaviour("R29", "A list that a call returned is iterated over")
def iterated(system: System) -> None:
    with system.opened(Numbers) as numbers:
        assert [number * 2 for number in numbers.all()] == [2, 4, 6]


@behaviour("R18", "Iteration over ten thousand items of the server's gives all of them in order")
def ten_thousand(system: System) -> None:
    with system.opened(Numbers, 10_000) as numbers:
        assert list(numbers.all()) == [*range(1, 10_001)]


@expose
class Shell:
    def size(self) -> int:
        return 1


class Beach:
    def __init__(self) -> None:
        self._shells: WeakSet[Shell] = WeakSet()

    def find(self) -> Shell:
        shell = Shell()
        self._shells.add(shell)
        return shell

    def left(self) -> int:
        return len(self._shells)


@behaviour("R46", "An object lives on the server until its last proxy is gone, and no longer", Feature.REFERENCES)
def lives_as_long_as_its_proxies(system: System) -> None:
    with system.opened(Beach) as beach:
        first, second = beach.find(), beach.find()
        also = first
        assert beach.left() == 2
        del first
        assert also.size() == 1
        assert beach.left() == 2
        del also
        until(lambda: beach.left() == 1, "it is never let go")
        assert second.size() == 1
