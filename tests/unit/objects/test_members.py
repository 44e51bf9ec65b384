from __future__ import annotations

import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pytest

from limpet.errors import ConfigurationError
from limpet.objects.members import MISSING, MemberTable, MemberTables
from limpet.objects.operations import Operation
from limpet.objects.reviewed import Reviewed
from limpet.policy import ALLOW, NOTHING, Deny, Exposure, NamePolicy, expose, hide
from limpet.session.messages import View

READ, WRITE = View.READ, View.WRITE


class Account:
    limit: int = 100
    fixed: Final = 7
    shared: ClassVar[int] = 8
    on_change: Callable[..., None] | None = None
    unannotated = 1

    def __init__(self) -> None:
        self.owner = "Ada"
        self.entries = [1]
        self.callback = print
        self.module = types
        self._pin = 1234
        self.__dict__["a b"] = 1
        self.__dict__["secret"] = "covered by a hidden method"

    def deposit(self) -> int:
        return 5

    @property
    def rate(self) -> int:
        return 1

    @property
    def colour(self) -> str:
        return self._colour

    @colour.setter
    def colour(self, value: str) -> None:
        self._colour = value.lower()

    @colour.deleter
    def colour(self) -> None:
        del self._colour

    @hide
    def secret(self) -> None: ...

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"__getattr__ was asked for {name}")


def tables_of(*served: type, exposure: Exposure | None = None, **options: Any) -> MemberTables:
    tables = MemberTables(exposure or Exposure(), **options)
    for cls in served:
        tables.served(cls)
    return tables


def table(cls: type = Account, exposure: Exposure | None = None) -> MemberTable:
    return tables_of(cls, exposure=exposure).of(cls)


# ---------------------------------------------------------------- reading


def test_data_of_the_instance_s_own() -> None:
    account = Account()
    assert table().value(account, "owner") == "Ada"
    assert table().value(account, "entries") is account.entries
    assert table().value(account, "callback") is print, "to be judged by who lets it out"


@pytest.mark.parametrize("name", ["_pin", "a b", "secret", "missing", "deposit", "__dict__", "", "x" * 65])
def test_what_is_not_shown(name: str) -> None:
    account = Account()
    account.__dict__["deposit"] = "a method's name is the method's"
    account.__dict__["x" * 65] = 1
    found = table().members.get(name)
    assert found is None or found.get is None
    if found is None:
        assert table().value(account, name) is MISSING


def test_only_named_data_is_read_under_a_policy_of_names() -> None:
    account, shown = Account(), table(exposure=Exposure.only("owner"))
    assert shown.value(account, "owner") == "Ada"
    assert shown.value(account, "entries") is MISSING
    assert shown.names(account) == ["owner"]


def test_only_annotated_data_is_read_under_a_policy_of_declarations() -> None:
    account, shown = Account(), table(exposure=Exposure.declared())
    assert shown.value(account, "owner") is MISSING
    assert shown.names(account) == ["colour", "deposit", "fixed", "limit", "on_change", "rate", "shared"]


def test_an_instance_without_a_dictionary_has_nothing_more() -> None:
    class Slotted:
        __slots__ = ("empty", "full")

        def __init__(self) -> None:
            self.full = 1

    assert table(Slotted).value(Slotted(), "other") is MISSING
    assert table(Slotted).names(Slotted()) == ["full"]


def test_the_names_an_object_shows() -> None:
    assert table().names(Account()) == [
        *("colour", "deposit", "entries", "fixed", "limit", "on_change", "owner", "rate", "shared", "unannotated")
    ]


def test_a_dictionary_of_a_class_of_its_own_is_read_past_that() -> None:
    class Lying(dict[str, object]):
        def get(self, *args: object) -> Any:
            raise AssertionError

        __getitem__ = items = __iter__ = keys = get

    account = Account()
    account.__dict__ = Lying(owner="Eve")
    assert table().value(account, "owner") == "Eve"
    assert "owner" in table().names(account)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("secret", "@limpet.hide"),
        ("missing", "neither the class nor the instance has it"),
        ("_pin", "underscore"),
        ("operation 17", "identifier"),
        ("__call__", "underscore"),
    ],
)
def test_a_peer_cannot_tell_what_is_hidden_from_what_is_not_there(name: str, hint: str) -> None:
    denial = table().refusal(name)
    assert denial.reason == NOTHING
    assert hint in denial.hint


def test_the_log_is_told_why_the_instance_was_not_asked() -> None:
    assert "only the instance has is not shown" in table(exposure=Exposure.declared()).refusal("owner").hint


# ---------------------------------------------------------------- setting


SETTABLE = ["limit", "owner", "entries", "on_change", "colour"]
FIXED = ["fixed", "shared", "unannotated", "deposit", "rate"]
NOT_THERE = ["missing", "_pin", "__class__", "secret", "a b", "callback", "module"]


@pytest.mark.parametrize("name", SETTABLE)
def test_what_may_be_changed(name: str) -> None:
    account, shown = Account(), table()
    assert shown.settable(account, name, WRITE) is ALLOW
    shown.store(account, name, "New")
    assert getattr(account, name) == ("new" if name == "colour" else "New")
    assert shown.deletable(account, name, WRITE) is ALLOW
    shown.remove(account, name)
    assert name not in vars(account)


@pytest.mark.parametrize("name", FIXED)
def test_what_may_not(name: str) -> None:
    account, shown = Account(), table()
    for decision in (shown.settable(account, name, WRITE), shown.deletable(account, name, WRITE)):
        assert isinstance(decision, Deny)
        assert decision.reason.startswith("it cannot be")


@pytest.mark.parametrize("name", NOT_THERE)
@pytest.mark.parametrize("view", View)
def test_what_is_not_there_cannot_be_made(name: str, view: View) -> None:
    account, shown = Account(), table()
    for decision in (shown.settable(account, name, view), shown.deletable(account, name, view)):
        assert isinstance(decision, Deny)
        assert decision.reason == NOTHING


@pytest.mark.parametrize("name", [*SETTABLE, *FIXED])
def test_nothing_is_changed_through_a_read_only_view(name: str) -> None:
    account, shown = Account(), table()
    for decision in (shown.settable(account, name, READ), shown.deletable(account, name, READ)):
        assert isinstance(decision, Deny)
        assert decision.reason == "read-only here"


def test_data_the_class_has_may_be_set_once_the_instance_has_it_too() -> None:
    account, shown = Account(), table()
    account.unannotated = 2
    assert shown.settable(account, "unannotated", WRITE)


def test_a_slotted_instance_has_no_undeclared_data_to_set() -> None:
    class Slotted:
        __slots__ = ("slot",)
        constant = 1

    shown = table(Slotted)
    assert shown.settable(Slotted(), "slot", WRITE)
    assert not shown.settable(Slotted(), "constant", WRITE)


def test_a_frozen_class_stays_frozen() -> None:
    @dataclass(frozen=True)
    class Frozen:
        name: str

    target, shown = Frozen("Ada"), table(Frozen)
    with pytest.raises(AttributeError, match="cannot assign"):
        shown.store(target, "name", "Eve")
    with pytest.raises(AttributeError, match="cannot delete"):
        shown.remove(target, "name")
    assert target.name == "Ada"


def test_nothing_of_a_class_is_set() -> None:
    shown = tables_of(Account).of(type)
    assert shown.settable(Account, "limit", WRITE) == shown.refusal("limit")
    assert shown.deletable(Account, "limit", WRITE) == shown.refusal("limit")


# ---------------------------------------------------------------- tables


def test_a_table_is_built_once() -> None:
    tables = tables_of(Account)
    assert tables.of(Account) is tables.of(Account)
    assert tables.of(list) is tables.of(list)


def test_what_is_served_decides_anew() -> None:
    class Base:
        def inherited(self) -> None: ...

    @expose
    class Derived(Base):
        pass

    tables = tables_of()
    assert "inherited" not in tables.of(Derived).members
    assert tables.packages == frozenset()
    tables.served(Account)
    assert "inherited" in tables.of(Derived).members
    assert tables.packages == {__name__.partition(".")[0]}


@pytest.mark.parametrize("cls", [dict, OrderedDict, memoryview])
def test_what_is_built_in_brings_no_package(cls: type) -> None:
    tables = tables_of(cls)
    assert tables.packages == frozenset()
    assert tables.may_leave(cls)


def test_few_tables_are_kept() -> None:
    tables = tables_of()
    first = tables.of(Account)
    for _ in range(4_200):
        cls = expose(type("Made", (), {}))
        tables.of(cls)
        assert tables.may_leave(cls)
    assert tables.of(Account) is not first
    assert tables.of(Account).members.keys() == first.members.keys()


def test_a_table_can_be_watched() -> None:
    shown = tables_of().of(Account)
    assert weakref.ref(shown)() is shown


def test_names_come_from_the_gate_given() -> None:
    assert set(tables_of(Account, names=NamePolicy(characters=4)).of(Account).members) == {"rate"}


# ---------------------------------------------------------------- what may leave


@expose
class Marked:
    def method(self) -> int:
        return 1

    @staticmethod
    def static() -> None: ...

    @hide
    def hidden(self) -> None: ...

    alias = method


class Unmarked:
    def method(self) -> None: ...


@hide
class Hidden:
    pass


class Wrapper:
    def close(self) -> None: ...


def test_what_may_leave() -> None:
    tables = tables_of(Account, wrappers={Wrapper: Reviewed(read=("close",))})
    classes: list[type] = [Account, Marked, Wrapper, list, dict, type({}.keys()), OrderedDict]
    for cls in classes:
        assert tables.may_leave(cls) is ALLOW
        assert tables.may_leave(cls) is ALLOW


@pytest.mark.parametrize(
    ("cls", "hint"),
    [
        (Unmarked, "mark Unmarked with @limpet.expose"),
        (type("Inherits", (Marked,), {}), "mark Inherits"),
        (Hidden, "@limpet.hide"),
        (type, "never leave"),
        (types.ModuleType, "never leave"),
        (types.FunctionType, "never leave"),
        (types.GeneratorType, "cursor"),
        (type(iter([])), "cursor"),
        (object, "mark object"),
        (memoryview, "mark memoryview"),
    ],
)
def test_what_may_not_leave(cls: type, hint: str) -> None:
    denial = tables_of(Account).may_leave(cls)
    assert isinstance(denial, Deny)
    assert denial.reason == NOTHING
    assert hint in denial.hint


def test_a_function_s_own_list_does_not_let_every_function_out() -> None:
    tables = tables_of(wrappers={types.FunctionType: Reviewed(operations=(Operation.CALL,))})
    assert not tables.may_leave(types.FunctionType)
    assert set(tables.of(types.FunctionType).operations) == {Operation.CALL}


@pytest.mark.parametrize("cls", [type, types.ModuleType, types.FunctionType, Hidden])
def test_what_can_never_be_served(cls: type) -> None:
    with pytest.raises(ConfigurationError, match="cannot be served"):
        tables_of(cls)


def test_callables() -> None:
    @expose
    def marked() -> None: ...

    @hide
    @expose
    def hidden() -> None: ...

    tables = tables_of(Account)
    assert tables.callable_may_leave(marked)
    assert tables.callable_may_leave(Marked().method)
    assert tables.callable_may_leave(Account().deposit)
    refused: list[object] = [
        *(lambda: None, hidden, print, [].append, Unmarked().method, Marked().hidden, Marked, Marked()),
        *(Account().secret, types.MethodType(print, Marked()), types.MethodType(lambda self: None, Marked())),
        *(None, "deposit", Marked.static),
    ]
    for value in refused:
        denial = tables.callable_may_leave(value)
        assert isinstance(denial, Deny)
        assert denial.reason == NOTHING


def test_a_method_leaves_under_its_own_name_alone() -> None:
    def method(self: object) -> None: ...

    assert not tables_of().callable_may_leave(types.MethodType(method, Marked()))
