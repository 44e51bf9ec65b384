"""What a message carries: laid out all or not at all, and read as it was meant or refused."""

from __future__ import annotations

import gc

import pytest

from limpet.errors import EncodeError, LimitExceeded, ProtocolError
from limpet.limits import Limits
from limpet.session.body import EMPTY, UNKNOWN, Body, Layout, Mine, Tables, Yours, lay_out, measure, read_tables
from limpet.session.messages import HEAD_BYTES, INLINE_TYPE, REFERENCE
from limpet.session.schedule import Pending, Promise
from limpet.session.tables import Export, Import

LIMITS = Limits(types=2, exports=3, references=4, descriptor_bytes=100)
MOST = 1_000


class Thing:
    """An object that is sent by reference."""


def tables() -> Tables:
    return Tables(LIMITS)


def behind_head(layout: Layout) -> bytes:
    return b"".join(layout.parts)


def message(layout: Layout) -> memoryview:
    return memoryview(bytes(HEAD_BYTES) + behind_head(layout))


def send(body: Body, sender: Tables) -> Layout:
    size = measure(body, sender, LIMITS, MOST)
    layout = lay_out(body, sender)
    assert layout.size == size == HEAD_BYTES + len(behind_head(layout))
    return layout


def receive(layout: Layout, receiver: Tables) -> tuple[list[object], list[bytes], bytes]:
    references, buffers, payload = read_tables(
        message(layout), layout.references, layout.types, layout.buffers, receiver
    )
    return references, buffers, bytes(payload)


# ---------------------------------------------------------------- laying out


def test_an_empty_body_has_no_parts() -> None:
    assert send(EMPTY, tables()) == Layout(0, 0, 0, HEAD_BYTES, [])


def test_the_bytes_of_a_body() -> None:
    sender = tables()
    pending = Pending(9, 0, 1)
    yours = Import(7, b"their type", 2)
    body = Body(b"payload", [Mine(Thing(), 2, b"type"), Yours(yours, None), pending], [b"large", b""])
    layout = send(body, sender)
    assert (layout.references, layout.types, layout.buffers) == (3, 1, 2)
    assert behind_head(layout) == bytes.fromhex(
        "01 02 0000 00000001 0000000000000001"
        "02 00 0000 00000000 0000000000000007"
        "03 00 0000 00000000 0000000000000009"
        "00000001 00000004"
        "00000005 00000000"
    ) + (b"type" + b"payload" + b"large")


def test_payload_and_buffers_are_not_copied() -> None:
    payload, large = b"p" * 100, b"b" * 100
    layout = send(Body(payload, [], [large]), tables())
    assert layout.parts[-2] is payload
    assert layout.parts[-1] is large


def test_a_descriptor_goes_once() -> None:
    sender = tables()
    thing = Thing()
    first = send(Body(b"", [Mine(thing, 1, b"one"), Mine(thing, 1, b"one"), Mine(Thing(), 1, b"two")]), sender)
    assert first.types == 2
    assert send(Body(b"", [Mine(thing, 1, b"one"), Mine(thing, 1, b"two")]), sender).types == 0
    assert sender.exports.by_handle[1].count == 4


def test_over_the_limit_of_types_a_descriptor_goes_along_once_in_each_message() -> None:
    sender, receiver = tables(), tables()
    things = [Thing() for _ in range(3)]
    bodies = [
        Body(b"", [Mine(things[0], 1, b"one")]),
        Body(b"", [Mine(things[1], 1, b"x"), Mine(things[2], 1, b"two"), Mine(things[1], 1, b"three")]),
        Body(b"", [Mine(things[1], 1, b"three"), Mine(things[2], 1, b"three")]),
    ]
    layouts = [send(body, sender) for body in bodies]
    assert [layout.types for layout in layouts] == [1, 3, 1]
    assert sender.types.sent == {b"one": 1, b"x": 2}
    for layout in layouts:
        receive(layout, receiver)
    assert {entry.descriptor for entry in receiver.imports.by_handle.values()} == {b"one", b"x", b"two"}
    assert receiver.types.received == {1: b"one", 2: b"x"}
    assert receiver.imports._inline_bytes == len(b"two")


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (Body(b"", [Pending(1, 0, 1)] * 5), "more than 4 references or large buffers"),
        (Body(b"", [], [b""] * 5), "more than 4 references or large buffers"),
        (Body(b"", [Mine(Thing(), 1, b"t") for _ in range(4)]), "the peer holds 3 objects already"),
        (Body(bytes(MOST - HEAD_BYTES + 1)), "a message of 1001 bytes; the limit is 1000"),
        (Body(b"", [], [bytes(MOST - HEAD_BYTES - 3)]), "a message of 1001 bytes; the limit is 1000"),
        (Body(b"", [Mine(Thing(), 1, bytes(937))]), "a message of 1001 bytes; the limit is 1000"),
    ],
)
def test_what_may_not_go_grants_nothing(body: Body, match: str) -> None:
    sender = tables()
    with pytest.raises(EncodeError, match=match):
        measure(body, sender, LIMITS, MOST)
    assert not sender.exports.by_handle
    assert not sender.types.sent


def test_what_just_fits_may_go() -> None:
    sender = tables()
    assert send(Body(bytes(MOST - HEAD_BYTES)), sender).size == MOST
    assert send(Body(b"", [], [bytes(MOST - HEAD_BYTES - 4)]), sender).size == MOST
    assert send(Body(b"", [Mine(Thing(), 1, bytes(936))]), sender).size == MOST
    # Its descriptor is known by now.
    assert send(Body(b"", [Mine(Thing(), 1, bytes(936))] * 2), sender).size == HEAD_BYTES + 32


# ---------------------------------------------------------------- reading


def test_what_was_laid_out_is_read() -> None:
    sender, receiver = tables(), tables()
    thing, home = Thing(), Thing()
    export = receiver.exports.grant(home, 2)
    promise = receiver.promises[9] = Promise()
    pending = Pending(9, 0, 1)
    body = Body(
        b"payload",
        [Mine(thing, 2, b"type"), Yours(Import(export.handle, b"", 2), None), pending],
        [b"large", b"", b"x"],
    )
    references, buffers, payload = receive(send(body, sender), receiver)
    mine, yours, promised = references
    assert isinstance(mine, Import)
    assert (mine.handle, mine.descriptor, mine.view, mine.count, mine.uses) == (1, b"type", 2, 1, 1)
    assert isinstance(yours, Export)
    assert yours.target is home
    assert promised is promise
    assert (buffers, payload) == ([b"large", b"", b"x"], b"payload")
    assert type(buffers[0]) is bytes


def test_what_is_not_there_stands_for_nothing() -> None:
    body = Body(b"", [Yours(Import(5, b"", 1), None), Pending(5, 0, 1)])
    assert receive(send(body, tables()), tables())[0] == [UNKNOWN, UNKNOWN]


def entry(what: int, view: int = 0, reserved: int = 0, number: int = 0, handle: int = 1) -> bytes:
    return REFERENCE.pack(what, view, reserved, number, handle)


TYPED = "00000001 00000001"


@pytest.mark.parametrize(
    ("counts", "body", "match"),
    [
        ((1, 0, 0), b"", "shorter than its tables"),
        ((0, 1, 0), bytes(7), "shorter than its tables"),
        ((0, 0, 1), bytes(3), "shorter than its tables"),
        ((0, 1, 0), bytes.fromhex(TYPED), "shorter than its descriptors"),
        ((0, 1, 1), bytes.fromhex(TYPED + "00000001") + b"x", "shorter than its descriptors"),
        ((0, 0, 1), bytes.fromhex("00000002") + b"x", "shorter than its buffers"),
        ((0, 0, 2), bytes.fromhex("ffffffff ffffffff"), "shorter than its buffers"),
        ((1, 0, 0), entry(0), "unknown kind 0"),
        ((1, 0, 0), entry(4, number=1), "means nothing there"),
        ((1, 0, 0), entry(5), "unknown kind 5"),
        ((1, 0, 0), entry(2, view=1), "means nothing there"),
        ((1, 0, 0), entry(3, number=1), "means nothing there"),
        ((1, 0, 0), entry(2, reserved=1), "reserved"),
        ((1, 0, 0), entry(1, view=0, number=1), "unknown view 0"),
        ((1, 0, 0), entry(1, view=1, number=1), "never described"),
        ((1, 0, 0), entry(1, view=1, number=INLINE_TYPE), "never described"),
        ((0, 1, 0), bytes.fromhex("00000002 00000001") + b"x", "out of turn"),
    ],
)
def test_what_is_malformed(counts: tuple[int, int, int], body: bytes, match: str) -> None:
    with pytest.raises(ProtocolError, match=match):
        read_tables(memoryview(bytes(HEAD_BYTES) + body), *counts, tables())


def test_limits_of_what_comes_in() -> None:
    receiver = tables()
    sender = Tables(Limits())
    receive(lay_out(Body(b"", [Mine(Thing(), 1, b"type") for _ in range(3)]), sender), receiver)
    with pytest.raises(LimitExceeded, match="more than 3 references held"):
        receive(lay_out(Body(b"", [Mine(Thing(), 1, b"type")]), sender), receiver)
    with pytest.raises(LimitExceeded, match="a descriptor of 101 bytes"):
        receive(lay_out(Body(b"", [Mine(Thing(), 1, bytes(101))]), sender), receiver)


def test_collecting_the_error_of_a_malformed_message_is_safe() -> None:
    # An error that is kept in a cycle with the message it came from: CPython 3.11 crashes when an
    # iterator over a memoryview is among what it collects there.
    class Keeper:
        error: ProtocolError

    def fail(view: memoryview) -> None:
        keeper = Keeper()
        keeper.__dict__["self"] = keeper
        try:
            read_tables(view, 2, 0, 0, tables())
        except ProtocolError as error:
            keeper.error = error

    for _ in range(3):
        fail(memoryview(bytearray(HEAD_BYTES) + entry(2) + entry(0)))
        gc.collect()


def test_tables_are_forgotten() -> None:
    made = tables()
    made.exports.grant(Thing(), 1)
    made.imports.arrive(1, b"type", 1)
    made.promises[1] = Promise()
    made.clear()
    assert not made.exports.by_handle
    assert not made.imports.by_handle
    assert not made.promises
