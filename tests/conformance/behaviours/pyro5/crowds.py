"""Many clients at a time, and too many."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, get_ident
from threading import enumerate as enumerate_threads
from typing import Any

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.system import Feature, System


class Echo:
    def echo(self, text: str) -> str:
        return text


@behaviour("P67", "Ten connections at a time are each answered")
def ten_connections(system: System) -> None:
    with ExitStack() as clients, system.serve(Echo) as address:
        echoes: list[Any] = []
        for number in range(10):
            echoes.append(clients.enter_context(system.connect(address)).open())
            assert echoes[-1].echo(f"{number}") == f"{number}"
        for number, echo in reversed([*enumerate(echoes)]):
            assert echo.echo(f"{number}") == f"{number}"


class Crew:
    def hold(self, entered: Callable[[], None]) -> int:
        entered()
        return get_ident()

    def living(self, threads: list[int]) -> int:
        return len({thread.ident for thread in enumerate_threads()} & {*threads})


@behaviour("P74", "Threads grow up to their limit, calls beyond it wait, and the threads end after", Feature.CALLBACKS)
def threads(system: System) -> None:
    entered: list[int] = []
    leave = Event()

    def enter() -> None:
        entered.append(get_ident())
        leave.wait(10)

    with ExitStack() as clients, system.serve(Crew, workers=3, rest_seconds=0.1) as address:
        *crews, last = (clients.enter_context(system.connect(address)).open() for _ in range(4))

        def hold(crew: Any) -> object:
            system.adopt(crew)
            return crew.hold(enter)

        with ThreadPoolExecutor(3) as pool:
            try:
                calls = pool.map(hold, crews)
                until(lambda: len(entered) == 3, "threads do not grow")
                with raises(*system.late), system.timeout(0.1, last):
                    last.living([])
            finally:
                leave.set()
            idents = [*calls]
        assert len({*idents}) == 3
        # One of them may be the thread that answers this.
        until(lambda: last.living(idents) <= 1, "threads do not end")


@behaviour("P75", "A client beyond the limit of connections gets an error instead of silence")
def too_many_connections(system: System) -> None:
    with system.serve(Echo, connections=4) as address:

        def greet(clients: ExitStack) -> None:
            assert clients.enter_context(system.connect(address)).open().echo("hello") == "hello"

        with ExitStack() as clients:
            greet(clients)
            with raises(*system.lost):
                for _ in range(4):
                    greet(clients)

        def is_served() -> bool:
            with ExitStack() as later:
                try:
                    greet(later)
                except system.lost:
                    return False
                return True

        until(is_served, "no room after they left")
