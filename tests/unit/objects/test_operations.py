from __future__ import annotations

from typing import Any

import pytest

from limpet.objects.operations import CURSORS, FORMS, VARIADIC, Form, Operation

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
    "AHEAD": 24,
    "CALL": 32,
    "ENTER": 40,
    "EXIT": 41,
    "SEND": 48,
    "THROW": 49,
    "ADD": 64,
    "SUB": 65,
    "MUL": 66,
    "MATMUL": 67,
    "TRUEDIV": 68,
    "FLOORDIV": 69,
    "MOD": 70,
    "DIVMOD": 71,
    "POW": 72,
    "LSHIFT": 73,
    "RSHIFT": 74,
    "AND": 75,
    "XOR": 76,
    "OR": 77,
    "NEG": 80,
    "POS": 81,
    "ABS": 82,
    "INVERT": 83,
    "RADD": 96,
    "RSUB": 97,
    "RMUL": 98,
    "RMATMUL": 99,
    "RTRUEDIV": 100,
    "RFLOORDIV": 101,
    "RMOD": 102,
    "RDIVMOD": 103,
    "RPOW": 104,
    "RLSHIFT": 105,
    "RRSHIFT": 106,
    "RAND": 107,
    "RXOR": 108,
    "ROR": 109,
    "IADD": 128,
    "ISUB": 129,
    "IMUL": 130,
    "IMATMUL": 131,
    "ITRUEDIV": 132,
    "IFLOORDIV": 133,
    "IMOD": 134,
    "IPOW": 136,
    "ILSHIFT": 137,
    "IRSHIFT": 138,
    "IAND": 139,
    "IXOR": 140,
    "IOR": 141,
    "INT": 160,
    "FLOAT": 161,
    "COMPLEX": 162,
    "INDEX": 163,
    "ROUND": 164,
    "TRUNC": 165,
    "FLOOR": 166,
    "CEIL": 167,
    "FORMAT": 168,
    "BYTES": 169,
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
    in_place = {operation for operation in Operation if Operation.IADD <= operation <= Operation.IOR}
    writing = {form.operation for form in FORMS.values() if form.writes}
    assert writing == {Operation.SETITEM, Operation.DELITEM} | in_place


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


@pytest.mark.parametrize("operation", CURSORS)
def test_what_only_a_cursor_has(operation: Operation) -> None:
    with pytest.raises(TypeError, match="a list_iterator is no cursor"):
        FORMS[operation].apply(iter([]), 1)


# ---------------------------------------------------------------- special methods


class Number:
    """Has each special method of arithmetic and conversion, and answers with its name and operands."""


def _answering(name: str) -> Any:
    return lambda self, *operands: (name, *operands)


for form_ in FORMS.values():
    if form_.operation >= Operation.ADD:
        setattr(Number, form_.dunder, _answering(form_.dunder))

ARITHMETIC_AND_CONVERSIONS = [form for form in FORMS.values() if form.operation >= Operation.ADD]


@pytest.mark.parametrize("form", ARITHMETIC_AND_CONVERSIONS, ids=lambda form: form.operation.name)
def test_each_is_the_special_method_of_its_name(form: Form) -> None:
    operands = ("2",) * form.arity
    assert form.dunder == f"__{form.operation.name.lower()}__"
    assert form.apply(Number(), *operands) == (form.dunder, *operands)


@pytest.mark.parametrize(
    ("operation", "counts"),
    [
        (Operation.ADD, {1}),
        (Operation.NEG, {0}),
        (Operation.POW, {1, 2}),
        (Operation.ROUND, {0, 1}),
        (Operation.FORMAT, {1}),
        (Operation.INT, {0}),
        (Operation.CALL, {0, 1, 2, 3}),
    ],
)
def test_how_many_operands_each_takes(operation: Operation, counts: set[int]) -> None:
    assert {count for count in range(4) if FORMS[operation].takes(count)} == counts


def test_nothing_of_the_operand_is_asked() -> None:
    class Curious:
        def __radd__(self, other: object) -> Any:
            raise AssertionError

    class Plain:
        def __add__(self, other: object) -> Any:
            return NotImplemented

    assert FORMS[Operation.ADD].apply(Plain(), Curious()) is NotImplemented


def test_the_method_is_that_of_the_class() -> None:
    number = Number()
    vars(number)["__add__"] = lambda other: "the instance's"
    assert FORMS[Operation.ADD].apply(number, 1) == ("__add__", 1)


def test_a_class_without_the_method() -> None:
    with pytest.raises(TypeError, match="no such operation"):
        FORMS[Operation.ADD].apply(object(), 1)


# ---------------------------------------------------------------- bounds


@pytest.mark.parametrize("operation", [Operation.POW, Operation.IPOW])
@pytest.mark.parametrize("exponent", [65_537, -65_537, 1 << 70])
def test_a_power_that_is_too_high(operation: Operation, exponent: int) -> None:
    with pytest.raises(ValueError, match="a power over"):
        FORMS[operation].apply(Number(), exponent)


def test_a_high_power_with_a_modulus_is_small() -> None:
    assert FORMS[Operation.POW].apply(Number(), 1 << 70, 7) == ("__pow__", 1 << 70, 7)


@pytest.mark.parametrize("operation", [Operation.LSHIFT, Operation.ILSHIFT])
def test_a_shift_that_is_too_far(operation: Operation) -> None:
    with pytest.raises(ValueError, match="a shift by more than"):
        FORMS[operation].apply(Number(), 65_537)


@pytest.mark.parametrize("specification", ["999999999", ">70000", ".300000000f", "{" * 300])
def test_a_format_that_is_too_wide(specification: str) -> None:
    with pytest.raises(ValueError, match="a format wider than"):
        FORMS[Operation.FORMAT].apply(Number(), specification)


def test_a_format_that_is_no_text() -> None:
    with pytest.raises(TypeError, match="must be str"):
        FORMS[Operation.FORMAT].apply(Number(), 5)


# ---------------------------------------------------------------- blocks


class Block:
    def __init__(self) -> None:
        self.left: list[object] = []

    def __enter__(self) -> str:
        return "entered"

    def __exit__(self, kind: object, error: object, stack: object) -> object:
        self.left = [kind, error, stack]
        return "swallowed"


def test_a_block_is_entered_and_left() -> None:
    block = Block()
    assert FORMS[Operation.ENTER].apply(block) == "entered"
    assert FORMS[Operation.EXIT].apply(block, None) is True
    assert block.left == [None, None, None]


def test_a_block_is_left_with_an_error() -> None:
    block, error = Block(), ValueError("no")
    assert FORMS[Operation.EXIT].apply(block, error) is True
    assert block.left == [ValueError, error, None]
