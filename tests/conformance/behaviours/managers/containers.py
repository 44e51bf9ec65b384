"""Containers that are served by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from queue import Queue
from typing import Any, Final

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises
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


@behaviour("M2", "Proxies put into remote containers stay live, and outlive the names they came from")
def nested(system: System) -> None:
    with system.session(list) as session:
        outer, inner = session.open(), session.open([1, 2, 3])
        outer.append(inner)
        outer.append(inner)
        inner.append(4)
        assert list(outer[0]) == [1, 2, 3, 4], "what is inside is a copy"
        outer[0][-1] = 55
        assert list(inner) == [1, 2, 3, 55], "what is inside is a copy"
        assert list(outer[1]) == [1, 2, 3, 55], "the second is another"
        del inner
        assert [list(item) for item in outer] == [[1, 2, 3, 55]] * 2, "it is gone with its name"
        outer.append(outer)
        assert len(outer[2][2]) == 3
        del outer
        assert list(session.open("ab")) == ["a", "b"]


LARGE: Final = {number: str(number) for number in range(1000)}
"""More than any system fetches ahead of the one that is asked for."""


@behaviour("M3", "A remote dict is set, copied and gone through, and raises if it changes size meanwhile")
def a_dict(system: System) -> None:
    with system.session(dict) as session:
        tides = session.open()
        tides["Brest"] = 6
        tides.update({"Calais": 7, "Dover": 5})
        tides["Brest"] = 4
        del tides["Dover"]
        expected = {"Brest": 4, "Calais": 7}
        copied = tides.copy()
        tides["Emden"] = 3
        assert contents(copied) == expected, "the copy changes with it"
        del tides["Emden"]
        assert contents(tides) == expected
        assert "Brest" in tides
        assert "Emden" not in tides
        with raises(KeyError):
            tides["Emden"]
        assert sorted(tides.keys()) == ["Brest", "Calais"]
        assert sorted(tides.values()) == [4, 7]
        assert sorted(map(tuple, tides.items())) == [("Brest", 4), ("Calais", 7)]
        assert sorted(tides) == ["Brest", "Calais"]
        large = session.open(LARGE)
        keys = iter(large)
        assert list(islice(keys, 3)) == [0, 1, 2]
        large["more"] = "more"
        with raises(RuntimeError):
            list(keys)


def contents(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is in a mapping, a proxy or not."""
    return {key: mapping[key] for key in mapping.keys()}  # noqa: SIM118 - what goes through a proxy is tested apart


@behaviour("M4", "A plain list put into a remote list is a copy there, and copied back it is a list")
def plain_list(system: System) -> None:
    with system.opened(list) as outer:
        plain = [1, 2, 3]
        outer.append(plain)
        plain.append(4)
        assert list(outer[0]) == [1, 2, 3], "it is no copy"
        came = system.copy(outer[0])
        assert type(came) is list
        assert came == [1, 2, 3]
        came.append(5)
        assert list(outer[0]) == [1, 2, 3], "what comes back is no copy"


@behaviour("M5", "Queues inside a remote list or dict work")
def queues_inside(system: System) -> None:
    with (
        system.named({"list": list, "dict": dict, "queue": Queue}) as address,
        system.connect(address) as session,
    ):
        services = [system.service(session, name) for name in ("list", "dict", "queue")]
        row, table, queue = (service.open() for service in services)
        row.append(queue)
        table["queue"] = queue
        row[0].put("first")
        table["queue"].put("second")
        assert [queue.get(), row[0].get()] == ["first", "second"]
        assert queue.qsize() == 0
