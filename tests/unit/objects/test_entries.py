from __future__ import annotations

import enum
import functools
from typing import Any, NamedTuple

import pytest

from limpet.objects.anatomy import MISSING
from limpet.objects.entries import Member, MemberKind, data_member, is_class_data, member_of, read_slot
from limpet.policy import concurrent, hide


class Descriptor:
    def __get__(self, target: object, cls: object = None) -> object:
        raise AssertionError


class Subclassed(property):
    """A property that may do as it likes."""


class Account:
    """What the members below are made of."""

    currency = "EUR"
    nested = dict
    opener = open
    module = enum
    descriptor = Descriptor()
    own_property = Subclassed(lambda self: 1)
    write_only = property(None, lambda self, value: None)
    foreign_static = staticmethod(len)
    foreign_class = classmethod(functools.partial(len))

    def __init__(self) -> None:
        self.balance = 5

    def deposit(self, amount: int, *, note: str = "none") -> int:
        """Add to the balance.

        In whole units.
        """
        return self.balance + amount

    def undocumented(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    def defaults(self, a: int = 1, b: Any = object(), c: str = "x" * 41, d: Any = None, e: Any = ()) -> None: ...  # noqa: B008

    @staticmethod
    def rate(year: int) -> int:
        """Tell the rate."""
        return year

    @classmethod
    def parse(cls, text: str) -> Any:
        return cls, text

    @functools.cache  # noqa: B019 - as users do
    def kept(self, key: int) -> int:
        return self.balance + key

    @property
    def owner(self) -> str:
        """Who it belongs to."""
        return "Ada"

    @owner.setter
    def owner(self, value: str) -> None: ...

    @owner.deleter
    def owner(self) -> None: ...

    @property
    def guarded(self) -> int:
        return 1

    @guarded.setter
    @hide
    def guarded(self, value: int) -> None: ...

    @guarded.deleter
    @hide
    def guarded(self) -> None: ...

    @functools.cached_property
    def report(self) -> list[int]:
        return [self.balance]

    @concurrent
    def stop(self) -> None: ...

    @staticmethod
    @concurrent
    def halt() -> None: ...

    @classmethod
    @concurrent
    def cancel(cls) -> None: ...


class Point(NamedTuple):
    x: int


class Colour(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("x",)

    x: int


def made(name: str, cls: type = Account) -> Member:
    member = member_of(name, vars(cls)[name])
    assert member is not None
    assert member.name == name
    return member


def called(name: str, *args: object, **kwargs: object) -> Any:
    member = made(name)
    assert member.kind is MemberKind.METHOD
    assert member.call is not None
    assert (member.get, member.settable, member.deletable, member.writes) == (None, False, False, False)
    return member.call(*args, **kwargs)


def test_methods() -> None:
    account = Account()
    assert called("deposit", account, 2, note="x") == 7
    assert called("kept", account, 3) == 8
    assert called("rate", account, 2026) == 2026
    assert called("parse", account, text="1") == (Account, "1")
    append = member_of("append", vars(list)["append"])
    assert append is not None
    assert append.call is not None
    target: list[int] = []
    append.call(target, 1)
    assert target == [1]


@pytest.mark.parametrize(
    "name",
    [
        *("nested", "opener", "module", "descriptor", "own_property", "write_only"),
        *("foreign_static", "foreign_class", "currency", "__doc__"),
    ],
)
def test_what_is_no_member(name: str) -> None:
    assert member_of(name, vars(Account)[name]) is None


def test_properties() -> None:
    owner = made("owner")
    assert owner.kind is MemberKind.PROPERTY
    assert owner.get is not None
    assert owner.get(Account()) == "Ada"
    assert (owner.settable, owner.deletable, owner.call) == (True, True, None)
    guarded = made("guarded")
    assert (guarded.settable, guarded.deletable) == (False, False)


def test_a_cached_property_runs_once() -> None:
    member, account = made("report"), Account()
    assert member.kind is MemberKind.PROPERTY
    assert member.get is not None
    first = member.get(account)
    assert first == [5]
    assert member.get(account) is first
    assert member.settable is False


def test_an_enum_s_property() -> None:
    name = made("name", enum.Enum)
    assert name.get is not None
    assert name.get(Colour.RED) == "RED"
    assert member_of("RED", enum.property()) is None


def test_a_named_tuple_s_field() -> None:
    x = made("x", Point)
    assert x.kind is MemberKind.DATA
    assert x.get is not None
    assert x.get(Point(3)) == 3
    assert x.settable is False


def test_what_c_types_compute() -> None:
    start = made("start", range)
    assert start.kind is MemberKind.PROPERTY
    assert start.get is not None
    assert start.get(range(3, 9)) == 3
    assert start.settable is False


def test_concurrent_is_read_from_the_mark() -> None:
    assert [made(name).concurrent for name in ("stop", "halt", "cancel", "deposit", "rate", "parse")] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_data() -> None:
    member = data_member("x", lambda target: 1, settable=None)
    assert (member.kind, member.settable, member.deletable) == (MemberKind.DATA, None, None)
    assert is_class_data("EUR")
    assert not is_class_data(dict)
    assert not is_class_data(open)
    assert not is_class_data(enum)
    assert not is_class_data(Descriptor())


def test_a_slot_may_be_empty() -> None:
    read, target = read_slot(vars(Slotted)["x"]), Slotted()
    assert read(target) is MISSING
    target.x = 1
    assert read(target) == 1


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("deposit", "(amount: int, *, note: str = ...)"),
        ("undocumented", "(*args: Any, **kwargs: Any)"),
        ("defaults", "(a: int = 1, b: Any = ..., c: str = ..., d: Any = None, e: Any = ...)"),
        ("rate", "(year: int)"),
        ("parse", "(text: str)"),
        ("kept", "(key: int)"),
        ("owner", ""),
    ],
)
def test_signatures(name: str, signature: str) -> None:
    assert made(name).signature == signature


def login(user: str, *, password: str = "", attempts: int = 3) -> None: ...


@functools.wraps(login)
def wrapped(*args: Any, **kwargs: Any) -> None: ...


@functools.wraps(functools.partial(login, password="hunter2", attempts=7))
def bound(*args: Any, **kwargs: Any) -> None: ...


@pytest.mark.parametrize("function", [wrapped, bound])
def test_defaults_of_another_function_are_not_told(function: Any) -> None:
    member = member_of("login", staticmethod(function))
    assert member is not None
    assert member.signature == "(user: str, *, password: str = ..., attempts: int = ...)"
    own = member_of("login", staticmethod(login))
    assert own is not None
    assert own.signature == "(user: str, *, password: str = ..., attempts: int = 3)"


def test_an_annotation_that_is_an_object_is_not_told() -> None:
    def method(self: Any, a: Any) -> None: ...

    class Secret:
        def __repr__(self) -> str:
            raise AssertionError

    method.__annotations__["a"] = Secret()
    member = member_of("method", method)
    assert member is not None
    assert member.signature == "(a)"


def test_a_signature_that_cannot_be_told() -> None:
    def method(self: Any) -> None: ...

    method.__signature__ = 5  # type: ignore[attr-defined]
    member = member_of("method", method)
    assert member is not None
    assert member.signature == "(...)"


@pytest.mark.parametrize(
    ("name", "doc"),
    [
        ("deposit", "Add to the balance."),
        ("undocumented", ""),
        ("rate", "Tell the rate."),
        ("owner", "Who it belongs to."),
    ],
)
def test_documentation(name: str, doc: str) -> None:
    assert made(name).doc == doc


def test_data_has_none() -> None:
    assert made("x", Point).doc == ""
