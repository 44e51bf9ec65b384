from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import DecodeError
from limpet.objects.descriptors import INTERFACES, Descriptor, describe, read_descriptor
from limpet.objects.members import MemberTables
from limpet.objects.operations import Operation
from limpet.policy import Exposure
from limpet.session.messages import View

CHARACTERS = 400


class Account:
    """A bank account.

    With much to say.
    """

    currency: str

    def __init__(self) -> None:
        self.balance = 0

    def deposit(self, amount: int = 5) -> int:
        """Add to the balance.

        In whole units.
        """
        return amount

    def bare(self): ...  # type: ignore[no-untyped-def]

    @property
    def doubled(self) -> int:
        return 2

    def __len__(self) -> int:
        return 1

    def _hidden(self) -> None: ...


def described(cls: type, view: View = View.WRITE) -> dict[str, Any]:
    return describe(cls, MemberTables(Exposure()).of(cls), view)


def read(**changes: object) -> Descriptor:
    return read_descriptor(
        {"name": "X", "doc": "", "methods": {}, "data": [], "operations": [], "interface": ""} | changes
    )


def test_a_class_is_described_by_what_it_shows() -> None:
    told = described(Account)
    assert told["doc"] == "A bank account."
    assert told["name"] == "Account"
    assert told["methods"]["deposit"] == ["(amount: int = 5)", "Add to the balance."]
    assert told["methods"]["bare"] == ["()", ""]
    assert set(told["methods"]) == {"deposit", "bare"}
    assert sorted(told["data"]) == ["currency", "doubled"]
    assert Operation.LENGTH in told["operations"]
    assert Operation.GETITEM not in told["operations"]
    assert told["interface"] == ""


def test_what_was_described_is_read_as_it_was() -> None:
    descriptor = read_descriptor(described(Account))
    assert descriptor.name == "Account"
    assert descriptor.doc == "A bank account."
    assert descriptor.data == {"currency", "doubled"}
    assert descriptor.methods["deposit"][1] == "Add to the balance."
    assert Operation.LENGTH in descriptor.operations


def test_the_number_of_an_operation_is_plain() -> None:
    assert all(type(number) is int for number in described(Account)["operations"])


def test_a_class_without_documentation_has_none_of_its_bases() -> None:
    class Savings(Account): ...

    assert described(Savings)["doc"] == ""


def test_long_texts_are_cut() -> None:
    def method(self: object) -> None: ...

    method.__doc__ = "m" * 1_000
    cls = type("C" * 1_000, (), {"method": method, "__doc__": "d" * 1_000})
    told = described(cls)
    assert len(told["name"]) == len(told["doc"]) == len(told["methods"]["method"][1]) == CHARACTERS


def test_through_a_read_only_view_nothing_that_writes_is_shown() -> None:
    writable, readable = described(list), described(list, View.READ)
    assert {"append", "index"} <= set(writable["methods"])
    assert "append" not in readable["methods"]
    assert "index" in readable["methods"]
    assert Operation.SETITEM in writable["operations"]
    assert Operation.SETITEM not in readable["operations"]
    assert Operation.GETITEM in readable["operations"]


INTERFACE_OF = {
    list: (MutableSequence, Sequence),
    deque: (MutableSequence, Sequence),
    bytearray: (MutableSequence, Sequence),
    tuple: (Sequence, Sequence),
    range: (Sequence, Sequence),
    set: (MutableSet, AbstractSet),
    frozenset: (AbstractSet, AbstractSet),
    type({}.keys()): (AbstractSet, AbstractSet),
    type({}.items()): (AbstractSet, AbstractSet),
    dict: (MutableMapping, Mapping),
    OrderedDict: (MutableMapping, Mapping),
    defaultdict: (MutableMapping, Mapping),
    Counter: (MutableMapping, Mapping),
    MappingProxyType: (Mapping, Mapping),
    type({}.values()): (None, None),
    Account: (None, None),
}


@pytest.mark.parametrize("cls", INTERFACE_OF, ids=lambda cls: cls.__name__)
def test_the_interface_is_what_the_view_truly_gives(cls: type) -> None:
    writable, readable = INTERFACE_OF[cls]
    assert INTERFACES.get(described(cls)["interface"]) is writable
    assert INTERFACES.get(described(cls, View.READ)["interface"]) is readable


@pytest.mark.parametrize("cls", [cls for cls, found in INTERFACE_OF.items() if found[0]], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("view", View)
def test_an_interface_has_what_it_demands(cls: type, view: View) -> None:
    descriptor = read_descriptor(described(cls, view))
    operations = {f"__{name}__": operation for operation in descriptor.operations for name in _dunders(operation)}
    demanded = INTERFACES[descriptor.interface].__abstractmethods__  # type: ignore[attr-defined]
    assert demanded <= {*operations, *descriptor.methods}


def _dunders(operation: Operation) -> list[str]:
    return {Operation.LENGTH: ["len"], Operation.ITERATE: ["iter"]}.get(operation, [operation.name.lower()])


# ---------------------------------------------------------------- what a peer sends


@pytest.mark.parametrize("value", [None, 1, [], "X", {}, {"name": "X"}, b""])
def test_what_has_another_form_is_refused(value: object) -> None:
    with pytest.raises(DecodeError, match="malformed descriptor"):
        read_descriptor(value)


MALFORMED: list[dict[str, object]] = [
    {"name": b"X"},
    {"name": None},
    {"doc": 1},
    {"methods": []},
    {"methods": {"deposit": None}},
    {"methods": {"deposit": ["()"]}},
    {"methods": {"deposit": ["()", 1]}},
    {"methods": {"deposit": ["()", "", ""]}},
    {"methods": {"_deposit": ["()", ""]}},
    {"methods": {"__init__": ["()", ""]}},
    {"methods": {1: ["()", ""]}},
    {"methods": {"a b": ["()", ""]}},
    {"methods": {"m" * 65: ["()", ""]}},
    {"data": {}},
    {"data": ["_slot"]},
    {"data": ["__class__"]},
    {"data": [1]},
    {"data": [["balance"]]},
    {"operations": {}},
    {"operations": ["LENGTH"]},
    {"operations": [True]},
    {"operations": [16.0]},
    {"operations": [None]},
    {"interface": 1},
    {"interface": None},
]


@pytest.mark.parametrize("changes", MALFORMED, ids=repr)
def test_each_entry_is_checked(changes: dict[str, object]) -> None:
    with pytest.raises(DecodeError, match="malformed descriptor"):
        read(**changes)


def test_operations_of_a_newer_peer_are_left_out() -> None:
    assert read(operations=[int(Operation.LENGTH), 255, 1 << 70, -1]).operations == {Operation.LENGTH}


@pytest.mark.parametrize("interface", ["object", "Hashable", "Callable", "__class__", "mapping"])
def test_an_unknown_interface_is_none(interface: str) -> None:
    assert read(interface=interface).interface == ""


def test_long_texts_of_a_peer_are_cut() -> None:
    descriptor = read(name="n" * 9_999, doc="d" * 9_999, methods={"m": ["s" * 9_999, "d" * 9_999]})
    assert len(descriptor.name) <= CHARACTERS
    assert len(descriptor.doc) <= CHARACTERS
    assert all(len(text) <= CHARACTERS for text in descriptor.methods["m"])


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\nb", "a\rb", "a\u2028b", "a\u202eb", "a\x00b", "a\x9bb", "a\ud800b"])
def test_text_of_a_peer_is_fit_to_be_printed(text: str) -> None:
    descriptor = read(name=text, doc=text, methods={"m": [text, text]})
    for shown in (descriptor.name, descriptor.doc, *descriptor.methods["m"]):
        assert shown.isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=10,
    ),
    st.sampled_from(["name", "doc", "methods", "data", "operations", "interface"]),
)
def test_whatever_a_peer_sends_is_read_or_refused(value: object, key: str) -> None:
    with suppress(DecodeError):
        assert isinstance(read(**{key: value}), Descriptor)
