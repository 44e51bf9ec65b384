"""Sessions whose payloads are pickles: the contract of every driver, and what only this codec carries."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

import limpet
from limpet.testing import DriverContract, DriverSession
from tests.conformance.test_threads_driver import Tcp


class Color(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: Any
    y: Any = 0


PROFILE = limpet.Profile.local(codecs=(limpet.RestrictedCodec([Color, Point]),))
BOTH = limpet.Profile.local(codecs=(limpet.MsgpackCodec(), limpet.RestrictedCodec()))


@limpet.expose
class Desk:
    """What the tests ask."""

    def __init__(self) -> None:
        self.size = 1
        self.kept: list[Any] = []
        self.known = [5]

    def back(self, value: Any) -> Any:
        return value

    def keep(self, *values: Any, **named: Any) -> None:
        self.kept = [*values, *named.values()]

    def are_same(self) -> bool:
        return self.kept[0] is self.kept[1]

    def holds_itself(self) -> bool:
        return self.kept[0][-1] is self.kept[0]

    @limpet.by_value
    def kept_values(self) -> Any:
        return self.kept[0]

    def shown(self) -> str:
        return repr(self.kept[0])

    def are_known(self) -> bool:
        return all(part[0] is self.known for part in self.kept)

    def apply(self, function: Callable[..., Any], value: Any) -> Any:
        return function(value)

    def fail(self) -> None:
        raise ValueError("no", 5)


@pytest.fixture
def desk() -> Iterator[Any]:
    with (
        limpet.Server(Desk, "limpet://127.0.0.1:0", profile=PROFILE) as server,
        limpet.connect(server.url, profile=PROFILE) as session,
    ):
        yield session.open()


def test_calls_attributes_callbacks_and_errors(desk: Any) -> None:
    value = (1, 2.5, "x", b"y" * 100_000, None, (1, (2,)), frozenset({1}), 1 << 70, ...)
    assert desk.back(value) == value
    desk.size = 7
    assert desk.size == 7
    assert desk.apply(lambda item: item * 2, "ab") == "abab"
    with pytest.raises(ValueError, match="no") as caught:
        desk.fail()
    assert caught.value.args == ("no", 5)
    with pytest.raises(AttributeError):
        _ = desk.nothing
    assert desk.known[0] == 5
    assert list(desk.known) == [5]


def test_registered_classes_make_the_trip(desk: Any) -> None:
    assert desk.back(Point(1, Color.RED)) == Point(1, Color.RED)


def test_a_shared_list_arrives_as_one(desk: Any) -> None:
    shared = [1]
    desk.keep(shared, shared)
    assert desk.are_same()
    desk.keep(shared, named=shared)
    assert desk.are_same()
    desk.keep([1], [1])
    assert not desk.are_same()


def test_a_list_that_holds_itself_makes_the_trip(desk: Any) -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    desk.keep(ring)
    assert desk.holds_itself()
    assert desk.shown() == "[1, [...]]"
    back = desk.kept_values()
    assert back[0] == 1
    assert back[1] is back
    # With a reference in it, it is put together after it was judged.
    ring.insert(0, desk.known)
    desk.keep(ring, ring)
    assert desk.holds_itself()
    assert desk.are_same()
    assert desk.are_known()
    ring.insert(0, Point(1))
    desk.keep(ring)
    assert desk.holds_itself()


def test_an_operand_that_holds_itself_is_looked_at_once(desk: Any) -> None:
    ring: list[Any] = [desk.known]
    ring.append(ring)
    assert ring not in desk.known
    pair: list[Any] = [1]
    for _ in range(12):
        pair = [pair, pair]
    assert pair not in desk.known


def test_parts_of_the_server_are_not_looked_into(desk: Any) -> None:
    shared = [desk.known]
    desk.keep(shared, named=shared)
    assert desk.are_known()
    assert desk.known[0] == 5


def test_a_value_that_unfolds_for_ever_fails_its_call_alone(desk: Any) -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(limpet.EncodeError, match="more values than"):
        desk.back(value)
    assert desk.back(1) == 1


def test_what_cannot_travel_is_named(desk: Any) -> None:
    with pytest.raises(limpet.EncodeError, match=r"args\[0\]\['x'\]: .*send list\(\) of it"):
        desk.back({"x": iter([1])})


@pytest.mark.parametrize(
    ("server", "client", "agreed"),
    [
        (BOTH, BOTH, 1),
        (BOTH, PROFILE, 2),
        (PROFILE, BOTH, 2),
        (replace(BOTH, codecs=BOTH.codecs[::-1]), BOTH, 2),
        (BOTH, limpet.Profile.local(), 1),
        (limpet.Profile.local(), limpet.Profile.local(), 1),
    ],
)
def test_the_server_chooses_of_what_is_offered(server: limpet.Profile, client: limpet.Profile, agreed: int) -> None:
    with (
        limpet.Server(Desk, "limpet://127.0.0.1:0", profile=server) as running,
        limpet.connect(running.url, profile=client) as session,
    ):
        agreement = session._channel.connection.agreement
        assert agreement is not None
        assert agreement.codec == agreed
        assert session.open().back((1, "x")) == (1, "x")


def test_sides_without_a_codec_in_common_part() -> None:
    with limpet.Server(Desk, "limpet://127.0.0.1:0") as server, pytest.raises(limpet.ConnectRefused):
        limpet.connect(server.url, profile=PROFILE)


class Pickled(Tcp):
    """The threads driver on loopback, with pickles for payloads."""

    def serve(self, service: object, **options: Any) -> Any:
        return super().serve(service, profile=limpet.Profile.local(codecs=PROFILE.codecs), **options)

    def connect(self, url: str) -> DriverSession:
        return limpet.connect(url, profile=PROFILE)


class TestPickled(DriverContract):
    driver = Pickled()
