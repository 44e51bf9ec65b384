from __future__ import annotations

import functools
import operator
import os
import sys
import types
from typing import Any

import pytest

from limpet.errors import ConfigurationError
from limpet.objects.entries import Member
from limpet.objects.members import MemberKind, MemberTables
from limpet.objects.wrappers import Functions, Method, Mutable, Reference, functions, mutable, ref
from limpet.policy import Exposure
from limpet.policy.exposure import is_exposed


def double(number: int = 1) -> int:
    """Return twice as much.

    Or less.
    """
    return 2 * number


class Account:
    def deposit(self, amount: int) -> int:
        return amount

    def __call__(self, amount: int) -> int:
        return -amount


def call(table: Functions, name: str, *args: Any, **kwargs: Any) -> Any:
    method = MemberTables(Exposure()).of(type(table)).members[name].call
    assert method is not None
    return method(table, *args, **kwargs)


def test_a_reference_holds_its_value() -> None:
    value = [1]
    assert ref(value).target is value
    assert type(ref(value)) is Reference
    assert mutable(value).target is value
    assert type(mutable(value)) is Mutable
    assert isinstance(mutable(value), Reference)


NEVER = [int, os, sys._getframe(), double.__code__]


@pytest.mark.parametrize("wrap", [ref, mutable], ids=["ref", "mutable"])
@pytest.mark.parametrize("value", NEVER, ids=["class", "module", "frame", "code"])
def test_what_reaches_the_whole_process_is_never_wrapped(wrap: Any, value: object) -> None:
    with pytest.raises(ConfigurationError, match="never"):
        wrap(value)


def test_a_traceback_is_never_wrapped() -> None:
    with pytest.raises(ValueError, match="abc") as caught:
        int("abc")
    traceback = caught.value.__traceback__
    with pytest.raises(ConfigurationError, match="never"):
        ref(traceback)


def test_a_reference_to_a_reference_is_one() -> None:
    value = [1]
    again: Any = ref(ref(value))
    assert again.target is value
    again = mutable(ref(value))
    assert again.target is value


def test_functions_are_shown_under_their_names() -> None:
    table = functions(double, largest=max)
    assert isinstance(table, Functions)
    assert is_exposed(type(table))
    members = MemberTables(Exposure()).of(type(table)).members
    assert set(members) == {"double", "largest"}
    assert {member.kind for member in members.values()} == {MemberKind.METHOD}
    assert members["double"].signature == "(number: int = 1)"
    assert members["double"].doc == "Return twice as much."


def test_functions_are_called_without_an_object() -> None:
    table = functions(double, largest=max)
    assert call(table, "double", 4) == 8
    assert call(table, "double", number=4) == 8
    assert call(table, "largest", 1, 5, 3) == 5


CALLABLES: dict[str, tuple[Any, object]] = {
    "method": (Account().deposit, 3),
    "partial": (functools.partial(double, 5), 10),
    "built-in": (abs, 3),
    "method of a list": ([1, 2, 3].index, 2),
    "object": (Account(), -3),
    "lambda": (lambda number=0: number, 3),
}


@pytest.mark.parametrize("kind", CALLABLES)
def test_whatever_can_be_called_may_be_among_them(kind: str) -> None:
    function, expected = CALLABLES[kind]
    args = () if kind == "partial" else (3,)
    assert call(functions(run=function), "run", *args) == expected


def test_their_module_is_the_served_code() -> None:
    assert type(functions(double)).__module__ == __name__
    assert type(functions()).__module__.partition(".")[0] == "limpet"


def test_two_functions_have_two_names() -> None:
    with pytest.raises(ConfigurationError, match="two functions are named 'double'"):
        functions(double, double=abs)
    with pytest.raises(ConfigurationError, match="two functions"):
        functions(double, double)


@pytest.mark.parametrize("function", [lambda: None, functools.partial(double)], ids=["lambda", "partial"])
def test_what_has_no_name_for_the_wire_needs_one(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="give the function one by a keyword"):
        functions(function)


def test_a_private_name_is_none() -> None:
    with pytest.raises(ConfigurationError, match="cannot be a name on the wire"):
        functions(_double=double)


@pytest.mark.parametrize("value", [3, "double", Account], ids=["number", "text", "class"])
def test_what_is_no_function_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not a function"):
        functions(value)


def test_two_tables_are_of_two_classes() -> None:
    assert type(functions(double)) is not type(functions(double))


def test_a_method_that_was_got_is_called_on_its_object() -> None:
    account = Account()

    def method(target: object, *args: object, **kwargs: object) -> object:
        return target, args, kwargs

    bound = Method(account, Member("method", MemberKind.METHOD, call=method))
    assert bound(1, self=2, call=3) == (account, (1,), {"self": 2, "call": 3})
    with pytest.raises(TypeError, match="cannot be called"):
        Method(account, Member("method", MemberKind.METHOD))()


TOOLS = [functools.partial(double, 5), operator.itemgetter(1), functools.cache(double), [].__len__]


@pytest.mark.parametrize("wrap", [ref, mutable])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: type(tool).__name__)
def test_a_tool_that_calls_goes_as_a_plain_function(wrap: Any, tool: Any) -> None:
    """It would show what is bound in it by its names."""
    target = wrap(tool).target
    assert type(target) is types.FunctionType
    args = ([1, 2],) if type(tool) is operator.itemgetter else ()
    assert target(*args) == tool(*args)


def test_an_object_of_the_users_that_can_be_called_stays_itself() -> None:
    class Grid(list[int]):
        def __call__(self) -> int:
            return 1

    for target in (Account(), Grid()):
        assert ref(target).target is target


class Liar:
    asked = 0

    @property  # type: ignore[misc]  # that is what it lies with
    def __class__(self) -> Any:
        type(self).asked += 1
        return Reference


def test_what_an_object_says_of_its_class_is_not_asked() -> None:
    liar = Liar()
    assert ref(liar).target is liar
    assert Liar.asked == 0
