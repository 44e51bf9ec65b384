"""Containers: what a peer hands them runs nothing that is hidden, and makes little of nothing."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict, UserDict, UserList, abc, deque
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence, MutableSet
from typing import Any

import pytest

import limpet
from limpet.errors import AccessDenied, DecodeError, EncodeError
from limpet.objects.operations import Operation
from limpet.policy.exposure import expose, hide
from limpet.session.messages import Flag, Kind
from tests.support.endpoints import Ends, ends, handle_of

MANY = 1 << 16


@expose
class Hidden:
    """Leaves, but what a container would run of it is hidden."""

    ran: list[str]

    def __init__(self) -> None:
        self.ran = []

    def _run(self, name: str) -> Any:
        self.ran.append(name)
        return 0

    @hide
    def __eq__(self, other: object) -> bool:
        return bool(self._run("eq"))

    @hide
    def __hash__(self) -> int:
        return int(self._run("hash"))

    @hide
    def __lt__(self, other: object) -> bool:
        return bool(self._run("lt"))

    @hide
    def __gt__(self, other: object) -> bool:
        return bool(self._run("gt"))

    @hide
    def __iter__(self) -> Iterator[str]:
        self._run("iter")
        return iter(["pin", "1234"])

    @hide
    def __len__(self) -> int:
        return int(self._run("len"))

    @hide
    def __getitem__(self, key: object) -> Any:
        return self._run("getitem")

    @hide
    def __index__(self) -> int:
        return int(self._run("index"))

    @hide
    def keys(self) -> list[str]:
        return [self._run("keys")]


@expose
class Open:
    """As above, and all of it is shown."""

    def __lt__(self, other: object) -> Any:
        return NotImplemented


class Root:
    """Holds one of each."""

    def __init__(self) -> None:
        self.hidden, self.plain = Hidden(), Open()
        self.list: list[Any] = [1]
        self.dict: dict[str, Any] = {"a": 1}
        self.set = {"a"}
        self.deque, self.rows, self.table = deque([1]), UserList([1]), UserDict(a=1)
        self.counter, self.bytes = Counter("aab"), bytearray(b"ab")
        self.pairs = [("k", Hidden())]

    def out(self, name: str) -> Any:
        return limpet.mutable(getattr(self, name))


LISTED = ("list", "deque", "rows")
KEYED = ("dict", "table", "counter")


def operate(pair: Ends, target: Any, operation: Operation, *operands: Any) -> Any:
    return pair.raw(Kind.OPERATE, target, int(operation), *operands)


REFUSED: list[Callable[[Any, Any], object]] = [
    *(lambda root, other, name=name: root.out(name).extend(other) for name in (*LISTED, "bytes")),
    *(lambda root, other, name=name: root.out(name).count(other) for name in LISTED),
    *(lambda root, other, name=name: root.out(name).index(other) for name in LISTED),
    *(lambda root, other, name=name: root.out(name).remove(other) for name in (*LISTED, "set")),
    *(lambda root, other, name=name: other in root.out(name) for name in (*LISTED, *KEYED, "set")),
    *(lambda root, other, name=name: root.out(name)[other] for name in (*LISTED, *KEYED)),
    *(lambda root, other, name=name: root.out(name).update(other) for name in (*KEYED, "set")),
    *(lambda root, other, name=name: root.out(name).update([other]) for name in ("dict", "table", "set")),
    *(lambda root, other, name=name: root.out(name) == [other] for name in LISTED),
    *(lambda root, other, name=name: root.out(name) < [other] for name in LISTED),
    *(lambda root, other, name=name: root.out(name).get(other) for name in ("dict", "table")),
    lambda root, other: root.list.count([{"x": (other,)}]),
    lambda root, other: root.out("list").__setitem__(slice(0, 0), other),
    lambda root, other: root.out("list").__setitem__(other, 1),
    lambda root, other: root.out("list").pop(other),
    lambda root, other: root.out("list").insert(other, 1),
    lambda root, other: root.list[other:],
    lambda root, other: root.list * other,
    lambda root, other: root.out("list").__iadd__(other),
    lambda root, other: root.out("deque").__iadd__(other),
    lambda root, other: root.rows + other,
    lambda root, other: root.out("set").add(other),
    lambda root, other: root.set.union(other),
    lambda root, other: root.set.issubset([other]),
    lambda root, other: root.dict.keys() & other,
    lambda root, other: root.dict.keys().isdisjoint(other),
    lambda root, other: root.table.keys().isdisjoint(other),
    lambda root, other: root.out("dict").__ior__(other),
    lambda root, other: root.out("dict").setdefault(other, 1),
]


@pytest.mark.parametrize("use", REFUSED)
def test_a_container_runs_nothing_hidden_of_an_operand(use: Callable[[Any, Any], object]) -> None:
    root = Root()
    with ends(root) as pair:
        proxy = pair.open()
        with pytest.raises((AccessDenied, TypeError)):
            use(proxy, proxy.hidden)
        assert root.hidden.ran == []
        assert root.list == [1]
        assert root.dict == {"a": 1}


def test_what_is_shown_may_be_compared_and_what_is_hidden_kept() -> None:
    root = Root()
    with ends(root) as pair:
        proxy = pair.open()
        assert proxy.list.count(proxy.plain) == 0
        assert proxy.plain not in proxy.list
        proxy.out("list").append(proxy.hidden)
        proxy.out("list").extend([proxy.hidden, proxy.plain])
        proxy.out("list")[0] = proxy.hidden
        proxy.out("dict")["main"] = proxy.hidden
        proxy.out("set").add(proxy.plain)
    assert [item is root.hidden for item in root.list] == [True, True, True, False]
    assert root.dict["main"] is root.hidden
    assert root.hidden.ran == []


def test_a_reflected_operator_that_is_hidden_is_not_reached() -> None:
    root = Root()
    with ends(root) as pair:
        proxy = pair.open()
        for operation in (Operation.LT, Operation.EQ, Operation.NE):
            answer = operate(pair, proxy.plain, operation, proxy.hidden)
            assert answer is Ellipsis or type(answer) is bool
        with pytest.raises(TypeError):
            proxy.plain < proxy.hidden  # noqa: B015
        assert root.hidden.ran == []


def test_a_clients_object_is_asked_for_no_keys() -> None:
    class Mine:
        asked = 0

        def keys(self) -> list[str]:
            self.asked += 1
            return ["a"]

    mine = Mine()
    with ends(dict) as pair, pytest.raises(TypeError, match="built-in containers alone"):
        pair.open().update(limpet.ref(mine))
    assert mine.asked == 0


# ---------------------------------------------------------------- sizes


@expose
class Rows(UserList[Any]): ...


class Table(UserDict[Any, Any]): ...


LONG: list[tuple[type, Callable[[Any, range], object]]] = [
    (Rows, lambda it, long: it.extend(long)),
    (Rows, lambda it, long: it.extend(other=long)),
    (Rows, lambda it, long: it + long),
    (Table, lambda it, long: it.keys().isdisjoint(long)),
    (Table, lambda it, long: it.keys().isdisjoint(other=long)),
    (Table, lambda it, long: it.update({long})),
    (dict, lambda it, long: it.update({long})),
    (dict, lambda it, long: it.update(frozenset([long]))),
    (dict, lambda it, long: it.update({long: 1}.keys())),
    (dict, lambda it, long: it.keys() & long),
    (dict, lambda it, long: it.keys() ^ long),
    (dict, lambda it, long: it.__ior__([long])),
    (list, lambda it, long: it.__iadd__(long)),
    (deque, lambda it, long: it.__iadd__(long)),
    (set, lambda it, long: it.update(long)),
]


@pytest.mark.parametrize(("served", "use"), LONG)
def test_no_way_to_give_a_long_range(served: type, use: Callable[[Any, range], object]) -> None:
    with ends(served) as pair, pytest.raises((ValueError, TypeError, EncodeError)):
        use(pair.open(), range(10**18))


@pytest.mark.parametrize("use", [lambda it: it * MANY, lambda it: MANY * it, lambda it: it.__imul__(MANY)])
@pytest.mark.parametrize("served", [list, deque, bytearray])
def test_nor_to_repeat_without_end(served: type, use: Callable[[Any], object]) -> None:
    with ends(served) as pair, pytest.raises(ValueError, match="a repetition"):
        use(pair.open([1, 2]))


def fill(items: Any) -> Any:
    while len(items) <= MANY:
        items.extend(range(MANY))
    return items


DOUBLES: list[Callable[[Any], object]] = [
    lambda it: it.extend(it),
    lambda it: it.extend([*range(9)]) or it.extend(it),
    lambda it: it.__setitem__(slice(0, 0), it),
    lambda it: it.__iadd__(it),
    lambda it: it + it,
]


@pytest.mark.parametrize("double", DOUBLES)
def test_a_list_does_not_double_by_itself(double: Callable[[Any], object]) -> None:
    with ends(list) as pair:
        items = fill(pair.open())
        size = len(items)
        with pytest.raises(ValueError, match="more than 65536 items of a list here"):
            double(items)
        assert len(items) - size < 10


def test_what_is_sliced_or_copied_goes_by_value_and_its_items_as_ever() -> None:
    class Shelf:
        def __init__(self) -> None:
            self.rows = [[1], [2], Open()]
            self.names = {"a", "b"}
            self.table = {"a": [1]}
            self.counter = Counter("aab")
            self.bytes = bytearray(b"abc")

    with ends(Shelf()) as pair:
        shelf = pair.open()
        rows = shelf.rows
        for copied in (rows[:2], rows.copy()[:2], (rows * 1)[:2], rows.__add__([])[:2], (rows[0:1] + rows[1:2])):
            assert type(copied) is list
            assert all(limpet.is_proxy(row) for row in copied)
            assert copied[1][0] == 2
        assert limpet.is_proxy(rows[0])
        assert limpet.is_proxy(rows)
        assert shelf.names.union(["c"]) == {"a", "b", "c"}
        assert shelf.names & {"a"} == {"a"}
        assert type(shelf.table.copy()) is dict
        assert type(shelf.table | {"b": 1}) is dict
        assert shelf.counter.most_common(1) == [("a", 2)]
        assert shelf.bytes[1:] == bytearray(b"bc")


def test_a_read_only_list_makes_no_lists_that_stay() -> None:
    class Owner:
        def __init__(self) -> None:
            self.rows = [*range(2_000)]
            self.queue = deque(range(2_000))
            self.counter = Counter(range(2_000))
            self.wrapped = Rows(range(2_000))

    with ends(Owner()) as pair:
        owner = pair.open()
        rows, queue, counter, wrapped = owner.rows, owner.queue, owner.counter, owner.wrapped
        held = len(pair.exported())
        makes: tuple[Callable[[], object], ...] = (lambda: rows[:], rows.copy, lambda: rows * 2)
        kept = [make() for make in makes for _ in range(3)]
        assert all(type(each) is list for each in kept)
        assert len(pair.exported()) == held
        for use in (
            queue.copy,
            lambda: queue * 2,
            counter.copy,
            lambda: counter + counter,
            wrapped.copy,
            lambda: wrapped[:],
        ):
            with pytest.raises((ValueError, AccessDenied), match=r"more than 1024|nothing to see"):
                use()


def test_a_copy_is_not_kept_for_a_promise_either() -> None:
    class Owner:
        def __init__(self) -> None:
            self.rows = [*range(2_000)]

    with ends(Owner()) as pair:
        rows, client = pair.open().rows, pair.client
        flags = int(Flag.WANT | Flag.KEEP)
        for size, raises in ((10, False), (2_000, True)):
            body = client.endpoint.encode([int(Operation.GETITEM), slice(0, size)])
            first = client.send(Kind.OPERATE, handle_of(rows), body, flags)
            assert client.wait(first) == [*range(size)]
            promise = pair.server.session.tables.promises[first.id]
            assert (promise.failure is not None) is raises
            assert promise.value == (None if raises else [*range(size)])


# ---------------------------------------------------------------- the structure of a request


@expose
class Counted(abc.Sequence[Any]):
    def __init__(self) -> None:
        self.ran = 0

    @hide
    def __len__(self) -> int:
        self.ran += 1
        return 2

    @hide
    def __getitem__(self, index: Any) -> Any:
        self.ran += 1
        raise IndexError


class Vault:
    def __init__(self) -> None:
        self.sequence = Counted()
        self.call, self.opened = ["take", []], ["", []]
        self.items, self.options = [Hidden(), Hidden()], {"key": Hidden()}
        self.name = "take"

    def take(self, *args: object, **kwargs: object) -> int:
        return len(args) + len(kwargs)


@pytest.mark.parametrize("codec", ["plain", "records"])
def test_no_part_of_a_request_is_a_reference(codec: str) -> None:
    profile = limpet.Profile.local(codecs=(limpet.codec.MsgpackCodec([Kind] if codec == "records" else ()),))
    vault = Vault()
    with ends(vault, profile=profile) as pair:
        proxy, client = pair.open(), pair.client
        handle = handle_of(proxy)
        for payload in (
            proxy.call,
            proxy.sequence,
            ["take", proxy.items],
            ["take", [], proxy.options],
            [proxy.call, []],
        ):
            with pytest.raises(DecodeError, match="does not have its form"):
                client.ask(Kind.CALL, handle, payload)
        for kind in (Kind.GET, Kind.SET, Kind.DELETE, Kind.OPERATE):
            with pytest.raises(DecodeError):
                client.ask(kind, handle, proxy.call)
        with pytest.raises(DecodeError):
            client.ask(Kind.OPEN, 0, ["", proxy.items, {}])
        assert vault.sequence.ran == 0
        assert pair.server.endpoint._bare_values.keys() <= {b"\x92\xa4take\x90"}
        assert client.ask(Kind.CALL, handle, ["take", [proxy.items, proxy.options], {"x": proxy.items}]) == 3


# ---------------------------------------------------------------- bases of the standard library


class Registry(MutableMapping[str, int]):
    def __init__(self) -> None:
        self._stored = {"a": 1, "b": 2}

    def __getitem__(self, key: str) -> int:
        return self._stored[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __setitem__(self, key: str, value: int) -> None:
        self._stored[key] = value

    def __delitem__(self, key: str) -> None:
        del self._stored[key]


class Guarded(Registry):
    @hide
    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)


Foreign: Any = type(
    "Foreign", (Registry,), {**vars(Registry), "__module__": "elsewhere.module", "__init__": lambda self: None}
)


def names(proxy: Any) -> set[str]:
    return set(dir(proxy))


def test_a_base_adds_nothing_that_uses_what_is_hidden() -> None:
    with ends(limpet.mutable(Guarded())) as pair:
        assert names(pair.open()) == {"get", "items", "keys", "setdefault", "update", "values"}
    with ends(limpet.mutable(Registry())) as pair:
        assert names(pair.open()) >= {"clear", "pop", "popitem", "update"}


def test_nor_what_uses_a_base_of_anothers() -> None:
    class Mine(Foreign):  # type: ignore[misc]  # it is made at run time
        def __init__(self) -> None:
            self._stored = {"a": 1}

    mine = Mine()
    with ends(mine) as pair:
        proxy = pair.open()
        assert not names(proxy) & {"clear", "items", "keys", "values", "pop", "update", "get"}
        with pytest.raises(AccessDenied):
            pair.raw(Kind.CALL, proxy, "clear", [])
        assert operate(pair, proxy, Operation.EQ, {"a": 1}) is False, "its own says nothing of what it holds"
    assert mine._stored == {"a": 1}


def test_a_shared_container_of_the_users_is_changed_only_where_it_is_mutable() -> None:
    class Lower(UserDict[str, int]):
        def __setitem__(self, key: str, value: int) -> None:
            super().__setitem__(key.lower(), value)

    class Holder:
        def __init__(self) -> None:
            self.read, self.write = limpet.ref(Lower(a=1)), limpet.mutable(Lower(a=1))

    for shared in (Lower(a=1), Registry()):
        with ends(shared) as pair:
            proxy = pair.open()
            changes: tuple[Callable[[Any], object], ...] = (
                lambda it: it.__setitem__("z", 5),
                lambda it: it.__delitem__("a"),
                lambda it: it.clear(),
            )
            for change in changes:
                with pytest.raises((AccessDenied, AttributeError)):
                    change(proxy)
            for operation, operands in ((Operation.SETITEM, ["z", 5]), (Operation.DELITEM, ["a"])):
                with pytest.raises(AccessDenied, match="read-only"):
                    operate(pair, proxy, operation, *operands)
            assert shared["a"] == 1
    with ends(Holder()) as pair:
        holder = pair.open()
        with pytest.raises(AccessDenied):
            operate(pair, holder.read, Operation.SETITEM, "Z", 5)
        holder.write["Z"] = 5
        assert holder.write["z"] == 5


class Sequence(MutableSequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return [1][index]

    def __setitem__(self, index: Any, value: Any) -> None: ...

    def __delitem__(self, index: Any) -> None: ...

    def __len__(self) -> int:
        return 1

    def insert(self, index: int, value: int) -> None: ...


class Bag(MutableSet[int]):
    def __contains__(self, item: object) -> bool:
        return False

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def add(self, value: int) -> None: ...

    def discard(self, value: int) -> None: ...


@pytest.mark.parametrize(
    ("made", "reads", "writes"),
    [
        (Registry, abc.Mapping, abc.MutableMapping),
        (Table, abc.Mapping, abc.MutableMapping),
        (Rows, abc.Sequence, abc.MutableSequence),
        (Sequence, abc.Sequence, abc.MutableSequence),
        (Bag, abc.Set, abc.MutableSet),
        (OrderedDict, abc.Mapping, abc.MutableMapping),
    ],
)
def test_isinstance_tells_what_a_view_gives(made: type, reads: Any, writes: Any) -> None:
    with ends({"read": limpet.ref(made()) if made is not OrderedDict else Root(), "write": made}) as pair:
        read, write = pair.open_named("read"), pair.open_named("write")
        assert isinstance(write, writes)
        if made is not OrderedDict:
            assert isinstance(read, reads)
            assert not isinstance(read, writes)


def test_isinstance_promises_nothing_that_is_hidden() -> None:
    with ends(limpet.mutable(Guarded())) as pair:
        proxy = pair.open()
        assert isinstance(proxy, abc.Mapping)
        assert not isinstance(proxy, abc.MutableMapping)
    with ends(Counted()) as pair:
        assert not isinstance(pair.open(), abc.Sequence)


def test_members_of_an_enum_stay_as_they_are() -> None:
    class Planet(enum.Enum):
        EARTH = "earth"

        def __init__(self, _: str) -> None:
            self.mass = 1

    with ends(Planet) as pair:
        earth = pair.open("earth")
        with pytest.raises(AccessDenied, match="read-only"):
            earth.mass = 666
    assert Planet.EARTH.mass == 1


def test_a_bound_method_takes_no_more_along_than_its_object() -> None:
    exposed = expose(type("Exposed", (UserList,), {}))

    class Holder:
        def __init__(self) -> None:
            rows = exposed([1])
            self.rows, self.add, self.tell = rows, rows.append, rows.count

        def given(self) -> Any:
            return self.add

        def by_ref(self) -> Any:
            return limpet.ref(self.rows.extend)

    holder = Holder()
    with ends(holder) as pair:
        proxy = pair.open()
        for use in (lambda: proxy.add(2), lambda: proxy.add, proxy.given):
            with pytest.raises(AccessDenied):
                use()
        assert proxy.tell(1) == 1
        extend = proxy.by_ref()
        with pytest.raises(ValueError, match="a range of more than"):
            extend(range(10**18))
        with pytest.raises(TypeError):
            extend(proxy)
        extend([5])
    assert [*holder.rows] == [1, 5]
