"""Names a peer may not use, through every way a table can be asked: SECURITY.md, rows 33 to 35, 40 to 42."""

from __future__ import annotations

import random
import types
from collections.abc import Callable
from typing import Any

import pytest

from limpet.objects.members import MISSING, MemberTable, MemberTables
from limpet.policy import NOTHING, Deny, Exposure, NamePolicy, expose
from limpet.session.messages import View

SAMPLES: list[object] = [
    *(1, True, 1.0, 1j, "text", b"bytes", None, ..., [], (), {}, set(), frozenset(), bytearray(), range(3)),
    *(slice(1), memoryview(b""), object(), type, int, len, print, types, property(), staticmethod(len)),
    *(lambda: None, (_ for _ in ()), iter([]), ValueError("x"), map(len, []), {}.keys(), super(int, 1)),
]
DUNDERS = sorted({name for sample in SAMPLES for name in dir(sample) if name.startswith("_")})
PRIVATE = ["_", "__", "_x", "__x", "_Account__pin", "__secret__", "_pin", "__limpet_exposed__"]


class Name(str):
    """Answers as if it were a harmless name."""

    __slots__ = ()

    def startswith(self, *args: object) -> bool:
        return False

    def isidentifier(self) -> bool:
        return True

    def __len__(self) -> int:
        return 1

    def __getitem__(self, key: object) -> str:
        return "a"


MALFORMED: list[Any] = [
    *("", "a.b", "a b", "a\0", "deposit\n", "x" * 1_000_000, "deposit\0", " deposit", "deposit()"),
    *("\uff44eposit", "depo\uff53it", "\uff3fpin", "a\ufe33", "de\u200dposit", "de\u202eposit", "\ud800"),
]
OF_OTHER_TYPES: list[Any] = [b"deposit", 1, True, None, ("deposit",), Name("_pin"), Name("deposit")]


class Meta(type):
    def mro_of_mine(cls) -> None: ...


class Account(metaclass=Meta):
    """Counts each lookup by name that reaches it."""

    lookups = 0

    def __init__(self) -> None:
        self.balance = 5
        self._pin = 1234
        self.__secret__ = 1
        self.__dict__.update(dict.fromkeys(MALFORMED, "planted"))

    def deposit(self) -> int:
        return 5

    def __getattr__(self, name: str) -> object:
        type(self).lookups += 1
        return "reached"

    def __getattribute__(self, name: str) -> Any:
        Account.lookups += 1
        return object.__getattribute__(self, name)


@pytest.fixture
def table() -> MemberTable:
    tables = MemberTables(Exposure())
    tables.served(Account)
    return tables.of(Account)


def ways(table: MemberTable, target: object, name: Any) -> dict[str, object]:
    """Return what each way of asking for ``name`` answers."""
    return {
        "call, get": table.members.get(name, MISSING),
        "get": table.value(target, name),
        "set": table.settable(target, name, View.WRITE),
        "delete": table.deletable(target, name, View.WRITE),
    }


@pytest.mark.parametrize("name", [*PRIVATE, *DUNDERS, "mro", "mro_of_mine", "register"])
def test_no_way_reaches_a_private_name(table: MemberTable, name: str) -> None:
    account = Account()
    Account.lookups = 0
    answers = ways(table, account, name)
    assert answers == dict.fromkeys(("call, get", "get"), MISSING) | dict.fromkeys(
        ("set", "delete"), table.refusal(name)
    )
    assert table.refusal(name).reason == NOTHING
    assert name not in table.names(account)
    assert Account.lookups == 0


@pytest.mark.parametrize("name", [*MALFORMED, *OF_OTHER_TYPES], ids=lambda name: ascii(name)[:20])
def test_no_way_reaches_a_malformed_name(table: MemberTable, name: Any) -> None:
    account = Account()
    Account.lookups = 0
    assert not NamePolicy().judge(name)
    assert table.value(account, name) is MISSING
    assert name not in table.names(account) or name == "deposit"
    assert isinstance(table.refusal(name), Deny)
    if type(name) is not Name:
        assert table.members.get(name) is None
        assert not table.settable(account, name, View.WRITE)
        assert not table.deletable(account, name, View.WRITE)
    assert Account.lookups == 0


@pytest.mark.parametrize("name", [*PRIVATE, *DUNDERS, *MALFORMED, *OF_OTHER_TYPES], ids=lambda name: ascii(name)[:20])
def test_no_keyword_passes_the_gate(name: Any) -> None:
    denial = NamePolicy().judge(name)
    assert isinstance(denial, Deny)
    assert len(denial.reason) < 100
    assert denial.reason.isprintable()


def test_names_of_the_operations_are_no_members_of_any_type() -> None:
    tables = MemberTables(Exposure())
    for sample in SAMPLES:
        members = tables.of(type(sample)).members
        assert not any(name.startswith("_") for name in members)


def test_a_whole_million_characters_is_not_even_looked_at() -> None:
    denial = NamePolicy().judge("x" * 1_000_000)
    assert isinstance(denial, Deny)
    assert "long" in denial.reason


# ---------------------------------------------------------------- setting


def module_function() -> None: ...


@pytest.mark.parametrize("target", [Account, types, module_function, Account.deposit, type], ids=str)
@pytest.mark.parametrize("name", ["deposit", "balance", "ModuleType", "anything", "__code__", "__defaults__"])
def test_classes_modules_and_functions_are_never_set(target: object, name: str) -> None:
    tables = MemberTables(Exposure())
    tables.served(Account)
    table = tables.of(type(target))
    assert table.settable(target, name, View.WRITE) == table.refusal(name)
    assert table.deletable(target, name, View.WRITE) == table.refusal(name)


class Ledger:
    rate = 3
    size: int = 1

    def __init__(self) -> None:
        self.entries = 0

    def pay(self) -> str:
        return "paid"

    @property
    def total(self) -> int:
        return 1


def test_no_change_to_one_instance_reaches_another_or_the_class() -> None:
    tables = MemberTables(Exposure())
    tables.served(Ledger)
    table = tables.of(Ledger)
    chance = random.Random(20)
    mine, theirs = Ledger(), Ledger()
    class_before, theirs_before = dict(vars(Ledger)), dict(vars(theirs))
    names = ["pay", "total", "rate", "size", "entries", "new", "__class__", "__dict__", "_x", "mro"]
    changes: list[tuple[Callable[..., object], Callable[..., None], tuple[object, ...]]] = [
        (table.settable, table.store, (1,)),
        (table.settable, table.store, (module_function,)),
        (table.deletable, table.remove, ()),
    ]
    done = 0
    for _ in range(10_000):
        name = chance.choice(names)
        judge, change, value = chance.choice(changes)
        if judge(mine, name, chance.choice(list(View))):
            try:
                change(mine, name, *value)
            except AttributeError:
                continue
            done += 1
        assert mine.pay() == theirs.pay() == "paid"
    assert done > 100
    assert dict(vars(Ledger)) == class_before
    assert vars(theirs) == theirs_before
    assert set(vars(mine)) <= {"entries", "size"}


def test_a_mark_does_not_open_what_has_no_name() -> None:
    @expose
    class Open:
        def __init__(self) -> None:
            self._pin = 1234

        @expose
        def __reduce__(self) -> Any:
            raise AssertionError

    table = MemberTables(Exposure()).of(Open)
    assert table.members == {}
    assert table.value(Open(), "_pin") is MISSING
    assert {form.dunder for form in table.operations.values()} == {
        *("__str__", "__repr__", "__bool__", "__hash__", "__eq__", "__ne__")
    }
