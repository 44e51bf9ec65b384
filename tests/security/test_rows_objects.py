"""What a hostile peer may try on objects, over two endpoints. A test's number is its row of the table of attacks."""

from __future__ import annotations

import operator
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from types import MappingProxyType
from typing import Any

import pytest

from limpet.errors import AccessDenied, CallError, DecodeError, EncodeError, LimitExceeded, LimpetError, RemoteError
from limpet.limits import Limits
from limpet.objects.operations import FORMS, Operation
from limpet.objects.proxy import Proxy, RemoteFunction, copy, inside, is_proxy, release
from limpet.objects.wrappers import mutable, ref
from limpet.policy import expose
from limpet.profile import Profile
from limpet.session.body import NO_SUCH_OBJECT, Body, Yours
from limpet.session.messages import WANT, Flag, Kind, What
from limpet.session.tables import Import
from tests.support.endpoints import NETWORK, Ends, Served, ends, handle_of
from tests.support.zoo import animals

POWERS = (
    type,
    types.ModuleType,
    types.FrameType,
    types.CodeType,
    types.TracebackType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
)
REQUESTS = [kind for kind in Kind if kind < Kind.RETURN]


class Watched:
    """Notes each look at it that is not limpet's own way."""

    looked: list[str]

    def __init__(self) -> None:
        object.__setattr__(self, "looked", [])
        object.__setattr__(self, "balance", 5)
        object.__setattr__(self, "_secret", "hidden")

    def __getattribute__(self, name: str) -> Any:
        if name != "looked":
            object.__getattribute__(self, "looked").append(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError(name)

    def __delattr__(self, name: str) -> None:
        raise AssertionError(name)

    def take(self, *args: object, **kwargs: object) -> str:
        return "taken"


class Account:
    """A served class with some of everything."""

    rate = 3

    def __init__(self) -> None:
        self.balance = 5
        self.entries: list[Any] = [1, [2], {"a": 1}]
        self._secret = "hidden"
        self.kept: Any = None

    def deposit(self, amount: int = 1, **more: Any) -> int:
        self.balance += amount
        return self.balance

    def keep(self, value: Any) -> None:
        self.kept = value

    def shelf(self) -> Any:
        return mutable(self.entries)

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)

    def numbers(self) -> Iterator[int]:
        yield from count()

    def item(self) -> Any:
        return Item()

    def items(self, number: int) -> Any:
        return tuple(Item() for _ in range(number))

    @property
    def double(self) -> int:
        return 2 * self.balance


@expose
class Item:
    value = 1


def payload(kind: Kind, name: object) -> list[object]:
    """Return what a request of that kind for ``name`` holds."""
    return {
        Kind.OPEN: [name, [], {}],
        Kind.CALL: [name, []],
        Kind.GET: [name],
        Kind.SET: [name, 1],
        Kind.DELETE: [name],
        Kind.OPERATE: [name],
        Kind.COPY: [name],
        Kind.DESCRIBE: [name],
    }[kind]


DUNDERS = sorted(
    {
        name
        for thing in (
            object(),
            type,
            print,
            payload,
            [],
            {},
            "",
            1,
            iter(()),
            Account(),
            sys,
            ValueError(),
            {}.keys(),
        )
        for name in dir(thing)
        if name.startswith("_")
    }
)
PRIVATE = ["_x", "_secret", "__dict__", "_Account__secret", "__", "_", "__class__x", "__slots__", *DUNDERS]


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.name)
def test_row_33_private_names_in_every_verb(kind: Kind) -> None:
    watched = Watched()
    with ends(watched) as pair:
        proxy = pair.open()
        watched.looked.clear()
        for name in PRIVATE:
            with pytest.raises((AccessDenied, DecodeError)) as caught:
                pair.raw(kind, 0 if kind is Kind.OPEN else proxy, *payload(kind, name))
            assert "hidden" not in str(caught.value)
        assert [name for name in watched.looked if name != "__class__"] == []


def test_row_33_an_instance_has_no_private_state_for_a_peer() -> None:
    account = Account()
    before = dict(vars(account))
    with ends(Account) as pair:
        proxy = pair.open()
        for name in PRIVATE:
            for kind in (Kind.GET, Kind.SET, Kind.DELETE, Kind.CALL):
                with pytest.raises(AccessDenied, match="nothing to see"):
                    pair.raw(kind, proxy, *payload(kind, name))
        (served,) = pair.exported()
        assert vars(served) == before


NAMES: list[Any] = [
    *(b"balance", 1, None, True, 2.5, ("balance",), ["balance"], {"balance": 1}, frozenset(["balance"])),
    *("", "a.b", "balance.real", "a b", "balance\x00", "\x00", "balance ", " balance", "balance\n"),
    *(
        "\uff42alance",
        "bal\u200dance",
        "\ufe4dx",
        "\uff3fx",
        "x" * 65,
        "x" * (1 << 20),
        "b\u0430lance\u2028",
        "0balance",
    ),
    *("entries[0]", "balance()", "balance;import os", "balance=1", "\ufb01eld"),
]


def brief(value: object) -> str:
    return ascii(value)[:24]


@pytest.mark.parametrize("name", NAMES, ids=brief)
def test_row_34_names_that_are_none(name: object) -> None:
    watched = Watched()
    with ends(watched) as pair:
        proxy = pair.open()
        watched.looked.clear()
        for kind in REQUESTS:
            if kind is Kind.OPEN and name == "":
                continue
            if kind is Kind.CALL and name == "":
                continue  # the object itself; it cannot be called
            if kind is Kind.OPERATE and type(name) is int:
                continue
            with pytest.raises((AccessDenied, DecodeError)) as caught:
                pair.raw(kind, 0 if kind is Kind.OPEN else proxy, *payload(kind, name))
            assert len(str(caught.value)) < 70_000
        assert [looked for looked in watched.looked if looked != "__class__"] == []


KEYWORDS = [*PRIVATE[:12], *(name for name in NAMES if type(name) not in (list, dict))]


@pytest.mark.parametrize("keyword", KEYWORDS, ids=brief)
def test_row_35_keywords_that_are_no_names(keyword: Any) -> None:
    watched = Watched()
    with ends(watched) as pair:
        proxy = pair.open()
        assert proxy.take(fine=1) == "taken"
        for name in ("take", "", "missing"):
            with pytest.raises((AccessDenied, DecodeError)):
                pair.raw(Kind.CALL, proxy, name, [], {keyword: 1})
        with pytest.raises((AccessDenied, DecodeError)):
            pair.raw(Kind.OPEN, 0, "", [], {keyword: 1})


class Keeper:
    """Returns one thing in each way there is."""

    def __init__(self) -> None:
        self.thing: Any = None
        self.listed: list[Any] = []
        self.mapped: dict[str, Any] = {}

    def hold(self, thing: object) -> None:
        self.thing, self.listed, self.mapped = thing, [thing], {"thing": thing}

    def get(self) -> Any:
        return self.thing

    def paired(self) -> Any:
        return (self.thing, [self.thing])

    def each(self) -> Iterator[Any]:
        yield self.thing

    @property
    def computed(self) -> Any:
        return self.thing


WAYS: dict[str, Callable[[Ends, Any], Any]] = {
    "result": lambda pair, keeper: keeper.get(),
    "data": lambda pair, keeper: keeper.thing,
    "property": lambda pair, keeper: keeper.computed,
    "tuple": lambda pair, keeper: keeper.paired(),
    "item": lambda pair, keeper: keeper.listed[0],
    "value": lambda pair, keeper: keeper.mapped["thing"],
    "get": lambda pair, keeper: keeper.mapped.get("thing"),
    "iteration": lambda pair, keeper: [*keeper.listed],
    "values": lambda pair, keeper: [*keeper.mapped.values()],
    "items": lambda pair, keeper: [*keeper.mapped.items()],
    "generator": lambda pair, keeper: next(keeper.each()),
    "copy": lambda pair, keeper: copy(keeper.listed),
    "list method": lambda pair, keeper: pair.raw(Kind.CALL, keeper.listed, "copy", [])[0],
}


@pytest.mark.parametrize("way", WAYS)
def test_row_36_what_may_not_leave_does_not(way: str) -> None:
    keeper = Keeper()
    with animals() as zoo, ends(keeper) as pair:
        proxy = pair.open()
        for kind, animal in zoo.items():
            keeper.hold(animal)
            try:
                came = WAYS[way](pair, proxy)
            except (AccessDenied, EncodeError, DecodeError):
                came = None
            if isinstance(animal, POWERS):
                assert not isinstance(came, POWERS), kind
            del came
            for target in (export.target for export in pair.server.session.tables.exports.by_handle.values()):
                assert not isinstance(target, POWERS), kind
        pair.check()


def test_row_36_a_generator_has_its_two_verbs_alone() -> None:
    with ends(Account) as pair:
        numbers = pair.open().numbers()
        assert next(numbers) == 0
        for name in (
            "gi_frame",
            "gi_code",
            "gi_yieldfrom",
            "gi_running",
            "send",
            "throw",
            "take",
            "_iterator",
            "iterator",
        ):
            for kind in (Kind.GET, Kind.CALL, Kind.SET, Kind.DELETE):
                with pytest.raises(AccessDenied):
                    pair.raw(kind, numbers, *payload(kind, name))
        for number in FORMS:
            if number != Operation.NEXT:
                with pytest.raises((AccessDenied, DecodeError)):
                    pair.raw(Kind.OPERATE, numbers, number)
        junk: Any
        for junk in (None, "1", b"", (), {}, -5, 1 << 70, float("nan"), True):
            try:
                items, more = pair.raw(Kind.OPERATE, numbers, int(Operation.NEXT), junk)
            except (DecodeError, TypeError):
                continue
            assert len(items) <= 1
            assert more
        pair.raw(Kind.CALL, numbers, "close", [])


def test_row_37_nothing_leads_to_a_power() -> None:
    """Everything that can be named, called without arguments, or taken as an item, of everything that comes."""
    keeper = Keeper()
    with animals() as zoo, ends(keeper) as pair:
        root = pair.open()
        for kind, animal in zoo.items():
            keeper.hold(animal)
            waiting: deque[tuple[Any, int]] = deque([(root, 0)])
            seen: set[int] = set()
            while waiting and len(seen) < 12:
                proxy, depth = waiting.popleft()
                if handle_of(proxy) in seen or depth > 5:
                    continue
                seen.add(handle_of(proxy))
                for came in uses(pair, proxy):
                    waiting.extend((found, depth + 1) for found in proxies_in(came))
            waiting.clear()
            for target in pair.exported():
                assert not isinstance(target, POWERS), kind


def uses(pair: Ends, proxy: Any) -> Iterator[Any]:
    """Yield all answers that ``proxy`` gives to whoever asks for what a usual attack wants."""
    target = next(
        (e.target for e in pair.server.session.tables.exports.by_handle.values() if e.handle == handle_of(proxy)), None
    )
    names = {name for name in dir(type(target)) if not name.startswith("_")}
    names |= {"mapping", "default_factory", "maps", "data", "obj", "parent", "func", "gi_frame", "tb_frame", "thing"}
    for name in sorted(names - {"hold", "clear", "pop", "popitem", "popleft", "close"}):
        for kind, value in ((Kind.GET, [name]), (Kind.CALL, [name, []])):
            try:
                yield pair.raw(kind, proxy, *value)
            except (LimpetError, TypeError, ValueError, LookupError, RuntimeError):
                continue
    for number, operands in ((Operation.ITERATE, []), (Operation.REVERSED, []), (Operation.GETITEM, [0])):
        try:
            yield pair.raw(Kind.OPERATE, proxy, int(number), *operands)
        except (LimpetError, TypeError, ValueError, LookupError, RuntimeError):
            continue


def proxies_in(value: Any) -> Iterator[Any]:
    if is_proxy(value):
        yield value
    elif type(value) in (tuple, list, frozenset):
        for item in value:
            yield from proxies_in(item)


def test_row_39_format_strings_read_nothing() -> None:
    with ends(Account) as pair:
        account = pair.open()
        for name in ("__format__", "format", "format_map", "0.__class__", "{0.__class__}"):
            with pytest.raises(AccessDenied):
                pair.raw(Kind.CALL, account, name, ["{0._secret}"])
        assert "hidden" not in format(account, "")
        with pytest.raises(TypeError):
            format(account, ">10")
        # A text that is kept is no object whose methods could be called.
        client = pair.client
        kept = client.send(
            Kind.CALL,
            handle_of(account),
            client.endpoint.encode(["run", [lambda: "{0._secret}"]]),
            WANT | int(Flag.KEEP),
        )
        client.wait(kept)
        for name in ("format", "format_map", "join", "encode", "zfill"):
            body = client.endpoint.encode([name, [account]])
            with pytest.raises(AccessDenied):
                client.wait(client.send(Kind.CALL, kept.id, body, WANT | int(Flag.PROMISE)))


def test_row_40_shared_state_is_not_set_by_default() -> None:
    shared = Account()
    before = dict(vars(shared))
    with ends(shared) as pair:
        account = pair.open()
        for name in ("balance", "entries", "rate", "new", "deposit", "double"):
            for kind in (Kind.SET, Kind.DELETE):
                with pytest.raises(AccessDenied):
                    pair.raw(kind, account, *payload(kind, name))
        with pytest.raises(AccessDenied):
            account.balance = 0
    assert vars(shared) == before


def test_row_40_on_an_instance_of_its_own_a_peer_sets_data_that_is_there() -> None:
    with ends(Account) as pair:
        account = pair.open()
        account.balance = 7
        assert account.balance == 7
        with pytest.raises(AccessDenied):
            account.invented = 1
        with pytest.raises(AccessDenied):
            account.double = 1


METHODS = ["deposit", "keep", "numbers", "double", "__class__", "__dict__", "__init__", "__len__", "__eq__", "_secret"]


@pytest.mark.parametrize("name", METHODS)
def test_row_41_methods_and_classes_are_not_set(name: str) -> None:
    before = dict(vars(Account))
    with ends(Account) as pair:
        account = pair.open()
        for kind in (Kind.SET, Kind.DELETE):
            with pytest.raises(AccessDenied):
                pair.raw(kind, account, *payload(kind, name))
        (served,) = pair.exported()
        assert type(served) is Account
        assert account.deposit(0) == 5
    assert dict(vars(Account)) == before


def test_row_41_nor_is_anything_of_a_function_or_a_container() -> None:
    with ends(Account) as pair:
        account = pair.open()
        for target in (pair.raw(Kind.GET, account, "deposit"), account.entries, account.shelf(), account.numbers()):
            for name in ("__class__", "__code__", "__defaults__", "__dict__", "append", "x", "close", "__call__"):
                for kind in (Kind.SET, Kind.DELETE):
                    with pytest.raises(AccessDenied):
                        pair.raw(kind, target, *payload(kind, name))


def test_row_42_one_session_cannot_change_what_another_sees() -> None:
    chance = random.Random(42)
    shared = Served(Account, Profile.local())
    before = dict(vars(Account))
    names = ["balance", "rate", "entries", "deposit", "_secret", "__class__", "kept", "double", "new"]
    with ends(shared) as one, ends(shared) as other:
        mine, theirs = one.open(), other.open()
        for _ in range(1_000):
            kind = chance.choice([Kind.SET, Kind.DELETE, Kind.CALL])
            value = payload(kind, chance.choice(names))
            try:
                one.raw(kind, mine, *value)
            except (LimpetError, AttributeError, TypeError):
                continue
        assert dict(vars(Account)) == before
        assert (theirs.balance, theirs.rate, len(theirs.entries), theirs.deposit(1)) == (5, 3, 3, 6)
        assert vars(other.exported()[0]).keys() == vars(Account()).keys()


def handles() -> list[int]:
    chance = random.Random(43)
    near = [*range(40), 255, 256, 65_535, 65_536]
    edges = [
        (1 << bits) - offset for bits in (31, 32, 33, 63, 64) for offset in (1, 2) if (1 << bits) - offset < 1 << 64
    ]
    return [*near, *edges, id(Account), *(chance.getrandbits(64) for _ in range(500))]


def test_row_43_guessed_handles_are_all_alike() -> None:
    with ends(Account) as pair:
        account = pair.open()
        held = handle_of(account)
        texts = set()
        for handle in handles():
            if handle == held:
                continue
            for kind in (Kind.CALL, Kind.GET, Kind.COPY):
                with pytest.raises(AccessDenied) as caught:
                    pair.raw(kind, handle, *payload(kind, "deposit")[: 0 if kind is Kind.COPY else None])
                texts.add(str(caught.value))
        assert texts == {NO_SUCH_OBJECT}
        assert account.balance == 5


def refer(pair: Ends, target: Any, handle: int, what: str = "keep") -> Any:
    """Call a method with a reference to a handle that may not be there."""
    client = pair.client
    body = client.endpoint.encode([what, [target]])
    forged = Body(body.payload, [Yours(Import(handle, b"", 1), None)])
    return client.wait(client.send(Kind.CALL, handle_of(target), forged))


def test_row_43_guessed_handles_as_arguments() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert refer(pair, account, handle_of(account)) is None
        texts = set()
        for handle in handles()[:80]:
            if handle != handle_of(account):
                with pytest.raises(AccessDenied) as caught:
                    refer(pair, account, handle)
                texts.add(str(caught.value))
        assert texts == {NO_SUCH_OBJECT}


def test_row_44_foreign_and_released_handles_are_nothing() -> None:
    shared = Served(Account, Profile.local())
    with ends(shared) as one, ends(shared) as other:
        mine, theirs = one.open(), other.open()
        others = [theirs, *(theirs.item() for _ in range(50))]
        foreign = handle_of(others[-1])
        released = mine.item()
        gone = handle_of(released)
        release(released)
        one.settle()
        texts = set()
        for handle in (foreign, gone):
            with pytest.raises(AccessDenied) as caught:
                one.raw(Kind.GET, handle, "value")
            texts.add(str(caught.value))
            with pytest.raises(AccessDenied) as caught:
                refer(one, mine, handle)
            texts.add(str(caught.value))
        assert texts == {NO_SUCH_OBJECT}
        assert others[-1].value == 1


def test_row_45_a_handle_is_never_given_twice() -> None:
    with ends(Account) as pair:
        account = pair.open()
        used = set()
        for _ in range(2_000):
            item = account.item()
            handle = handle_of(item)
            assert handle not in used
            used.add(handle)
            del item
        pair.settle()
        for handle in sorted(used)[::100]:
            with pytest.raises(AccessDenied, match=NO_SUCH_OBJECT):
                pair.raw(Kind.GET, handle, "value")


RELEASES: list[tuple[str, int, int]] = [
    ("none of it", 0, 0),
    ("more than held", 0, 2),
    ("far more", 0, (1 << 32) - 1),
    ("of nothing", 10_000, 1),
    ("of handle 0", -1, 1),
]


@pytest.mark.parametrize(("offset", "number"), [case[1:] for case in RELEASES], ids=[case[0] for case in RELEASES])
def test_row_46_a_wrong_release_ends_its_session_alone(offset: int, number: int) -> None:
    shared = Served(Account, Profile.local())
    bad = Ends(shared)
    with ends(shared) as good:
        mine, theirs = bad.open(), good.open()
        handle = 0 if offset < 0 else handle_of(mine) + offset
        bad.client.session._put_release([(handle, number)], What.DROP)
        bad.carry()
        assert bad.server.connection.failure is not None
        assert bad.server.session.tables.exports.by_handle == {}
        assert theirs.deposit(1) == 6


def test_row_46_a_second_release_ends_its_session() -> None:
    pair = Ends(Account)
    account = pair.open()
    for _ in range(2):
        pair.client.session._put_release([(handle_of(account), 1)], What.DROP)
    pair.carry()
    assert pair.server.connection.failure is not None


def test_row_47_a_full_table_is_an_error_and_then_none() -> None:
    with ends(Account, profile=Profile.local(limits=Limits(exports=20))) as pair:
        account = pair.open()
        held = [account.item() for _ in range(19)]
        for _ in range(3):
            with pytest.raises(EncodeError, match="must release some"):
                account.item()
        with pytest.raises(EncodeError):
            account.items(5)
        assert account.deposit(1) == 6
        assert held[0].value == 1
        held.clear()
        pair.settle()
        assert account.item().value == 1
        assert len(account.items(19)) == 19


HOSTILE = [
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__len__", "__iter__"),
    *("__index__", "__int__", "__float__", "__contains__", "__getitem__", "__reversed__", "__next__", "__str__"),
    *("__repr__", "__add__", "__radd__", "__rmul__", "__ror__", "__rsub__", "__format__", "__fspath__", "__buffer__"),
    *("__array__", "__length_hint__", "__getattr__", "__class__", "__iadd__", "__enter__", "__exit__", "__bytes__"),
]


def hostile_class(log: list[str]) -> type:
    def make(name: str) -> Callable[..., Any]:
        def method(self: object, *args: object) -> Any:
            log.append(name)
            return NotImplemented

        return method

    return type("Hostile", (), {name: make(name) for name in HOSTILE if name not in ("__class__", "__getattr__")})


def test_row_50_an_operand_of_a_client_is_inert() -> None:
    log: list[str] = []
    hostile = ref(hostile_class(log)())
    account = Account()
    account.entries = [1, [2], {"a": 1}, Item(), "text", (1,), account]
    with ends(account) as pair:
        proxy = pair.open()
        log.clear()
        shelf = proxy.shelf()
        mapping = pair.open().entries[2]
        for operation in (Operation.EQ, Operation.NE, Operation.LT, Operation.LE, Operation.GT, Operation.GE):
            for target in (proxy, shelf, mapping):
                try:
                    pair.raw(Kind.OPERATE, target, int(operation), hostile)
                except (TypeError, AccessDenied):
                    continue
        for operation, operands in (
            (Operation.CONTAINS, [hostile]),
            (Operation.GETITEM, [hostile]),
            (Operation.SETITEM, [hostile, 1]),
            (Operation.DELITEM, [hostile]),
            (Operation.GETITEM, [slice(hostile, None)]),
            (Operation.SETITEM, [slice(0, 1), hostile]),
        ):
            for target in (shelf, mapping):
                with suppress(TypeError, KeyError, AccessDenied):
                    pair.raw(Kind.OPERATE, target, int(operation), *operands)
        for name, args in (
            ("count", [hostile]),
            ("index", [hostile]),
            ("remove", [hostile]),
            ("extend", [hostile]),
            ("insert", [hostile, 1]),
            ("pop", [hostile]),
            ("append", [hostile]),
            ("count", [hostile]),
        ):
            try:
                pair.raw(Kind.CALL, shelf, name, args)
            except (TypeError, ValueError, AccessDenied):
                continue
        assert repr(shelf)
        assert log == []
        assert pair.server.session._last_id == 0, "the server never asked"
        assert isinstance(account.entries[-1], RemoteFunction)
        account.entries.clear()


def test_row_50_the_server_asks_a_client_for_nothing_of_its_own_accord() -> None:
    log: list[str] = []
    account = Account()
    with ends(account) as pair:
        pair.open().keep(ref(hostile_class(log)()))
        before = pair.client.session.received
        kept = account.kept
        assert kept == kept  # noqa: PLR0124
        assert kept != account
        assert kept not in [1, account]
        assert {kept: 1}
        assert bool(kept)
        assert issubclass(type(kept), RemoteFunction)
        assert not isinstance(kept, str | int | list | dict)
        uses: list[Callable[[Any], Any]] = [
            len,
            iter,
            int,
            list,
            dict,
            sorted,
            sum,
            bytes,
            float,
            "".join,
            lambda it: operator.add([], it),
            lambda it: 1 + it,
        ]
        for use in uses:
            with pytest.raises((TypeError, ValueError)):
                use(kept)
        assert format(kept, "")
        assert log == []
        pair.carry()
        assert pair.client.session.received == before
        account.kept = None


def test_row_51_a_mappingproxy_hands_out_no_dict() -> None:
    secret = {"a": [1]}

    class Views:
        def proxy(self) -> Any:
            return MappingProxyType(secret)

        def own(self) -> Any:
            return vars(type(self))

        def keys(self) -> Any:
            return secret.keys()

        def values(self) -> Any:
            return secret.values()

    caught: list[Any] = []

    class Catcher:
        def __eq__(self, other: object) -> bool:
            caught.append(other)
            return True

        __hash__ = None  # type: ignore[assignment]
        __ror__ = __or__ = __rsub__ = __rand__ = __eq__

    with ends(Views) as pair:
        views = pair.open()
        catcher = ref(Catcher())
        for view in (views.proxy(), views.own(), views.keys(), views.values()):
            for operation in FORMS:
                for operands in ((), (catcher,)):
                    try:
                        pair.raw(Kind.OPERATE, view, int(operation), *operands)
                    except (LimpetError, TypeError, KeyError, ValueError):
                        continue
            for name in ("mapping", "copy", "__or__", "_mapping", "isdisjoint"):
                for kind in (Kind.GET, Kind.CALL):
                    try:
                        pair.raw(kind, view, *payload(kind, name))
                    except (LimpetError, TypeError):
                        continue
        assert caught == []
        assert not any(target is secret for target in pair.exported())
        with pytest.raises(AccessDenied):
            views.own()["proxy"]
        with pytest.raises(AccessDenied):
            [*views.own().values()]


def test_row_52_iterables_of_a_client_and_endless_ones_are_not_taken() -> None:
    account = Account()
    with ends(account) as pair:
        shelf = pair.open().shelf()

        class Endless:
            def __iter__(self) -> Iterator[int]:
                return count()

            def __length_hint__(self) -> int:
                return 1 << 60

            def keys(self) -> Any:
                return range(1 << 60)

        for name in ("extend", "index", "count"):
            for value in (ref(Endless()), ref(count()), len):
                with suppress(TypeError, ValueError):
                    assert pair.raw(Kind.CALL, shelf, name, [value]) == 0
        for endless in (range(1 << 60), range(1 << 17), [range(1 << 60)][0]):
            with pytest.raises(ValueError, match="range"):
                pair.raw(Kind.CALL, shelf, "extend", [endless])
            with pytest.raises(ValueError, match="range"):
                pair.raw(Kind.OPERATE, shelf, int(Operation.SETITEM), slice(0, 0), endless)
        assert len(account.entries) == 3


def test_row_53_callbacks_in_callbacks_have_an_end() -> None:
    account = Account()
    deepest = 0
    with ends(account) as pair:
        proxy = pair.open()

        def descend(depth: int) -> Any:
            nonlocal deepest
            deepest = max(deepest, depth)
            return proxy.run(descend, depth + 1)

        with pytest.raises(CallError, match="nested"):
            proxy.run(descend, 1)
        assert deepest <= 32
        assert proxy.deposit(1) == 6


@pytest.mark.timeout(10)
def test_row_53_a_callback_into_a_running_generator_does_not_block() -> None:
    class Calls:
        def each(self, function: Callable[[], Any]) -> Iterator[Any]:
            while True:
                yield function()

    with ends(Calls) as pair:
        numbers: Any = None

        def again() -> Any:
            return next(numbers)

        numbers = pair.open().each(again)
        with pytest.raises(ValueError, match="already"):
            next(numbers)
        numbers = pair.open().each(lambda: (numbers.close(), 1))
        with suppress(ValueError):
            next(numbers)


ENDS = [
    SystemExit(3),
    KeyboardInterrupt(),
    MemoryError(),
    StopIteration(1),
    GeneratorExit(),
    RecursionError(),
    BaseException(),
]


@pytest.mark.parametrize("error", ENDS, ids=repr)
def test_row_54_whatever_a_callback_raises_is_an_error_of_a_program(error: BaseException) -> None:
    class Runner:
        def __init__(self) -> None:
            self.caught: Any = None

        def run(self, function: Callable[[], Any]) -> str:
            try:
                function()
            except Exception as caught:
                self.caught = caught
                return type(caught).__name__
            return "nothing"

    def fail() -> None:
        raise error

    runner = Runner()
    with ends(runner) as pair:
        assert pair.open().run(fail) == type(error).__name__
        assert isinstance(runner.caught, Exception)
        assert not isinstance(runner.caught, StopIteration)
        assert pair.open().run(lambda: None) == "nothing"
        runner.caught = None


class Fails:
    """Raises what a hostile or careless class may."""

    def leave(self) -> None:
        raise SystemExit(1)

    def close(self) -> None:
        raise GeneratorExit

    def interrupt(self) -> None:
        raise KeyboardInterrupt

    def recurse(self) -> None:
        self.recurse()

    def stop(self) -> None:
        raise StopIteration(5)

    def shout(self) -> None:
        raise ValueError("x" * 10_000_000)

    def odd(self) -> None:
        raise ValueError(self, object(), print, 1 << 100_000, "\ud800", b"x" * 100_000)

    def itself(self) -> None:
        error = ValueError()
        error.args = (error, [error])
        error.__cause__ = error
        error.__context__ = KeyError(error)
        raise error

    def deny(self) -> None:
        raise Broken("x")

    def bare(self) -> None:
        raise Bare("bare")

    def group(self) -> None:
        raise ExceptionGroup("many", [ValueError(number) for number in range(5_000)])

    def chain(self) -> None:
        error: BaseException = ValueError("first")
        for number in range(2_000):
            following = ValueError(number)
            following.__cause__ = error
            error = following
        raise error

    def fine(self) -> int:
        return 1


class Bare(BaseException):
    """Nothing that a program would catch."""


class Broken(AccessDenied):
    def __str__(self) -> str:
        raise SystemExit("str")

    __repr__ = __str__


FAILS = [name for name in vars(Fails) if not name.startswith("_") and name != "fine"]


@pytest.mark.parametrize("peer", [None, NETWORK], ids=["loopback", "network"])
@pytest.mark.parametrize("name", FAILS)
def test_row_55_whatever_a_method_raises_is_one_bounded_answer(name: str, peer: Any) -> None:
    with ends(Fails, peer=peer) as pair:
        fails = pair.open()
        pending = pair.client.send(Kind.CALL, handle_of(fails), pair.client.endpoint.encode([name, []]))
        with pytest.raises(Exception) as caught:
            pair.client.wait(pending)
        assert len(pending.payload) <= 64 << 10
        assert not isinstance(caught.value, StopIteration)
        assert fails.fine() == 1


def test_row_55_an_error_of_a_callback_stays_in_its_session() -> None:
    class Shared:
        def __init__(self) -> None:
            self._subscribers: list[Any] = []

        def subscribe(self, function: Any) -> None:
            self._subscribers.append(function)

        def fire(self, number: int) -> Any:
            return self._subscribers[number]()

        def clear(self) -> None:
            self._subscribers.clear()

    shared = Served(Shared(), Profile.local())
    with ends(shared) as one, ends(shared) as other:
        errors: list[Exception] = [
            *(
                kind("secret of one")
                for kind in (ValueError, AccessDenied, CallError, EncodeError, DecodeError, RemoteError)
            ),
            ExceptionGroup("secret of one", [ValueError("secret of one")]),
            *(
                type(name, (base,), {})("secret of one")
                for name, base in (("Mine", Exception), ("AccessDenied", AccessDenied))
            ),
        ]
        for number, error in enumerate(errors):

            def fail(error: Exception = error) -> None:
                raise error

            one.open().subscribe(fail)
            with pytest.raises(Exception) as caught:
                other.open().fire(number)
            told = f"{caught.value!r} {caught.value} {getattr(caught.value, '__notes__', '')}"
            assert "secret" not in told
            assert "secret" not in repr(caught.value.__cause__)
            with pytest.raises(Exception, match="secret"):
                one.open().fire(number)
        one.open().clear()


NAMED = [
    *("os.system", "subprocess.Popen", "builtins.eval", "builtins.type", "builtins.print", "builtins.SystemExit"),
    *(
        "builtins.KeyboardInterrupt",
        "builtins.BaseException",
        "antigravity.Error",
        "this.s",
        "limpet.errors.SessionLost",
    ),
    *("os", "", ".", "builtins.", "__main__.X", "builtins.__import__", "limpet.objects.proxy.Proxy", "a\x1b[2J\n"),
]


@pytest.mark.parametrize("name", NAMED, ids=ascii)
def test_row_58_an_error_by_the_name_of_anything_is_only_an_error(name: str) -> None:
    before = set(sys.modules)
    with ends(Account) as pair:
        account = pair.open()
        told = pair.server.endpoint.encode({"type": name, "args": ["touch /tmp/x"], "text": "x\x1b[2J"}, 0).payload
        pending = pair.client.send(Kind.CALL, handle_of(account), pair.client.endpoint.encode(["deposit", []]))
        pair.carry()
        request = pair.server.session.schedule.start()
        assert request is not None
        pair.server.session.answer(request, int(Kind.RAISE), Body(told))
        with pytest.raises((RemoteError, DecodeError)) as caught:
            pair.client.wait(pending)
        assert isinstance(caught.value, Exception)
        assert str(type(caught.value).__name__).isprintable()
        assert account.deposit(1) == 6
    assert not {"antigravity", "this"} & (set(sys.modules) - before)


# ---------------------------------------------------------------- a hostile server


def test_a_server_reaches_only_what_a_client_lent() -> None:
    """Rule 10: a function in an object of the client's, or in a container of it, is not lent with it."""

    class Mine:
        def __init__(self) -> None:
            self.loader = print
            self.handler = lambda: "mine"
            self.listed = [print, len]
            self._secret = "hidden"

        def get(self) -> Any:
            return self.listed

        def hear(self) -> int:
            return 1

        def function(self) -> Any:
            return print

    account = Account()
    with ends(account) as pair:
        proxy = pair.open()
        proxy.keep(ref(Mine()))
        server = pair.server
        handle = inside(account.kept)[1].handle
        assert account.kept.hear() == 1
        for kind, value in (
            *((Kind.GET, [name]) for name in ("loader", "handler", "listed", "_secret", "__class__")),
            *((Kind.CALL, [name, []]) for name in ("loader", "handler", "get", "function", "__init__", "_secret")),
            (Kind.SET, ["loader", 1]),
            (Kind.SET, ["handler", len]),
            (Kind.DELETE, ["loader"]),
            (Kind.COPY, []),
        ):
            with pytest.raises((AccessDenied, EncodeError)):
                server.ask(kind, handle, value)
        proxy.keep(ref([print, [len], Mine()]))
        handle = inside(account.kept)[1].handle
        for number in (Operation.GETITEM, Operation.ITERATE, Operation.REVERSED):
            operands = [0] if number is Operation.GETITEM else []
            with pytest.raises((AccessDenied, EncodeError)):
                server.ask(Kind.OPERATE, handle, [int(number), *operands])
        account.kept = None
        assert pair.lent() == []


def test_a_server_can_ask_a_client_neither_to_open_nor_to_describe() -> None:
    for kind, value in ((Kind.OPEN, ["", [], {}]), (Kind.DESCRIBE, [])):
        pair = Ends(Account())
        pair.open().keep(len)
        with pytest.raises(LimpetError):
            pair.server.ask(kind, 1, value)
        assert pair.client.connection.failure is not None


def test_a_clients_shell_goes_to_no_other_session_by_a_wrapper_either() -> None:
    class Shared:
        def __init__(self) -> None:
            self._kept: Any = None

        def keep(self, function: Any) -> None:
            self._kept = function

        def by_ref(self) -> Any:
            return ref(self._kept)

        def by_mutable(self) -> Any:
            return mutable(self._kept)

        def in_a_tuple(self) -> Any:
            return (self._kept, [self._kept])

    shared = Served(Shared(), Profile.local())
    with ends(shared) as one, ends(shared) as other:

        def mine() -> str:
            return "ran"

        one.open().keep(mine)
        for name in ("by_ref", "by_mutable", "in_a_tuple"):
            with pytest.raises((EncodeError, AccessDenied)):
                getattr(other.open(), name)()
        assert one.open().by_ref() is mine
        one.open().keep(None)


def test_a_client_bounds_what_a_server_answers() -> None:
    pair = Ends(Account, client=Profile.local(limits=Limits(exports=10)))
    account = pair.open()
    with pytest.raises((LimitExceeded, LimpetError)):
        account.items(50)


def test_no_descriptor_gives_a_proxy_a_name_of_limpets_own() -> None:
    with ends(Account) as pair:
        account = pair.open()
        assert isinstance(account, Proxy)
        slots = {name for cls in type(account).__mro__ for name in vars(cls) if not name.startswith("_")}
        assert slots == {"deposit", "keep", "shelf", "run", "numbers", "item", "items"}
