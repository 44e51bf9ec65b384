"""The fixture that looks for leaks sees them."""

from __future__ import annotations

import socket
import threading

from tests.support.leaks import HOUSEKEEPING, Holdings


def test_nothing_is_nothing() -> None:
    assert Holdings.now().leaked(0) == []


def test_a_running_thread_is_a_leak() -> None:
    before = Holdings.now()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="left-over")
    thread.start()
    try:
        assert before.leaked(0) == ["thread 'left-over' runs on"]
    finally:
        end.set()
    assert before.leaked() == []


def test_an_open_socket_is_a_leak() -> None:
    before = Holdings.now()
    left, right = socket.socketpair()
    with left, right:
        assert len(before.leaked(0)) == 2
    assert before.leaked(0) == []


def test_a_socket_that_is_about_to_close_is_none() -> None:
    before = Holdings.now()
    left, right = socket.socketpair()
    left.close()
    closer = threading.Timer(0.05, right.close)
    closer.start()
    assert before.leaked() == []


def test_the_housekeeping_thread_may_stay() -> None:
    before = Holdings.now()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name=HOUSEKEEPING)
    thread.start()
    try:
        assert before.leaked(0) == []
    finally:
        end.set()
        thread.join()
