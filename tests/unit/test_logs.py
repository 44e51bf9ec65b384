"""The log of messages, and what of a peer's text and values is shown."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet import logs
from limpet.errors import ConfigurationError
from limpet.logs import Presenter, Refusals, full_name, log, printable, trace, with_article
from limpet.peer import Peer, parse_address

PEER = Peer(ip_address("127.0.0.1"), 1234)


@pytest.fixture(autouse=True)
def silent_again() -> Iterator[None]:
    yield
    log(0)


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé 漢字 🐚", "plain text, ünïcödé 漢字 🐚"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x00\x7f\x85\x9f", "\\x00\\x7f\\x85\\x9f"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202eevil\u2066\u200f", "\\u202eevil\\u2066\\u200f"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut() -> None:
    assert printable("x" * 200) == "x" * 200
    assert printable("x" * 201) == "x" * 197 + "..."
    assert printable("\n" * 10, 10) == "\\n\\n\\n\\..."
    assert len(printable("\x00" * 1_000_000)) == 200


@given(st.text(st.characters()), st.integers(3, 300))
def test_any_text_becomes_one_visible_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    shown.encode()


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (int, "an int"),
        (dict, "a dict"),
        (Peer, "a Peer"),
        (UUID, "a UUID"),
        (OSError, "an OSError"),
        (type(None), "None"),
    ],
)
def test_a_value_is_called_by_its_class(cls: type, text: str) -> None:
    assert with_article(cls) == text


def test_a_name_is_read_past_its_metaclass() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise SystemExit

    class Hidden(metaclass=Meta):
        pass

    type.__setattr__(Hidden, "__module__", "bank")
    assert full_name(Hidden).startswith("bank.")
    type.__setattr__(Hidden, "__module__", 3)
    assert full_name(Hidden).endswith(".Hidden")
    assert "3" not in full_name(Hidden)


# ---------------------------------------------------------------- values


class Account:
    def __repr__(self) -> str:
        raise AssertionError("never asked")

    __len__ = __iter__ = __str__ = __repr__


class Text(str):
    __slots__ = ()


class Zone(tzinfo):
    def utcoffset(self, when: object) -> Any:
        raise AssertionError("never asked")

    dst = tzname = utcoffset


PLAIN = [
    None,
    True,
    -7,
    1.5,
    2j,
    "text",
    b"bytes",
    date(2024, 1, 2),
    time(1, 2),
    datetime(2024, 1, 2, tzinfo=UTC),
    datetime(2024, 1, 2),  # noqa: DTZ001
    timedelta(1),
    UUID(int=1),
    Decimal("5.00"),
    Fraction(1, 3),
    [1, [2]],
    (1, ("a",)),
    {1, 2},
    frozenset({1}),
    {"a": {"b": (1,)}},
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_is_shown_as_it_is(value: object) -> None:
    shown = Presenter(4_096).value(value)
    assert shown == value
    assert type(shown) is type(value)


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (Account(), "<Account>"),
        ([Account()], ["<Account>"]),
        ({"a": Account()}, {"a": "<Account>"}),
        (Text("secret"), "<Text>"),
        (Account, "<type>"),
        (1 << 9_000, "<int>"),
        (Fraction(1, 1 << 9_000), "<Fraction>"),
        (Decimal("1" * 5_000), "<Decimal>"),
        (Decimal("1E-9000"), "<Decimal>"),
        (datetime(2024, 1, 2, tzinfo=Zone()), "<datetime>"),
        (b"x" * 5_000, "<bytes of 5000>"),
        ([0] * 1_000, "<list of 1000>"),
        (dict.fromkeys(range(1_000)), "<dict of 1000>"),
        ("x" * 5_000, "x" * 4_077 + "..."),
        ("\ud800", "\\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_or_too_much_becomes_a_mark(value: object, mark: object) -> None:
    assert Presenter(4_096).value(value) == mark


def test_depth_is_bounded() -> None:
    endless: list[Any] = []
    endless.append(endless)
    tangled: dict[str, Any] = {}
    tangled["x"] = tangled
    assert "<list of 1>" in str(Presenter(4_096).value(endless))
    assert "<dict of 1>" in str(Presenter(4_096).value(tangled))


def test_a_spent_budget_shows_nothing() -> None:
    assert Presenter(0).value(1) == "..."
    assert Presenter(16).value("text") == "..."
    assert Presenter(17).value([1, 2]) == "..."


@given(
    st.recursive(
        st.integers() | st.text() | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_the_budget_holds(value: object) -> None:
    presenter = Presenter(200)
    shown = presenter.value(value)
    # Each node is charged 16 bytes, more than any of its marks of being cut.
    assert size(shown) <= 200 + 16


def size(value: Any) -> int:
    match value:
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case list():
            return sum(size(item) for item in value)
        case dict():
            return sum(size(key) + size(item) for key, item in value.items())
    return 8


# ---------------------------------------------------------------- the log of messages


def test_what_the_example_prints_at_level_3() -> None:
    file = io.StringIO()
    log(3, file)
    trace.sent(PEER, b"Sqwe")
    trace.value("qwe")
    trace.received(PEER, memoryview(b"Sqweqwe"))
    trace.value("qweqwe")
    trace.sent(PEER, b"PI23\n.")
    trace.value(23)
    trace.received(PEER, b"PI46\n.")
    trace.value(46)
    assert file.getvalue() == (
        "SEND 4 BYTES TO ('127.0.0.1', 1234)\n"
        "'qwe'\n"
        "RECV 7 BYTES FROM ('127.0.0.1', 1234)\n"
        "'qweqwe'\n"
        "SEND 6 BYTES TO ('127.0.0.1', 1234)\n"
        "23\n"
        "RECV 6 BYTES FROM ('127.0.0.1', 1234)\n"
        "46\n"
    )


def run(level: int, data: bytes = b"\x89S\x1b[2J\n", value: object = "secret") -> str:
    file = io.StringIO()
    log(level, file)
    trace.connected(PEER)
    trace.sent(PEER, data)
    trace.value(value)
    return file.getvalue()


def test_level_1_is_a_line_a_message() -> None:
    assert run(1) == "CONNECT FROM 127.0.0.1\nSEND 7 BYTES TO ('127.0.0.1', 1234)\n"


def test_level_2_has_the_bytes_escaped() -> None:
    assert run(2).splitlines()[2:] == ["\\x89S\\x1b[2J\\n"]


def test_level_2_and_3_are_bounded() -> None:
    assert run(2, b"x" * 5_000).splitlines()[2] == "x" * 4_096 + "... and 904 bytes more"
    assert len(run(2, b"\x00" * 1_000_000)) < 20_000
    assert len(run(3, value=[["x"] * 10 for _ in range(1_000)])) < 5_000
    assert run(3, value=[list(range(20))] * 8).endswith("...\n") is False
    assert run(3, value={f"{n}\n": ["\x00" * 70] for n in range(40)}).endswith("...\n")


def test_level_3_runs_no_code_of_what_it_shows() -> None:
    assert run(3, value=[Account(), 1]).splitlines()[2:] == ["['<Account>', 1]"]


def test_level_0_undoes_it_and_the_last_call_counts() -> None:
    handlers = logging.getLogger("limpet.wire").handlers.copy()
    first, second = io.StringIO(), io.StringIO()
    log(1, first)
    log(1, second)
    log(1, second)
    trace.received(PEER, b"x")
    log(0)
    log(0)
    trace.received(PEER, b"x")
    assert first.getvalue() == ""
    assert second.getvalue() == "RECV 1 BYTES FROM ('127.0.0.1', 1234)\n"
    assert logging.getLogger("limpet.wire").handlers == handlers
    assert trace.level == 0
    assert logs.wire.propagate
    assert logs.wire.level == logging.NOTSET


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    log(1)
    trace.connected(Peer(uid=1000))
    trace.sent(Peer(), b"")
    assert capsys.readouterr().err == "CONNECT FROM uid 1000\nSEND 0 BYTES TO memory\n"


@pytest.mark.parametrize("level", [-1, 4, True, 1.0, "1", None])
def test_there_are_four_levels(level: Any) -> None:
    with pytest.raises(ConfigurationError, match="0 to 3"):
        log(level)
    assert trace.level == 0


def test_the_library_is_silent_by_itself() -> None:
    handlers = logging.getLogger("limpet").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)
    assert [logger.name for logger in (logs.wire, logs.session, logs.audit)] == [
        "limpet.wire",
        "limpet.session",
        "limpet.audit",
    ]


# ---------------------------------------------------------------- refusals


def test_a_flood_of_refusals_is_a_line_a_second_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    now = [10.0]
    refusals = Refusals(lambda: now[0])
    ada, bob = Peer(parse_address("192.0.2.1"), 5), Peer(parse_address("192.0.2.2"), 6)
    for at in (10.0, 10.5, 10.9):
        now[0] = at
        refusals.note("denied", ada, "no")
    refusals.note("denied", bob, "never")
    now[0] = 11.0
    refusals.note("denied", bob, "never")
    refusals.note("denied", bob, "never")
    refusals.flush()
    refusals.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "denied peer=192.0.2.1:5 reason=no",
        "denied peer=192.0.2.2:6 reason=never",
        "denied peer=192.0.2.1:5: 2 more within a second",
        "denied peer=192.0.2.2:6 reason=never",
        "denied peer=192.0.2.2:6: 1 more within a second",
    ]


def test_refusals_of_one_address_are_counted_together(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(lambda: 1.0)
    for port in range(5):
        peer = Peer(parse_address("192.0.2.1"), port)
        refusals.note("refused", peer, "full", peer.address)
    refusals.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "refused peer=192.0.2.1:0 reason=full",
        "refused peer=192.0.2.1: 4 more within a second",
    ]


def test_refusals_of_many_addresses_do_not_fill_the_log_either(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(lambda: 1.0)
    for port in range(5_000):
        refusals.note("denied", Peer(parse_address("192.0.2.1"), port), "no")
    refusals.flush()
    assert len(caplog.records) == Refusals.PEERS + 2
    assert caplog.records[-1].getMessage() == f"denied peer=others: {5_000 - Refusals.PEERS - 1} more within a second"
