"""The chat: what the program says, and a room whose members are slow, broken, gone or many."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import Queue
from threading import Event

import pytest

import limpet
from examples.chat import BACKLOG, LONGEST_LINE, LONGEST_NAME, Room
from tests.support.programs import EXAMPLES, run, serving, started

SECONDS = 20


class Visitor:
    """One who is in the room, in a session of their own."""

    def __init__(self, room: Room, name: str, hear: Callable[[str], object] | None = None) -> None:
        self.lines: Queue[str] = Queue()
        self.room = room
        self.room.join(name, hear or self.lines.put)

    def hears(self, *expected: str) -> None:
        assert [self.lines.get(timeout=SECONDS) for _ in expected] == [*expected]


@pytest.fixture
def url() -> Iterator[str]:
    with serving("examples.chat:ROOM") as (url, _):
        yield url


@pytest.fixture
def enter(url: str) -> Iterator[Callable[[], Room]]:
    """Return a function that gives the room, each time as another client has it."""
    with ExitStack() as sessions:
        yield lambda: sessions.enter_context(limpet.connect(url)).open_as(Room)


def test_the_program() -> None:
    out, _ = run("chat.py")
    lines = [" ".join(line.split()) for line in out.splitlines() if line]
    # If she is killed before her last answer is sent, the room knows at once.
    lines[15:17] = sorted(lines[15:17], reverse=True)
    assert lines == [
        "Ada | * Ada is here",
        "Bob | * Bob is here",
        "Cleo | * Cleo is here",
        "Ada | * Bob is here",
        "Ada | * Cleo is here",
        "Ada | Ada: hello, you two",
        "Bob | * Cleo is here",
        "Bob | Ada: hello, you two",
        "Cleo | Ada: hello, you two",
        "Bob's process stops, as if it hung. The others do not wait for it.",
        "Ada | Cleo: is Bob asleep?",
        "Cleo | Cleo: is Bob asleep?",
        "Ada | * Bob was too slow",
        "Cleo | * Bob was too slow",
        "Cleo's process is killed. The next line finds that out.",
        "Ada | Ada: Cleo?",
        "Ada | * Cleo is gone",
        "A stranger speaks for Ada. The room knows who calls.",
        "PermissionError: only who is in may speak",
        "Ada ends her input, and with it her client.",
        "status 0",
    ]


def test_it_ends_its_processes_when_it_is_ended() -> None:
    with started(EXAMPLES / "chat.py", stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert "* Ada is here" in program.stdout.readline()
        program.terminate()
        program.communicate(timeout=SECONDS)  # ends when all have ended that hold its output
        assert program.returncode == 128 + signal.SIGTERM


def test_by_hand(url: str, enter: Callable[[], Room]) -> None:
    with started(EXAMPLES / "chat.py", url, "Ada", stdin=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "* Ada is here\n"
        bob = Visitor(enter(), "Bob")
        assert client.stdout.readline() == "* Bob is here\n"
        bob.room.say("hello")
        assert client.stdout.readline() == "Bob: hello\n"
        out, _ = client.communicate("hi\n\nbye\n")
        assert client.returncode == 0
        bob.hears("* Bob is here", "Bob: hello", "Ada: hi", "Ada: bye", "* Ada left")
        assert f"(a line has 1 to {LONGEST_LINE} printable characters)" in out.splitlines()


def test_an_object_listens(enter: Callable[[], Room]) -> None:
    class Screen:
        def __init__(self) -> None:
            self.lines: Queue[str] = Queue()

        def __call__(self, line: str) -> None:
            self.lines.put(line)

    screen = Screen()
    enter().join("Ada", limpet.ref(screen))  # type: ignore[arg-type]  # it arrives as what it refers to
    assert screen.lines.get(timeout=SECONDS) == "* Ada is here"


def test_a_listener_that_hangs_holds_up_nobody(enter: Callable[[], Room]) -> None:
    ada, awake = Visitor(enter(), "Ada"), Event()
    bob = Visitor(enter(), "Bob", lambda _: awake.wait(SECONDS))
    try:
        for number in range(BACKLOG // 2):
            ada.room.say(f"{number}")
        ada.hears("* Ada is here", "* Bob is here", *(f"Ada: {number}" for number in range(BACKLOG // 2)))
        ada.hears("* Bob was too slow")
    finally:
        awake.set()
    with pytest.raises(PermissionError):
        bob.room.say("I am back")


def test_a_listener_that_fails_is_out(enter: Callable[[], Room]) -> None:
    ada = Visitor(enter(), "Ada")
    Visitor(enter(), "Bob", lambda line: 1 / 0)
    ada.hears("* Ada is here", "* Bob is here", "* Bob does not listen")


def test_a_client_that_closed_is_out(url: str, enter: Callable[[], Room]) -> None:
    ada = Visitor(enter(), "Ada")
    with limpet.connect(url) as session:
        bob = Visitor(session.open_as(Room), "Bob")
        bob.hears("* Bob is here")
    ada.room.say("Bob?")
    ada.hears("* Ada is here", "* Bob is here")
    # Had the session closed before the answer to a line was sent, the room would know already.
    assert {ada.lines.get(timeout=SECONDS), ada.lines.get(timeout=SECONDS)} == {"Ada: Bob?", "* Bob is gone"}


def test_a_listener_may_speak(enter: Callable[[], Room]) -> None:
    ada, room = Visitor(enter(), "Ada"), enter()

    def answer(line: str) -> None:
        if line.startswith("Ada: "):
            room.say(f"{line}!")

    Visitor(room, "Echo", answer)
    ada.room.say("ho")
    ada.hears("* Ada is here", "* Echo is here", "Ada: ho", "Echo: Ada: ho!")


def test_all_hear_all_in_one_order(enter: Callable[[], Room]) -> None:
    names, count = ("Ada", "Bob", "Cleo", "Dan"), 20
    visitors = [Visitor(enter(), name) for name in names]

    def talk(visitor: Visitor) -> None:
        for number in range(count):
            visitor.room.say(f"{number}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(talk, visitors))
    heard = [[visitor.lines.get(timeout=SECONDS) for _ in range(count * len(names))] for visitor in map(skip, visitors)]
    assert all(lines == heard[0] for lines in heard)
    for name in names:
        assert [line for line in heard[0] if line.startswith(name)] == [f"{name}: {number}" for number in range(count)]


def skip(visitor: Visitor) -> Visitor:
    """Let a visitor hear who came, up to the last."""
    while visitor.lines.get(timeout=SECONDS) != "* Dan is here":
        pass
    return visitor


def test_a_name_is_taken_until_its_owner_is_found_to_be_gone(url: str, enter: Callable[[], Room]) -> None:
    cleo = Visitor(enter(), "Cleo")
    with limpet.connect(url) as session:
        ada = Visitor(session.open_as(Room), "Ada")
        with pytest.raises(ValueError, match="Ada is taken"):
            Visitor(enter(), "Ada")
        ada.hears("* Ada is here", "* another Ada is at the door")
    try:
        ada = Visitor(enter(), "Ada")
    except ValueError:  # the room did not know yet; it finds out because of this
        while cleo.lines.get(timeout=SECONDS) != "* Ada is gone":
            pass
        ada = Visitor(enter(), "Ada")
    ada.hears("* Ada is here")


def test_joining_twice(enter: Callable[[], Room]) -> None:
    ada = Visitor(enter(), "Ada")
    with pytest.raises(ValueError, match="in already"):
        Visitor(ada.room, "Bob")


def test_who_left_is_out(enter: Callable[[], Room]) -> None:
    ada, bob = Visitor(enter(), "Ada"), Visitor(enter(), "Bob")
    bob.room.leave()
    bob.room.leave()
    ada.hears("* Ada is here", "* Bob is here", "* Bob left")
    with pytest.raises(PermissionError, match="only who is in"):
        bob.room.say("hello")
    Visitor(bob.room, "Bob2").hears("* Bob2 is here")


@pytest.mark.parametrize("text", ["", "two\nlines", "\x1b[2J", "x" * (LONGEST_LINE + 1), b"bytes", 5])
def test_what_is_no_line(text: str, enter: Callable[[], Room]) -> None:
    ada = Visitor(enter(), "Ada")
    with pytest.raises(ValueError, match="printable"):
        ada.room.say(text)


@pytest.mark.parametrize("name", ["", "A\r", "* Bob", "Ada:", 5, "x" * (LONGEST_NAME + 1)])
def test_what_is_no_name(name: str, enter: Callable[[], Room]) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        Visitor(enter(), name)
