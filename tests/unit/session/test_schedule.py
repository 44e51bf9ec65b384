"""Which requests may start, and when."""

from __future__ import annotations

from collections import deque

import pytest

from limpet.errors import CallCancelled
from limpet.session.messages import PASS
from limpet.session.schedule import Pending, Promise, Request, Schedule, Stage


def request(id_: int, *promises: Promise, fault: Exception | None = None) -> Request:
    made = Request(2, 1, id_, 0, b"payload", 47)
    made.promises = promises
    made.fault = fault
    return made


def waited_for(*nested: Request) -> Pending:
    """Return what is asked of the peer, which has asked for ``nested`` meanwhile."""
    pending = Pending(1, 0, 1)
    pending.nested = deque(nested)
    return pending


def schedule(*requests: Request, concurrent: bool = False, most: int = 32) -> Schedule:
    made = Schedule(concurrent=concurrent, most=most)
    for each in requests:
        made.arrive(each)
        made.check()
    return made


def start(made: Schedule) -> int | None:
    """Start the next one and return its id."""
    can = made.can_start
    started = made.start()
    made.check()
    assert (started is not None) is can
    if started is None:
        return None
    assert started.stage is Stage.RUNNING
    return started.id


def finish(made: Schedule, id_: int) -> None:
    made.finish(made.requests[id_])
    made.check()


def test_a_new_request_holds_nothing() -> None:
    made = request(1)
    assert (made.kind, made.flags, made.id, made.cause, made.payload, made.size) == (2, 1, 1, 0, b"payload", 47)
    assert (made.target, made.view, made.references, made.buffers, made.depth) == (None, 0, [], [], 1)
    assert (made.fault, made.stage, made.cancelled, made.deadline) == (None, Stage.QUEUED, False, None)
    pending = Pending(1, 47, 2)
    assert (pending.id, pending.size, pending.depth) == (1, 47, 2)
    assert (pending.done, pending.abandoned, pending.failure, pending.nested, pending.waker) == (
        False,
        False,
        None,
        None,
        None,
    )


def test_nothing_starts_of_nothing() -> None:
    made = schedule()
    assert start(made) is None
    assert made.is_idle


def test_one_at_a_time_in_order() -> None:
    made = schedule(request(1), request(2))
    assert start(made) == 1
    assert start(made) is None
    finish(made, 1)
    assert start(made) == 2
    assert not made.is_idle
    finish(made, 2)
    assert made.is_idle


def passing(id_: int) -> Request:
    made = request(id_)
    made.flags |= PASS
    return made


def test_only_so_many_run_at_once() -> None:
    made = schedule(request(1), request(2), request(3), passing(4), concurrent=True, most=2)
    assert [start(made), start(made), start(made)] == [4, 1, None]
    finish(made, 1)
    assert [start(made), start(made)] == [2, None]
    finish(made, 4)
    assert [start(made), start(made)] == [3, None]


def test_what_passes_is_counted_beside_the_one_that_has_the_turn() -> None:
    made = schedule(request(1), most=2)
    assert start(made) == 1
    for each in (passing(2), passing(3), request(4)):
        made.arrive(each)
    # What passes the others may have been made to stop them: it has a place beyond theirs.
    assert [start(made), start(made), start(made)] == [2, 3, None]
    finish(made, 1)
    assert start(made) is None
    finish(made, 2)
    assert [start(made), start(made)] == [4, None]


def test_nested_and_failing_requests_are_not_counted() -> None:
    made = schedule(request(1), most=1)
    assert start(made) == 1
    nested, other = request(2), request(3)
    for each in (nested, other):
        made.arrive_nested(each)
    made.begin(nested)
    made.arrive_inside(waited_for(other))
    made.arrive(request(4, fault=ValueError()))
    made.arrive(passing(5))
    made.arrive(passing(6))
    assert [start(made), start(made), start(made), start(made)] == [3, 4, 5, None]
    made.cancel(6)
    assert [start(made), start(made)] == [6, None]
    for id_ in (2, 3, 4, 6):
        finish(made, id_)
        assert start(made) is None
    made.arrive(request(7))
    finish(made, 1)
    assert start(made) is None
    finish(made, 5)
    assert start(made) == 7


def test_what_comes_on_the_way_to_an_answer_that_nobody_waits_for_runs_one_after_the_other() -> None:
    made = schedule(most=1)
    first, second, third = request(1), request(2), request(3)
    for each in (first, second, third):
        made.arrive_nested(each)
    pending = waited_for(first, second)
    made.arrive_inside(pending)
    assert pending.nested is not None
    pending.nested.append(third)
    made.arrive_inside(pending)
    for id_ in (1, 2, 3):
        assert [start(made), start(made)] == [id_, None]
        made.check()
        finish(made, id_)
    assert made.is_idle


def test_a_stop_forgets_what_has_not_had_its_turn_on_the_way_to_an_answer() -> None:
    made = schedule()
    first, second = request(1), request(2)
    for each in (first, second):
        made.arrive_nested(each)
    made.arrive_inside(waited_for(first, second))
    assert start(made) == 1
    made.drain()
    finish(made, 1)
    assert start(made) is None
    assert made.is_idle


def test_concurrent_requests_start_in_order_and_end_in_any() -> None:
    made = schedule(request(1), request(2), request(3), concurrent=True)
    assert [start(made), start(made), start(made), start(made)] == [1, 2, 3, None]
    for id_ in (2, 3, 1):
        finish(made, id_)
    assert made.is_idle


def test_what_fails_anyway_needs_no_turn() -> None:
    made = schedule(request(1), request(2, fault=ValueError()))
    assert start(made) == 2
    assert start(made) == 1
    finish(made, 2)
    assert start(made) is None
    assert made.requests[1].stage is Stage.RUNNING


@pytest.mark.parametrize("concurrent", [False, True])
def test_a_promise_holds_up_what_names_it_and_all_behind(concurrent: bool) -> None:
    promise, settled = Promise(), Promise()
    settled.settled = True
    made = schedule(request(1, settled), request(2, settled, promise), request(3), concurrent=concurrent)
    assert start(made) == 1
    finish(made, 1)
    assert start(made) is None
    promise.settled = True
    assert start(made) == 2
    finish(made, 2)
    assert start(made) == 3


def test_a_request_settles_its_own_promise_when_it_is_finished() -> None:
    made = schedule(request(1))
    promise = made.requests[1].promise = Promise()
    assert start(made) == 1
    assert not promise.settled
    finish(made, 1)
    assert promise.settled


def test_a_finished_request_lets_go_of_what_it_brought() -> None:
    first, second = request(1, Promise()), request(2)
    first.promises[0].settled = True
    second.references = [object()]
    made = schedule(first, second, concurrent=True)
    for each in (first, second):
        each.target = object()
        assert start(made) == each.id
        finish(made, each.id)
        assert (each.promises, each.references, each.target) == ((), [], None)
        assert each.stage is Stage.DONE


def test_nested_requests_pass_the_queue() -> None:
    made = schedule(request(1), request(2))
    assert start(made) == 1
    nested = request(3)
    made.arrive_nested(nested)
    assert start(made) is None
    made.begin(nested)
    assert nested.stage is Stage.RUNNING
    made.check()
    finish(made, 3)
    assert start(made) is None
    finish(made, 1)
    assert start(made) == 2


def test_what_is_queued_is_cancelled_without_being_run() -> None:
    made = schedule(request(1), request(2), request(3))
    assert start(made) == 1
    cancelled = made.cancel(2)
    assert cancelled is not None
    assert cancelled.cancelled
    assert type(cancelled.fault) is CallCancelled
    assert made.cancel(2) is cancelled
    assert start(made) == 2
    finish(made, 2)
    assert start(made) is None
    finish(made, 1)
    assert start(made) == 3


def test_what_runs_is_only_told() -> None:
    made = schedule(request(1))
    assert start(made) == 1
    assert made.cancel(1) is made.requests[1]
    assert made.requests[1].cancelled
    assert made.requests[1].fault is None
    nested = request(2)
    made.arrive_nested(nested)
    made.cancel(2)
    assert nested.cancelled
    assert nested.fault is None


def test_what_is_not_there_is_not_cancelled() -> None:
    made = schedule(request(1))
    assert made.cancel(2) is None
    assert start(made) == 1
    finish(made, 1)
    assert made.cancel(1) is None


def test_a_session_that_is_about_to_end_starts_nothing_new() -> None:
    made = schedule(request(1), request(2), request(3, fault=ValueError("own")))
    assert start(made) == 3
    assert start(made) == 1
    made.drain()
    made.arrive(request(4))
    made.arrive(request(5, fault=ValueError("own")))
    assert start(made) is None
    assert sorted(made.requests) == [1, 3]
    for id_ in (1, 3):
        finish(made, id_)
    assert made.is_idle


def test_at_the_end_what_is_queued_is_forgotten_and_what_runs_is_told() -> None:
    made = schedule(request(1), request(2), request(3, fault=ValueError()))
    running = made.requests[1]
    assert start(made) == 3
    assert start(made) == 1
    made.clear()
    assert running.cancelled
    assert not made.requests.get(2)
    assert start(made) is None
    made.finish(running)
    made.check()


def test_finishing_twice_changes_nothing() -> None:
    made = schedule(request(1), request(2))
    first = made.requests[1]
    assert start(made) == 1
    finish(made, 1)
    assert start(made) == 2
    made.finish(first)
    assert start(made) is None
    assert list(made.requests) == [2]


def test_the_check_sees_what_is_wrong() -> None:
    def wrong_id(made: Schedule) -> None:
        made.requests[1].id = 9

    def done(made: Schedule) -> None:
        made.requests[1].stage = Stage.DONE

    def queued_and_running(made: Schedule) -> None:
        made.requests[2].stage = Stage.RUNNING

    def serial_gone(made: Schedule) -> None:
        del made.requests[1]

    for spoil in (wrong_id, done, queued_and_running, serial_gone):
        made = schedule(request(1), request(2))
        assert start(made) == 1
        spoil(made)
        with pytest.raises(AssertionError):
            made.check()


# ---------------------------------------------------------------- what is let go of


def test_what_a_request_held_is_let_go_of_by_the_driver() -> None:
    buried = deque[object]()
    made, promise, target, reference = Schedule(concurrent=False, most=32, buried=buried), Promise(), object(), object()
    ended = request(1, promise)
    ended.target, ended.references = target, [reference]
    promise.settled = True
    made.arrive(ended)
    start(made)
    finish(made, 1)
    assert (ended.target, ended.references, ended.promises) == (None, [], ())
    assert list(buried) == [(promise,), [reference], target]


def test_requests_that_are_forgotten_are_let_go_of_by_the_driver() -> None:
    buried = deque[object]()
    made = Schedule(concurrent=False, most=32, buried=buried)
    running, queued, passing = request(1), request(2), request(3, fault=ValueError())
    for each in (running, queued):
        made.arrive(each)
    start(made)
    made.drain()
    assert list(buried) == [queued]
    made.arrive(late := request(4))
    assert list(buried) == [queued, late]
    buried.clear()
    made = Schedule(concurrent=False, most=32, buried=buried)
    for each in (running, queued, passing):
        made.arrive(each)
    made.arrive_nested(nested := request(5))
    made.clear()
    assert list(buried) == [running, queued, passing, nested]


def test_a_nested_request_whose_waiter_gives_up_while_the_session_ends() -> None:
    made = schedule()
    made.arrive_nested(nested := request(1))
    made.drain()
    made.arrive(nested)
    made.check()
    assert made.is_idle
