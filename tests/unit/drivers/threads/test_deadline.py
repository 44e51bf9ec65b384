"""Deadlines of blocks of code."""

from __future__ import annotations

import math
import threading
import time

import pytest

from limpet.drivers.threads.deadline import deadline_of_caller, timeout
from limpet.testing.driver import Task


def test_there_is_none_at_first() -> None:
    assert deadline_of_caller() is None


def test_a_block_has_one() -> None:
    before = time.monotonic()
    with timeout(5):
        deadline = deadline_of_caller()
    assert deadline is not None
    assert before + 5 <= deadline <= time.monotonic() + 5
    assert deadline_of_caller() is None


def test_the_soonest_counts() -> None:
    with timeout(5):
        outer = deadline_of_caller()
        assert outer is not None
        with timeout(100):
            assert deadline_of_caller() == outer
        with timeout(1):
            inner = deadline_of_caller()
            assert inner is not None
            assert inner < outer
        assert deadline_of_caller() == outer


def test_an_error_ends_it() -> None:
    with pytest.raises(KeyError), timeout(5):
        raise KeyError
    assert deadline_of_caller() is None


def test_each_thread_has_its_own() -> None:
    with timeout(5):
        assert Task(deadline_of_caller).result() is None


@pytest.mark.parametrize("seconds", [0, -1, -0.0, math.nan, -math.inf])
def test_what_is_no_timeout(seconds: float) -> None:
    with pytest.raises(ValueError, match="more than 0"), timeout(seconds):
        pass


@pytest.mark.parametrize("seconds", [math.inf, 1e300, 10**12])
def test_for_ever(seconds: float) -> None:
    with timeout(seconds):
        deadline = deadline_of_caller()
    assert deadline is not None
    # A lock can be waited for as long as that.
    assert deadline - time.monotonic() < threading.TIMEOUT_MAX
