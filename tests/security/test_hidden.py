"""What is hidden stays hidden by every way round, and each use of an object goes by the interceptors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.errors import AccessDenied
from limpet.objects.cursor import Cursor
from limpet.objects.dispatch import Invocation
from limpet.objects.operations import Operation
from limpet.objects.proxy import inside
from limpet.policy.exposure import expose, hide
from limpet.session.messages import Kind
from limpet.testing import memory_pair
from tests.support.endpoints import NETWORK, ends, handle_of

# ---------------------------------------------------------------- interceptors


class Account:
    def __init__(self) -> None:
        self.balance = 5
        self.entries = [1]
        self.alias = self.withdraw

    def withdraw(self, amount: int) -> int:
        self.balance -= amount
        return self.balance

    @property
    def rate(self) -> int:
        return 3

    def bound(self) -> Any:
        return self.withdraw

    def referred(self) -> Any:
        return limpet.ref(self.withdraw)

    def __iter__(self) -> Iterator[int]:
        yield self.balance


class Guard:
    """Notes what it sees, lets one use pass at a time, and refuses some."""

    def __init__(self, *refused: str) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self.refused = refused
        self.depth = 0

    def __call__(self, invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        self.seen.append((invocation.kind.name, type(invocation.target).__name__, invocation.name))
        if invocation.kind is Kind.CALL and invocation.name in self.refused:
            raise AccessDenied("guarded")
        self.depth += 1
        try:
            return following(invocation)
        finally:
            self.depth -= 1


WAYS: list[Callable[[Any, Any], Any]] = [
    lambda pair, account: account.withdraw(1),
    lambda pair, account: pair.raw(Kind.GET, account, "withdraw")(1),
    lambda pair, account: account.alias(1),
    lambda pair, account: pair.raw(Kind.GET, account, "alias")(1),
    lambda pair, account: account.bound()(1),
    lambda pair, account: account.referred()(1),
    lambda pair, account: pair.raw(Kind.OPERATE, account.bound(), int(Operation.CALL), 1),
    lambda pair, account: pair.raw(Kind.CALL, pair.raw(Kind.GET, account, "withdraw"), "", [1]),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_method_is_called_by_its_name_whatever_way_it_is_reached(way: Callable[[Any, Any], Any]) -> None:
    account, guard = Account(), Guard("withdraw")
    with ends(account, interceptors=(guard,)) as pair, pytest.raises(AccessDenied, match="guarded"):
        way(pair, pair.open())
    assert account.balance == 5
    assert guard.seen[-1] == ("CALL", "Account", "withdraw")
    with ends(account, interceptors=(Guard(),)) as pair:
        assert way(pair, pair.open()) == 4


def test_reading_goes_by_them_and_what_is_not_there_does_not() -> None:
    guard = Guard()
    with ends(Account(), interceptors=(guard,)) as pair:
        account = pair.open()
        guard.seen.clear()
        assert (account.balance, account.rate) == (5, 3)
        pair.raw(Kind.GET, account, "withdraw")
        with pytest.raises(AccessDenied):
            account.missing  # noqa: B018
        assert guard.seen == [("GET", "Account", name) for name in ("balance", "rate", "withdraw")]


def test_each_step_of_an_iteration_goes_by_them() -> None:
    guard, depths = Guard(), []

    class Steps:
        def __iter__(self) -> Iterator[int]:
            for number in range(3):
                depths.append(guard.depth)
                yield number

    with ends(Steps(), interceptors=(guard,)) as pair:
        assert list(pair.open()) == [0, 1, 2]
    assert depths == [1, 1, 1]


# ---------------------------------------------------------------- what is not there


class Secret: ...


class Pin(int): ...


class Vault:
    root = Path("/srv/secret")

    def __init__(self) -> None:
        self.secret, self.pin, self.opener = Secret(), Pin(5), open
        self.shown = 1

    def reveal(self) -> Any:
        return self.secret


@pytest.mark.parametrize("name", ["secret", "pin", "opener", "root"])
def test_what_may_not_leave_is_told_as_what_is_not_there(name: str) -> None:
    with ends(Vault, peer=NETWORK) as pair:
        vault = pair.open()
        uses: list[Callable[[str], object]] = [
            lambda name: pair.raw(Kind.GET, vault, name),
            lambda name: pair.raw(Kind.CALL, vault, name, []),
            lambda name: pair.raw(Kind.SET, vault, name, 1),
            lambda name: pair.raw(Kind.DELETE, vault, name),
        ]
        for use in uses if name != "root" else uses[:2]:
            told = []
            for asked in (name, "nope"):
                with pytest.raises(AccessDenied) as caught:
                    use(asked)
                told.append(str(caught.value).replace(asked, "..."))
            assert told[0] == told[1]
        assert dir(vault) == ["reveal", "shown"]
        assert inside(vault)[1].descriptor.find(b"root") == -1


def test_the_log_and_a_local_peer_are_told_why(caplog: pytest.LogCaptureFixture) -> None:
    for peer in (NETWORK, None):
        caplog.clear()
        with ends(Vault, peer=peer) as pair, pytest.raises(AccessDenied) as caught:
            pair.open().secret  # noqa: B018
        assert "mark Secret with @limpet.expose" in caplog.text
        assert ("mark Secret" in str(caught.value)) is (peer is None)


class Liar:
    asked = 0

    @property  # type: ignore[misc]  # that is what it lies with
    def __class__(self) -> Any:
        type(self).asked += 1
        raise RuntimeError("secret")


class LyingIterator(Liar):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> int:
        return 1


class Lying:
    def __iter__(self) -> Any:
        return LyingIterator()


def test_an_iterator_that_is_closed_is_not_asked_for_its_class() -> None:
    cursor = Cursor(LyingIterator(), is_eager=False)
    assert cursor.take(1) == ((1,), True)
    cursor.close()
    assert LyingIterator.asked == 0
    with ends(Lying) as pair:
        assert next(iter(pair.open())) == 1
    assert LyingIterator.asked == 0


def test_what_an_object_says_of_its_class_is_not_asked() -> None:
    class Holder:
        def __init__(self) -> None:
            self.liar = Liar()

        def give(self) -> Any:
            return self.liar

    with ends(Holder) as pair:
        holder = pair.open()
        for use in (lambda: holder.liar, holder.give):
            with pytest.raises(AccessDenied):
                use()
        dir(holder)
    with ends(Liar()) as pair:
        pair.open()
    assert Liar.asked == 0


# ---------------------------------------------------------------- text


class Quiet:
    @hide
    def __repr__(self) -> str:
        return "secret"


def test_str_is_no_way_to_a_hidden_repr() -> None:
    with ends(Quiet) as pair:
        quiet = pair.open()
        for operation in (Operation.STR, Operation.REPR):
            try:
                told = pair.raw(Kind.OPERATE, quiet, int(operation))
            except AccessDenied:
                continue
            assert "secret" not in told
        assert "secret" not in f"{quiet} {quiet!r}"


class Loud:
    def __repr__(self) -> str:
        raise ValueError("secret")


def test_the_repr_of_a_proxy_never_fails() -> None:
    with ends(Loud) as pair:
        assert repr(pair.open()).startswith("<proxy of ")


@dataclass
class Record:
    name: str
    secret: Any = field(default_factory=Secret)
    _pin: str = "1234"
    unseen: int = field(default=7, repr=False)


@dataclass
class Written:
    name: str
    _pin: str = "1234"

    def __repr__(self) -> str:
        return f"Written for {self.name}"


def test_the_repr_of_a_dataclass_tells_what_is_shown() -> None:
    with ends(Record) as pair:
        record = pair.open("Ada")
        assert str(record) == repr(record) == "Record(name='Ada', secret='<Secret>')"
        record.secret = 5
        assert repr(record) == "Record(name='Ada', secret=5)"
    with ends(Written) as pair:
        assert repr(pair.open("Ada")) == "Written for Ada"


# ---------------------------------------------------------------- partial


def login(user: str, password: str = "") -> str:
    return user + str(len(password))


def test_what_a_partial_keeps_is_not_told() -> None:
    kept = functools.partial(login, "bob", password="hunter2")

    class Holder:
        def check(self) -> Any:
            return limpet.ref(kept)

    with ends(Holder) as pair:
        check = pair.open().check()
        assert check() == "bob7"
        for name in ("args", "keywords", "func"):
            with pytest.raises(AccessDenied):
                getattr(check, name)
    with ends(limpet.functions(login=functools.partial(login, password="hunter2"))) as pair:
        functions = pair.open()
        assert "hunter2" not in inside(functions)[1].descriptor.decode("latin-1")
        assert functions.login("bob") == "bob7"


# ---------------------------------------------------------------- proxies


def test_what_arrives_while_it_is_released_is_a_new_proxy() -> None:
    class Home:
        def __init__(self) -> None:
            self.rows = [1]

    with ends(Home()) as pair:
        home = pair.open()
        rows = home.rows
        _, entry = inside(rows)
        alive = entry.proxy
        limpet.release(rows)
        # As if the other thread had looked just before.
        entry.proxy = alive
        again = home.rows
        assert again is not rows
        assert again[0] == 1
        limpet.release(rows)
        assert home.rows is again, "to release twice lets go of nobody else's"


def test_a_client_judges_what_it_opens_with() -> None:
    with memory_pair({"account": Account}) as pair:
        uses: tuple[Callable[[], object], ...] = (
            lambda: pair.service("_hidden").open(),
            lambda: pair.service("account").open(_secret=1),
            lambda: pair.service("account").open(**{"a b": 1}),
        )
        for use in uses:
            with pytest.raises(AccessDenied, match="cannot be a remote name"):
                use()


def test_too_many_members_are_refused_where_they_are_sent() -> None:
    wide = expose(type("Wide", (), {f"m{number}": lambda self: 1 for number in range(513)}))

    class Holder:
        def give(self) -> Any:
            return wide()

    with ends(Holder) as pair:
        holder = pair.open()
        with pytest.raises(limpet.EncodeError, match="Wide shows too much: 513 members"):
            holder.give()
        assert handle_of(holder)
