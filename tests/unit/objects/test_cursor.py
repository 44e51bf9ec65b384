from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from limpet.objects.cursor import Cursor


def eager(*items: object) -> Cursor:
    return Cursor(iter(items), is_eager=True)


def failing(*items: object, error: BaseException) -> Iterator[object]:
    yield from items
    raise error


def test_items_come_in_the_chunks_that_are_asked_for() -> None:
    cursor = eager(1, 2, 3)
    assert cursor.take(2) == ((1, 2), True)
    assert cursor.take(2) == ((3,), False)
    assert cursor.take(2) == ((), False)


def test_at_the_last_item_the_end_may_not_be_known_yet() -> None:
    cursor = eager(1, 2)
    assert cursor.take(2) == ((1, 2), True)
    assert cursor.take(1) == ((), False)


@pytest.mark.parametrize("wanted", [0, -1, 1])
def test_at_least_one_item_is_taken(wanted: int) -> None:
    assert eager(1, 2).take(wanted) == ((1,), True)


def test_whatever_is_asked_for_a_chunk_has_an_end() -> None:
    items, more = Cursor(count(), is_eager=True).take(1 << 60)
    assert 1 <= len(items) <= 1 << 16
    assert more


@pytest.mark.parametrize("item", ["x" * 30_000, b"x" * 30_000], ids=["text", "bytes"])
def test_large_items_make_small_chunks(item: object) -> None:
    items, more = eager(*[item] * 10).take(10)
    assert (len(items), more) == (3, True)


def test_one_item_is_taken_however_large_it_is() -> None:
    assert len(eager("x" * 1_000_000, "y").take(10)[0]) == 1


def test_a_chunk_of_tuples_is_bounded_by_the_text_in_them() -> None:
    """As from dict.items(): the text is one level down."""
    pairs = [(number, "x" * 1_000_000) for number in range(64)]
    items, more = eager(*pairs).take(64)
    assert sum(len(text) for _, text in items) < 2_000_000
    assert more


def test_a_chunk_of_what_goes_by_reference_leaves_room_in_the_tables() -> None:
    items, more = eager(*([] for _ in range(1 << 16))).take(1 << 16)
    assert len(items) <= 4_096
    assert more


def test_what_is_not_eager_runs_one_item_at_a_time() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    cursor = Cursor(numbers(), is_eager=False)
    assert made == []
    assert cursor.take(100) == ((0,), True)
    assert made == [0]
    assert cursor.take(100) == ((1,), True)


def test_an_error_after_items_waits_for_the_next_call() -> None:
    cursor = Cursor(failing(1, 2, error=ValueError("end")), is_eager=True)
    assert cursor.take(5) == ((1, 2), True)
    with pytest.raises(ValueError, match="end"):
        cursor.take(5)
    assert cursor.take(5) == ((), False)


def test_an_error_at_once_is_raised_at_once_and_once() -> None:
    cursor = Cursor(failing(error=ValueError("end")), is_eager=True)
    with pytest.raises(ValueError, match="end"):
        cursor.take(5)
    assert cursor.take(5) == ((), False)


def test_what_is_no_error_of_a_program_goes_through() -> None:
    cursor = Cursor(failing(error=SystemExit(1)), is_eager=True)
    with pytest.raises(SystemExit):
        cursor.take(1)
    assert cursor.take(1) == ((), False)


def test_a_container_that_changes_meanwhile_is_an_error_after_its_items() -> None:
    numbers = deque(range(5))
    cursor = Cursor(iter(numbers), is_eager=True)
    assert cursor.take(2) == ((0, 1), True)
    numbers.append(5)
    with pytest.raises(RuntimeError, match="mutated"):
        cursor.take(2)


def test_closing_runs_a_generators_own_clean_up() -> None:
    done: list[str] = []

    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            done.append("closed")

    generator = numbers()
    cursor = Cursor(generator, is_eager=False)
    cursor.take(1)
    cursor.close()
    assert done == ["closed"], "although somebody else holds it"
    assert cursor.take(1) == ((), False)
    cursor.close()
    assert done == ["closed"]


def test_closing_drops_an_error_that_waits() -> None:
    cursor = Cursor(failing(1, error=ValueError("end")), is_eager=True)
    cursor.take(5)
    cursor.close()
    assert cursor.take(5) == ((), False)


def test_closing_what_is_no_generator_ends_it_too() -> None:
    cursor = eager(1, 2)
    cursor.close()
    assert cursor.take(1) == ((), False)


@pytest.mark.timeout(5)
def test_a_generator_that_advances_itself_gets_an_error_and_does_not_hang() -> None:
    """What a callback inside it may do; Python's own generators say the same."""

    def numbers() -> Iterator[object]:
        yield cursor.take(1)

    cursor = Cursor(numbers(), is_eager=False)
    with pytest.raises(ValueError, match="already"):
        cursor.take(1)


@pytest.mark.timeout(5)
def test_a_generator_that_closes_itself_does_not_hang() -> None:
    def numbers() -> Iterator[object]:
        with suppress(ValueError):
            cursor.close()
        yield 1

    cursor = Cursor(numbers(), is_eager=False)
    assert cursor.take(1)[0] == (1,)


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


COSTLY: dict[str, tuple[object, int]] = {
    "text in a dict in a list": ([{"a": "x" * 40_000}], 2),
    "text as a key": ({"x" * 40_000: 1}, 2),
    "a list of many": ([None] * 2_000, 4),
    "a list that goes deep": (nested(30), 2),
    "objects": (object(), 4_096),
    "a set": (frozenset({"x" * 40_000}), 2),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_a_chunk_is_bounded_by_what_its_items_hold(kind: str) -> None:
    item, most = COSTLY[kind]
    items, more = eager(*[item] * 10_000).take(10_000)
    assert 1 <= len(items) <= most
    assert more


def test_many_numbers_fit_into_one_chunk() -> None:
    assert len(eager(*[1, 2.5, None, True] * 1_000).take(4_000)[0]) == 4_000
