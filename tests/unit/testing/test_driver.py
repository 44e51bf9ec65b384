"""The contract's own tools."""

from __future__ import annotations

import threading

import pytest

from limpet.testing.driver import Task, raises, until


def test_until_waits_for_a_condition() -> None:
    begun = threading.Event()
    threading.Timer(0.02, begun.set).start()
    until(begun.is_set)


def test_until_does_not_wait_for_ever() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 seconds"):
        until(lambda: False, 0.01)


def test_an_expected_error() -> None:
    with raises(ValueError, "day"):
        raise ValueError("such a day")


def test_an_error_with_another_text() -> None:
    with pytest.raises(AssertionError, match="'night' is not in 'such a day'"), raises(ValueError, "night"):
        raise ValueError("such a day")


def test_another_error() -> None:
    with pytest.raises(KeyError), raises(ValueError):
        raise KeyError


def test_no_error() -> None:
    with pytest.raises(AssertionError, match="no ValueError was raised"), raises(ValueError):
        pass


def test_a_task_returns_or_raises() -> None:
    task = Task(divmod, 7, 2)
    assert task.result() == (3, 1)
    assert task.is_done
    with pytest.raises(ZeroDivisionError):
        Task(divmod, 1, 0).result()


def test_a_task_that_hangs() -> None:
    end = threading.Event()
    task = Task(end.wait, 5)
    with pytest.raises(AssertionError, match="the call hangs"):
        task.result(0.01)
    assert not task.is_done
    end.set()
    assert task.result() is True
