"""Containers that are served by themselves."""

from __future__ import annotations

from tests.conformance.behaviour import behaviour
from tests.conformance.system import Feature, System


@behaviour("M1", "A served list is changed and iterated over by its proxy", Feature.REFERENCES)
def a_list(system: System) -> None:
    with system.opened(list, [1, 2, 3]) as numbers:
        numbers.append(4)
        numbers.extend([5, 6])
        numbers[0] = 0
        del numbers[1]
        assert len(numbers) == 5
        assert list(numbers) == [0, 3, 4, 5, 6]
        assert list(numbers[1:3]) == [3, 4]
