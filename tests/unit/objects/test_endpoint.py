from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import (
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from limpet.codec import MsgpackCodec
from limpet.errors import (
    AccessDenied,
    CallError,
    DecodeError,
    EncodeError,
    LimitExceeded,
    ProtocolError,
    RemoteError,
    SessionClosed,
)
from limpet.limits import Limits
from limpet.logs import log
from limpet.objects.context import peer
from limpet.objects.dispatch import Dispatch, Invocation
from limpet.objects.endpoint import _PLAIN, Endpoint, make_tables
from limpet.objects.operations import Operation
from limpet.objects.proxy import Proxy, RemoteFunction, copy, inside, is_proxy, release
from limpet.objects.wrappers import functions, mutable, ref
from limpet.policy import ErrorPolicy, Level, by_value, expose, hide
from limpet.profile import Profile
from limpet.session.body import NO_SUCH_OBJECT, Body, Mine, Yours
from limpet.session.messages import WANT, Flag, Kind, View
from limpet.session.schedule import Pending
from limpet.session.tables import Import
from tests.support.endpoints import NETWORK, Ends, Served, ends, handle_of
from tests.support.pair import connect

KEEP, PROMISE = int(Flag.KEEP), int(Flag.PROMISE)


@expose
class Entry:
    def __init__(self, amount: int) -> None:
        self.amount = amount

    def text(self) -> str:
        return f"{self.amount} EUR"


@dataclass
class Transfer:
    """A record, which goes by value."""

    amount: int
    tags: Any = ()

    def execute(self) -> str:
        raise AssertionError("a record has no methods for a peer")


class Plain:
    """Neither served, nor marked."""


class Account:
    """A bank account."""

    def __init__(self, owner: str = "") -> None:
        self.owner, self.balance = owner, 0
        self.entries: list[Any] = [1, 2, 3]
        self.kept: Any = None
        self._secret = "hidden"

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    def echo(self, value: Any) -> Any:
        return value

    def kind(self, value: Any) -> str:
        return type(value).__name__

    def keep(self, value: Any) -> None:
        self.kept = value

    def is_kept(self, value: Any) -> bool:
        return value is self.kept

    def same(self, one: Any, other: Any) -> bool:
        return one is other

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def entry(self, amount: int = 1) -> Entry:
        return Entry(amount)

    def me(self) -> Account:
        return self

    def numbers(self, count: int) -> Iterator[int]:
        yield from range(count)

    def fail(self, text: str = "no") -> None:
        raise ValueError(text)

    def shelf(self) -> Any:
        return mutable(self.entries)

    def plain(self) -> Plain:
        return Plain()

    def lent(self) -> Any:
        return ref(Plain())

    def transfer(self, *, tags: Any = ()) -> Transfer:
        return Transfer(1, tags)

    def nothing(self) -> None: ...

    @hide
    def concealed(self) -> int:
        return 1


# ---------------------------------------------------------------- as a user


def test_the_first_example_works() -> None:
    with ends(Account) as pair:
        account = pair.open("Ada")
        assert account.deposit(5) == 5
        assert account.balance == 5
        assert (account.entries[0], len(account.entries)) == (1, 3)
        assert copy(account.entries) == [1, 2, 3]
        with pytest.raises(ValueError, match="cannot"):
            account.fail("cannot")
        assert account.nothing() is None
        assert account.owner == "Ada"


def test_one_object_is_one_proxy() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert account.entries is account.entries
        assert account.me() is account
        assert account.entry() is not account.entry()
        first, second = account.echo((account, account))
        assert first is second is account


def test_what_was_let_go_and_comes_again_is_a_new_proxy() -> None:
    with ends(Account) as pair:
        account = pair.open()
        entries = account.entries
        old = handle_of(entries)
        release(entries)
        again = account.entries
        assert again is not entries
        assert handle_of(again) != old or len(again) == 3
        assert list(again) == [1, 2, 3]
        with pytest.raises(CallError, match="released"):
            len(entries)


def test_a_release_that_crosses_a_result_takes_nothing_away() -> None:
    """The proxy goes while the same object is on its way again."""
    with ends(Account) as pair:
        account = pair.open()
        entries = account.entries
        client = pair.client
        pending = client.send(Kind.GET, handle_of(account), client.endpoint.encode(["entries"]))
        pair.carry()
        pair.server.run_ready()
        release(entries)
        client.session.release()
        again = client.wait(pending)
        pair.settle()
        assert list(again) == [1, 2, 3]


def test_what_nobody_holds_is_freed() -> None:
    with ends(Account) as pair:
        account = pair.open()
        entry = account.entry()
        assert {type(target) for target in pair.exported()} == {Account, Entry}
        del entry
        assert {type(target) for target in pair.exported()} == {Account}
        del account
        assert pair.exported() == []


CONTAINERS: dict[str, tuple[Any, type]] = {
    "list": ([3, 1], MutableSequence),
    "deque": (deque([3, 1]), MutableSequence),
    "bytearray": (bytearray(b"\x03\x01"), MutableSequence),
    "dict": ({3: "a", 1: "b"}, MutableMapping),
    "ordered dict": (OrderedDict({3: "a", 1: "b"}), MutableMapping),
    "default dict": (defaultdict(int, {3: 1, 1: 2}), MutableMapping),
    "set": ({3, 1}, MutableSet),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_container_is_used_as_one(kind: str) -> None:
    value, interface = CONTAINERS[kind]
    account = Account()
    account.entries = value
    with ends(account) as pair:
        shelf = pair.open().shelf()
        assert issubclass(type(shelf), interface)
        assert len(shelf) == 2
        assert 3 in shelf
        assert 7 not in shelf
        assert bool(shelf)
        assert [*shelf] == [*value]
        assert repr(shelf) == repr(value) or type(value).__name__ in repr(shelf)
        assert str(shelf) == repr(shelf)
        if type(value) in (list, dict, set, bytearray):
            assert shelf == value
            assert value == shelf
            assert copy(shelf) == value
        assert shelf == shelf  # noqa: PLR0124
        assert shelf != 5
        assert "copy" in dir(shelf)
        with pytest.raises(TypeError, match="unhashable"):
            hash(shelf)


def test_a_list_is_changed_through_a_writable_view() -> None:
    with ends(ref([1, 2])) as pair:
        shelf = pair.open()
        shelf.append(3)
        shelf[0] = 9
        del shelf[1]
        assert [*shelf] == [9, 3]
        assert [*reversed(shelf)] == [3, 9]
        assert shelf[0:1][0] == 9
        assert shelf < [10]
        assert shelf < [10]
        with pytest.raises(IndexError):
            shelf[5]
        shelf.extend(range(3))
        assert shelf.pop() == 2


def test_a_dict_is_changed_through_a_writable_view() -> None:
    with ends(ref({})) as pair:
        shared = pair.open()
        shared["a"] = 1
        shared[("b", 2)] = [1]
        assert {**shared} == {"a": 1, ("b", 2): shared[("b", 2)]}
        assert dict(shared).keys() == {"a", ("b", 2)}
        assert sorted(map(str, shared.keys())) == ["('b', 2)", "a"]
        del shared["a"]
        with pytest.raises(KeyError):
            shared["a"]
        assert shared.get("a", 5) == 5
        assert isinstance(shared.keys(), AbstractSet)
        assert isinstance(shared[("b", 2)], Sequence)
        assert not isinstance(shared[("b", 2)], MutableSequence), "what is in it is not what is served"


def test_what_is_let_out_of_an_object_is_read_only() -> None:
    with ends(Account) as pair:
        entries = pair.open().entries
        assert issubclass(type(entries), Sequence)
        assert not isinstance(entries, MutableSequence)
        assert not hasattr(entries, "append")
        with pytest.raises(TypeError):
            entries[0] = 1
        for kind, payload in ((Kind.CALL, ["append", [1]]), (Kind.OPERATE, [int(Operation.SETITEM), 0, 1])):
            with pytest.raises(AccessDenied, match=r"read-only here; limpet\.mutable"):
                pair.raw(kind, entries, *payload)
        assert [*entries] == [1, 2, 3]


def test_dir_of_a_view_names_what_can_be_used_through_it() -> None:
    with ends(Account) as pair:
        entries = pair.open().entries
        assert "count" in dir(entries)
        assert "append" not in dir(entries)
        assert all(hasattr(entries, name) for name in dir(entries))
    with ends(ref([])) as pair:
        assert {"append", "count"} <= {*dir(pair.open())}


def test_one_object_in_two_views_is_two_proxies_of_one() -> None:
    with ends(Account) as pair:
        account = pair.open()
        entries, shelf = account.entries, account.shelf()
        assert entries is not shelf
        shelf.append(4)
        assert entries[3] == 4
        assert entries == shelf
        assert account.same(entries, shelf)


def test_a_users_object_has_the_operators_it_defines() -> None:
    class Bag:
        def __init__(self) -> None:
            self._items = ["a", "b"]

        def __len__(self) -> int:
            return len(self._items)

        def __contains__(self, item: object) -> bool:
            return item in self._items

        def __getitem__(self, index: int) -> str:
            return self._items[index]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, str) and other == "bag"

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "Bag()"

        def __bool__(self) -> bool:
            return False

    with ends({"bag": Bag, "plain": Account}) as pair:
        bag, plain = pair.open_named("bag"), pair.open_named("plain")
        assert (len(bag), "a" in bag, "z" in bag, bag[1], [*bag]) == (2, True, False, "b", ["a", "b"])
        assert bag == "bag"
        assert bag == bag  # noqa: PLR0124
        assert bag != "other"
        assert repr(bag) == str(bag) == "Bag()"
        assert not bag
        assert {bag: 1}[bag] == 1
        assert plain
        assert plain != bag
        assert not isinstance(bag, Sequence)
        for use in (len, iter, lambda it: it[0], lambda it: 1 in it, lambda it: it(), lambda it: it < 1):
            with pytest.raises(TypeError):
                use(plain)


def test_no_text_tells_an_address() -> None:
    account = Account()
    account.entries = [Plain(), Entry(1), [Plain()], {"a": Plain()}, Account()]
    with ends(account) as pair:
        proxy = pair.open()
        for text in (repr(proxy), str(proxy), repr(proxy.entries), str(proxy.entries), repr(proxy.entry())):
            assert " at 0x" not in text
            assert "object" in text or "[" in text
        assert "Plain" in repr(proxy.entries)


def test_the_identity_of_objects_is_not_told_by_hashes() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert pair.raw(Kind.OPERATE, account, int(Operation.HASH)) == 0
        assert hash(account) == hash(account.me())


def test_comparing_with_what_cannot_travel() -> None:
    with ends(Account) as pair, ends(Account) as other:
        account, stranger = pair.open(), other.open()
        for value in (object(), Plain(), stranger, ..., NotImplemented, {1: Plain()}):
            assert not account == value  # noqa: SIM201
            assert account != value
            assert not account.entries == value  # noqa: SIM201
            with pytest.raises(TypeError):
                account.entries < value  # noqa: B015
        with pytest.raises(EncodeError):
            Plain() in account.entries  # noqa: B015


# ---------------------------------------------------------------- values and references


def test_a_proxy_comes_home_as_the_object() -> None:
    with ends(Account) as pair:
        account = pair.open()
        entry = account.entry()
        account.keep(entry)
        assert account.is_kept(entry)
        assert not account.is_kept(account.entry())
        account.keep([entry])
        assert account.kept[0] is entry
        assert account.same(entry, entry)
        assert account.kind({"x": (entry,)}) == "dict"


def test_one_object_twice_in_a_message_is_one_object() -> None:
    with ends(Account) as pair:
        account = pair.open()

        def callback() -> int:
            return 5

        assert account.same(callback, callback)
        assert account.same(account, account)
        first, second = account.echo((account.entries, account.entries))
        assert first is second
        pair.settle()
        pair.check()


def test_mutable_items_of_a_tuple_go_by_reference() -> None:
    with ends(Account) as pair:
        account = pair.open()
        account.keep([1])
        number, inner, deeper = account.echo((1, account.kept, (account.kept, "x")))
        assert (number, deeper[1]) == (1, "x")
        assert inner is deeper[0] is account.kept
        assert type(account.echo((1, 2))) is tuple


def test_arguments_are_copied() -> None:
    with ends(Account) as pair:
        account = pair.open()
        mine = [1, {"a": {2}}]
        account.keep(mine)
        mine.append(3)
        assert len(account.kept) == 2
        assert copy(account.kept) == [1, {"a": {2}}]


def test_a_copy_is_all_or_nothing_and_names_the_way() -> None:
    account = Account()
    account.entries = [1, {"a": [2, (3, Entry(4))]}]
    with ends(account) as pair:
        with pytest.raises(EncodeError, match=r"\[1\]\['a'\]\[1\]\[1\].*Entry"):
            copy(pair.open().entries)
        assert {type(target) for target in pair.exported()} <= {Account, list}
        with pytest.raises(EncodeError, match="Account cannot travel by value"):
            copy(pair.open())
        account.entries[1]["a"][1] = [Entry]
        with pytest.raises((EncodeError, AccessDenied)):
            copy(pair.open().entries)


def test_results_may_be_copies() -> None:
    with ends(Account, copies=True) as pair:
        account = pair.open()
        assert account.entries == [1, 2, 3]
        assert type(account.entries) is list
        assert account.echo({"a": [{1}]}) == {"a": [{1}]}
        entry = account.entry()
        assert is_proxy(entry)
        mixed = account.echo([entry, [entry]])
        assert mixed[0] is mixed[1][0] is entry
        assert is_proxy(account.shelf())
        assert [*account.numbers(3)] == [0, 1, 2]


def test_a_generator_comes_as_a_cursor() -> None:
    with ends(Account) as pair:
        account = pair.open()
        numbers = account.numbers(3)
        assert iter(numbers) is numbers
        assert next(numbers) == 0
        assert [*numbers] == [1, 2]
        numbers = account.numbers(3)
        numbers.close()
        assert [*numbers] == []
        assert not hasattr(numbers, "gi_frame")
        assert not hasattr(numbers, "gi_yieldfrom")


def test_an_iterator_that_is_lent_on_purpose_is_one_too() -> None:
    class Lender:
        def numbers(self) -> Any:
            return ref(number for number in range(3))

        def items(self) -> Any:
            return mutable(iter([1, 2]))

    with ends(Lender) as pair:
        assert [*pair.open().numbers()] == [0, 1, 2]
        assert [*pair.open().items()] == [1, 2]


def test_a_long_iteration_goes_in_chunks() -> None:
    account = Account()
    account.entries = list(range(5_000))
    with ends(account) as pair:
        entries = pair.open().entries
        sent = pair.client.session.sent
        assert [*iter(entries)] == list(range(5_000))
        assert pair.client.session.sent - sent < 10


def test_what_goes_by_reference_leaves_room_in_a_chunk() -> None:
    account = Account()
    account.entries = [[number] for number in range(3_000)]
    with ends(account, profile=Profile.local(limits=Limits(exports=1_200, references=600))) as pair:
        assert sum(len(entry) for entry in pair.open().entries) == 3_000


LARGE = "x" * 400_000


@pytest.mark.parametrize("copies", [False, True], ids=["by reference", "copies"])
@pytest.mark.parametrize(
    "item", [LARGE, (LARGE,), ((LARGE,), 1), [[LARGE]], {"a": LARGE}], ids=lambda it: type(it).__name__
)
def test_large_items_are_not_joined_to_a_message_over_the_limit(item: Any, copies: bool) -> None:
    account = Account()
    account.entries = [item] * 70
    limits = Limits(message_bytes=4 << 20, frame_bytes=1 << 20, outbox_bytes=16 << 20)
    with ends(account, profile=Profile.local(limits=limits), copies=copies) as pair:
        entries = pair.raw(Kind.CALL, pair.open(), "shelf", [])
        assert sum(1 for _ in iter(entries)) == 70


def test_many_small_values_are_not_joined_over_the_limit_of_nodes() -> None:
    account = Account()
    account.entries = [tuple(range(2_000))] * 200
    with ends(account, profile=Profile.local(limits=Limits(nodes=30_000))) as pair:
        assert sum(1 for _ in pair.open().entries) == 200


def test_a_message_over_the_limits_fails_its_call_alone() -> None:
    limits = Limits(message_bytes=1 << 20, frame_bytes=4_096)
    with ends(Account, profile=Profile.local(limits=limits)) as pair:
        account = pair.open()
        with pytest.raises(EncodeError):
            account.echo("x" * (1 << 20))
        account.keep("x" * (1 << 19))
        with pytest.raises(EncodeError):
            account.echo(("x" * (1 << 19), "y" * (1 << 20)))
        assert account.deposit(1) == 1


# ---------------------------------------------------------------- callbacks


def test_functions_and_methods_are_called_back() -> None:
    class Listener:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def hear(self, value: Any) -> int:
            self.heard.append(value)
            return len(self.heard)

    with ends(Account) as pair:
        account, listener = pair.open(), Listener()
        assert account.call(lambda number: 2 * number, 4) == 8
        assert account.call(listener.hear, "a") == 1
        assert account.call(max, 1, 5) == 5
        assert account.kind(listener.hear) == "method"
        account.keep(ref(listener))
        assert account.is_kept(ref(listener))
        assert account.call(account.deposit, 5) == 5, "a bound method of a proxy is a function like any other"
        assert account.echo(listener.hear) == listener.hear


def test_a_callback_may_call_the_server() -> None:
    with ends(Account) as pair:
        account = pair.open()

        def descend(depth: int) -> int:
            return 0 if depth == 0 else 1 + account.call(descend, depth - 1)

        assert descend(10) == 10
        with pytest.raises(CallError, match="nested"):
            descend(60)
        assert account.deposit(1) == 1


def test_what_a_callback_answers_is_copied() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert account.call(lambda: [1, {"a": 2}]).count(1) == 1
        with pytest.raises(EncodeError):
            account.call(lambda: (Plain(),))
        assert account.call(lambda: None) is None
        assert account.call(lambda: account) is account


def test_an_error_of_a_callback_comes_back() -> None:
    def fail() -> None:
        raise KeyError("mine")

    with ends(Account) as pair, pytest.raises(KeyError, match="mine"):
        pair.open().call(fail)


def test_a_lent_object_is_freed_with_its_last_use() -> None:
    with ends(Account) as pair:
        account = pair.open()

        def callback() -> None: ...

        account.keep(callback)
        assert pair.lent() == [callback]
        account.keep(None)
        assert pair.lent() == []


def test_what_a_client_has_not_lent_stays() -> None:
    with ends(Account) as pair:
        account = pair.open()
        with pytest.raises(EncodeError, match=r"Plain.*limpet\.ref"):
            account.keep(Plain())
        with pytest.raises(EncodeError):
            account.keep(number for number in range(3))
        with pytest.raises(EncodeError):
            account.keep(Plain)
        assert pair.lent() == []


def test_a_shared_object_hands_no_session_to_another() -> None:
    shared = Served(Account(), Profile.local())
    with ends(shared) as one, ends(shared) as other:
        one.open().keep(lambda: "of one")
        with pytest.raises(AccessDenied, match=r"nothing to see; .*another session"):
            other.open().kept  # noqa: B018
        with pytest.raises(EncodeError, match="another session"):
            other.open().echo(one.open())
        assert is_proxy(one.open())
        one.open().keep(None)


# ---------------------------------------------------------------- promises


def call(pair: Ends, flags: int, target: int, name: str, *args: object) -> Pending:
    client = pair.client
    return client.send(Kind.CALL, target, client.endpoint.encode([name, [*args]]), flags)


def depend(pair: Ends, first: Pending, name: str = "echo") -> Pending:
    """Send a call whose argument is the result of an earlier one."""
    client = pair.client
    body = client.endpoint.encode([name, [len]])
    return client.send(Kind.CALL, handle_of(pair.open()), Body(body.payload, [first]), WANT)


def test_a_kept_result_is_a_target() -> None:
    with ends(Account) as pair:
        account = pair.open()
        made = call(pair, WANT | KEEP, handle_of(account), "entry", 7)
        text = call(pair, WANT | PROMISE, made.id, "text")
        assert pair.client.wait(text) == "7 EUR"
        assert pair.client.wait(made).text() == "7 EUR"


def test_a_kept_result_is_an_argument() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        made = call(pair, WANT | KEEP, handle_of(account), "entry", 7)
        assert pair.client.wait(depend(pair, made, "kind")) == "Entry"
        value = call(pair, WANT | KEEP, handle_of(account), "deposit", 7)
        assert pair.client.wait(depend(pair, value)) == 7
        nothing = call(pair, WANT | KEEP, handle_of(account), "nothing")
        assert pair.client.wait(depend(pair, nothing)) is None


def test_a_kept_context_manager_can_be_entered_and_left_alone() -> None:
    class Room:
        @contextmanager
        def scope(self) -> Generator[int]:
            yield 5

        def kind(self, value: object) -> str:
            return type(value).__name__

    with ends(Room()) as pair:
        made = call(pair, WANT | KEEP, handle_of(pair.open()), "scope")
        enter = pair.client.endpoint.encode([int(Operation.ENTER)])
        assert pair.client.wait(pair.client.send(Kind.OPERATE, made.id, enter, WANT | PROMISE)) == 5
        assert pair.client.wait(depend(pair, made, "kind")) == "Scope"


def test_a_result_is_kept_without_being_wanted() -> None:
    with ends(Account) as pair:
        made = call(pair, KEEP, handle_of(pair.open()), "entry", 7)
        assert pair.client.wait(call(pair, WANT | PROMISE, made.id, "text")) == "7 EUR"


def test_a_chain_of_promises_is_one_way_there_and_back() -> None:
    with ends(Account) as pair:
        first = call(pair, KEEP, handle_of(pair.open()), "me")
        second = call(pair, KEEP | PROMISE, first.id, "me")
        third = call(pair, WANT | PROMISE, second.id, "deposit", 5)
        assert pair.client.wait(third) == 5


def test_a_kept_view_is_the_one_that_was_given() -> None:
    with ends(Account) as pair:
        account = pair.open()
        shelf = call(pair, KEEP, handle_of(account), "shelf")
        assert pair.client.wait(call(pair, WANT | PROMISE, shelf.id, "append", 4)) is None
        entries = pair.client.send(Kind.GET, handle_of(account), pair.client.endpoint.encode(["entries"]), KEEP)
        with pytest.raises(AccessDenied, match="read-only"):
            pair.client.wait(call(pair, WANT | PROMISE, entries.id, "append", 5))
        numbers = call(pair, KEEP, handle_of(account), "numbers", 3)
        body = pair.client.endpoint.encode([int(Operation.NEXT), 1])
        assert pair.client.wait(pair.client.send(Kind.OPERATE, numbers.id, body, WANT | PROMISE)) == ((0,), True)
        lent = call(pair, KEEP, handle_of(account), "lent")
        assert pair.client.wait(depend(pair, lent, "kind")) == "Plain"


def test_an_error_reaches_all_that_depend_on_it() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        failed = call(pair, WANT | KEEP, handle_of(account), "fail", "first")
        target = call(pair, WANT | KEEP | PROMISE, failed.id, "text")
        further = call(pair, WANT | PROMISE, target.id, "text")
        argument = depend(pair, failed)
        for pending in (failed, target, further, argument):
            with pytest.raises(ValueError, match="first"):
                pair.client.wait(pending)
        assert account.deposit(1) == 1


def test_of_an_error_that_others_depend_on_nothing_is_held() -> None:
    held: list[weakref.ref[Any]] = []

    class Failing:
        def fail(self) -> None:
            local = Plain()
            held.append(weakref.ref(local))
            raise ValueError("first")

    with ends(Failing) as pair:
        failed = call(pair, WANT | KEEP, handle_of(pair.open()), "fail")
        for _ in range(3):
            with pytest.raises(ValueError, match="first"):
                pair.client.wait(call(pair, WANT | PROMISE, failed.id, "text"))
        [promise] = pair.server.session.tables.promises.values()
        assert type(promise.failure) is bytes
        gc.collect()
        assert held[0]() is None


def test_a_result_that_did_not_fit_is_not_kept() -> None:
    with ends(Account(), profile=Profile.local(limits=Limits(exports=1)), client=Profile.local()) as pair:
        account = pair.open()
        made = call(pair, WANT | KEEP, handle_of(account), "entry", 7)
        for pending in (made, call(pair, WANT | PROMISE, made.id, "text")):
            with pytest.raises(EncodeError, match="holds 1 objects already"):
                pair.client.wait(pending)


def test_what_comes_beside_a_payload_is_looked_at_although_the_payload_is_known() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        client, handle = pair.client, handle_of(account)
        lent = client.endpoint.encode(["echo", [lambda: None]])
        bare = client.endpoint.encode(["nothing", []]).payload
        for _ in range(3):
            assert client.wait(client.send(Kind.CALL, handle, Body(bare, lent.references))) is None
        assert pair.lent() == []
        # A handle that the server never gave.
        strange = Import(999, b"", 1)
        with pytest.raises(AccessDenied, match=NO_SUCH_OBJECT):
            client.wait(client.send(Kind.CALL, handle, Body(bare, [Yours(strange, strange)])))


def test_what_comes_beside_an_answer_of_nothing_is_let_go() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        pending = call(pair, WANT, handle_of(account), "nothing")
        request = None
        while request is None:
            pair.carry()
            request = pair.server.session.schedule.start()
        made = Mine(Entry(1), 1, pair.server.endpoint._describe(Entry(1), View.READ))
        pair.server.session.answer(request, int(Kind.RETURN), Body(b"\xc0", [made]))
        assert pair.client.wait(pending) is None
        assert len(pair.exported()) == 1


def test_a_result_that_may_not_leave_is_not_kept() -> None:
    with ends(Account()) as pair:
        kept = call(pair, WANT | KEEP, handle_of(pair.open()), "plain")
        dependant = depend(pair, kept, "kind")
        for pending in (kept, dependant):
            with pytest.raises(AccessDenied, match="Plain"):
                pair.client.wait(pending)


def test_a_kept_value_is_no_object_to_be_asked() -> None:
    profile = Profile.local(codecs=(MsgpackCodec([Transfer]),))
    with ends(Account(), profile=profile) as pair:
        account = pair.open()
        for name, method in (("transfer", "execute"), ("deposit", "bit_length"), ("kind", "format")):
            kept = call(pair, KEEP, handle_of(account), name, *([1] if name != "transfer" else []))
            with pytest.raises(AccessDenied):
                pair.client.wait(call(pair, WANT | PROMISE, kept.id, method))
        kept = call(pair, KEEP, handle_of(account), "transfer")
        assert pair.client.wait(depend(pair, kept, "kind")) == "Transfer"
        body = pair.client.endpoint.encode([])
        assert pair.client.wait(pair.client.send(Kind.COPY, kept.id, body, WANT | PROMISE)) == Transfer(1)


def test_a_record_with_one_reference_in_it_is_kept_whole() -> None:
    profile = Profile.local(codecs=(MsgpackCodec([Transfer]),))

    class Bank:
        def transfer(self) -> Transfer:
            return Transfer(1, [1, 2])

        def pair(self) -> Any:
            return (5, [1, 2])

        def kind(self, value: Any) -> str:
            return type(value).__name__

    with ends(Bank(), profile=profile) as pair:
        for name, kind in (("transfer", "Transfer"), ("pair", "tuple")):
            kept = call(pair, KEEP, handle_of(pair.open()), name)
            assert pair.client.wait(depend(pair, kept, "kind")) == kind


def test_a_promise_that_is_not_there_is_nothing() -> None:
    with ends(Account) as pair:
        account = pair.open()
        with pytest.raises(AccessDenied) as caught:
            pair.client.wait(call(pair, WANT | PROMISE, 999, "text"))
        assert str(caught.value) == NO_SUCH_OBJECT
        assert account.deposit(1) == 1


def test_references_of_a_call_that_fails_early_are_let_go() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        client = pair.client
        failed = call(pair, WANT | KEEP, handle_of(account), "fail")
        body = client.endpoint.encode(["echo", [lambda: None]])
        for target, flags in ((failed.id, WANT | PROMISE), (999, WANT), (999, WANT | PROMISE)):
            with pytest.raises((ValueError, AccessDenied)):
                client.wait(client.send(Kind.CALL, target, body, flags))
        with pytest.raises(ValueError, match="no"):
            client.wait(failed)
        for payload in (b"\xc0", b"\xc1", b"\x91\xa4echo"):
            with pytest.raises(DecodeError):
                client.wait(client.send(Kind.CALL, handle_of(account), Body(payload, body.references)))
        assert pair.lent() == []


# ---------------------------------------------------------------- records


def test_records_go_by_value() -> None:
    profile = Profile.local(codecs=(MsgpackCodec([Transfer]),))
    with ends(Account, profile=profile) as pair:
        account = pair.open()
        assert account.transfer() == Transfer(1)
        assert account.echo(Transfer(3)) == Transfer(3)
        assert account.kind(Transfer(3)) == "Transfer"
        tagged = account.transfer(tags=["a"])
        assert is_proxy(tagged.tags)


# ---------------------------------------------------------------- errors


def test_what_cannot_travel_names_the_place_and_what_to_do() -> None:
    with ends(Account) as pair:
        account = pair.open()
        for argument, told in (
            (Transfer(1), "args[0]: a Transfer cannot travel; register Transfer on both sides, "),
            ((n for n in (1, 2)), "args[0]: a generator cannot travel; send list() of it"),
            (Account, "args[0]: a type cannot travel; send its name, or an instance"),
            ({"path": Path("x")}, "args[0]['path']: a PosixPath cannot travel; send str() of it"),
            (Plain(), "args[0]: a Plain cannot travel; limpet.ref lets the server call its methods"),
        ):
            with pytest.raises(EncodeError) as caught:
                account.echo(argument)
            assert str(caught.value).startswith(told)


def test_a_coroutine_is_refused_and_closed(recwarn: pytest.WarningsRecorder) -> None:
    class Modern:
        async def wait(self) -> int:
            return 1

        async def count(self) -> AsyncIterator[int]:
            yield 1

        @by_value
        async def copied(self) -> int:
            return 1

        def call(self, function: Callable[[], object]) -> object:
            return function()

    async def callback() -> int:
        return 1

    with ends(Modern) as pair:
        modern = pair.open()
        for use in (modern.wait, modern.count, modern.copied, lambda: modern.call(callback)):
            with pytest.raises(EncodeError, match="async def cannot be called by a peer yet"):
                use()
        mine = callback()
        with pytest.raises(EncodeError, match="await it first"):
            modern.call(mine)
        with pytest.raises(StopIteration):
            mine.send(None)
    gc.collect()
    assert not recwarn


def test_a_record_that_is_not_registered_could_be() -> None:
    with ends(Account) as pair, pytest.raises(AccessDenied, match=r"a Transfer: .* register it with the codec"):
        pair.open().transfer()


def test_errors_from_limpet_on_loopback_have_a_hint_and_elsewhere_none(caplog: pytest.LogCaptureFixture) -> None:
    hint = r"mark Plain with @limpet\.expose"
    with ends(Account) as pair, pytest.raises(AccessDenied, match=hint):
        pair.open().plain()
    with ends(Account, peer=NETWORK) as pair:
        caplog.clear()
        with pytest.raises(AccessDenied, match=r"nothing to see$") as caught:
            pair.open().plain()
        assert "expose" not in str(caught.value)
        record = next(record for record in caplog.records if record.name == "limpet.audit")
        assert "peer=192.0.2.7:4000" in record.getMessage()
        assert "@limpet.expose" in record.getMessage()


def test_a_refusal_without_a_hint_is_told_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with ends({"account": Account}) as pair:
        with pytest.raises(AccessDenied, match=r"^there is no service named 'other'$"):
            pair.open_named("other")
        assert any("there is no service" in record.getMessage() for record in caplog.records)


def test_a_refusal_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with ends(Account) as pair, pytest.raises(AccessDenied):
        pair.raw(Kind.GET, pair.open(), "a\nlimpet.audit denied peer=fake\x1b[2J" + "x" * 100_000)
    messages = [record.getMessage() for record in caplog.records if record.name == "limpet.audit"]
    assert len(messages) == 1
    assert messages[0].isprintable()
    assert len(messages[0]) < 500


def test_errors_are_as_detailed_as_the_policy_allows(caplog: pytest.LogCaptureFixture) -> None:
    profile = Profile.local(errors=ErrorPolicy(network=Level.REFERENCE))
    with ends(Account, profile=profile, peer=NETWORK) as pair:
        account = pair.open()
        told = []
        for _ in range(2):
            with pytest.raises(RemoteError) as caught:
                account.fail("a secret")
            told.append(str(caught.value))
        assert all("secret" not in text for text in told)
        numbers = [text.rpartition(" ")[2] for text in told]
        assert numbers[0] != numbers[1]
        logged = [record for record in caplog.records if any(number in record.getMessage() for number in numbers)]
        assert len(logged) == 2
        assert all("ValueError: a secret" in record.getMessage() for record in logged)
        assert all(record.getMessage().isprintable() for record in logged)


class Sly(Exception):
    """Ends whoever looks at it."""

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # that is the point
        raise SystemExit("from the notes")

    def __str__(self) -> str:
        raise KeyboardInterrupt


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("error", [Sly(), AccessDenied(Sly())], ids=["itself", "as an argument"])
def test_an_error_whose_class_breaks_in(level: Level, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def fail(self) -> None:
            raise error

        def fine(self) -> int:
            return 1

    with ends(Failing, profile=Profile.local(errors=ErrorPolicy(local=level))) as pair:
        failing = pair.open()
        with pytest.raises((RemoteError, AccessDenied)):
            failing.fail()
        assert failing.fine() == 1
    if level is Level.REFERENCE:
        assert "keeps it from being shown" in caplog.text


def test_a_refusal_keeps_its_words_at_every_level() -> None:
    profile = Profile.local(errors=ErrorPolicy(network=Level.REFERENCE))
    with ends(Account, profile=profile, peer=NETWORK) as pair, pytest.raises(AccessDenied, match="nothing to see"):
        pair.open().missing  # noqa: B018


@pytest.mark.parametrize("limits", [Limits(depth=3), Limits(nodes=40), Limits(error_bytes=1_024)], ids=str)
def test_with_low_limits_a_failure_is_told_all_the_same(limits: Limits) -> None:
    class Deep:
        def fail(self) -> None:
            error = ValueError("0")
            for number in range(20):
                following = ValueError(f"{number}")
                following.__cause__ = error
                error = following
            raise error

        def fine(self) -> int:
            return 1

    with ends(Deep, profile=Profile.local(limits=limits), client=Profile.local()) as pair:
        deep = pair.open()
        with pytest.raises((RemoteError, ValueError)):
            deep.fail()
        assert deep.fine() == 1


def test_an_error_of_a_session_is_the_same_for_all_its_callers() -> None:
    pair = Ends(Account)
    account = pair.open()
    waiting = [call(pair, WANT, handle_of(account), "nothing") for _ in range(2)]
    pair.client.connection.close()
    raised = []
    for pending in waiting:
        with pytest.raises(SessionClosed) as caught:
            pair.client.wait(pending)
        raised.append(caught.value)
    assert raised[0] is not raised[1]
    assert repr(account) == "<proxy of Account>"


@pytest.mark.parametrize("failure", [ProtocolError("why"), LimitExceeded("why")], ids=repr)
def test_an_end_keeps_its_type_and_code(failure: ProtocolError) -> None:
    pair = Ends(Account)
    pending = call(pair, WANT, handle_of(pair.open()), "nothing")
    failure.__cause__ = KeyError("cause")
    pair.client.session.end(failure)
    with pytest.raises(type(failure), match="why") as caught:
        pair.client.wait(pending)
    assert caught.value.code == failure.code
    assert caught.value is not failure
    assert isinstance(caught.value.__cause__, KeyError)


# ---------------------------------------------------------------- descriptors


def test_a_class_that_shows_too_much_fails_each_time_and_alone() -> None:
    wide = expose(type("Wide", (), {f"method_{number:05}": lambda self: 1 for number in range(6_000)}))

    class Maker:
        def wide(self) -> Any:
            return wide()

        def fine(self) -> int:
            return 1

    with ends(Maker) as pair:
        maker = pair.open()
        for _ in range(3):
            with pytest.raises(EncodeError, match="Wide shows too much"):
                maker.wide()
        assert maker.fine() == 1


def test_more_types_than_are_remembered_still_work() -> None:
    kinds = [expose(type(f"Kind{number}", (), {"number": lambda self, number=number: number})) for number in range(6)]

    class Maker:
        def make(self, number: int) -> Any:
            return kinds[number]()

    with ends(Maker, profile=Profile.local(limits=Limits(types=3))) as pair:
        maker = pair.open()
        made = [maker.make(number) for number in (0, 1, 2, 3, 4, 5, 0, 3)]
        assert [proxy.number() for proxy in made] == [0, 1, 2, 3, 4, 5, 0, 3]


def test_a_descriptor_that_cannot_be_read_fails_its_call_alone() -> None:
    with ends(Account) as pair:
        account = pair.open()
        for content in (b"\xc1", b"\xc0", b"\x80", pair.server.endpoint.encode([1]).payload):
            pair.server.endpoint._dispatch.descriptors[Entry] = {(View.READ, 1): content}
            with pytest.raises(DecodeError):
                account.entry()
        pair.server.endpoint._dispatch.descriptors.pop(Entry)
        assert account.entry().text() == "1 EUR"
        assert account.deposit(1) == 1


# ---------------------------------------------------------------- what only plain values may be in


def test_an_error_or_descriptor_with_a_leaf_is_refused() -> None:
    with ends(Account) as pair:
        client, server = pair.client, pair.server
        account = pair.open()
        big = server.endpoint.encode({"type": "X", "args": [b"x" * 100_000]})
        one = server.endpoint.encode([lambda: None])
        answers: list[tuple[Kind, Body]] = [
            (Kind.RAISE, Body(big.payload)),
            (Kind.RAISE, Body(one.payload)),
            (Kind.RAISE, Body(b"\xc0")),
            (Kind.RAISE, server.endpoint.encode([1])),
            (Kind.RETURN, Body(one.payload)),
            (Kind.RETURN, Body(b"\xc1")),
        ]
        for kind, body in answers:
            pending = call(pair, WANT, handle_of(account), "nothing")
            pair.carry()
            request = server.session.schedule.start()
            assert request is not None
            server.session.answer(request, int(kind), body)
            with pytest.raises(DecodeError):
                client.wait(pending)
        assert account.deposit(1) == 1


# ---------------------------------------------------------------- serving


def test_the_caller_is_known_inside_a_call() -> None:
    class Who:
        def caller(self) -> str:
            return str(peer())

        def twice(self, function: Callable[[], str]) -> Any:
            before = str(peer())
            return before, function(), str(peer())

    with ends(Who, peer=NETWORK) as pair:
        who = pair.open()
        assert who.caller() == "192.0.2.7:4000"
        before, inner, after = who.twice(lambda: str(peer()))
        assert before == after == "192.0.2.7:4000"
        assert inner == str(pair.client.connection.peer)
    with pytest.raises(LookupError):
        peer()


def test_a_call_has_a_cause_only_in_its_own_session() -> None:
    shared = Served(Account(), Profile.local())
    with ends(shared) as one, ends(shared) as other:
        causes: list[Any] = []

        def look() -> None:
            causes.append((one.client.endpoint.cause(), other.client.endpoint.cause(), one.server.endpoint.cause()))

        one.open().call(look)
        mine, theirs, _ = causes[0]
        assert mine is not None
        assert theirs is None
        assert one.client.endpoint.cause() is None


def test_interceptors_run_around_each_use_and_one_may_hold_a_lock() -> None:
    running = 0
    most = 0

    def serial(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return following(invocation)
        finally:
            running -= 1

    seen: list[tuple[Kind, str]] = []

    def outer(invocation: Invocation, following: Callable[[Invocation], Any]) -> Any:
        seen.append((invocation.kind, invocation.name))
        return following(invocation)

    with ends(Account, interceptors=(outer, serial)) as pair:
        account = pair.open("Ada")
        account.deposit(5)
        assert account.owner == "Ada"
        assert copy(account.entries) == [1, 2, 3]
        assert (Kind.OPEN, "") in seen
        assert (Kind.CALL, "deposit") in seen
        assert Kind.COPY in [kind for kind, _ in seen]
        with pytest.raises(ValueError, match="no"):
            account.fail()
        assert (running, most) == (0, 1)


def test_hidden_and_exposed() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert "concealed" not in dir(account)
        for name in ("concealed", "_secret"):
            with pytest.raises(AccessDenied):
                pair.raw(Kind.CALL, account, name, [])
            with pytest.raises(AccessDenied):
                pair.raw(Kind.GET, account, name)
        assert account.entry().amount == 1
        lent = account.lent()
        assert "Plain" in repr(lent)


def test_a_table_of_functions() -> None:
    def double(number: int) -> int:
        return 2 * number

    with ends(functions(double, largest=max)) as pair:
        table = pair.open()
        assert (table.double(4), table.largest(1, 5)) == (8, 5)
        assert dir(table) == ["double", "largest"]
        assert pair.raw(Kind.GET, table, "double")(3) == 6


def test_a_method_that_was_got_can_be_called_and_nothing_else() -> None:
    with ends(Account) as pair:
        account = pair.open()
        method = pair.raw(Kind.GET, account, "deposit")
        assert method(5) == 5
        assert method(amount=5) == 10
        assert account.call(method, 5) == 15
        for name in ("__self__", "__func__", "target", "_target", "_call", "call"):
            with pytest.raises(AccessDenied):
                pair.raw(Kind.GET, method, name)


def test_values_are_shown_in_the_log_of_messages_at_level_3(capsys: pytest.CaptureFixture[str]) -> None:
    with ends(Account) as pair:
        account = pair.open()
        log(3, sys.stderr)
        try:
            account.echo(["a value to be seen"])
        finally:
            log(0)
    assert "a value to be seen" in capsys.readouterr().err


def test_an_endpoint_needs_a_session() -> None:
    class Nobody:
        def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any: ...

        begin = tell = ask

        def describe_error(self, error: BaseException) -> Any: ...

        def give_up(self, entry: Any) -> None: ...

    profile = Profile.local()
    tables = make_tables(profile)
    with pytest.raises(ValueError, match="session"):
        Endpoint(connect(is_server=True), Nobody(), Dispatch(tables, profile.names))


def test_a_servers_proxies_are_inert_and_a_clients_are_not() -> None:
    with ends(Account()) as pair:
        account = pair.open()
        account.keep(lambda: None)
        (kept,) = [target.kept for target in pair.exported() if isinstance(target, Account)]
        assert issubclass(type(kept), RemoteFunction)
        assert not isinstance(kept, Proxy)
        assert isinstance(account, Proxy)
        assert inside(account)[0] is pair.client
        account.keep(None)


PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from tests.support.endpoints import Ends
class Account:
    def __init__(self): self.entries = [[1], [2]]
    def numbers(self): yield from range(9)
pair = Ends(Account)
account = pair.open()
kept = [account, account.entries, *account.entries, account.numbers()]
class Late:
    def __del__(self): self.kept = kept; self.kept[0]
late = Late()
sys.modules["kept"] = kept
{end}
"""


@pytest.mark.parametrize("end", ["", "del pair", "pair.client.connection.close()", "raise SystemExit(0)"])
def test_proxies_that_live_to_the_end_of_the_interpreter_say_nothing(end: str) -> None:
    program = PROGRAM.format(root=str(Path(__file__).parents[3]), end=end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_function_leaves_a_server_only_if_it_is_shown() -> None:
    @expose
    def shown(number: int) -> int:
        return 2 * number

    class Holder:
        def shown(self) -> Any:
            return shown

        def own(self) -> Any:
            return self.shown

        def hidden(self) -> Any:
            return lambda: 1

        def lent(self) -> Any:
            return ref(lambda: 1)

        def foreign(self) -> Any:
            return [].append

        def concealed(self) -> Any:
            return Account().concealed

    with ends(Holder) as pair:
        holder = pair.open()
        assert holder.shown()(4) == 8
        assert is_proxy(holder.own()())
        assert holder.lent()() == 1
        for name in ("hidden", "foreign", "concealed"):
            with pytest.raises(AccessDenied, match="nothing to see"):
                getattr(holder, name)()


def test_a_reference_is_one_error_of_the_whole_server(caplog: pytest.LogCaptureFixture) -> None:
    profile = Profile.local(errors=ErrorPolicy(network=Level.REFERENCE))
    shared = Served(Account, profile)
    told = set()
    for _ in range(2):
        with ends(shared, profile=profile, peer=NETWORK) as pair, pytest.raises(RemoteError) as caught:
            pair.open().fail()
        told.add(str(caught.value).rpartition(" ")[2])
    assert len(told) == 2


def test_only_plain_values_go_where_only_plain_values_may() -> None:
    for leave in (_PLAIN.refer, _PLAIN.attach):
        with pytest.raises(EncodeError, match="where only plain values go"):
            leave(b"")
    for find in (_PLAIN.reference, _PLAIN.buffer):
        with pytest.raises(DecodeError, match="where only plain values go"):
            find(0)
