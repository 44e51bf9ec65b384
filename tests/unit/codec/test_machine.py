"""The machine: stack, marks, memo, targets, budget, and what stands beside a payload."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from limpet.codec import Referred, RestrictedCodec
from limpet.codec.machine import OPCODES_PER_NODE
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.pickles import code, long, text
from tests.support.values import Parts, identity

CODEC = RestrictedCodec()


def read(*parts: str | bytes | int, limits: Limits | None = None, beside: Parts | None = None) -> Any:
    return CODEC.decode(code(*parts, "STOP"), beside or Parts(), limits or Limits())


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (("EMPTY_LIST",), []),
        (("EMPTY_LIST", 1, "APPEND"), [1]),
        (("MARK", 1, text("a"), "LIST"), [1, "a"]),
        (("EMPTY_LIST", "MARK", "APPENDS"), []),
        (("EMPTY_DICT", 1, 2, "SETITEM"), {1: 2}),
        (("EMPTY_DICT", "MARK", 1, 2, "SETITEMS", "MARK", "NONE", 3, "SETITEMS"), {1: 2, None: 3}),
        (("MARK", 1, 2, "DICT"), {1: 2}),
        (("EMPTY_SET", "MARK", 1, 2, "ADDITEMS"), {1, 2}),
        (("MARK", 1, "FROZENSET"), frozenset({1})),
        (("EMPTY_TUPLE",), ()),
        (("MARK", "TUPLE"), ()),
        (("MARK", 1, 2, 3, 4, "TUPLE"), (1, 2, 3, 4)),
        ((1, "NONE", 3, "TUPLE3"), (1, None, 3)),
        (("NONE", 2, "TUPLE2", "TUPLE1"), ((None, 2),)),
        (("NONE", 1, "POP"), None),
        (("NONE", "MARK", "POP"), None),
        (("NONE", "MARK", 1, "NONE", "POP_MARK"), None),
        (("EMPTY_LIST", "PUT", b"0\n", "GET", b"0\n", "TUPLE2"), ([], [])),
        ((1, "BINPUT", b"\0", "NONE", "BINPUT", b"\0", "BINGET", b"\0", "TUPLE3"), (1, None, None)),
        ((1, "LONG_BINPUT", bytes(4), "LONG_BINGET", bytes(4), "TUPLE2"), (1, 1)),
        ((text("a"), "MEMOIZE", "BINGET", b"\0", "TUPLE2"), ("a", "a")),
        ((b"\x80\4", "FRAME", b"\2" + bytes(7), "NONE"), None),
    ],
)
def test_each_does_what_pickle_does(parts: tuple[Any, ...], value: object) -> None:
    assert identity(read(*parts)) == identity(value) == identity(pickle.loads(code(*parts, "STOP")))


def test_a_uuid_is_filled_wherever_it_stands() -> None:
    state = code("EMPTY_DICT", text("int"), 5, "SETITEM")
    for put in (code("MEMOIZE"), code("BINPUT", b"\0"), code("PUT", b"0\n")):
        parts = (b"cuuid\nUUID\n", "EMPTY_TUPLE", "NEWOBJ", put, state, "BUILD", "BINGET", b"\0", "TUPLE2")
        one, other = read(*parts)
        assert one is other
        assert one.int == 5


def test_a_place_that_was_taken_since_stays_so() -> None:
    blank = code(b"cuuid\nUUID\n", "EMPTY_TUPLE", "NEWOBJ", "MEMOIZE")
    state = code("NONE", "BINPUT", b"\0", "POP", "EMPTY_DICT", text("int"), 5, "SETITEM", "BUILD")
    assert read(blank, state, "BINGET", b"\0", "TUPLE2")[1] is None


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("DUP",), "DUP at byte 0: no opcode of plain data"),
        ((b"\xff",), "the byte 0xff at byte 0: no opcode of plain data"),
        (("NONE", "APPEND"), "APPEND at byte 1: the payload is cut short, or the stack is empty"),
        (("NONE", 1, "APPEND"), "APPEND at byte 3: NoneType where list belongs"),
        (("MARK", "NONE"), "STOP at byte 2: a mark is left"),
        (("NONE", "STOP"), "STOP at byte 1: the payload goes on behind its value"),
        (("NONE", "BINPUT", b"\1"), "BINPUT at byte 1: a memo of 0 that goes on with 1"),
        (("BINGET", b"\1"), "BINGET at byte 0: the memo has no 1"),
        ((b"cos\nsystem\n",), "GLOBAL at byte 0: there is no global 'os' 'system'"),
        ((b"cdecimal\nDecimal\n", 1, "TUPLE1", "REDUCE"), r"decimal\.Decimal: not the arguments \(str\)"),
        ((b"cfractions\nFraction\n", 1, 0, "TUPLE2", "REDUCE"), r"REDUCE at byte \d+: fractions\.Fraction: "),
        (("SHORT_BINUNICODE", b"\1\xff"), "SHORT_BINUNICODE at byte 0: text that is not of its encoding"),
        ((b"\x80\6N",), "protocol 6"),
        (("EMPTY_DICT", 1, 2, "SETITEM", 1, 3, "SETITEM"), "two equal keys"),
        (("EMPTY_SET", "MARK", 1, 1, "ADDITEMS"), "ADDITEMS at byte 6: two equal items"),
        (("MARK", 1, "NEWTRUE", "FROZENSET"), "FROZENSET at byte 4: two equal items"),
        ((1, "TUPLE2"), "TUPLE2 at byte 2: the payload is cut short, or the stack is empty"),
        (("EMPTY_LIST", "EMPTY_TUPLE", "NEWOBJ"), "NEWOBJ at byte 2: only a UUID is made so"),
        (("NONE", "PUT", b"-1\n"), "PUT at byte 1: a text that is no index"),
        (("NONE", "PUT", b"1" * 20 + b"\n"), "PUT at byte 1: a line that does not end in time"),
        ((b"c__builtin__\nset\n",), "a global that stands where a value should"),
        ((b"\x80\3c__builtin__\nset\n",), "there is no global '__builtin__' 'set'"),
        ((long(3 << 16), "BINPERSID"), "BINPERSID at byte 8: KeyError"),
    ],
)
def test_a_refusal_names_the_opcode_and_the_reason(parts: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        read(*parts)


@pytest.mark.parametrize("payload", [b"", b"N", b"]K\1a", b"\x80", b"\x80\4"])
def test_a_payload_that_is_cut_short_says_so(payload: bytes) -> None:
    with pytest.raises(DecodeError, match="cut short"):
        CODEC.decode(payload, Parts(), Limits())


@pytest.mark.parametrize(
    ("parts", "nodes"),
    [
        (("NONE",), 1),
        (("EMPTY_LIST",), 2),
        (("EMPTY_LIST", "MARK", 1, "NONE", "APPENDS"), 4),
        (("EMPTY_LIST", 1, "APPEND"), 3),
        (("MARK", 1, "LIST"), 3),
        (("EMPTY_DICT", 1, 2, "SETITEM"), 6),
        (("EMPTY_SET", "MARK", 1, 2, "ADDITEMS"), 14),
        (("MARK", 1, "FROZENSET"), 12),
        ((1, "TUPLE1"), 4),
        ((1, 1, 1, "TUPLE3", "TUPLE1"), 9),
        (("BYTEARRAY8", bytes(8)), 2),
    ],
)
def test_each_value_counts(parts: tuple[Any, ...], nodes: int) -> None:
    read(*parts, limits=Limits(nodes=nodes))
    if nodes > 1:
        with pytest.raises(DecodeError, match=f"more values than {nodes - 1}"):
            read(*parts, limits=Limits(nodes=nodes - 1))


def test_opcodes_that_make_nothing_count_too() -> None:
    nodes = 100
    with pytest.raises(DecodeError, match="more opcodes than 100 values need"):
        read("NONE", b"N0" * OPCODES_PER_NODE * nodes, limits=Limits(nodes=nodes))


def test_marks_are_as_deep_as_values_need() -> None:
    with pytest.raises(DecodeError, match="deeper than 2"):
        read(*("MARK",) * 6, limits=Limits(depth=2))


def test_depth_is_that_of_the_value() -> None:
    limits = Limits(depth=3)
    wide = code("EMPTY_LIST", "MARK", *("EMPTY_LIST",) * 20, "APPENDS")
    assert read(wide, limits=limits) == [[]] * 20
    assert read(1, "TUPLE1", "TUPLE1", "TUPLE1", limits=limits) == (((1,),),)
    with pytest.raises(DecodeError, match="deeper than 3"):
        read(1, "TUPLE1", "TUPLE1", "TUPLE1", "TUPLE1", limits=limits)


def test_references_and_buffers_stand_beside() -> None:
    beside = Parts()
    mine = Referred([1])
    beside.references, beside.buffers = [mine], [b"abc", b"de"]
    assert read(0, "BINPERSID", beside=beside) is mine
    assert identity(read(long(1 << 16 | 1), "BINPERSID", beside=beside)) == identity(b"de")
    both = (long(2 << 16), "BINPERSID", long(2 << 16 | 1), "BINPERSID", "TUPLE2")
    assert read(*both, beside=beside) == (bytearray(b"abc"), bytearray(b"de"))
    with pytest.raises(DecodeError, match="no reference 1"):
        read(1, "BINPERSID", beside=beside)
    with pytest.raises(DecodeError, match="a buffer that two bytearrays name"):
        read(*(long(2 << 16), "BINPERSID") * 2, "TUPLE2", beside=beside)
    assert mine.value == [1]
