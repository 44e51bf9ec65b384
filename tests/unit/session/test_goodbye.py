"""The last message: what it says, and what it stands for on the other side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet.errors import Code, LimitExceeded, ProtocolError, SessionClosed, SessionError
from limpet.session.goodbye import pack_goodbye, read_goodbye
from limpet.session.messages import HEAD, HEAD_BYTES, Kind


def read(body: bytes) -> SessionError:
    return read_goodbye(HEAD.unpack_from(body), memoryview(body))


def said(code: int, text: bytes = b"", flags: int = 0, counts: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    return HEAD.pack(Kind.GOODBYE, flags, *counts, code, 0, 0, 0) + text


def test_the_bytes() -> None:
    expected = "0000002a 40 00 0000 0000 0000 0000000000000004 0000000000000000 0000000000000000 0000000000000007 6869"
    assert pack_goodbye(Code.LIMIT, "hi", 7) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        (Code.DONE, SessionClosed, "the peer closed the session (done)"),
        (Code.SHUTDOWN, SessionClosed, "the peer closed the session (shutdown)"),
        (Code.IDLE, SessionClosed, "the peer closed the session (idle)"),
        (Code.REVOKED, SessionClosed, "the peer closed the session (revoked)"),
        (Code.LIMIT, LimitExceeded, "the peer ended the session: one of its limits was exceeded"),
        (Code.MALFORMED, ProtocolError, "the peer ended the session (malformed)"),
        (Code.UNEXPECTED, ProtocolError, "the peer ended the session (unexpected)"),
        (Code.INTERNAL, ProtocolError, "the peer ended the session (internal)"),
    ],
)
@pytest.mark.parametrize("reason", ["", "because"])
def test_every_code(code: Code, error: type[SessionError], text: str, reason: str) -> None:
    got = read(pack_goodbye(code, reason, 0)[4:])
    assert type(got) is error
    assert str(got) == (f"{text}: {reason}" if reason else text)
    if isinstance(got, ProtocolError):
        assert got.code is code


def test_text_is_escaped() -> None:
    assert "\x1b" not in str(read(said(0, b"\x1b[2J\n")))
    assert "\n" not in str(read(said(0, b"\x1b[2J\n")))


@given(st.text(), st.sampled_from(Code))
def test_any_text_goes_and_is_cut(text: str, code: Code) -> None:
    packed = pack_goodbye(code, text, 0)
    assert len(packed) <= 4 + HEAD_BYTES + 256
    assert int.from_bytes(packed[:4]) == len(packed) - 4
    assert isinstance(read(packed[4:]), SessionError)


def test_text_that_is_cut_stays_utf_8() -> None:
    packed = pack_goodbye(Code.DONE, "x" + "€" * 100, 0)
    assert len(packed) == 4 + HEAD_BYTES + 256
    assert packed[4 + HEAD_BYTES :].decode() == "x" + "€" * 85


def test_text_with_a_lone_surrogate_goes_too() -> None:
    assert pack_goodbye(Code.DONE, "a\udc80", 0).endswith(b"a?")


@pytest.mark.parametrize(
    "body",
    [
        said(0, flags=1),
        said(0, counts=(1, 0, 0)),
        said(0, counts=(0, 1, 0)),
        said(0, counts=(0, 0, 1)),
        said(0, b"x" * 257),
        said(0, b"\xff"),
        said(max(Code) + 1),
        said((1 << 64) - 1),
    ],
    ids=["flags", "references", "types", "buffers", "long", "no-utf-8", "unknown-code", "huge-code"],
)
def test_what_is_malformed(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="a malformed Goodbye") as caught:
        read(body)
    assert caught.value.code is Code.MALFORMED


def test_the_longest_text_is_accepted() -> None:
    assert "xxx" in str(read(said(0, b"x" * 256)))
