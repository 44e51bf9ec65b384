"""The numbers that the wire fixes. They are written out here, so that a change of one is seen."""

from __future__ import annotations

import pytest

from limpet.session import messages
from limpet.session.messages import (
    CONTROL,
    FRAMED_HEAD,
    HEAD,
    HEAD_BYTES,
    INLINE_TYPE,
    LENGTHS,
    MORE,
    REFERENCE,
    REQUESTS,
    SPLITTABLE,
    TYPE,
    UNCOUNTED,
    WANT,
    Flag,
    Kind,
    View,
    What,
)


def test_kinds() -> None:
    assert {kind.name: kind.value for kind in Kind} == {
        "OPEN": 1,
        "CALL": 2,
        "GET": 3,
        "SET": 4,
        "DELETE": 5,
        "OPERATE": 6,
        "COPY": 7,
        "DESCRIBE": 8,
        "RETURN": 16,
        "RAISE": 17,
        "RELEASE": 32,
        "CANCEL": 33,
        "PING": 48,
        "PONG": 49,
        "ACK": 50,
        "CREDIT": 51,
        "GOODBYE": 64,
        "REDIRECT": 65,
        "STREAM": 80,
        "DATA": 81,
        "END": 82,
        "MAP": 83,
    }


def test_flags_references_and_views() -> None:
    assert {flag.name: flag.value for flag in Flag} == {
        "WANT": 1,
        "KEEP": 2,
        "MORE": 4,
        "PROMISE": 8,
        "META": 16,
        "PASS": 32,
    }
    assert {what.name: what.value for what in What} == {"MINE": 1, "YOURS": 2, "PROMISE": 3, "DROP": 4, "FORGET": 5}
    assert {view.name: view.value for view in View} == {"READ": 1, "WRITE": 2}
    assert (int(Flag.WANT), int(Flag.MORE)) == (WANT, MORE)
    assert INLINE_TYPE == 0x8000_0000


def test_the_layout_of_a_head() -> None:
    packed = HEAD.pack(2, 1, 3, 4, 5, 6, 7, 8, 9)
    assert packed == bytes.fromhex(
        "02 01 0003 0004 0005 0000000000000006 0000000000000007 0000000000000008 0000000000000009"
    )
    assert len(packed) == HEAD_BYTES == 40
    assert FRAMED_HEAD.pack(40, 2, 1, 3, 4, 5, 6, 7, 8, 9) == bytes.fromhex("00000028") + packed


def test_the_layout_of_the_tables() -> None:
    assert REFERENCE.pack(1, 2, 0, 3, 4) == bytes.fromhex("01 02 0000 00000003 0000000000000004")
    assert TYPE.pack(1, 2) == bytes.fromhex("00000001 00000002")
    assert LENGTHS.pack(7) == bytes.fromhex("00000007")


def test_what_may_be_long_and_what_may_pass_between_frames() -> None:
    assert frozenset(range(1, 9)) == REQUESTS
    assert REQUESTS | {16, 17} == SPLITTABLE
    assert frozenset((48, 49, 50)) == UNCOUNTED
    assert frozenset((33, 48, 49, 50, 51)) == CONTROL


@pytest.mark.parametrize("kind", ["RELEASE", "CALL", "RETURN", "GOODBYE"])
def test_what_could_overtake_a_reference_never_passes(kind: str) -> None:
    assert Kind[kind] not in CONTROL


def test_all_names_exist() -> None:
    assert all(hasattr(messages, name) for name in messages.__all__)
