"""What is too much: from the suites of Foolscap and Cap'n Web."""

from __future__ import annotations

from threading import Event
from typing import Any, ClassVar
from weakref import WeakSet

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import System


class Echo:
    def size(self, value: Any) -> int:
        return len(value)


def nested(depth: int) -> list[Any]:
    """Return a list that is so many lists deep."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


# Cap'n Web ends the connection for the latter. A client that was told the limit need not go so far.
@behaviour(
    "X11", "Nesting up to the limit arrives, beyond it is refused, and so is an oversized message, at no harm to others"
)
def nesting_and_size(system: System) -> None:
    with system.serve(Echo, depth=16, message_bytes=1 << 16) as address, system.connect(address) as session:
        other = session.open()
        with system.connect(address) as greedy:
            echo = greedy.open()
            assert echo.size(nested(10)) == 1
            with raises(Exception):
                echo.size(nested(17))
            assert echo.size(nested(10)) == 1
            assert echo.size(bytes(1 << 15)) == 1 << 15
            with raises(Exception):
                echo.size(bytes(1 << 17))
        assert other.size(bytes(1 << 15)) == 1 << 15


class Guest:
    _guests: ClassVar[WeakSet[Guest]] = WeakSet()

    def __init__(self) -> None:
        self._guests.add(self)

    def present(self) -> int:
        return len(self._guests)

    def rest(self, seconds: float) -> str:
        Event().wait(seconds)
        return "rested"


@behaviour("X5", "An idle connection answers pings, and is ended only when it was idle for too long")
def idle(system: System) -> None:
    with (
        system.serve(Guest) as lasting,
        system.connect(lasting) as observer,
        system.serve(Guest, idle_seconds=0.1) as address,
        system.connect(address) as session,
    ):
        host = observer.open()
        alone = host.present()
        guest = session.open()
        system.ping(session)
        system.ping(session)
        assert guest.rest(0.15) == "rested", "it is ended while a call runs"
        until(lambda: host.present() == alone, "it is never ended")
        with raises(*system.lost):
            guest.present()
        with system.connect(address) as another:
            assert another.open().present() == alone + 1
