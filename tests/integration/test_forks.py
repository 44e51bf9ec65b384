"""After a fork a session belongs to the parent alone, and a server to the process that started it."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable

import limpet
from limpet.testing.driver import Task, until
from tests.integration.counter import SECONDS, Counter, serving


def in_child(action: Callable[[], object]) -> str:
    """Return what ``action`` returns in a forked child; the child must end within a few seconds."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From 3.12 on a fork with threads warns; what becomes of sessions then is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:  # pragma: no cover - coverage of a child that ends in os._exit is lost
        signal.alarm(8)
        try:
            said = str(action())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child hung"
    return said


def test_a_session_belongs_to_the_process_that_opened_it() -> None:
    with serving() as (server, session):
        counter = session.open()
        counter.add(1)
        assert in_child(lambda: counter.add(1)).startswith("SessionClosed: this session belongs to the process")
        assert in_child(session.ping).startswith("SessionClosed: this session belongs to the process")
        assert in_child(session.close) == "None"

        def connect_anew() -> str:
            with limpet.connect(server.url) as session:
                return str(session.open().add(5))

        assert in_child(connect_anew) == "5"
        assert counter.add(1) == 2


def test_a_fork_while_another_thread_holds_the_lock() -> None:
    with serving() as (_, session):
        counter = session.open()
        release = threading.Event()
        held = threading.Event()

        def hold() -> None:
            with session._channel.lock:
                held.set()
                release.wait(SECONDS)

        task = Task(hold)
        assert held.wait(SECONDS)
        try:
            assert in_child(session.close) == "None"
            assert in_child(session.ping).startswith("SessionClosed")
            assert in_child(lambda: counter.add(1)).startswith("SessionClosed")
        finally:
            release.set()
        task.result()
        assert counter.add(1) == 1


def test_a_fork_while_a_call_waits() -> None:
    with serving(concurrent=True) as (_, session):
        counter = session.open()
        waiting = Task(counter.wait)
        until(lambda: session._channel.reader)
        assert in_child(lambda: counter.add(1)).startswith("SessionClosed")
        counter.let_pass()
        assert waiting.result() is True


def test_a_servers_child_leaves_the_server_alone() -> None:
    with limpet.Server(Counter, "limpet://127.0.0.1:0") as server, limpet.connect(server.url) as session:
        counter = session.open()
        assert in_child(server.stop) == "None"
        assert counter.add(1) == 1
        with limpet.connect(server.url) as another:
            assert another.open().add(1) == 1


def test_a_child_of_a_stopped_server_keeps_its_descriptors() -> None:
    server = limpet.Server(Counter, "limpet://127.0.0.1:0")
    server.start()
    server.stop()
    descriptors = [os.dup(0) for _ in range(8)]
    try:
        assert in_child(lambda: str([os.fstat(number).st_ino > 0 for number in descriptors])) == str([True] * 8)
    finally:
        for number in descriptors:
            os.close(number)
    assert server.sessions == 0
