"""Clients that are broken, hostile, silent or gone: each ends in a clear error, in time, and nobody else notices."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import limpet
from limpet import Code
from limpet.sansio import Kind
from limpet.testing.driver import Task, until
from tests.integration.raw import FRAMES, MEBIBYTE, WANT, RawClient, RawPeer, call, hello, payload, serving
from tests.support.hostile import HOSTILE
from tests.support.wire import HEAD_BYTES, Message, drop, forget, fragments, framed, mine, promise, yours

FRAME_SECONDS = 0.3
HANDSHAKE_SECONDS = 0.3


@limpet.expose
class Account:
    """What most tests attack."""

    kept: ClassVar[weakref.WeakSet[Account]] = weakref.WeakSet()
    inside = threading.Event()
    passing = threading.Event()

    def __init__(self, owner: str = "") -> None:
        self.owner, self.size = owner, 0
        self.entries = [1]
        self._pin = "secret"
        Account.kept.add(self)

    def add(self, number: int) -> int:
        self.size += number
        return self.size

    def big(self, size: int) -> bytes:
        return b"\xa5" * size

    def measure(self, data: Any) -> int:
        return len(data)

    def wait(self) -> bool:
        Account.inside.set()
        return Account.passing.wait(20)

    def twin(self) -> Account:
        return Account("twin")

    def call(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def call_in_background(self, function: Any, data: bytes, times: int) -> None:
        threading.Thread(target=lambda: [function(data) for _ in range(times)], daemon=True).start()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Account.inside.clear()
    Account.passing.clear()
    yield
    Account.passing.set()


@pytest.fixture
def server() -> Iterator[limpet.Server]:
    with serving(Account, lambda session: session.open().add(1)) as server:
        yield server


def seconds_until(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


# ---------------------------------------------------------------- before a session


def changed_hello(at: int, *values: int) -> bytes:
    data = bytearray(hello())
    data[at : at + len(values)] = bytes(values)
    return bytes(data)


JUNK = {
    "junk": random.Random(1).randbytes(4096),
    "one wrong byte": b"\x00",
    "zeros": bytes(4096),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + bytes(512),
    "a pickle": b"\x80\x04\x95" + bytes(100),
    "the magic of another version": changed_hello(5, 0x32),
    "suite 1": changed_hello(8, 1),
    "suite 255": changed_hello(8, 255),
    "a reserved byte": changed_hello(9, 1),
    "a key id": changed_hello(10, 1),
    "an ephemeral key": changed_hello(26, 1),
    "no sealed part": changed_hello(58, 0, 0),
    "a sealed part too short": changed_hello(58, 0, 15),
    "a sealed part too long": changed_hello(58, 4, 1),
    "a sealed part of 64 KiB": changed_hello(58, 255, 255),
    "no codec": changed_hello(60, 0),
    "an unknown codec": changed_hello(61, 99),
    "more behind Hello": hello() + b"\x00",
    "two Hellos": hello() * 2,
}


@pytest.mark.parametrize("data", JUNK.values(), ids=JUNK)
def test_junk_gets_no_answer(server: limpet.Server, data: bytes) -> None:
    with RawClient(server.url, shake=False) as peer:
        peer.try_to_send(data)
        assert peer.rest() == b""


PROOFS = {
    "too long": struct.pack("!I", 1_025) + bytes(1_025),
    "as long as can be said": b"\xff\xff\xff\xff",
    "empty": bytes(4),
    "of another kind": framed(b"\x02\x00"),
    "that wants to resume": framed(b"\x01\x01" + bytes(64)),
    "with more in it": framed(b"\x01\x00\x00"),
    "that is a request": framed(Message(int(Kind.OPEN), WANT, 1).pack()),
}


@pytest.mark.parametrize("data", PROOFS.values(), ids=PROOFS)
def test_a_wrong_proof_gets_no_answer(server: limpet.Server, data: bytes) -> None:
    with RawClient(server.url, shake=False) as peer:
        peer.send(hello())
        answer = peer.sock.recv(4096)
        assert answer
        peer.try_to_send(data)
        assert peer.rest() == b""


@pytest.mark.parametrize("size", [0, 1, 30, 59])
def test_a_handshake_that_stalls_ends_in_time(size: int) -> None:
    with (
        serving(Account, handshake_seconds=HANDSHAKE_SECONDS) as server,
        RawClient(server.url, shake=False) as peer,
    ):
        peer.send(hello()[:size])
        assert seconds_until(peer.rest) < 2
        until(lambda: server.sessions == 0)


def trickle(peer: RawPeer, data: bytes, pause: float) -> None:
    """Send a byte at a time, until the other side has had enough."""
    waiting = threading.Event()
    with contextlib.suppress(OSError):
        for byte in data:
            peer.send(bytes([byte]))
            waiting.wait(pause)


@pytest.mark.parametrize("pause", [0.001, 0.02])
def test_a_handshake_that_trickles_ends_in_time(pause: float) -> None:
    with (
        serving(Account, handshake_seconds=HANDSHAKE_SECONDS) as server,
        RawClient(server.url, shake=False) as peer,
    ):
        slow = changed_hello(58, 4, 0) + bytes(1_000)
        assert 0.2 < seconds_until(lambda: trickle(peer, slow, pause)) < 2.5
        until(lambda: server.sessions == 0)


def test_a_handshake_without_its_end_ends_in_time() -> None:
    with (
        serving(Account, handshake_seconds=HANDSHAKE_SECONDS) as server,
        RawClient(server.url, shake=False) as peer,
    ):
        peer.send(hello())
        assert seconds_until(peer.rest) < 2


# ---------------------------------------------------------------- frames and messages


@pytest.mark.parametrize(("data", "code"), FRAMES.values(), ids=FRAMES)
def test_a_frame_of_no_legal_form(server: limpet.Server, data: bytes, code: Code) -> None:
    with RawClient(server.url) as peer:
        peer.send(data)
        assert peer.goodbye() is code


REQUEST = Message(int(Kind.CALL), WANT, 2, 1, payload=payload("add", [1]))
FOREIGN = (9, 15, 18, 31, 34, 47, 52, 63, 66, 80, 81, 82, 83, 84, 200, 255)

MESSAGES: dict[str, tuple[Message, Code]] = {
    **{f"of the unknown kind {kind}": (Message(kind), Code.UNEXPECTED) for kind in FOREIGN},
    "a redirect": (Message(int(Kind.REDIRECT)), Code.UNEXPECTED),
    "a request with unknown flags": (Message(int(Kind.CALL), 64 | WANT, 2, 1), Code.MALFORMED),
    "a Get that passes others": (Message(int(Kind.GET), 32 | WANT, 2, 1), Code.MALFORMED),
    "a request with metadata": (Message(int(Kind.CALL), 16 | WANT, 2, 1), Code.MALFORMED),
    "an id again": (Message(int(Kind.CALL), WANT, 1, 1), Code.MALFORMED),
    "the id 0": (Message(int(Kind.CALL), WANT, 0, 1), Code.MALFORMED),
    "an answer to nothing": (Message(int(Kind.RETURN), 0, 1), Code.MALFORMED),
    "an error about nothing": (Message(int(Kind.RAISE), 0, 7), Code.MALFORMED),
    "a pong to nothing": (Message(int(Kind.PONG), 0, 1), Code.MALFORMED),
    "an acknowledgement of what never was": (Message(int(Kind.ACK), ack=99), Code.MALFORMED),
    "a cancel of what never was": (Message(int(Kind.CANCEL), 0, 99), Code.MALFORMED),
    "a ping with something in it": (Message(int(Kind.PING), 0, 1, payload=b"x"), Code.MALFORMED),
    "tables that are not there": (Message(int(Kind.CALL), WANT, 2, 1, counts=(9, 9, 9)), Code.MALFORMED),
    "65535 tables": (Message(int(Kind.CALL), WANT, 2, 1, counts=(65_535,) * 3), Code.MALFORMED),
    "a reference of an unknown kind": (
        Message(int(Kind.CALL), WANT, 2, 1, references=((9, 0, 0, 0, 0),)),
        Code.MALFORMED,
    ),
    "a reference of a type that was never described": (
        Message(int(Kind.CALL), WANT, 2, 1, references=(mine(1, 7),)),
        Code.MALFORMED,
    ),
    "a reference with an unknown view": (
        Message(int(Kind.CALL), WANT, 2, 1, references=(mine(1, 1, 3),), types=((1, b"x"),)),
        Code.MALFORMED,
    ),
    "a type out of turn": (Message(int(Kind.CALL), WANT, 2, 1, types=((5, b"x"),)), Code.MALFORMED),
    "a descriptor too long": (Message(int(Kind.CALL), WANT, 2, 1, types=((1, bytes(65_537)),)), Code.LIMIT),
    "a release of nothing": (Message(int(Kind.RELEASE)), Code.MALFORMED),
    "a release of what is not there": (Message(int(Kind.RELEASE), references=(drop(99),)), Code.MALFORMED),
    "a release of none": (Message(int(Kind.RELEASE), references=(drop(1, 0),)), Code.MALFORMED),
    "a release of more than were given": (Message(int(Kind.RELEASE), references=(drop(1, 2),)), Code.MALFORMED),
    "a release twice": (Message(int(Kind.RELEASE), references=(drop(1), drop(1))), Code.MALFORMED),
    "a release of a result that is not kept": (Message(int(Kind.RELEASE), references=(forget(1),)), Code.MALFORMED),
    "a release that is a reference": (Message(int(Kind.RELEASE), references=(yours(1),)), Code.MALFORMED),
    "a goodbye with an unknown code": (Message(int(Kind.GOODBYE), 0, 99), Code.MALFORMED),
    "a goodbye that is no text": (Message(int(Kind.GOODBYE), payload=b"\xff"), Code.MALFORMED),
    "another message between the frames of one": (
        Message(int(Kind.CALL), 4 | WANT, 2, payload=bytes(5_000)),
        Code.MALFORMED,
    ),
}


@pytest.mark.parametrize(("message", "code"), MESSAGES.values(), ids=MESSAGES)
def test_a_malformed_message_ends_its_session(server: limpet.Server, message: Message, code: Code) -> None:
    with RawClient(server.url) as peer:
        peer.open()
        peer.say(message)
        if message.flags & 4:
            peer.say(Message(int(Kind.CALL), WANT, 3, 1))
        assert peer.goodbye() is code


def test_a_session_ends_alone() -> None:
    with serving(Account) as server, limpet.connect(server.url) as session, RawClient(server.url) as peer:
        account = session.open("stays")
        peer.open()
        peer.send(FRAMES["as long as can be said"][0])
        assert peer.goodbye() is Code.LIMIT
        assert account.add(1) == 1


def test_half_a_frame_ends_in_time() -> None:
    with serving(Account, frame_seconds=FRAME_SECONDS) as server, RawClient(server.url) as peer:
        peer.open()
        peer.send(framed(REQUEST.pack())[:-3])
        assert seconds_until(peer.goodbye) < 2


@pytest.mark.parametrize("pause", [0.001, 0.02])
def test_a_frame_that_trickles_ends_in_time(pause: float) -> None:
    with serving(Account, frame_seconds=FRAME_SECONDS) as server, RawClient(server.url) as peer:
        peer.open()
        slow = framed(Message(int(Kind.CALL), WANT, 2, 1, payload=bytes(5_000)).pack())
        assert 0.2 < seconds_until(lambda: trickle(peer, slow, pause)) < 2.5


def test_a_slow_peer_that_keeps_its_deadline_is_served() -> None:
    with serving(Account) as server, RawClient(server.url) as peer:
        peer.open()
        trickle(peer, framed(REQUEST.pack()), 0.001)
        assert peer.hear(Kind.RETURN).payload == b"\x01"


def test_more_calls_than_there_is_credit_for() -> None:
    with serving(Account, calls_in_flight=64) as server, RawClient(server.url) as peer:
        peer.open()
        peer.say(call(2, 1, "wait"), *(call(id_, 1, "add", 1) for id_ in range(3, 67)))
        assert peer.goodbye() is Code.LIMIT
        Account.passing.set()


def test_more_bytes_than_there_is_credit_for() -> None:
    with serving(
        Account, frame_bytes=65_536, message_bytes=65_536, outbox_bytes=65_536, error_bytes=2_048
    ) as server, RawClient(server.url) as peer:  # fmt: skip
        peer.open()
        peer.say(call(2, 1, "wait"), call(3, 1, "measure", bytes(40_000)), call(4, 1, "measure", bytes(40_000)))
        assert peer.goodbye() is Code.LIMIT
        Account.passing.set()


def test_a_message_that_never_ends() -> None:
    with serving(Account, message_bytes=MEBIBYTE, outbox_bytes=MEBIBYTE) as server, RawClient(server.url) as peer:
        peer.open()
        endless = fragments(Message(int(Kind.CALL), WANT, 2, 1, payload=bytes(2 * MEBIBYTE)), [500_000] * 4)
        peer.try_to_send(framed(*endless[:4]))
        assert peer.goodbye() is Code.LIMIT


def test_more_references_than_a_server_keeps() -> None:
    with serving(Account, exports=100) as server, RawClient(server.url) as peer:
        peer.open()
        references = tuple(mine(handle) for handle in range(1, 102))
        peer.say(Message(int(Kind.CALL), WANT, 2, 1, references=references, types=((1, b"x"),)))
        assert peer.goodbye() is Code.LIMIT


# ---------------------------------------------------------------- what fails one call alone


@pytest.mark.parametrize("handle", [0, 2, 99, 1 << 32, (1 << 64) - 1, id(Account)])
@pytest.mark.parametrize("kind", [Kind.CALL, Kind.GET, Kind.SET, Kind.DELETE, Kind.OPERATE, Kind.COPY, Kind.DESCRIBE])
def test_handles_out_of_the_air(server: limpet.Server, kind: Kind, handle: int) -> None:
    with RawClient(server.url) as peer:
        peer.open()
        for message in (
            Message(int(kind), WANT, 2, handle, payload=payload("owner")),
            Message(int(kind), WANT | 8, 3, handle, payload=payload("owner")),
        ):
            answer = peer.ask(message)
            assert answer.kind == Kind.RAISE
            assert b"no such object" in answer.payload
        assert peer.ask(call(4, 1, "add", 1)).payload == b"\x01"


@pytest.mark.parametrize("reference", [yours(99), promise(99), yours(0)])
def test_references_out_of_the_air(server: limpet.Server, reference: tuple[int, int, int, int, int]) -> None:
    with RawClient(server.url) as peer:
        peer.open()
        named = b"\x92\xa7measure\x91\xd5\x10\x00\x00"
        assert peer.ask(Message(int(Kind.CALL), WANT, 2, 1, references=(reference,), payload=named)).kind == Kind.RAISE
        assert peer.ask(call(3, 1, "add", 1)).payload == b"\x01"


def test_another_sessions_handle(server: limpet.Server) -> None:
    with RawClient(server.url) as peer, RawClient(server.url) as other:
        peer.open()
        other.open()
        twin = other.ask(call(2, 1, "twin")).references[0][4]
        assert twin == 2
        assert b"no such object" in peer.ask(call(2, twin, "add", 1)).payload
        assert other.ask(call(3, twin, "add", 1)).payload == b"\x01"


def test_a_released_handle(server: limpet.Server) -> None:
    with RawClient(server.url) as peer:
        peer.open()
        twin = peer.ask(call(2, 1, "twin")).references[0][4]
        peer.say(Message(int(Kind.RELEASE), references=(drop(twin),)))
        assert b"no such object" in peer.ask(call(3, twin, "add", 1)).payload
        assert peer.ask(call(4, 1, "add", 1)).payload == b"\x01"


NAMES: list[object] = [
    *(b"add", b"", 1, 0, -1, None, True, 1.5, [], ["add"], {}, {"add": 1}),
    *("", "x" * 65, "x" * 1_000_000, "a.b", "owner.__class__", "a b", "add\0", "\0", "add\n", "add()", " add"),
    *("\uff41dd", "\uff3fpin", "a\u200dd", "\u202eadd", "_", "_pin", "__pin", "_Account__pin", "__limpet_exposed__"),
    *("__class__", "__dict__", "__init__", "__reduce__", "__getattribute__", "__globals__", "__code__"),
    *("__subclasses__", "__mro__", "__del__", "__weakref__", "__add__", "__call__", "mro", "missing", "func_globals"),
]  # fmt: skip
VERBS: dict[str, Callable[[int, object], Message]] = {
    "call": lambda id_, name: call(id_, 1, name, 1),
    "get": lambda id_, name: Message(int(Kind.GET), WANT, id_, 1, payload=payload(name)),
    "set": lambda id_, name: Message(int(Kind.SET), WANT, id_, 1, payload=payload(name, 1)),
    "delete": lambda id_, name: Message(int(Kind.DELETE), WANT, id_, 1, payload=payload(name)),
    "open": lambda id_, name: Message(int(Kind.OPEN), WANT, id_, payload=payload(name or "x", [], {})),
    "open with a keyword": lambda id_, name: Message(int(Kind.OPEN), WANT, id_, payload=payload("", [], keyword(name))),
    "call with a keyword": lambda id_, name: Message(
        int(Kind.CALL), WANT, id_, 1, payload=payload("add", [], keyword(name))
    ),
    "operate": lambda id_, name: Message(int(Kind.OPERATE), WANT, id_, 1, payload=payload(name)),
}


def keyword(name: object) -> dict[Any, int]:
    return {name if isinstance(name, str | bytes | int | float | None) else str(name): 1}


@pytest.mark.parametrize("verb", VERBS)
def test_names_that_no_verb_takes(server: limpet.Server, verb: str) -> None:
    with RawClient(server.url) as peer:
        peer.open("Ada")
        for id_, name in enumerate(NAMES, 2):
            if verb == "operate" and type(name) is int and name == 1:
                continue  # An operation has a number, and this is one.
            answer = peer.ask(VERBS[verb](id_, name))
            assert answer.kind == Kind.RAISE, name
            assert b"secret" not in answer.payload
        assert peer.ask(call(1_000, 1, "add", 1)).payload == b"\x01"
        assert peer.ask(Message(int(Kind.GET), WANT, 1_001, 1, payload=payload("owner"))).payload == b"\xa3Ada"


def test_a_shared_object_keeps_its_members() -> None:
    shared = Account("shared")
    with serving(shared) as server, RawClient(server.url) as peer:
        peer.open()
        for id_, name in enumerate(("owner", "add", "entries", "new", "__class__", "_pin"), 2):
            assert peer.ask(VERBS["set"](2 * id_, name)).kind == Kind.RAISE
            assert peer.ask(VERBS["delete"](2 * id_ + 1, name)).kind == Kind.RAISE
        assert vars(shared) == {"owner": "shared", "size": 0, "entries": [1], "_pin": "secret"}
        assert set(vars(Account)) >= {"add", "big", "wait"}


def test_hostile_values_fail_their_call_alone(server: limpet.Server) -> None:
    with RawClient(server.url) as peer:
        peer.open()
        for id_, data in enumerate(HOSTILE.values(), 2):
            if len(data) < MEBIBYTE - HEAD_BYTES:
                answer = peer.ask(Message(int(Kind.CALL), WANT, id_, 1, payload=b"\x92\xa7measure\x91" + data))
                assert answer.kind == Kind.RAISE
        assert peer.ask(call(100_000, 1, "add", 1)).payload == b"\x01"


def test_huge_values_within_the_limit(server: limpet.Server) -> None:
    with limpet.connect(server.url) as session:
        account = session.open()
        with pytest.raises(limpet.EncodeError):
            account.measure(bytes(129 * MEBIBYTE))
        deep: list[Any] = []
        for _ in range(100):
            deep = [deep]
        with pytest.raises(limpet.EncodeError):
            account.measure(deep)
        with pytest.raises(limpet.EncodeError):
            account.measure(1 << 10_000)
        assert account.measure(bytes(10 * MEBIBYTE)) == 10 * MEBIBYTE


# ---------------------------------------------------------------- who does not read


def test_a_client_that_never_reads() -> None:
    with serving(Account, write_seconds=0.4) as server, RawClient(server.url, receive_bytes=16_384) as peer:
        peer.open()
        peer.say(*(call(id_, 1, "big", 4 * MEBIBYTE) for id_ in range(2, 20)))
        assert seconds_until(lambda: until(lambda: server.sessions == 0)) < 3


def test_a_client_that_asks_and_never_reads() -> None:
    limits: dict[str, Any] = {"outbox_bytes": 4 * MEBIBYTE, "message_bytes": 2 * MEBIBYTE, "write_seconds": 0.4}
    with serving(Account, **limits) as server, RawClient(server.url, receive_bytes=16_384) as peer:
        peer.open()

        def ask() -> None:
            for id_ in range(2, 1_000_000):
                peer.send(framed(call(id_, 1, "big", MEBIBYTE).pack()) + framed(Message(int(Kind.PING)).pack()) * 100)

        with pytest.raises(OSError):
            ask()
        until(lambda: server.sessions == 0, 3)


def test_both_sides_send_64_mebibytes_at_once(server: limpet.Server) -> None:
    data = bytes(64 * MEBIBYTE)
    heard: list[int] = []
    with limpet.connect(server.url) as session:
        account = session.open()
        account.call_in_background(lambda data: heard.append(len(data)), data, 1)
        assert account.measure(data) == len(data)
        until(lambda: heard == [len(data)])


def test_both_sides_send_much_with_callbacks(server: limpet.Server) -> None:
    data = bytes(8 * MEBIBYTE)
    heard: list[int] = []

    def hear(data: bytes) -> bytes:
        heard.append(len(data))
        return data

    with limpet.connect(server.url) as session:
        account = session.open()
        account.call_in_background(hear, data, 4)
        tasks = [Task(account.call, hear, data) for _ in range(3)]
        assert all(task.result(30) == data for task in tasks)
        until(lambda: heard == [len(data)] * 7)


# ---------------------------------------------------------------- who is gone

CLIENT = """
import sys, limpet
session = limpet.connect(sys.argv[1])
held = [session.open(f"killed {number}") for number in range(5)]
print("ready", flush=True)
held[0].wait()
"""
SERVER = """
import sys, threading, limpet
class Sleeper:
    def wait(self):
        print("inside", flush=True)
        threading.Event().wait(30)
with limpet.Server(Sleeper, "limpet://127.0.0.1:0") as server:
    print(server.url, flush=True)
    server.wait()
"""


@contextlib.contextmanager
def running(script: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", script, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_client_that_is_killed_leaves_nothing() -> None:
    with serving(Account) as server, limpet.connect(server.url) as session:
        staying = session.open("stays")
        with running(CLIENT, server.url) as process:
            assert said(process) == "ready"
            assert Account.inside.wait(10)
            assert len([account for account in Account.kept if account.owner.startswith("killed")]) == 5
            process.kill()
            # The call that runs keeps its object until it ends.
            until(lambda: len([account for account in Account.kept if account.owner.startswith("killed")]) <= 1)
            Account.passing.set()
            until(lambda: not [account for account in Account.kept if account.owner.startswith("killed")])
        until(lambda: server.sessions == 1)
        assert staying.owner == "stays"


def test_a_server_that_is_killed_is_lost_at_once() -> None:
    with running(SERVER) as process, limpet.connect(said(process)) as session:
        sleeper = session.open()
        tasks = [Task(sleeper.wait) for _ in range(3)]
        assert said(process) == "inside"
        process.kill()
        began = time.monotonic()
        for task in tasks:
            with pytest.raises(limpet.SessionLost):
                task.result()
        assert time.monotonic() - began < 1
        with pytest.raises(limpet.SessionLost):
            sleeper.wait()


def test_a_client_that_hangs_up_without_a_word_frees_its_objects(server: limpet.Server) -> None:
    with RawClient(server.url) as peer:
        peer.open("gone")
        assert [account.owner for account in Account.kept if account.owner == "gone"] == ["gone"]
        # As an abort does: a reset instead of an end.
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: not [account for account in Account.kept if account.owner == "gone"])


# ---------------------------------------------------------------- crowds


def test_500_silent_connections(server: limpet.Server) -> None:
    with contextlib.ExitStack() as stack:
        threads = threading.active_count()
        for _ in range(500):
            stack.enter_context(RawClient(server.url, shake=False))
        until(lambda: server.sessions == 500)
        with limpet.connect(server.url) as session:
            assert seconds_until(lambda: session.open().add(1)) < 2
        assert threading.active_count() - threads < 10


def test_100_silent_sessions() -> None:
    with serving(Account, workers=8) as server, contextlib.ExitStack() as stack:
        threads = threading.active_count()
        for _ in range(100):
            stack.enter_context(RawClient(server.url)).open()
        with limpet.connect(server.url) as session:
            assert seconds_until(lambda: session.open().add(1)) < 2
        assert threading.active_count() - threads <= 9


@pytest.mark.parametrize("limit", ["connections", "connections_per_address"])
def test_a_limit_of_connections(limit: str) -> None:
    limits: dict[str, Any] = {limit: 3}
    with serving(Account, **limits) as server:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(RawClient(server.url, shake=False))
            until(lambda: server.sessions == 3)
            with RawClient(server.url, shake=False) as refused:
                assert refused.rest() == b""
            with pytest.raises(limpet.ConnectRefused):
                limpet.connect(server.url)
        until(lambda: server.sessions == 0)


def test_whoever_is_silent_keeps_nobody_out() -> None:
    with serving(Account, handshakes=3) as server, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(RawClient(server.url, shake=False)) for _ in range(3)]
        until(lambda: server.sessions == 3)
        with limpet.connect(server.url) as session:
            assert session.open().add(1) == 1
            assert silent[0].rest() == b""
            assert server.sessions == 3
        stack.enter_context(RawClient(server.url, shake=False))
        until(lambda: server.sessions == 3)
        stack.enter_context(RawClient(server.url, shake=False))
        assert silent[1].rest() == b""


def test_one_address_keeps_no_other_out() -> None:
    with serving(Account, handshakes=3) as server, contextlib.ExitStack() as stack:
        quiet = stack.enter_context(RawClient(server.url, shake=False, source="127.0.0.1"))
        until(lambda: server.sessions == 1)
        many = [stack.enter_context(RawClient(server.url, shake=False, source="127.0.0.2")) for _ in range(2)]
        until(lambda: server.sessions == 3)
        stack.enter_context(RawClient(server.url, shake=False, source="127.0.0.3"))
        # The oldest of all is not of the address that has most.
        assert many[0].rest() == b""
        quiet.send(hello())
        assert quiet.read(1) == b"\0"


def test_more_calls_than_workers() -> None:
    with serving(Account, workers=2) as server, contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(limpet.connect(server.url)) for _ in range(4)]
        tasks = [Task(session.open().wait) for session in sessions[:1]]
        assert Account.inside.wait(10)
        tasks += [Task(lambda session=session: session.open().add(1)) for session in sessions[1:]]
        assert [task.result() for task in tasks[1:]] == [1, 1, 1]
        Account.passing.set()
        assert tasks[0].result() is True


def test_the_reason_of_the_end_is_told_to_a_client_that_is_sending() -> None:
    with serving(Account) as server:
        for _ in range(5):
            with limpet.connect(server.url) as session:
                account = session.open()
                channel = session._channel
                with channel.lock:
                    channel.connection.outbox.put(framed(Message(99).pack()))
                    channel.locked_send()
                with pytest.raises(limpet.ProtocolError, match="unknown kind 99"):
                    account.measure(bytes(20 * MEBIBYTE))


def test_this_process_has_the_descriptors_it_had() -> None:
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    with limpet.Server(Account, "limpet://127.0.0.1:0"):
        pass
    before = descriptors()
    for _ in range(5):
        with serving(Account) as server:
            with RawClient(server.url) as peer:
                peer.open()
                peer.send(b"\xff" * 100)
                peer.goodbye()
            with RawClient(server.url, shake=False) as peer:
                peer.send(b"junk")
    until(lambda: descriptors() <= before)
