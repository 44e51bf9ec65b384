"""Proxies: what they show, and what they are to each other."""

from __future__ import annotations

from collections.abc import Callable
from pydoc import render_doc
from typing import ClassVar
from weakref import WeakSet

from limpet import expose
from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import Feature, System


class Tide:
    def rise(self, by: int = 1) -> int:
        """Let the water come up."""
        return by

    def fall(self, by: int) -> int:
        """Let the water go down."""
        return -by

    def _turn(self) -> None:
        """Not for clients."""


@behaviour("P5", "dir() of a proxy lists the remote members")
def listed(system: System) -> None:
    with system.opened(Tide) as tide:
        names = dir(tide)
        assert {"rise", "fall"} <= {*names}, "methods are missing"
        assert "_turn" not in names, "private names are there"


@behaviour("P32", "help() of a remote method shows its parameters, and the first line of its docstring")
def documented(system: System) -> None:
    with system.opened(Tide) as tide:
        for method, parameters, line in (
            (tide.rise, "(by: int = 1)", "Let the water come up."),
            (tide.fall, "(by: int)", "Let the water go down."),
        ):
            text = render_doc(method)
            assert line in text, "the docstring is not there"
            assert parameters in text, "the parameters are not there"


@expose
class Shell:
    """Can be told from another, and be watched."""

    def __init__(self) -> None:
        self._size = 1

    def size(self) -> int:
        return self._size

    def grow(self) -> None:
        self._size += 1


class Beach:
    def __init__(self) -> None:
        self._shells = Shell(), Shell()

    def first(self) -> Shell:
        return self._shells[0]

    def second(self) -> Shell:
        return self._shells[1]

    def sizes(self) -> tuple[int, int]:
        first, second = self._shells
        return first.size(), second.size()


@behaviour("P11", "Proxies of one object are equal, those of two are not, and none equals 42", Feature.REFERENCES)
def equal(system: System) -> None:
    with system.opened(Beach) as beach:
        first, also, second = beach.first(), beach.first(), beach.second()
        assert first == also, "two proxies of one object differ"
        assert hash(first) == hash(also), "two proxies of one object hash otherwise"
        assert first != second
        for proxy in (first, second):
            assert proxy != 42
            assert proxy != "first"


@behaviour("P45", "An object of an exposed class leaves as a proxy, without more ado", Feature.REFERENCES)
def leaves_as_a_proxy(system: System) -> None:
    with system.opened(Beach) as beach:
        shell = beach.second()
        assert object.__getattribute__(shell, "__class__") is not None
        shell.grow()
        assert shell.size() == 2
        assert tuple(beach.sizes()) == (1, 2), "it is a copy"


@expose
class Gull:
    def colour(self) -> str:
        return "white"


class Cliff:
    """Its instances can be counted by those of other clients."""

    here: ClassVar[WeakSet[Cliff]] = WeakSet()
    gulls: ClassVar[WeakSet[Gull]] = WeakSet()

    def __init__(self) -> None:
        self.here.add(self)

    def gull(self) -> Gull:
        gull = Gull()
        self.gulls.add(gull)
        return gull

    def left(self) -> tuple[int, int]:
        return len(self.here), len(self.gulls)


@behaviour(
    "P33",
    "The instances of a client, and what they returned, are let go after it has left",
    Feature.REFERENCES,
    Feature.CONNECTIONS,
)
def let_go(system: System) -> None:
    with system.serve(Cliff) as address, system.connect(address) as stays:
        watcher = stays.open()
        with system.connect(address) as leaves:
            cliff = leaves.open()
            gulls = [cliff.gull(), cliff.gull()]
            assert gulls[1].colour() == "white"
            assert tuple(watcher.left()) == (2, 2)
        until(lambda: tuple(watcher.left()) == (1, 0), "they stay")


@behaviour("P29b", "A shared object is one and the same for all connections")
def shared(system: System) -> None:
    with (
        system.serve(Beach, shared=True) as address,
        system.connect(address) as first,
        system.connect(address) as second,
    ):
        first.open().first().grow()
        assert tuple(second.open().sizes()) == (2, 1), "each has its own"


class Caller:
    def __init__(self) -> None:
        self._seen: list[str] = []

    def call(self, function: Callable[[], None]) -> str:
        try:
            function()
        except ValueError as error:
            self._seen.append(str(error.args[0]))
            raise
        return "no error"

    def seen(self) -> str:
        return " ".join(self._seen)


@behaviour(
    "P10",
    "An error in a client's callback reaches the method that called it, and then the client",
    Feature.CALLBACKS,
)
def callback_fails(system: System) -> None:
    def fail() -> None:
        raise ValueError("stuck")

    with system.opened(Caller) as caller:
        with raises(ValueError) as caught:
            caller.call(fail)
        assert caught.error.args[0] == "stuck", "the client gets another"
        assert caller.seen() == "stuck", "the method gets another"
        assert caller.call(lambda: None) == "no error"
