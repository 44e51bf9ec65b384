"""Attributes."""

from __future__ import annotations

from tests.conformance.behaviour import behaviour
from tests.conformance.system import Feature, System


class Meter:
    def __init__(self) -> None:
        self._reads = 0

    @property
    def reads(self) -> int:
        self._reads += 1
        return self._reads


# RPyC's own test has the classic mode, in which its proxies do not ask twice.
@behaviour("R15", "A property is evaluated once for each time it is read", Feature.PROPERTIES)
def once_for_each_read(system: System) -> None:
    with system.opened(Meter) as meter:
        read = [meter.reads for _ in range(4)]
        assert read == [1, 2, 3, 4], f"four reads gave {read}"
