from __future__ import annotations

import enum
import logging
import threading
import warnings
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import pytest

from limpet.objects.anatomy import MISSING
from limpet.objects.entries import MemberKind
from limpet.objects.operations import FORMS, Operation
from limpet.objects.reviewed import Reviewed
from limpet.objects.survey import Rules, Survey
from limpet.policy import Exposure, NamePolicy, expose, hide

BASICS = {"STR", "REPR", "BOOL", "HASH", "EQ", "NE"}


def survey(
    cls: type,
    *,
    exposure: Exposure | None = None,
    served: type | None = None,
    packages: tuple[str, ...] = (),
    wrappers: dict[type, Reviewed] | None = None,
) -> Survey:
    """Return what is shown of ``cls``, which is served unless something else is."""
    rules = Rules(
        exposure=exposure or Exposure(),
        names=NamePolicy(),
        served=frozenset([served or cls]),
        packages=frozenset(packages),
        wrappers=wrappers or {},
    )
    return Survey(cls, rules)


def operations(found: Survey) -> set[str]:
    return {form.operation.name for form in found.operations.values()}


def elsewhere(name: str, body: dict[str, Any], *bases: type, package: str = "elsewhere") -> Any:
    """Return a class that says it comes from another package."""
    return type(name, bases, {"__module__": f"{package}.module", **body})


def run(self: object) -> str:
    return "run"


# ---------------------------------------------------------------- what a class of the user's shows


class Account:
    limit: int = 100
    fee = 1
    fixed: ClassVar[int] = 2
    owner: str
    on_change: Callable[[], None] = lambda: None
    _private = 1
    opener = open
    nested: Any = dict

    class Nested:
        pass

    def __init__(self) -> None:
        self.owner, self.balance, self._pin = "Ada", 5, 1234

    def deposit(self, amount: int) -> int:
        return self.balance + amount

    def _check(self) -> None: ...

    @property
    def rate(self) -> int:
        return 1


def test_public_methods_properties_and_data_are_shown() -> None:
    found = survey(Account)
    kinds = {name: member.kind.name for name, member in found.members.items()}
    assert kinds == {
        "limit": "DATA",
        "fee": "DATA",
        "fixed": "DATA",
        "owner": "DATA",
        "deposit": "METHOD",
        "rate": "PROPERTY",
    }
    assert set(found.blocked) == {"on_change", "opener", "nested", "Nested"}
    assert operations(found) == BASICS
    assert found.is_open


def test_what_may_be_set() -> None:
    members = survey(Account).members
    settable = {name: members[name].settable for name in ("limit", "fee", "fixed", "owner", "deposit", "rate")}
    assert settable == {
        "limit": True,
        "fee": None,
        "fixed": False,
        "owner": True,
        "deposit": False,
        "rate": False,
    }


def test_data_is_the_instance_s_own_before_the_class_s() -> None:
    members, account = survey(Account).members, Account()
    limit = members["limit"].get
    assert limit is not None
    assert limit(account) == 100
    account.limit = 3
    assert limit(account) == 3
    Account.limit = 50
    try:
        assert limit(Account()) == 50, "the class's data is read when it is asked for"
    finally:
        Account.limit = 100


def test_declared_data_may_be_missing() -> None:
    owner = survey(Account).members["owner"].get
    assert owner is not None
    assert owner(object.__new__(Account)) is MISSING


class Slotted:
    __slots__ = ("_secret", "declared", "free", "shared")

    declared: int
    shared: ClassVar[int]


def test_slots_are_data() -> None:
    members = survey(Slotted).members
    assert {name: member.settable for name, member in members.items()} == {
        "declared": True,
        "free": True,
        "shared": False,
    }
    free = members["free"].get
    assert free is not None
    assert free(Slotted()) is MISSING


def test_data_of_a_class_whose_instances_have_no_dictionary() -> None:
    class Constant:
        __slots__ = ()
        rate = 3

    rate = survey(Constant).members["rate"].get
    assert rate is not None
    assert rate(Constant()) == 3


# ---------------------------------------------------------------- which class counts


class Base:
    def inherited(self) -> None: ...


def test_bases_of_the_served_package_count() -> None:
    derived = type("Derived", (Base,), {})
    assert "inherited" in survey(derived, packages=(__name__.partition(".")[0],)).members
    found = survey(derived, packages=("other",))
    assert "inherited" not in found.members
    assert "comes from Base, which is not exposed" in found.blocked["inherited"]


def test_marked_and_listed_bases_count() -> None:
    marked = expose(elsewhere("Marked", {"run": run}))
    listed = elsewhere("Listed", {"stop": run})
    unknown = elsewhere("Unknown", {"reset": run, "__len__": lambda self: 0})
    derived = type("Derived", (marked, listed, unknown), {})
    found = survey(derived, exposure=Exposure(types=[listed]))
    assert set(found.members) == {"run", "stop"}
    assert set(found.blocked) == {"reset"}
    assert operations(found) == BASICS


def test_the_first_definition_decides() -> None:
    unknown = elsewhere("Unknown", {"inherited": run})
    covered = type("Covered", (unknown, Base), {})
    packages = (__name__.partition(".")[0],)
    assert "inherited" in survey(covered, packages=packages).blocked
    covering = type("Covering", (covered,), {"inherited": run})
    assert "inherited" in survey(covering, packages=packages).members


def test_a_class_let_out_by_hand_counts_with_its_package() -> None:
    base = elsewhere("Unmarked", {"run": run})
    by_hand = elsewhere("ByHand", {"stop": run}, base)
    other = elsewhere("Other", {"reset": run}, by_hand, package="third")
    assert set(survey(by_hand, served=Account).members) == {"run", "stop"}
    assert set(survey(other, served=Account).members) == {"reset"}


def test_nothing_of_what_is_built_in_counts_by_that() -> None:
    found = survey(memoryview, served=Account)
    assert found.members == {}
    assert "comes from memoryview" in found.blocked["tobytes"]


def test_a_marked_class_does_not_bring_its_package() -> None:
    base = elsewhere("Unmarked", {"run": run})
    marked = expose(elsewhere("Marked", {"stop": run}, base))
    assert set(survey(marked, served=Account).members) == {"stop"}


def test_plain_data_of_a_class_that_does_not_count_does_not_hide_the_instance_s() -> None:
    unknown = elsewhere("Unknown", {"timeout": 5, "helper": open, "__slots__": ("slot",)})
    found = survey(type("Derived", (unknown,), {}))
    assert "timeout" not in found.members
    assert set(found.blocked) == {"helper"}
    assert found.members["slot"].settable is True


def test_annotations_of_a_class_that_does_not_count_declare_nothing() -> None:
    unknown = elsewhere("Unknown", {"__annotations__": {"size": int}})
    assert survey(type("Derived", (unknown,), {})).members == {}


def test_slots_of_a_hidden_class_are_hidden() -> None:
    unknown = hide(elsewhere("Unknown", {"__slots__": ("slot",), "data": 1}))
    assert set(survey(type("Derived", (unknown,), {})).blocked) == {"slot", "data"}


# ---------------------------------------------------------------- hide and expose


class Hiding:
    @hide
    def secret(self) -> None: ...

    @hide
    def __len__(self) -> int:
        return 1

    @property
    @hide
    def code(self) -> int:
        return 1


class Revealing(Hiding):
    @expose
    def secret(self) -> None: ...

    def code(self) -> int:  # type: ignore[override]
        return 1

    def __len__(self) -> int:
        return 1

    def open(self) -> None: ...


def test_what_is_hidden_stays_hidden_in_subclasses() -> None:
    for cls in (Hiding, Revealing):
        found = survey(cls, packages=(__name__.partition(".")[0],))
        assert found.blocked["secret"] == found.blocked["code"] == "it is marked with @limpet.hide"
        assert "secret" not in found.members
        assert "LENGTH" not in operations(found)


class Partly:
    note: str = ""

    @expose
    def shown(self) -> None: ...

    def other(self) -> None: ...

    @property
    @expose
    def both(self) -> int:
        return 1

    @both.setter
    def both(self, value: int) -> None: ...

    @property
    def settable(self) -> int:
        return 1

    @settable.setter
    def settable(self, value: int) -> None: ...

    @expose  # type: ignore[misc]
    @settable.deleter
    def settable(self) -> None: ...

    @expose
    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: int) -> int:
        return key


def test_of_a_class_marked_in_part_only_that_is_shown() -> None:
    found = survey(Partly)
    assert set(found.members) == {"shown", "both", "settable"}
    assert "only members marked" in found.blocked["other"]
    assert "only members marked" in found.blocked["note"]
    assert operations(found) == BASICS | {"LENGTH"}
    assert not found.is_open


def test_a_mark_on_the_getter_does_not_show_the_setter() -> None:
    members = survey(Partly).members
    assert (members["both"].settable, members["both"].deletable) == (False, False)
    assert (members["settable"].settable, members["settable"].deletable) == (True, True)


def test_marks_in_part_narrow_the_bases_and_subclasses_as_well() -> None:
    class Wide:
        def wide(self) -> None: ...

    class Narrow(Wide):
        @expose
        def shown(self) -> None: ...

    class Below(Narrow):
        def below(self) -> None: ...

    packages = (__name__.partition(".")[0],)
    for cls in (Narrow, Below):
        assert set(survey(cls, packages=packages).members) == {"shown"}
    listed = survey(Below, packages=packages, exposure=Exposure(types=[Wide]))
    assert set(listed.members) == {"shown", "wide"}, "a listed class is shown as a whole"
    listed = survey(Narrow, packages=packages, exposure=Exposure(types=[Narrow]))
    assert set(listed.members) == {"shown"}, "unless marks in it narrow it"


def test_a_class_marked_as_a_whole_is_not_narrowed_by_marks_in_it() -> None:
    @expose
    class Whole:
        @expose
        def marked(self) -> None: ...

        def unmarked(self) -> None: ...

    class Narrow(Whole):
        @expose
        def shown(self) -> None: ...

        def other(self) -> None: ...

    assert set(survey(Whole).members) == {"marked", "unmarked"}
    assert set(survey(Narrow).members) == {"marked", "unmarked", "shown"}


def test_a_marked_class_in_a_class_does_not_narrow_it() -> None:
    class Outer:
        @expose
        class Inner:
            pass

        def method(self) -> None: ...

    assert set(survey(Outer).members) == {"method"}


def test_a_narrowed_container_shows_nothing_of_its_base() -> None:
    class Stack(list[int]):
        @expose
        def push(self, item: int) -> None: ...

    found = survey(Stack)
    assert set(found.members) == {"push"}
    assert operations(found) == {"STR", "REPR", "BOOL", "EQ", "NE"}


# ---------------------------------------------------------------- the policy


def test_declared() -> None:
    found = survey(Account, exposure=Exposure.declared())
    assert set(found.members) == {"limit", "fixed", "owner", "deposit", "rate"}
    assert "only data that is annotated" in found.blocked["fee"]
    assert not found.is_open
    assert set(survey(Slotted, exposure=Exposure.declared()).members) == {"declared", "shared"}
    foreign = elsewhere("Unknown", {"__slots__": ("slot",)})
    assert "slot" in survey(type("Derived", (foreign,), {}), exposure=Exposure.declared()).blocked


def test_only() -> None:
    class Sized(Account):
        def __len__(self) -> int:
            return 0

        def __getitem__(self, key: int) -> int:
            return key

    exposure = Exposure.only("deposit", "owner", "__len__")
    found = survey(Sized, exposure=exposure, packages=(__name__.partition(".")[0],))
    assert set(found.members) == {"deposit", "owner"}
    assert found.blocked["rate"] == "the exposure policy does not name it"
    assert operations(found) == BASICS | {"LENGTH"}
    assert found.is_open


def test_only_does_not_narrow_built_in_containers() -> None:
    found = survey(list, exposure=Exposure.only("deposit"))
    assert "append" in found.members
    assert "LENGTH" in operations(found)


# ---------------------------------------------------------------- operations


class Store:
    def __len__(self) -> int:
        return 0

    def __setitem__(self, key: str, value: int) -> None: ...

    def __call__(self) -> None: ...

    def __next__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:  # unhashable, as Python makes it
        return True

    __hash__ = None  # type: ignore[assignment]
    __reversed__ = None


def test_operations_are_those_that_the_class_defines() -> None:
    found = survey(Store)
    assert operations(found) == (BASICS - {"HASH"}) | {"LENGTH", "SETITEM", "CALL"}


def test_an_object_does_not_tell_its_address() -> None:
    class Plain:
        pass

    class Worded(Plain):
        def __str__(self) -> str:
            return "worded"

    class Shown(Plain):
        def __repr__(self) -> str:
            return "shown"

        def __hash__(self) -> int:
            return 7

    def told(target: object) -> list[object]:
        found = survey(type(target)).operations
        return [found[operation].apply(target) for operation in (Operation.STR, Operation.REPR, Operation.HASH)]

    text = f"<{__name__}.test_an_object_does_not_tell_its_address.<locals>.%s object>"
    assert told(Plain()) == [text % "Plain", text % "Plain", 0]
    assert told(Worded()) == ["worded", text % "Worded", 0]
    assert told(Shown()) == ["shown", "shown", 7]


def test_the_class_s_own_way_to_write_is_a_method_like_any_other() -> None:
    assert FORMS[Operation.SETITEM].writes
    assert not survey(Store).operations[Operation.SETITEM].writes


def test_a_wrapper_of_limpet_s_own_has_what_is_listed() -> None:
    class Cursor:
        def take(self, count: int) -> str:
            return "taken"

        def close(self) -> None: ...

        def other(self) -> None: ...

    listed = Reviewed(read=("close",), operations=(Operation.NEXT,), applies={Operation.NEXT: Cursor.take})
    found = survey(Cursor, wrappers={Cursor: listed}, served=Account)
    assert set(found.members) == {"close"}
    assert operations(found) == {"NEXT"}
    assert found.operations[Operation.NEXT].apply(Cursor(), 1) == "taken"
    assert found.read_dictionary is None
    assert not found.is_open


def test_a_list_may_not_name_what_is_no_member() -> None:
    class Wrapper:
        helper = open

    found = survey(Wrapper, wrappers={Wrapper: Reviewed(read=("helper",))})
    assert found.members == {}
    assert found.blocked == {"helper": "it is not what was reviewed"}


# ---------------------------------------------------------------- bases of the standard library


class Stack(list[Any]):
    def push(self, item: object) -> None: ...

    def insert(self, *args: Any) -> None: ...


def test_a_container_of_the_user_s_has_the_reviewed_members() -> None:
    members = survey(Stack).members
    assert members["append"].writes
    assert not members["count"].writes
    assert members["insert"].writes, "the user's own changes the container as well"
    assert not members["push"].writes, "it is no method of lists"
    assert "sort" not in members
    assert survey(Stack).operations[Operation.SETITEM].writes


def test_its_text_is_that_of_a_container_unless_it_has_its_own() -> None:
    class Named(Stack):
        def __repr__(self) -> str:
            return "<named>"

    packages = (__name__.partition(".")[0],)
    plain, named = survey(Stack), survey(Named, packages=packages)
    assert plain.operations[Operation.STR].apply(Stack([object()])) == "Stack(['<object>'])"
    assert named.operations[Operation.REPR].apply(Named()) == "<named>"
    assert named.operations[Operation.STR].apply(Named()) == "<named>"


def test_a_subclass_of_a_subclass_of_a_container() -> None:
    class Tally(Counter[str]):
        pass

    class Lists(defaultdict[str, list[int]]):
        pass

    assert "most_common" in survey(Tally).members
    assert "default_factory" not in survey(Lists).members
    with pytest.raises(KeyError):
        survey(Lists).operations[Operation.GETITEM].apply(Lists(list), "missing")


class Shelf(MutableMapping[str, int]):
    def __init__(self) -> None:
        self.stored: dict[str, int] = {}

    def __getitem__(self, key: str) -> int:
        return self.stored[key]

    def __setitem__(self, key: str, value: int) -> None:
        self.stored[key] = value

    def __delitem__(self, key: str) -> None:
        del self.stored[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)


class Row(MutableSequence[int]):
    def __getitem__(self, index: Any) -> Any:
        return index

    def __setitem__(self, index: Any, value: Any) -> None: ...

    def __delitem__(self, index: Any) -> None: ...

    def __len__(self) -> int:
        return 0

    def insert(self, index: int, value: int) -> None: ...


def test_abstract_bases_give_their_methods() -> None:
    shelf = survey(Shelf)
    assert {"get", "keys", "items", "values", "pop", "popitem", "clear", "update", "setdefault"} <= set(shelf.members)
    assert {name for name, member in shelf.members.items() if member.writes} == {
        *("clear", "pop", "popitem", "setdefault", "update"),
    }
    assert shelf.operations[Operation.SETITEM].writes
    assert shelf.operations[Operation.DELITEM].writes
    assert {"CONTAINS", "EQ", "GETITEM", "SETITEM", "DELITEM", "ITERATE", "LENGTH"} <= operations(shelf)
    row = survey(Row)
    assert {"append", "extend", "index", "count", "insert", "remove", "reverse", "pop", "clear"} == set(row.members)
    assert {"ITERATE", "REVERSED", "CONTAINS"} <= operations(row)
    extend = row.members["extend"].call
    assert extend is not None
    with pytest.raises(ValueError, match="a range of more than"):
        extend(Row(), range(10**12))


_T = TypeVar("_T")


class Quotes(Protocol):
    def quote(self) -> int: ...


class Abstract(Quotes, ABC, Generic[_T]):
    @abstractmethod
    def quote(self) -> int: ...


class Concrete(Abstract[int]):
    def quote(self) -> int:
        return 1


class Point(NamedTuple):
    x: int
    y: int = 0

    def length(self) -> int:
        return self.x


class Colour(enum.Enum):
    RED = 1

    def mix(self) -> None: ...


@dataclass
class Record:
    name: str
    size: int = 3
    tags: list[str] = field(default_factory=list)
    shared: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str


@pytest.mark.parametrize(
    ("cls", "members"),
    [
        (Concrete, {"quote"}),
        (Point, {"x", "y", "length", "count", "index"}),
        (Colour, {"mix", "name", "value", "RED"}),
        (Record, {"name", "size", "tags", "shared"}),
        (Frozen, {"name"}),
    ],
)
def test_what_other_bases_add(cls: type, members: set[str]) -> None:
    assert set(survey(cls).members) == members


def test_fields_of_a_named_tuple_are_not_set() -> None:
    members = survey(Point).members
    assert members["x"].kind is MemberKind.DATA
    assert members["x"].settable is False


# ---------------------------------------------------------------- never


@pytest.mark.parametrize(
    "thing",
    [
        type,
        logging,
        len,
        run,
        run.__code__,
        (_ for _ in ()),
        Stack().push,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_nothing_is_shown_of_what_reaches_the_whole_process(thing: object) -> None:
    found = survey(type(thing))
    assert found.members == {}
    assert found.operations == {}
    assert found.read_dictionary is None
    assert not found.is_open


def test_descriptors_of_a_user_s_own_are_not_shown() -> None:
    class Descriptor:
        def __get__(self, target: object, cls: type | None = None) -> object:
            raise AssertionError

    class Settable:
        def __set__(self, target: object, value: object) -> None:
            raise AssertionError

    class Holder:
        read = Descriptor()
        write = Settable()
        report = cached_property(lambda self: 1)

    found = survey(Holder)
    assert set(found.members) == {"report"}
    assert set(found.blocked) == {"read", "write"}


def test_a_foreign_base_with_a_thread_s_powers_shows_nothing() -> None:
    class Job(threading.Thread):
        def progress(self) -> int:
            return 1

    found = survey(Job)
    assert set(found.members) == {"progress"}
    assert {"run", "start", "join", "name", "daemon"} <= set(found.blocked)


def test_names_that_are_not_text_do_no_harm() -> None:

    body: dict[Any, Any] = {1: 2, "fine": 1, "a b": 3}
    with warnings.catch_warnings():
        # Python 3.13 warns of it, and does it all the same.
        warnings.simplefilter("ignore", RuntimeWarning)
        odd = type("Odd", (), body)
    assert set(survey(odd).members) == {"fine"}
