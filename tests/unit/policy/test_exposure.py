from __future__ import annotations

import functools
import types
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest

from limpet.errors import ConfigurationError
from limpet.policy import ALLOW, NOTHING, Deny, Exposure, concurrent, expose, hide
from limpet.policy.exposure import functions_of, is_concurrent, is_exposed, is_hidden, is_never_exposed


class Plain:
    pass


@expose
class Marked:
    pass


class Inherits(Marked):
    pass


@hide
class Hidden:
    pass


def hint(cls: type, exposure: Exposure | None = None) -> str:
    denial = (exposure or Exposure()).judge(cls)
    assert isinstance(denial, Deny)
    assert denial.reason == NOTHING
    return denial.hint


# ---------------------------------------------------------------- the policy


def test_marked_and_listed_classes_leave() -> None:
    assert Exposure().judge(Marked) is ALLOW
    assert Exposure(types=[Plain]).judge(Plain) is ALLOW


def test_others_do_not_and_the_log_is_told_how_to_allow_it() -> None:
    assert "mark Plain with @limpet.expose" in hint(Plain)
    assert "Inherits" in hint(Inherits), "a mark is not inherited"
    assert "marked with @limpet.hide" in hint(Hidden)
    assert "marked with @limpet.hide" in hint(Hidden, Exposure(types=[Hidden])), "hide wins"


NEVER: list[object] = [
    types,
    Plain,
    type(Plain),
    Enum,
    len,
    Exposure().judge,
    hint,
    hint.__code__,
    (_ for _ in ()),
]


@pytest.mark.parametrize("thing", NEVER, ids=lambda thing: type(thing).__name__)
def test_what_reaches_the_whole_process_is_never_exposed(thing: object) -> None:
    assert is_never_exposed(type(thing))
    assert "can never leave" in hint(type(thing))
    with pytest.raises(ConfigurationError, match="can never leave"):
        Exposure(types=[type(thing)])


def test_not_even_as_a_marked_subclass() -> None:
    @expose
    class Module(types.ModuleType):
        pass

    assert "can never leave" in hint(Module)


@pytest.mark.parametrize("types_", [[Plain()], ["Plain"], [None]])
def test_types_are_classes(types_: Any) -> None:
    with pytest.raises(ConfigurationError, match="types are classes"):
        Exposure(types=types_)


def test_one_class_is_no_collection() -> None:
    types: Any = Plain
    with pytest.raises(ConfigurationError, match=r"as in types=\[Plain\]"):
        Exposure(types=types)


@pytest.mark.parametrize("name", ["_private", "__mangled", "a b", "", "__a b__", 1, b"deposit"])
def test_names_are_names(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a member's name"):
        Exposure.only(name)


def test_one_text_is_not_a_collection_of_names() -> None:
    with pytest.raises(ConfigurationError, match="not the text 'deposit'"):
        Exposure(names="deposit")


def test_the_ways_to_make_one() -> None:
    assert Exposure.only("deposit", "__len__", types=[Plain]) == Exposure(types=(Plain,), names=("__len__", "deposit"))
    assert Exposure.only().names == frozenset()
    assert Exposure.declared() == Exposure(annotated_only=True)
    assert hash(Exposure.declared([Plain])) == hash(Exposure(types={Plain}, annotated_only=True))


# ---------------------------------------------------------------- marks


class Marks:
    @expose
    def method(self) -> None: ...

    @expose  # type: ignore[prop-decorator]
    @property
    def getter_only(self) -> int:
        return 1

    @getter_only.setter
    def getter_only(self, value: int) -> None: ...

    @property
    def all_accessors(self) -> int:
        return 1

    @expose  # type: ignore[misc]
    @all_accessors.setter
    def all_accessors(self, value: int) -> None: ...

    @expose
    @staticmethod
    def static() -> None: ...

    @classmethod
    @expose
    def for_class(cls) -> None: ...

    @expose  # type: ignore[prop-decorator]
    @functools.cached_property
    def cached(self) -> int:
        return 1

    @expose
    @functools.cache  # noqa: B019 - only looked at
    def kept(self) -> int:
        return 1

    @expose
    def __len__(self) -> int:
        return 0

    @property
    @hide
    def hidden(self) -> int:
        return 1

    @concurrent
    def stop(self) -> None: ...

    def plain(self) -> None: ...

    nothing = property()


ENTRIES = vars(Marks)


@pytest.mark.parametrize(
    "name", ["method", "getter_only", "all_accessors", "static", "for_class", "cached", "kept", "__len__"]
)
def test_what_is_marked_is_told_from_the_entry(name: str) -> None:
    assert is_exposed(ENTRIES[name])
    assert not is_hidden(ENTRIES[name])
    assert not is_concurrent(ENTRIES[name])


@pytest.mark.parametrize("name", ["plain", "hidden", "stop", "nothing", "__doc__", "__dict__"])
def test_what_is_not(name: str) -> None:
    assert not is_exposed(ENTRIES[name])


def test_the_other_marks() -> None:
    assert is_hidden(ENTRIES["hidden"])
    assert is_concurrent(ENTRIES["stop"])


def test_a_mark_on_a_getter_does_not_reach_the_setter() -> None:
    assert [is_exposed(function) for function in functions_of(ENTRIES["getter_only"])] == [True, False]
    assert [is_exposed(function) for function in functions_of(ENTRIES["all_accessors"])] == [True, True]


def test_marks_return_what_they_are_put_on() -> None:
    def function() -> None: ...

    assert expose(function) is function
    assert hide(function) is function
    assert concurrent(function) is function
    assert is_exposed(function)
    assert is_hidden(function)
    assert is_concurrent(function)


def test_a_private_method_cannot_be_exposed() -> None:
    def _secret() -> None: ...

    def __mangled() -> None: ...

    for function in (_secret, __mangled):
        with pytest.raises(ConfigurationError, match="is private"):
            expose(function)
    assert hide(_secret) is _secret


@pytest.mark.parametrize("mark", [expose, hide, concurrent])
@pytest.mark.parametrize("target", [len, 1, None, functools.partial(len), functools.cache(len), Marks().method])
def test_only_what_has_a_place_for_marks_can_be_marked(mark: Callable[[object], object], target: object) -> None:
    with pytest.raises(ConfigurationError, match="can be marked, not"):
        mark(target)


def test_a_built_in_class_cannot_be_marked() -> None:
    with pytest.raises(ConfigurationError, match="is built in"):
        expose(dict)


def test_a_class_cannot_be_concurrent() -> None:
    with pytest.raises(ConfigurationError, match="can be marked, not"):
        concurrent(Plain)


def test_a_lie_about_its_class_does_not_make_a_class_of_an_object() -> None:
    class Liar:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            raise AssertionError

        def __getattr__(self, name: str) -> object:
            raise AssertionError

    assert not is_exposed(Liar())
    assert not is_hidden(Liar())
