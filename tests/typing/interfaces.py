"""What type checkers make of limpet's API: checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, assert_type

import limpet


@limpet.expose
class Entry:
    amount: int


class Account:
    owner: str
    entries: list[Entry]

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def deposit(self, amount: int, *, note: str = "") -> int:
        return amount

    def history(self) -> Iterator[Entry]:
        yield from self.entries

    def on_change(self, function: Callable[[int], None]) -> None: ...


def sessions(url: str) -> None:
    with limpet.connect(url, timeout=5.0) as session:
        assert_type(session, limpet.ClientSession)
        assert_type(session.service("accounts"), limpet.RemoteService)
        assert_type(session.ping(), float)
        assert_type(session.peer, limpet.Peer)
        # Without an interface it may be anything; with one it is that, to a type checker.
        assert_type(session.open("Ada"), Any)
        assert_type(session.open_as(Account, "Ada"), Account)
        assert_type(session.service("accounts").open_as(Account, "Ada"), Account)


def proxies(account: Account) -> None:
    assert_type(account.deposit(5), int)
    assert_type(account.entries[0].amount, int)
    assert_type(limpet.copy(account.entries), list[Entry])
    assert_type(limpet.is_proxy(account), bool)
    limpet.release(account)
    with limpet.timeout(1.5):
        account.deposit(1)


def calls_in_between(account: Account) -> None:
    assert_type(limpet.later(account.deposit, 5), Future[int])
    assert_type(limpet.later(account.deposit, 5, note="rent").result(), int)
    limpet.oneway(account.deposit, 5)
    limpet.later(account.deposit, "5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    limpet.oneway(account.deposit, amounts=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    for entry in limpet.prefetch(account.history(), 64):
        assert_type(entry, Entry)


def marks() -> None:
    @limpet.expose
    def shown(value: int) -> str:
        return str(value)

    assert_type(shown(1), str)

    class Marked:
        @limpet.concurrent
        def stop(self) -> bool:
            return True

        @limpet.by_value
        def all(self) -> dict[str, int]:
            return {}

        @limpet.hide
        def secret(self) -> None: ...

        @property
        @limpet.expose
        def size(self) -> int:
            return 0

    assert_type(Marked().stop(), bool)
    assert_type(Marked().all(), dict[str, int])
    assert_type(Marked().size, int)


def servers() -> None:
    with limpet.Server(Account, "limpet://127.0.0.1:0", limits=limpet.Limits(workers=4)) as server:
        assert_type(server.url, str)
        assert_type(server.sessions, int)
    assert_type(limpet.peer(), limpet.Peer)
    assert_type(limpet.peer().identity, str | None)
    assert_type(limpet.cancelled(), bool)
    limpet.Server(Account, local="nobody")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
