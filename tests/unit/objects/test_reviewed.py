from __future__ import annotations

from collections import Counter, OrderedDict, UserDict, UserList, abc, defaultdict, deque
from collections.abc import Callable
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Any

import pytest

from limpet.objects.anatomy import MISSING
from limpet.objects.entries import MemberKind, member_of
from limpet.objects.members import MemberTable, MemberTables
from limpet.objects.operands import ITEMS as RANGE_ITEMS
from limpet.objects.operands import bounded
from limpet.objects.operations import FORMS, Operation
from limpet.objects.reviewed import BASES, CONTAINERS, ITERATORS
from limpet.policy import Exposure

LONG = range(RANGE_ITEMS + 1)
ENDLESS = range(1 << 90)


def table(cls: type) -> MemberTable:
    return MemberTables(Exposure()).of(cls)


def call(target: Any, name: str, *args: object) -> Any:
    method = table(type(target)).members[name].call
    assert method is not None
    return method(target, *args)


def operate(target: Any, operation: Operation, *operands: object) -> Any:
    return table(type(target)).operations[operation].apply(target, *operands)


CONTAINERS_MADE: list[Any] = [
    [1],
    (1,),
    deque([1]),
    bytearray(b"\x01"),
    range(1, 2),
    {1},
    frozenset([1]),
    {1: 2},
    OrderedDict({1: 2}),
    defaultdict(int, {1: 2}),
    Counter([1]),
    MappingProxyType({1: 2}),
    {1: 2}.keys(),
    {1: 2}.items(),
    {1: 2}.values(),
    OrderedDict({1: 2}).keys(),
    OrderedDict({1: 2}).items(),
    OrderedDict({1: 2}).values(),
    abc.KeysView({1: 2}),
    abc.ItemsView({1: 2}),
    abc.ValuesView({1: 2}),
]


def kind(target: object) -> str:
    return type(target).__name__


def test_these_are_all_containers() -> None:
    assert {type(container) for container in CONTAINERS_MADE} == set(CONTAINERS)


@pytest.mark.parametrize("container", CONTAINERS_MADE, ids=kind)
def test_each_listed_name_is_a_member_and_nothing_else_is(container: Any) -> None:
    listed = CONTAINERS[type(container)]
    members = table(type(container)).members
    assert set(members) == {*listed.read, *listed.write}
    assert {name for name, member in members.items() if member.writes} == set(listed.write)
    assert set(table(type(container)).operations) == set(listed.operations)


@pytest.mark.parametrize("container", CONTAINERS_MADE, ids=kind)
def test_each_listed_operation_can_be_done(container: Any) -> None:
    operands: dict[Operation, tuple[object, ...]] = {
        Operation.GETITEM: (0 if isinstance(container, abc.Sequence) else 1,),
        Operation.CONTAINS: ((1, 2),) if isinstance(container, abc.ItemsView) else (1,),
        Operation.SETITEM: (0, 1),
        Operation.DELITEM: (0,),
        **dict.fromkeys((Operation.MUL, Operation.RMUL, Operation.IMUL), (2,)),
    }
    for operation in CONTAINERS[type(container)].operations:
        fallback: tuple[object, ...] = (container,) * FORMS[operation].arity
        operate(container, operation, *operands.get(operation, fallback))


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_each_listed_name_of_a_base_is_there(base: type) -> None:
    listed = BASES[base]
    for name in (*listed.read, *listed.write):
        entry = next(vars(cls)[name] for cls in base.__mro__ if name in vars(cls))
        member = member_of(name, entry)
        assert member is not None
        assert member.kind is not MemberKind.DATA


@pytest.mark.parametrize("name", ["sort", "format", "format_map", "decode", "ljust", "replace", "fromkeys", "mapping"])
def test_what_takes_code_or_makes_large_values_is_on_no_list(name: str) -> None:
    lists = [*CONTAINERS.values(), *BASES.values()]
    assert not any(name in (*listed.read, *listed.write) for listed in lists)


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("container", "text"),
    [
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ({1: "a"}, "{1: 'a'}"),
        ({1}, "{1}"),
        (set(), "set()"),
        (frozenset([1]), "frozenset({1})"),
        (range(3), "range(0, 3)"),
        (deque([1]), "deque([1])"),
        (bytearray(b"a"), "bytearray(b'a')"),
        (OrderedDict(a=1), "OrderedDict({'a': 1})"),
        (defaultdict(int, a=1), "defaultdict({'a': 1})"),
        (MappingProxyType({"a": 1}), "mappingproxy({'a': 1})"),
        ({"a": 1}.keys(), "dict_keys(['a'])"),
        ({"a": 1}.items(), "dict_items([('a', 1)])"),
        ([[1]], "[[1]]"),
        ([0] * 4_097, "<list of 4097>"),
    ],
)
def test_text(container: object, text: str) -> None:
    assert operate(container, Operation.STR) == text
    assert operate(container, Operation.REPR) == text


def test_text_runs_no_code_of_the_items_and_tells_nothing_of_them() -> None:
    class Secret:
        def __repr__(self) -> str:
            raise AssertionError

    assert operate([Secret(), {"key": Secret()}], Operation.REPR) == "['<Secret>', {'key': '<Secret>'}]"


def test_text_is_bounded() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    wide = [["x" * 10_000] * 4_000] * 4_000
    assert len(operate(deep, Operation.STR)) < 200
    assert len(operate(wide, Operation.STR)) < 200_000


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("items", [LONG, ENDLESS], ids=["long", "endless"])
@pytest.mark.parametrize(
    ("target", "name"),
    [
        ([], "extend"),
        (deque(), "extend"),
        (deque(), "extendleft"),
        (bytearray(), "extend"),
        ({1}, "update"),
        ({1}, "union"),
        ({1}, "issubset"),
        ({1}, "isdisjoint"),
        ({1}, "intersection_update"),
        (frozenset(), "symmetric_difference"),
        ({}, "update"),
        (Counter(), "update"),
        (Counter(), "subtract"),
        ({}.keys(), "isdisjoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_few_bytes_do_not_become_any_number_of_items(target: Any, name: str, items: range) -> None:
    with pytest.raises(ValueError, match="a range of more than 65536 items"):
        call(target, name, items)


@pytest.mark.parametrize("operation_target", [[1, 2], bytearray(b"ab")], ids=kind)
def test_nor_by_a_slice(operation_target: Any) -> None:
    with pytest.raises(ValueError, match="a range of more than"):
        operate(operation_target, Operation.SETITEM, slice(0, 1), ENDLESS)
    operate(operation_target, Operation.SETITEM, slice(0, 1), range(3))
    assert len(operation_target) == 4


def test_nor_by_a_pair() -> None:
    with pytest.raises(ValueError, match="a range of more than"):
        call({}, "update", [(1, 2), ENDLESS])


def test_a_short_range_is_taken() -> None:
    target: list[int] = []
    call(target, "extend", range(RANGE_ITEMS))
    assert len(target) == RANGE_ITEMS


def test_items_of_a_list_may_be_ranges() -> None:
    target: list[Any] = []
    call(target, "append", ENDLESS)
    assert target == [ENDLESS]


def test_keywords_pass() -> None:
    assert bounded(dict.update, pairs=True, keywords=True)({}, [(1, 2)], a=3) is None


# ---------------------------------------------------------------- the odd ones


def test_reading_a_defaultdict_does_not_write() -> None:
    target: defaultdict[str, list[int]] = defaultdict(list, a=[1])
    assert operate(target, Operation.GETITEM, "a") == [1]
    with pytest.raises(KeyError, match="b"):
        operate(target, Operation.GETITEM, "b")
    assert dict(target) == {"a": [1]}


def test_a_mappingproxy_hands_its_dict_to_nobody() -> None:
    operations = table(MappingProxyType).operations
    assert Operation.EQ not in operations
    assert Operation.NE not in operations


EMPTY: list[Any] = [[], (), {}, "", "é", b"", set(), range(0), deque()]
REVERSIBLE: list[Any] = [[], {}, deque(), OrderedDict()]


def make_generator() -> Any:
    yield


@pytest.mark.parametrize(
    "make",
    [
        *(partial(iter, empty) for empty in EMPTY),
        *(partial(reversed, empty) for empty in REVERSIBLE),
        lambda: map(len, []),
        lambda: filter(len, []),
        lambda: zip([], strict=True),
        lambda: enumerate([]),
        lambda: iter(int, 0),
        make_generator,
        count,
        lambda: Counter().elements(),
    ],
)
def test_iterators_leave_behind_a_cursor_alone(make: Callable[[], Any]) -> None:
    assert type(make()) in ITERATORS
    denial = MemberTables(Exposure()).may_leave(type(make()))
    assert not denial
    assert "cursor" in denial.hint


def test_bases_of_users_classes_keep_their_storage() -> None:
    class Stock(UserDict[str, int]):
        pass

    class Rows(UserList[int]):
        pass

    for made, write in ((Stock(a=1), "update"), (Rows([1]), "append")):
        shown = table(type(made))
        assert shown.value(made, "data") is MISSING
        assert "data" not in shown.names(made)
        assert shown.members[write].writes
        assert shown.operations[Operation.SETITEM].writes
        assert operate(made, Operation.LENGTH) == 1
