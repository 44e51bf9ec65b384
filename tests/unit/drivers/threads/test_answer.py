from __future__ import annotations

import concurrent.futures
import gc
import threading
from concurrent.futures import CancelledError
from typing import Any

import pytest

import limpet
from limpet.drivers.threads.answer import Answer
from limpet.errors import CallTimeout, SessionClosed
from limpet.session.schedule import Pending
from limpet.testing.driver import Task, until
from tests.integration.counter import Counter, serving


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
