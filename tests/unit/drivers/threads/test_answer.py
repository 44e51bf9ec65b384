from __future__ import annotations

import concurrent.futures
import gc
import sys
import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.answer import Answer
from limpet.errors import CallTimeout, SessionClosed
from limpet.session.schedule import Pending
from limpet.testing.driver import Task, until
from tests.integration.counter import SECONDS, Counter, serving


class Shelf:
    """A reader whose answers are put there by the test."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.withdrawn: list[Answer] = []
        self.discarded: list[Pending] = []
        self.read: list[Pending] = []
        self.answers: dict[int, Any] = {}

    def locked_settle(self, answer: Answer) -> None:
        answer.settle()

    def locked_withdraw(self, answer: Answer) -> None:
        self.withdrawn.append(answer)

    def read_answer(self, pending: Pending) -> Any:
        self.read.append(pending)
        answer = self.answers[pending.id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def discard(self, pending: Pending) -> None:
        self.discarded.append(pending)

    def put(self, answer: Answer, value: object) -> None:
        with self.lock:
            self.answers[answer.pending.id] = value
            answer.pending.done = True
            answer.release()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def made(shelf: Shelf, deadline: float | None = None) -> Answer:
    return Answer(shelf, Pending(1, 0, 1), deadline)


def test_it_has_what_was_answered_and_reads_it_once(shelf: Shelf) -> None:
    answer = made(shelf)
    assert not answer.done()
    shelf.put(answer, 5)
    assert answer.done()
    assert shelf.read == []
    assert [answer.result(), answer.result(), answer.exception()] == [5, 5, None]
    assert len(shelf.read) == 1


def test_it_raises_what_was_raised(shelf: Shelf) -> None:
    answer, error = made(shelf), ValueError("no")
    shelf.put(answer, error)
    assert answer.exception() is error
    with pytest.raises(ValueError, match="no"):
        answer.result()


def test_whoever_waits_is_woken(shelf: Shelf) -> None:
    answer = made(shelf)
    waiting = [Task(answer.result) for _ in range(3)]
    shelf.put(answer, 5)
    assert [task.result() for task in waiting] == [5, 5, 5]


def test_without_an_answer_in_time_the_call_goes_on(shelf: Shelf) -> None:
    answer = made(shelf)
    with pytest.raises(TimeoutError):
        answer.result(0.01)
    assert shelf.withdrawn == []
    shelf.put(answer, 5)
    assert answer.result(0) == 5


def test_past_its_deadline_it_is_cancelled(shelf: Shelf) -> None:
    answer = made(shelf, deadline=0.0)
    with pytest.raises(CallTimeout, match="before the deadline"):
        answer.result(5)
    assert shelf.withdrawn == [answer]
    assert answer.cancelled()


def test_a_cancel_before_and_after_the_answer(shelf: Shelf) -> None:
    early, late = made(shelf), made(shelf)
    shelf.put(late, 5)
    assert (early.cancel(), late.cancel()) == (True, False)
    assert shelf.withdrawn == [early]
    with pytest.raises(CancelledError):
        early.result()


def test_a_second_cancel_changes_nothing(shelf: Shelf) -> None:
    answer = made(shelf)
    assert [answer.cancel(), answer.cancel()] == [True, True]
    answer.pending.done = True
    assert answer.cancel()
    assert shelf.withdrawn == [answer]


def test_whoever_waits_for_several_sees_a_cancelled_one_end(shelf: Shelf) -> None:
    before, meanwhile = made(shelf), made(shelf)
    before.cancel()
    assert concurrent.futures.wait([before], 0).done == {before}
    waiting = Task(lambda: concurrent.futures.wait([meanwhile], 10))
    until(lambda: bool(vars(meanwhile)["_waiters"]))
    meanwhile.cancel()
    assert waiting.result().done == {meanwhile}


def test_a_callback_that_leaves_by_an_exit_hides_no_cancel(shelf: Shelf) -> None:
    answer = made(shelf)
    answer.add_done_callback(lambda _: sys.exit(3))
    with pytest.raises(SystemExit):
        answer.cancel()
    assert concurrent.futures.wait([answer], 0).done == {answer}


def test_a_callback_of_a_cancelled_one_runs_without_the_lock(shelf: Shelf) -> None:
    answer = made(shelf)
    held: list[bool] = []
    answer.add_done_callback(lambda _: held.append(shelf.lock.locked()))
    answer.cancel()
    answer.add_done_callback(lambda _: held.append(shelf.lock.locked()))
    assert held == [False, False]


def test_what_comes_for_an_abandoned_one_is_not_its_own_to_discard(shelf: Shelf) -> None:
    answer = made(shelf)
    answer.cancel()
    answer.pending.abandoned = answer.pending.done = True
    shelf.withdrawn.clear()
    del answer
    gc.collect()
    assert shelf.discarded == []


def test_callbacks_run_when_it_is_settled_or_at_once(shelf: Shelf) -> None:
    answer = made(shelf)
    heard: list[Any] = []
    answer.add_done_callback(lambda future: heard.append("early"))
    assert answer.has_callbacks
    shelf.put(answer, 5)
    answer.add_done_callback(lambda future: heard.append(future.result()))
    assert heard == ["early", 5]


def test_what_nobody_reads_is_discarded(shelf: Shelf) -> None:
    answer, read = made(shelf), made(shelf)
    pending = answer.pending
    shelf.put(answer, 5)
    shelf.put(read, 6)
    assert read.result() == 6
    del answer, read
    gc.collect()
    assert shelf.discarded == [pending]


# ---------------------------------------------------------------- on a channel


def test_the_standard_library_waits_for_many() -> None:
    with serving() as (_, session):
        counter = session.open()
        futures = [limpet.later(counter.echo, number) for number in range(50)]
        done, waiting = concurrent.futures.wait(futures, 10)
        assert waiting == set()
        assert sorted(future.result() for future in done) == list(range(50))
        assert {future.result() for future in concurrent.futures.as_completed(futures, 10)} == set(range(50))


def test_it_comes_while_a_caller_reads_for_long() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        reading = Task(counter.wait)
        until(lambda: session._channel.reader)
        assert limpet.later(counter.echo, 1).result(10) == 1
        counter.let_pass()
        assert reading.result() is True


def test_a_reference_that_nobody_reads_is_given_back() -> None:
    with serving() as (_, session):
        counter = session.open()
        before = len(Counter.living)
        future = limpet.later(counter.another)
        until(future.done)
        del future
        gc.collect()
        until(lambda: len(Counter.living) <= before)


def test_the_end_of_the_session_settles_it() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        future = limpet.later(counter.wait)
        heard: list[Any] = []
        future.add_done_callback(lambda ended: heard.append(ended.exception()))
        counter.inside_is_set()
        session.close()
        with pytest.raises(SessionClosed):
            future.result(10)
        until(lambda: len(heard) == 1)
        assert isinstance(heard[0], SessionClosed)
        with pytest.raises(SessionClosed):
            limpet.later(counter.echo, 1)
        with pytest.raises(SessionClosed):
            limpet.oneway(counter.echo, 1)
        for served in list(Counter.living):
            served.passing.set()


def test_a_deadline_of_the_caller_holds_for_the_result() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        with limpet.timeout(0.05):
            future = limpet.later(counter.wait)
        with pytest.raises(CallTimeout):
            future.result()
        assert future.cancelled()
        counter.let_pass()


def test_a_callback_of_a_future_may_use_the_session() -> None:
    with serving() as (_, session):
        counter = session.open()
        heard: list[int] = []
        for number in range(20):
            limpet.later(counter.echo, number).add_done_callback(lambda done: heard.append(counter.echo(done.result())))
        until(lambda: sorted(heard) == list(range(20)))


def test_cancelled_twice_nothing_is_awaited_any_more() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        future = limpet.later(counter.wait)
        assert [future.cancel() for _ in range(3)] == [True] * 3
        assert session._channel.awaited == 0
        counter.let_pass()


def test_a_reference_that_comes_after_a_cancel_is_given_back_once() -> None:
    shared = Counter()
    shared.passing.set()

    class Desk:
        def get(self) -> Counter:
            return shared

        def get_late(self) -> Counter:
            shared.inside.wait(10)
            return shared

    with serving(Desk, concurrent=True) as (_, session):
        desk = session.open()
        counter = desk.get()
        future = limpet.later(desk.get_late)
        future.cancel()
        shared.inside.set()
        until(lambda: not session._channel.session.pending)
        del future
        gc.collect()
        desk.get()
        assert counter.echo(1) == 1


def test_without_a_deadline_the_limit_of_answers_holds() -> None:
    profile, shared = limpet.Profile.local(limits=limpet.Limits(answer_seconds=0.5)), Counter()
    with (
        limpet.Server(shared, "limpet://127.0.0.1:0") as server,
        limpet.connect(server.url, profile=profile) as session,
    ):
        future = limpet.later(session.open().wait)
        with pytest.raises(CallTimeout):
            future.result(SECONDS)
        assert future.cancelled()
        shared.passing.set()


def test_a_callback_on_the_server_that_exits_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []
    passing = threading.Event()

    class Asker:
        def go(self, function: Any) -> str:
            first, second = limpet.later(function, 1), limpet.later(function, 2)
            first.add_done_callback(lambda _: sys.exit(3))
            second.add_done_callback(lambda done: heard.append(done.result()))
            passing.set()
            return "gone"

    def wait(number: int) -> int:
        passing.wait(SECONDS)
        return number

    with serving(Asker) as (_, session):
        asker = session.open()
        assert asker.go(wait) == "gone"
        until(lambda: heard == [2])
        until(lambda: any("a callback of an answer raised" in text for text in caplog.messages))
        passing.clear()
        assert asker.go(wait) == "gone"
        until(lambda: heard == [2, 2])


def test_a_callback_at_the_client_that_exits_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    shared, heard = Counter(), list[bool]()
    with serving(shared) as (_, session):
        counter = session.open()
        first, second = limpet.later(counter.wait), limpet.later(counter.wait)
        first.add_done_callback(lambda _: sys.exit(3))
        second.add_done_callback(lambda done: heard.append(done.result()))
        shared.passing.set()
        until(lambda: heard == [True])
        until(lambda: any("a callback of an answer raised" in text for text in caplog.messages))
        assert counter.echo(3) == 3


@pytest.mark.parametrize("seconds", [1e10, float("inf")])
def test_a_limit_beyond_what_the_system_counts(seconds: float) -> None:
    profile = limpet.Profile.local(limits=limpet.Limits(answer_seconds=seconds))
    with (
        limpet.Server(Counter, "limpet://127.0.0.1:0") as server,
        limpet.connect(server.url, profile=profile) as session,
    ):
        assert limpet.later(session.open().add, 2).result() == 2
