"""Walks from common objects by all that a peer can ask for: SECURITY.md, rows 36 to 38.

The standard library has public names that reach the whole process, and each release of
Python may add one. The walk runs on each version that limpet supports.
"""

from __future__ import annotations

import builtins
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest

from limpet.objects.members import MISSING, MemberTables
from limpet.objects.operations import Operation
from limpet.objects.reviewed import CONTAINERS, ITERATORS
from limpet.policy import Exposure, expose
from tests.support.zoo import KINDS, Plain, animals

DEPTH = 6
OBJECTS = 3_000
POWERS = (
    *(types.ModuleType, types.FrameType, types.CodeType, types.TracebackType, types.FunctionType, type),
    *(types.BuiltinFunctionType, types.MethodType, types.GeneratorType, types.CoroutineType),
    types.AsyncGeneratorType,
)
BY_VALUE = (type(None), bool, int, float, complex, str, bytes)


def is_power(value: object) -> bool:
    """Tell whether ``value`` reaches the whole process, and would leave as it is."""
    return issubclass(type(value), POWERS) and type(value) not in ITERATORS


def walk(start: object, step: Callable[[object], Iterator[tuple[str, object]]]) -> Iterator[tuple[str, object]]:
    """Yield what is reached from ``start``, each object once, with the way to it."""
    seen: dict[int, object] = {}
    waiting = deque([("", start, 0)])
    while waiting and len(seen) < OBJECTS:
        way, value, depth = waiting.popleft()
        if type(value) in BY_VALUE or id(value) in seen:
            continue
        seen[id(value)] = value
        if way:
            yield way, value
        if depth < DEPTH:
            waiting.extend((f"{way}{name}", found, depth + 1) for name, found in step(value))


class Server:
    """All that a peer can ask of an object, under the default policy."""

    def __init__(self) -> None:
        self.tables = MemberTables(Exposure())

    def may_leave(self, value: object) -> bool:
        if type(value) in BY_VALUE:
            return True
        if type(value) in ITERATORS:
            return True  # behind a cursor
        if type(value) is tuple:
            return True  # by value, its items are judged one by one
        return bool(self.tables.may_leave(type(value)) or self.tables.callable_may_leave(value))

    def members(self, value: object) -> Iterator[tuple[str, object]]:
        """Yield what is shown of ``value``: its members, its own data and its items."""
        table = self.tables.of(type(value))
        for name, member in table.members.items():
            if member.get is not None:
                with suppress(Exception):
                    yield f".{name}", member.get(value)
        for name in table.names(value):
            if (found := table.value(value, name)) is not MISSING:
                yield f".{name}", found
        iterate = table.operations.get(Operation.ITERATE)
        if iterate is not None:
            with suppress(Exception):
                yield from ((f"[{index}]", item) for index, item in enumerate(islice(iterate.apply(value), 20)))
        if type(value) is dict:
            yield from ((f"[{key!r}]", item) for key, item in islice(value.items(), 20))

    def step(self, value: object) -> Iterator[tuple[str, object]]:
        """Yield what of that leaves."""
        return ((name, found) for name, found in self.members(value) if self.may_leave(found))


def naive(value: object) -> Iterator[tuple[str, object]]:
    """Yield each public attribute, as a rule about names alone would."""
    for name in dir(value):
        if not name.startswith("_"):
            try:
                yield f".{name}", getattr(value, name)
            except Exception:
                continue


def test_the_zoo_is_large_enough() -> None:
    with animals() as zoo:
        assert len(zoo) >= KINDS
        assert len({type(animal) for animal in zoo.values()}) >= 100


def test_names_alone_would_reach_the_whole_process() -> None:
    with animals() as zoo:
        kinds = ["generator", "coroutine", "async generator", "frame", "traceback", "context manager", "module"]
        for kind in kinds:
            assert any(found is vars(builtins) or found is builtins for _, found in walk(zoo[kind], naive)), kind


def test_nothing_leads_from_a_common_object_to_a_power() -> None:
    """Each is taken as let out by hand, although almost none of them may leave."""
    server = Server()
    with animals() as zoo:
        reached = [
            f"{kind}{way}: {type(found).__name__}"
            for kind, animal in zoo.items()
            for way, found in walk(animal, server.step)
            if is_power(found)
        ]
        assert reached == []


def test_it_is_the_gate_that_stops_them() -> None:
    server = Server()
    with animals() as zoo:
        reached = {
            kind for kind, animal in zoo.items() if any(is_power(found) for _, found in walk(animal, server.members))
        }
        assert {"user's object", "slotted object", "partial", "list of everything", "dict of everything"} <= reached


@expose
class Holder:
    """Holds one thing in each place where a peer could look."""

    def __init__(self, thing: object) -> None:
        self.thing = thing
        self.listed = [thing]
        self.paired = (thing, [thing])
        self.mapped = {"thing": thing}
        self.nested = [{"thing": [thing]}]

    @property
    def computed(self) -> object:
        return self.thing


def test_nor_from_an_object_that_holds_one() -> None:
    server = Server()
    server.tables.served(Holder)
    with animals() as zoo:
        for kind, animal in zoo.items():
            for way, found in walk(Holder(animal), server.step):
                assert not is_power(found), f"{kind}{way}"


def test_of_a_power_nothing_is_shown_at_all() -> None:
    server = Server()
    with animals() as zoo:
        for kind, animal in zoo.items():
            if issubclass(type(animal), POWERS):
                assert list(server.members(animal)) == [], kind
                assert server.tables.of(type(animal)).operations == {}, kind


REFUSED = [
    *("function", "lambda", "method", "built-in function", "built-in method", "code", "frame", "traceback", "module"),
    *("class", "built-in class", "metaclass", "enum class", "generator", "coroutine", "async generator", "event loop"),
    *("task", "future", "loop's future", "logger", "file", "socket", "partial", "context", "executor", "thread"),
    *("value error", "attribute error", "mock", "path", "database", "ssl context", "weak reference", "cell"),
    *("property", "static method", "module spec", "standard output", "environment", "list iterator", "map", "chain"),
]


@pytest.mark.parametrize("kind", REFUSED)
def test_these_never_leave_as_they_are(kind: str) -> None:
    tables = MemberTables(Exposure())
    with animals() as zoo:
        assert not tables.may_leave(type(zoo[kind]))
        assert not tables.callable_may_leave(zoo[kind])


def test_of_all_kinds_only_containers_leave() -> None:
    tables = MemberTables(Exposure())
    with animals() as zoo:
        leaving = {kind for kind, animal in zoo.items() if tables.may_leave(type(animal))}
        assert {type(zoo[kind]) for kind in leaving} <= set(CONTAINERS)


def test_looking_runs_no_code_of_the_object_s() -> None:
    class Watched:
        def __init__(self) -> None:
            self.balance = 5

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

        __getattribute__ = __getattr__
        __dir__ = __eq__ = __hash__ = __repr__ = __getattr__  # type: ignore[assignment]

        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise AssertionError

    server = Server()
    watched = Watched()
    server.tables.served(Watched)
    assert dict(server.members(watched)) == {".balance": 5}
    assert server.may_leave(watched)
    assert server.tables.of(Watched).names(watched) == ["balance"]


def test_modules_functions_and_classes_in_an_object_stay_there() -> None:
    server = Server()
    server.tables.served(Plain)
    reached = dict(walk(Plain(), server.step))
    assert set(reached) == {".items", ".items[2]"}
