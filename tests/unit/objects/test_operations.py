from __future__ import annotations

from typing import Any

import pytest

from limpet.objects.operations import FORMS, VARIADIC, Operation

# Numbers go over the wire: one that changes is another protocol.
NUMBERS = {
    "STR": 1,
    "REPR": 2,
    "BOOL": 3,
    "HASH": 4,
    "EQ": 5,
    "NE": 6,
    "LT": 7,
    "LE": 8,
    "GT": 9,
    "GE": 10,
    "LENGTH": 16,
    "CONTAINS": 17,
    "GETITEM": 18,
    "SETITEM": 19,
    "DELITEM": 20,
    "ITERATE": 21,
    "REVERSED": 22,
    "NEXT": 23,
    "CALL": 32,
}


def test_the_numbers() -> None:
    assert {operation.name: int(operation) for operation in Operation} == NUMBERS


def test_each_operation_has_one_form_under_its_number() -> None:
    assert set(FORMS) == set(NUMBERS.values())
    assert all(form.operation == number for number, form in FORMS.items())
    assert len({form.dunder for form in FORMS.values()}) == len(FORMS)


def test_the_list_is_closed() -> None:
    with pytest.raises(TypeError):
        FORMS[200] = FORMS[1]  # type: ignore[index]


def test_what_writes() -> None:
    assert {form.operation for form in FORMS.values() if form.writes} == {Operation.SETITEM, Operation.DELITEM}


def test_what_every_object_has() -> None:
    universal = {form.operation.name for form in FORMS.values() if form.universal}
    assert universal == {"STR", "REPR", "BOOL", "HASH", "EQ", "NE"}


class Everything:
    """Answers each special method with its name and operands."""

    def __str__(self) -> str:
        return "str"

    def __repr__(self) -> str:
        return "repr"

    def __bool__(self) -> bool:
        return False

    def __hash__(self) -> int:
        return 4

    def __eq__(self, other: object) -> Any:
        return ("eq", other)

    def __ne__(self, other: object) -> Any:
        return ("ne", other)

    def __lt__(self, other: object) -> Any:
        return ("lt", other)

    def __le__(self, other: object) -> Any:
        return ("le", other)

    def __gt__(self, other: object) -> Any:
        return ("gt", other)

    def __ge__(self, other: object) -> Any:
        return ("ge", other)

    def __len__(self) -> int:
        return 16

    def __contains__(self, item: object) -> bool:
        return item == 17

    def __getitem__(self, key: object) -> Any:
        return ("getitem", key)

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []

    def __setitem__(self, key: object, value: object) -> None:
        self.done.append(("setitem", key, value))

    def __delitem__(self, key: object) -> None:
        self.done.append(("delitem", key))

    def __iter__(self) -> Any:
        return iter("i")

    def __reversed__(self) -> Any:
        return iter("r")

    def __call__(self, *args: object, **kwargs: object) -> Any:
        return (args, kwargs)


@pytest.mark.parametrize(
    ("operation", "operands", "answer"),
    [
        (Operation.STR, (), "str"),
        (Operation.REPR, (), "repr"),
        (Operation.BOOL, (), False),
        (Operation.HASH, (), 4),
        (Operation.EQ, (1,), ("eq", 1)),
        (Operation.NE, (1,), ("ne", 1)),
        (Operation.LT, (1,), ("lt", 1)),
        (Operation.LE, (1,), ("le", 1)),
        (Operation.GT, (1,), ("gt", 1)),
        (Operation.GE, (1,), ("ge", 1)),
        (Operation.LENGTH, (), 16),
        (Operation.CONTAINS, (17,), True),
        (Operation.GETITEM, (1,), ("getitem", 1)),
    ],
)
def test_what_is_done(operation: Operation, operands: tuple[object, ...], answer: object) -> None:
    form = FORMS[operation]
    assert form.arity == len(operands)
    assert form.apply(Everything(), *operands) == answer
    assert form.dunder in dir(Everything)


def test_iterations() -> None:
    assert list(FORMS[Operation.ITERATE].apply(Everything())) == ["i"]
    assert list(FORMS[Operation.REVERSED].apply(Everything())) == ["r"]


def test_changes() -> None:
    target = Everything()
    FORMS[Operation.SETITEM].apply(target, 1, 2)
    FORMS[Operation.DELITEM].apply(target, 1)
    assert target.done == [("setitem", 1, 2), ("delitem", 1)]


def test_a_call() -> None:
    form = FORMS[Operation.CALL]
    assert form.arity == VARIADIC
    assert form.apply(Everything(), 1, target=2) == ((1,), {"target": 2})


def test_only_a_cursor_has_next() -> None:
    with pytest.raises(TypeError, match="a list_iterator is no cursor"):
        FORMS[Operation.NEXT].apply(iter([]), 1)
