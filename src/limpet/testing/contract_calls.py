"""What a driver must do with calls: order, threads, deadlines, callbacks."""

# ruff: noqa: S101 - a contract is made of assertions

from __future__ import annotations

from collections.abc import Callable
from threading import Event, get_ident
from time import monotonic
from typing import Any

from limpet.drivers.threads.deadline import timeout
from limpet.errors import CallTimeout
from limpet.objects.proxy import copy
from limpet.testing.driver import Driver, Task, raises, until
from limpet.testing.served import Gate, Workshop, names_of_living

__all__ = ["CallContract"]


def _gated() -> type[Workshop]:
    """Return a class to serve whose calls stop at a gate of its own."""

    class Gated(Workshop):
        gate = Gate()

    return Gated


class CallContract:
    """Calls through a driver. A subclass sets `driver`."""

    driver: Driver

    # Order.

    def test_calls_of_a_session_keep_their_order(self) -> None:
        """Calls that one thread makes run in the order it made them, those of several one at a time."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()

            def note(thread: int) -> None:
                for number in range(30):
                    workshop.note((thread, number))
                    workshop.overlap()

            for task in [Task(note, thread) for thread in range(4)]:
                task.result()
            seen = copy(workshop.seen())
            assert workshop.overlap() == 1
            for thread in range(4):
                assert [number for one, number in seen if one == thread] == list(range(30))

    def test_threads_share_a_session(self) -> None:
        """Every thread gets its own answers."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()

            def ask(thread: int) -> list[tuple[int, int]]:
                return [workshop.echo((thread, number)) for number in range(50)]

            tasks = {thread: Task(ask, thread) for thread in range(8)}
            for thread, task in tasks.items():
                assert task.result() == [(thread, number) for number in range(50)]

    def test_many_clients_are_served_at_once(self) -> None:
        """Ten calls wait at the gate, each of another client, and all are inside."""
        served = _gated()
        with self.driver.serve(served) as url:
            sessions = [self.driver.connect(url) for _ in range(10)]
            try:
                workshops = [session.open() for session in sessions]
                shared = Event()
                tasks = [Task(workshop.call, shared.wait, 10) for workshop in workshops]
                assert [session.ping() < 5 for session in sessions] == [True] * 10
                shared.set()
                assert [task.result() for task in tasks] == [True] * 10
            finally:
                for session in sessions:
                    session.close()

    def test_a_slow_call_stops_nobody_else(self) -> None:
        """While one call waits, other sessions are served, and this session's pings are answered."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as slow, self.driver.connect(url) as other:
            waiting = Task(slow.open().wait)
            until(served.gate.entered.is_set)
            workshop = other.open()
            assert [workshop.add(1) for _ in range(50)] == list(range(1, 51))
            assert slow.ping() < 5
            with self.driver.connect(url) as late:
                assert late.open().add(1) == 1
            served.gate.opened.set()
            assert waiting.result() is True

    def test_a_slow_call_does_not_keep_what_was_released(self) -> None:
        """Control messages act while user code runs: an object of the same session is freed."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as session:
            workshop = session.open()
            item = workshop.item("while slow")
            waiting = Task(workshop.wait)
            until(served.gate.entered.is_set)
            assert "while slow" in names_of_living()
            del item
            until(lambda: "while slow" not in names_of_living(), 1.5)
            served.gate.opened.set()
            assert waiting.result() is True

    def test_calls_of_a_concurrent_session_run_at_the_same_time(self) -> None:
        """``concurrent=True``: a call that waits for another of the same session ends."""
        served = _gated()
        with self.driver.serve(served, concurrent=True) as url, self.driver.connect(url) as session:
            workshop = session.open()
            waiting = [Task(workshop.wait) for _ in range(3)]
            until(served.gate.entered.is_set)
            assert workshop.add(1) == 1
            served.gate.opened.set()
            assert [task.result() for task in waiting] == [True] * 3

    def test_calls_of_a_serial_server_run_one_at_a_time(self) -> None:
        """``serial=True``: over all sessions."""
        with (
            self.driver.serve(Workshop(), serial=True) as url,
            self.driver.connect(url) as one,
            self.driver.connect(url) as other,
        ):

            def use(workshop: Any) -> list[int]:
                return [workshop.overlap() for _ in range(20)]

            tasks = [Task(use, session.open()) for session in (one, other, one)]
            assert [task.result() for task in tasks] == [[1] * 20] * 3

    # Deadlines.

    def test_a_call_that_takes_too_long_fails_in_time(self) -> None:
        """The caller gets CallTimeout, the served code learns of it, the session lives."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as session:
            workshop = session.open()
            began = monotonic()
            with raises(CallTimeout), timeout(0.1):
                workshop.wait_for_cancel()
            assert 0.1 <= monotonic() - began < 5
            until(served.gate.opened.is_set)
            assert workshop.was_cancelled is True
            assert workshop.add(1) == 1

    def test_a_call_that_waits_behind_another_is_cancelled_unrun(self) -> None:
        """What is given up before its turn never runs."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as session:
            workshop = session.open()
            waiting = Task(workshop.wait)
            until(served.gate.entered.is_set)
            with raises(CallTimeout), timeout(0.1):
                workshop.note("never")
            session.ping()  # The Cancel has come, when what was sent behind it is answered.
            served.gate.opened.set()
            assert waiting.result() is True
            assert copy(workshop.seen()) == []

    def test_each_thread_has_its_own_deadline(self) -> None:
        """Some threads give up while others wait on, whichever of them reads."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as session:
            workshop = session.open()
            patient = Task(workshop.wait)
            until(served.gate.entered.is_set)

            def hurry(seconds: float) -> str:
                try:
                    with timeout(seconds):
                        workshop.add(1)
                except CallTimeout:
                    return "late"
                return "done"

            hurried = [Task(hurry, 0.05 * number) for number in range(1, 6)]
            behind = Task(workshop.echo, "patient")
            assert [task.result() for task in hurried] == ["late"] * 5
            session.ping()
            served.gate.opened.set()
            assert (patient.result(), behind.result()) == (True, "patient")
            assert workshop.size == 0

    def test_a_deadline_that_is_kept_changes_nothing(self) -> None:
        """Calls within their deadline return as any others; the soonest deadline counts."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            with timeout(30), timeout(60):
                assert [workshop.add(1) for _ in range(5)] == [1, 2, 3, 4, 5]
                assert session.ping() < 30

    # Callbacks.

    def test_a_function_is_called_during_the_call_on_the_thread_that_waits(self) -> None:
        """A callback runs on the thread whose call caused it."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            assert workshop.call(lambda a, b: (a + b, get_ident()), 1, 2) == (3, get_ident())

    def test_callbacks_nest_both_ways(self) -> None:
        """Five calls deep, each inside the other."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()

            def go_on(function: Callable[..., int], depth: int) -> int:
                return 0 if depth == 0 else 1 + function(go_on, depth - 1)

            assert workshop.descend(go_on, 10) == 10
            assert workshop.call(lambda: workshop.call(lambda: workshop.add(1))) == 1

    def test_an_error_in_a_callback_goes_through(self) -> None:
        """It fails the callback, then the call around it, and no more."""

        def fail() -> None:
            raise KeyError("of the client's")

        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            with raises(KeyError, "of the client's"):
                workshop.call(fail)
            assert workshop.add(1) == 1

    def test_callbacks_of_several_threads_find_their_own(self) -> None:
        """Each thread runs the callbacks of its own calls."""
        with self.driver.serve(Workshop, concurrent=True) as url, self.driver.connect(url) as session:
            workshop = session.open()

            def ask(_: int) -> bool:
                return all(workshop.call(get_ident) == get_ident() for _ in range(20))

            tasks = [Task(ask, number) for number in range(6)]
            assert [task.result() for task in tasks] == [True] * 6

    def test_callbacks_outside_any_call_come_in_order(self) -> None:
        """Whether or not the client is inside other calls meanwhile; large answers get home too."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            workshop = session.open()
            heard: list[int] = []

            def large(size: int) -> bytes:
                return b"x" * size

            workshop.call_in_background(heard.append, *range(20))
            until(lambda: len(heard) == 20)
            assert heard == list(range(20))
            until(lambda: workshop.background() is not None)
            workshop.call_in_background(large, 5 << 20, 3 << 20)
            until(lambda: workshop.background() == (5 << 20, 3 << 20))

    def test_callbacks_come_while_the_client_is_inside_a_call(self) -> None:
        """A thread of the server calls back while this client's own call waits."""
        served = _gated()
        with self.driver.serve(served) as url, self.driver.connect(url) as session:
            workshop = session.open()
            heard: list[int] = []

            def hear(number: int) -> None:
                heard.append(number)
                if number == 4:
                    served.gate.opened.set()

            workshop.call_in_background(hear, *range(5))
            assert workshop.wait() is True
            until(lambda: heard == list(range(5)))

    def test_a_served_call_knows_its_caller(self) -> None:
        """``limpet.peer()`` is who calls."""
        with self.driver.serve(Workshop) as url, self.driver.connect(url) as session:
            assert session.open().caller()
