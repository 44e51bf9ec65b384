"""A client and a server joined in memory."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import limpet
from limpet.errors import AccessDenied, CallError, ConfigurationError, EncodeError, SessionClosed
from limpet.objects.context import peer
from limpet.testing import MemoryPair, MemoryService, memory_pair


class Account:
    """What is served."""

    def __init__(self, owner: str = "", *, balance: int = 0) -> None:
        self.owner, self.balance, self.entries = owner, balance, [1, 2]
        self._kept: list[Any] = []

    def deposit(self, amount: int) -> int:
        if amount <= 0:
            raise ValueError(f"cannot deposit {amount}")
        self.balance += amount
        return self.balance

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def descend(self, function: Callable[..., int], depth: int) -> int:
        return 0 if depth == 0 else 1 + function(limpet.ref(self._callee), depth - 1)

    def _callee(self, function: Callable[..., int], depth: int) -> int:
        return self.descend(function, depth)

    def twin(self) -> Account:
        return Account("twin")

    def keep(self, value: Any) -> None:
        self._kept.append(value)

    def drop(self) -> None:
        self._kept.clear()

    def numbers(self) -> Iterator[int]:
        yield from range(100)

    def caller(self) -> str:
        return str(peer())

    def big(self, size: int) -> bytes:
        return bytes(size)

    def thread(self) -> int:
        return threading.get_ident()


def test_it_is_used_as_a_session_is() -> None:
    with memory_pair(Account) as session:
        account = session.open("Ada", balance=5)
        assert account.deposit(5) == 10
        account.owner = "Eve"
        assert (account.owner, account.balance, account.entries[0]) == ("Eve", 10, 1)
        assert limpet.copy(account.entries) == [1, 2]
        assert list(account.numbers()) == list(range(100))
        assert session.open_as(Account, "Bob").owner == "Bob"
        with pytest.raises(ValueError, match=r"^cannot deposit -1$"):
            account.deposit(-1)
        with pytest.raises(AccessDenied):
            account.missing()
        assert account.caller() == "127.0.0.1:1"
        session.check()


def test_all_happens_in_the_thread_that_asks() -> None:
    threads = threading.active_count()
    with memory_pair(Account) as session:
        assert session.open().thread() == threading.get_ident()
        assert threading.active_count() == threads


def test_named_and_shared_services() -> None:
    with memory_pair({"accounts": Account, "shared": limpet.ref([1])}) as session:
        service = session.service("accounts")
        assert isinstance(service, MemoryService)
        assert service.open("Ada").owner == "Ada"
        assert service.open_as(Account).owner == ""
        session.service("shared").open().append(2)
        assert list(session.service("shared").open()) == [1, 2]
        with pytest.raises(AccessDenied):
            session.open()


def test_what_is_no_service() -> None:
    with pytest.raises(ConfigurationError):
        memory_pair(5)


def test_callbacks_nest_both_ways() -> None:
    with memory_pair(Account) as session:
        account = session.open()
        empty: dict[str, int] = {}

        def go_on(function: Callable[..., int], depth: int) -> int:
            return 0 if depth == 0 else 1 + function(go_on, depth - 1)

        assert account.descend(go_on, 10) == 10
        assert account.call(lambda: account.call(lambda: account.deposit(1))) == 1
        with pytest.raises(KeyError):
            account.call(empty.__getitem__, "missing")
        session.check()


def test_a_call_that_waits_for_itself_fails() -> None:
    with memory_pair(Account) as session, memory_pair(Account) as other:
        account, outer = session.open(), other.open()

        # Served code that uses the client's own proxy waits for the call that it is in.
        class Meddler:
            def meddle(self) -> int:
                return int(proxy.meddle())

        with memory_pair(Meddler) as third:
            proxy = third.open()
            with pytest.raises(CallError, match="waits for itself"):
                proxy.meddle()
        assert outer.call(lambda: account.deposit(1)) == 1


def test_credit_runs_out() -> None:
    with memory_pair(Account, profile=limpet.Profile.local(limits=limpet.Limits(nested_calls=1_000))) as session:
        session.client.connection.session.window.calls = 0  # type: ignore[union-attr]  # it has begun
        with pytest.raises(CallError, match="no credit"):
            session.open()


def test_results_as_copies() -> None:
    with memory_pair(Account, results="copy") as session:
        assert session.open().entries == [1, 2]


def test_interceptors() -> None:
    seen: list[str] = []

    def note(invocation: limpet.Invocation, following: Any) -> Any:
        seen.append(invocation.name)
        return following(invocation)

    with memory_pair(Account, interceptors=(note,)) as session:
        session.open().deposit(1)
    assert seen == ["", "deposit"]


def test_limits_of_the_profile() -> None:
    limits = limpet.Limits(frame_bytes=4_096, message_bytes=65_536, outbox_bytes=65_536, error_bytes=2_048)
    with memory_pair(Account, profile=limpet.Profile.local(limits=limits)) as session:
        account = session.open()
        assert len(account.big(50_000)) == 50_000
        with pytest.raises(EncodeError):
            account.big(100_000)
        assert account.deposit(1) == 1


def test_references_go_with_the_next_message_or_when_settled() -> None:
    with memory_pair(Account) as session:
        account = session.open()
        server = session.server.connection.session
        assert server is not None
        twin = account.twin()
        assert len(server.tables.exports.by_handle) == 2
        del twin
        gc.collect()
        assert len(server.tables.exports.by_handle) == 2
        session.settle()
        assert len(server.tables.exports.by_handle) == 1
        session.check()


def test_what_the_server_kept_of_the_clients_is_freed() -> None:
    def function() -> None: ...

    kept = weakref.ref(function)
    with memory_pair(Account) as session:
        account = session.open()
        account.keep(function)
        del function
        gc.collect()
        assert kept() is not None
        account.drop()
        gc.collect()
        session.settle()
        gc.collect()
        assert kept() is None


def test_a_closed_pair() -> None:
    session = memory_pair(Account)
    account = session.open()
    assert isinstance(session, MemoryPair)
    session.close()
    session.close()
    assert session.is_closed
    for ask in (account.twin, session.open):
        with pytest.raises(SessionClosed):
            ask()
    server = session.server.connection.session
    assert server is not None
    assert isinstance(server.ended, SessionClosed)
    assert not server.tables.exports.by_handle
    session.check()


def test_threads_take_turns() -> None:
    with memory_pair(Account) as session:
        account = session.open()
        threads = [threading.Thread(target=lambda: [account.deposit(1) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert account.balance == 200


class Interrupted:
    """Is interrupted by a person, so to speak."""

    def itself(self) -> None:
        raise KeyboardInterrupt

    def inside(self, function: Callable[[], None]) -> None:
        function()

    def fine(self) -> int:
        return 1


def test_an_interrupt_goes_on_once_it_is_answered() -> None:
    with memory_pair(Interrupted) as session:
        interrupted = session.open()
        with pytest.raises(KeyboardInterrupt):
            interrupted.itself()
        with pytest.raises(KeyboardInterrupt):
            interrupted.inside(Interrupted().itself)
        assert interrupted.fine() == 1
