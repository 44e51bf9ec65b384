"""What a driver must do when something ends: a session, a connection, a server."""

# ruff: noqa: S101 - a contract is made of assertions

from __future__ import annotations

from time import monotonic

from limpet.errors import ConnectRefused, SessionClosed, SessionError, SessionLost
from limpet.testing.driver import Driver, Task, raises, until
from limpet.testing.served import Gate, Workshop

__all__ = ["EndingContract"]


class EndingContract:
    """Ends through a driver. A subclass sets `driver`."""

    driver: Driver

    def test_a_closed_session_is_closed(self) -> None:
        """Calls fail, closing again is harmless, the next session works."""
        with self.driver.serve(Workshop) as url:
            with self.driver.connect(url) as session:
                workshop = session.open()
                session.close()
                with raises(SessionClosed):
                    workshop.add(1)
                with raises(SessionClosed):
                    session.ping()
                session.close()
            with self.driver.connect(url) as another:
                assert another.open().add(1) == 1

    def test_close_ends_what_waits(self) -> None:
        """A call that waits in another thread ends at once, and so do those behind it."""

        class Gated(Workshop):
            gate = Gate()

        with self.driver.serve(Gated) as url, self.driver.connect(url) as session:
            workshop = session.open()
            tasks = [Task(workshop.wait)]
            until(Gated.gate.entered.is_set)
            tasks += [Task(workshop.add, 1) for _ in range(3)]
            session.close()
            for task in tasks:
                with raises(SessionClosed):
                    task.result()
            Gated.gate.opened.set()

    def test_a_stopping_server_tells_its_clients(self) -> None:
        """Idle sessions end with SessionClosed, as soon as they are used again."""
        with self.driver.serve(Workshop) as url:
            sessions = [self.driver.connect(url) for _ in range(3)]
            workshops = [session.open() for session in sessions]
        for workshop in workshops:
            with raises(SessionClosed):
                workshop.add(1)
        for session in sessions:
            session.close()
        with raises(ConnectRefused), self.driver.connect(url):
            pass

    def test_a_stopping_server_lets_calls_finish(self) -> None:
        """What runs is answered; what has not begun is refused."""

        class Gated(Workshop):
            gate = Gate()

        with self.driver.serve(Gated) as url:
            session = self.driver.connect(url)
            workshop = session.open()
            waiting = Task(workshop.wait)
            until(Gated.gate.entered.is_set)
            # The call ends only when the server is stopping already: it refuses the next one.
            opener = Task(self._open_when_stopping, url, Gated.gate)
        assert waiting.result() is True
        opener.result()
        session.close()

    def _open_when_stopping(self, url: str, gate: Gate) -> None:
        def is_refused() -> bool:
            try:
                self.driver.connect(url).close()
            except SessionError:
                return True
            return False

        until(is_refused)
        gate.opened.set()

    def test_a_broken_connection_fails_what_waits_at_once(self) -> None:
        """The call that waits and all later ones end in SessionLost, within a moment."""

        class Gated(Workshop):
            gate = Gate()

        with self.driver.serve(Gated) as url:
            with self.driver.connect(url) as session:
                workshop = session.open()
                tasks = [Task(workshop.wait)]
                until(Gated.gate.entered.is_set)
                tasks += [Task(workshop.add, 1) for _ in range(3)]
                began = monotonic()
                self.driver.break_off(session)
                for task in tasks:
                    with raises(SessionLost):
                        task.result()
                assert monotonic() - began < 2
                with raises(SessionLost):
                    workshop.add(1)
            Gated.gate.opened.set()
            with self.driver.connect(url) as another:
                assert another.open().add(1) == 1

    def test_a_served_call_learns_that_its_client_is_gone(self) -> None:
        """``limpet.cancelled()`` is true for a call whose session has ended."""

        class Gated(Workshop):
            gate = Gate()

        with self.driver.serve(Gated) as url, self.driver.connect(url) as session:
            waiting = Task(session.open().wait_for_cancel)
            until(Gated.gate.entered.is_set)
            self.driver.break_off(session)
            with raises(SessionError):
                waiting.result()
            assert Gated.gate.opened.wait(5)

    def test_a_broken_connection_ends_a_callback(self) -> None:
        """Served code that waits for the client's answer gets SessionLost."""

        class Reporting(Workshop):
            gate = Gate()
            lost = Gate()

            def report(self, function: object) -> None:
                assert callable(function)
                try:
                    function()
                except SessionError:
                    self.lost.opened.set()

        with self.driver.serve(Reporting) as url, self.driver.connect(url) as session:
            waiting = Task(session.open().report, Reporting.gate.pass_through)
            until(Reporting.gate.entered.is_set)
            self.driver.break_off(session)
            assert Reporting.lost.opened.wait(5)
            Reporting.gate.opened.set()
            with raises(SessionError):
                waiting.result()

    def test_nobody_there(self) -> None:
        """An address where no server is refuses clearly."""
        with self.driver.serve(Workshop) as url:
            pass
        with raises(ConnectRefused):
            self.driver.connect(url)
