from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import limpet
from limpet.cli.interrupt import putting_off
from limpet.testing.driver import until


@pytest.fixture
def session() -> Iterator[limpet.ClientSession]:
    with limpet.Server(limpet.functions(abs), "limpet://127.0.0.1:0") as server, limpet.connect(server.url) as session:
        yield session


def test_elsewhere_it_interrupts_at_once_and_what_was_there_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), putting_off():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_in_the_middle_of_a_message_it_waits(session: limpet.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    line: Any = session._channel
    core = line.connection.session
    request, interrupted = core.request, threading.Event()

    def slow(*args: Any, **kwargs: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        interrupted.set()
        return request(*args, **kwargs)

    table = session.open()
    monkeypatch.setattr(type(core), "request", lambda _, *args, **kwargs: slow(*args, **kwargs))

    def ask() -> None:
        table.abs(-1)
        threading.Event().wait(5)  # it comes a moment after the message is done

    with pytest.raises(KeyboardInterrupt), putting_off():
        ask()
    assert interrupted.is_set()
    monkeypatch.undo()
    assert table.abs(-2) == 2
    until(lambda: not core.pending)
