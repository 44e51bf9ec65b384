from __future__ import annotations

from collections import Counter, OrderedDict, UserDict, deque
from types import MappingProxyType
from typing import Any

import pytest

from limpet.codec import Record, Referred, Shallow
from limpet.objects.operands import (
    ITEMS,
    Operands,
    as_made,
    bounded,
    check_held,
    check_length,
    check_source,
    operands_of,
    referred,
    set_item,
)

ENDLESS = range(1 << 90)


class Mine(list[Any]): ...


@pytest.mark.parametrize(
    "source", [[], (), set(), frozenset(), {}, "ab", b"", bytearray(), range(3), deque(), {}.keys(), None, 3, True]
)
def test_items_come_from_built_in_containers(source: object) -> None:
    check_source(source)


@pytest.mark.parametrize("source", [Mine(), object(), 1.5, iter([]), MappingProxyType({}), UserDict()])
def test_and_from_nothing_else(source: object) -> None:
    with pytest.raises(TypeError, match="built-in containers alone"):
        check_source(source)


@pytest.mark.parametrize("pairs", [[ENDLESS], (ENDLESS,), {ENDLESS}, frozenset([ENDLESS]), deque([ENDLESS])])
def test_pairs_are_looked_at_too(pairs: object) -> None:
    check_source(pairs)
    with pytest.raises(ValueError, match="a range of more than 65536"):
        check_source(pairs, pairs=True)
    with pytest.raises(TypeError):
        check_source([object()], pairs=True)


def test_values_of_a_dict_are_no_pairs() -> None:
    check_source({"a": ENDLESS, "b": object()}, pairs=True)


def test_keywords_are_refused_unless_they_are_items() -> None:
    with pytest.raises(TypeError, match="no keyword"):
        bounded(Mine.extend)(Mine(), other=[1])
    made: dict[str, Any] = {}
    bounded(dict.update, pairs=True, keywords=True)(made, [(1, 2)], a=ENDLESS)
    assert made == {1: 2, "a": ENDLESS}


def test_only_a_slice_takes_items() -> None:
    target: list[Any] = [1, 2]
    set_item(target, 0, ENDLESS)
    assert target == [ENDLESS, 2]
    with pytest.raises(ValueError, match="a range"):
        set_item(target, slice(0, 1), ENDLESS)
    with pytest.raises(TypeError):
        set_item(target, slice(0, 1), object())


def test_what_is_referred_to_is_bounded_by_its_length() -> None:
    check_length([0] * ITEMS)
    check_length(ENDLESS)
    check_length(object())
    with pytest.raises(ValueError, match="more than 65536 items of a list"):
        check_length([0] * (ITEMS + 1))


def test_what_a_member_does_with_its_operands() -> None:
    assert operands_of("append") is Operands.KEPT
    assert operands_of("extend") is Operands.TAKEN
    assert operands_of("update") is Operands.TAKEN | Operands.COMPARED
    assert operands_of("whatever") is Operands.COMPARED


def test_what_has_a_form_goes_by_value_and_the_rest_is_small() -> None:
    made: Any
    for made in ([1], (1,), {1}, frozenset([1]), {1: 2}, bytearray(1), "a"):
        assert as_made(made) == Shallow(made)
    for made in (deque([1]), Counter("a"), OrderedDict(a=1), Mine([1]), NotImplemented, 3):
        assert as_made(made) is made
    for made in (deque(range(1_025)), Counter(range(1_025)), Mine(range(1_025))):
        with pytest.raises(ValueError, match="more than 1024 items"):
            as_made(made)
    with pytest.raises(ValueError, match="is not kept"):
        check_held([0] * 1_025)


def test_references_are_found_wherever_they_stand() -> None:
    found = [object() for _ in range(6)]
    one, two, three, four, five, six = map(Referred, found)
    value = [one, {"a": two, "b": (three, slice(four, None, None))}, Record(Mine, {"x": [five]}), [[six]], 5, {1}]
    assert [*referred(value)] == found
    assert [*referred(Referred([Referred(1)]))] == [[Referred(1)]], "nothing of this side's is looked into"
