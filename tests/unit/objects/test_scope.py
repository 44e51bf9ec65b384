from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext

import pytest

from limpet.objects.scope import MANAGERS, Scope


@contextmanager
def shift(seen: list[str], *, swallows: bool = False) -> Generator[str]:
    try:
        yield "given"
    except ValueError as error:
        seen.append(str(error))
        if not swallows:
            raise
    else:
        seen.append("ended")


def test_what_leaves_behind_a_scope() -> None:
    assert type(shift([])) in MANAGERS
    assert type(nullcontext()) not in MANAGERS


def test_it_is_entered_and_left() -> None:
    seen: list[str] = []
    scope = Scope(shift(seen))
    assert scope.enter() == "given"
    assert scope.leave(None) is False
    assert seen == ["ended"]


@pytest.mark.parametrize("swallows", [False, True])
def test_an_error_is_seen_and_whether_it_is_swallowed_is_told(swallows: bool) -> None:
    seen: list[str] = []
    scope = Scope(shift(seen, swallows=swallows))
    scope.enter()
    assert scope.leave(ValueError("no")) is swallows
    assert seen == ["no"]


def test_nothing_of_the_generator_is_shown() -> None:
    assert not [name for name in dir(Scope) if not name.startswith("_") and name not in {"enter", "leave"}]
