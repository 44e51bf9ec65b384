"""What a pickle may make its reader build: nodes, and keys before they are hashed."""

from __future__ import annotations

from typing import Any

import pytest

from limpet.codec.account import Account
from limpet.errors import DecodeError
from limpet.limits import Limits


class Unhashable:
    """Says so if anybody hashes it."""

    def __hash__(self) -> int:
        raise AssertionError("it was hashed")


def test_nodes_are_spent_and_no_more() -> None:
    account = Account(Limits(nodes=5))
    account.spend(4)
    with pytest.raises(DecodeError, match="more values than 5"):
        account.spend(1)


@pytest.mark.parametrize("key", [Unhashable(), (1, (Unhashable(),)), [], {}, slice(1), float("nan"), bytearray()])
def test_what_is_no_key_is_refused_before_it_is_hashed(key: object) -> None:
    with pytest.raises(DecodeError, match="a key that cannot be one"):
        Account(Limits()).admit([1, key])


def test_parts_of_a_key_count_each_time() -> None:
    key = (1, frozenset({2}))
    account = Account(Limits(nodes=8))
    account.admit([key])  # two for the key, three for the tuple, two for the frozenset
    with pytest.raises(DecodeError, match="more values"):
        account.spend(1)


def test_a_key_may_be_as_deep_as_a_value() -> None:
    key: tuple[Any, ...] = ()
    for _ in range(3):
        key = (key,)
    Account(Limits(depth=4)).admit([key, key])
    with pytest.raises(DecodeError, match="deeper than 3"):
        Account(Limits(depth=3)).admit([key])


def colliding(count: int) -> list[int]:
    return [number * ((1 << 61) - 1) for number in range(1, count + 1)]


def test_collisions_are_counted_over_all_batches() -> None:
    limits = Limits(colliding_keys=4)
    account, table = Account(limits), set[object]()
    for key in colliding(5):
        account.admit([key], table)
        table.add(key)
    with pytest.raises(DecodeError, match="share a hash"):
        account.admit([colliding(6)[-1]], table)


def test_tables_are_told_apart() -> None:
    account = Account(Limits(colliding_keys=2))
    for _ in range(20):
        table = dict.fromkeys(range(1, 4))
        account.admit([4, 5], table)
    with pytest.raises(DecodeError, match="share a hash"):
        account.admit(colliding(4))


def test_a_table_may_grow_in_many_batches() -> None:
    account, table = Account(Limits(colliding_keys=3)), set[object]()
    for number in range(0, 40, 2):
        account.admit([number, number + 1], table)
        table |= {number, number + 1}
    assert len(table) == 40
