"""What to send in place of what cannot travel."""

from __future__ import annotations

import collections
import enum
import io
import pathlib
import threading
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from limpet.codec.advice import advice


@dataclass
class Point:
    x: int


class Color(enum.Enum):
    RED = 1


class Weight(enum.IntEnum):
    LIGHT = 1


class Pair(NamedTuple):
    a: int
    b: int


class Text(str):
    __slots__ = ()


class Callback:
    def __call__(self) -> None: ...


def numbers() -> Generator[int]:
    yield 1


@pytest.mark.parametrize("cls", [Point, Color, Weight])
def test_records_are_registered(cls: type) -> None:
    name = cls.__name__
    assert advice(cls) == (f"register {name} on both sides, with Profile(codecs=(limpet.MsgpackCodec([{name}]),))")


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (type(Point), "send its name, or an instance"),
        (enum.EnumMeta, "send its name, or an instance"),
        (type(io), "send its name"),
        (ValueError, "send str() of it"),
        (Coroutine, "send what it returns: await it first"),
        (type(numbers()), "send list() of it"),
        (type(iter([])), "send list() of it"),
        (pathlib.PosixPath, "send str() of it"),
        (memoryview, "send bytes() of it"),
        (type({}.keys()), "send list() of it"),
        (type({}.values()), "send list() of it"),
        (Text, "send str() of it"),
        (Pair, "send tuple() of it, or make it a dataclass and register that"),
        (type("Own", (tuple,), {}), "send tuple() of it"),
        (collections.OrderedDict, "send dict() of it"),
        (collections.UserDict, "send dict() of it"),
        (collections.deque, "send list() of it"),
        (Callback, "limpet.ref lets the other side call it"),
        (object, ""),
        (type(threading.Lock()), ""),
    ],
)
def test_anything_else_is_converted(cls: type, text: str) -> None:
    assert advice(cls) == text


def test_a_file_is_not_taken_for_an_iterator() -> None:
    assert "limpet.ref" in advice(io.StringIO)
    assert "limpet.ref" in advice(io.BufferedReader)
