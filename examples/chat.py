"""A chat: one room on the server, and clients whose functions it calls when somebody speaks.

Look at ``join``: a client hands over a function of its own. At ``_read_to``: each member
has a queue and a thread, so one that is slow, dead or gone holds up nobody else. And at
``say``: the room knows who speaks from ``limpet.peer()``, so nobody speaks for another.

    python examples/chat.py                                     a server, and three who chat
    limpet serve examples.chat:ROOM                             the server alone, until Ctrl-C
    python examples/chat.py limpet://127.0.0.1:7373 Ada         one who chats; start a few
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

import limpet

ROOT = Path(__file__).resolve().parent.parent

# ---------------------------------------------------------------- the server's half

PATIENCE = 2.0  # seconds that a member may take for a line
BACKLOG = 100  # lines that wait for a member; it misses what would be more
LONGEST_LINE, LONGEST_NAME = 500, 20  # characters


@dataclass(frozen=True)
class Member:
    """Somebody in the room.

    Attributes:
        name: what the others call them.
        hear: a function of their client.
        lines: what they have not heard yet; None is the end.
    """

    name: str
    hear: Callable[[str], object]
    lines: SimpleQueue[str | None] = field(default_factory=SimpleQueue)


class Room:
    """A room that all sessions share, so many threads are in here at once.

    The lock guards who is in, and gives all members their lines in one order. Nobody
    holds it while a client is called: a client may take long, or call back. A member is
    known by its peer, which over TCP is the address and port of one connection.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._members: dict[limpet.Peer, Member] = {}

    def join(self, name: str, hear: Callable[[str], object]) -> None:
        """Enter under ``name``; ``hear`` is called with each line from now on.

        Raises:
            ValueError: if that is no name or one that is taken, or the caller is in already.
        """
        if type(name) is not str or not name.isalnum() or len(name) > LONGEST_NAME:
            raise ValueError(f"a name has 1 to {LONGEST_NAME} letters and digits")
        member = Member(name, hear)
        with self._lock:
            if limpet.peer() in self._members:
                raise ValueError("you are in already")
            if any(other.name == name for other in self._members.values()):
                # Whoever has the name may be gone unnoticed. A line finds that out.
                self._tell_all(f"* another {name} is at the door")
                raise ValueError(f"{name} is taken")
            self._members[limpet.peer()] = member
            self._tell_all(f"* {name} is here")
        Thread(target=self._read_to, args=(limpet.peer(), member), daemon=True).start()

    def say(self, text: str) -> None:
        """Say a line to all who are in.

        Raises:
            PermissionError: if the caller did not join, or was found to be too slow.
            ValueError: if the text is too long, or would do more to a terminal than be shown.
        """
        if type(text) is not str or not text.isprintable() or not 0 < len(text) <= LONGEST_LINE:
            raise ValueError(f"a line has 1 to {LONGEST_LINE} printable characters")
        with self._lock:
            member = self._members.get(limpet.peer())
            if member is None:
                raise PermissionError("only who is in may speak")
            self._tell_all(f"{member.name}: {text}")

    def leave(self) -> None:
        """Leave the room. Twice is harmless."""
        with self._lock:
            member = self._members.get(limpet.peer())
        if member is not None:
            self._remove(limpet.peer(), member, "left")

    def _tell_all(self, line: str) -> None:
        for member in self._members.values():
            if member.lines.qsize() < BACKLOG:
                member.lines.put(line)

    def _read_to(self, peer: limpet.Peer, member: Member) -> None:
        """Call one member's client with each line, until it leaves or fails to listen."""
        try:
            while (line := member.lines.get()) is not None:
                with limpet.timeout(PATIENCE):
                    member.hear(line)
        except limpet.CallTimeout:
            self._remove(peer, member, "was too slow")
        except limpet.SessionError:
            self._remove(peer, member, "is gone")
        except Exception:
            self._remove(peer, member, "does not listen")  # their function raised something

    def _remove(self, peer: limpet.Peer, member: Member, why: str) -> None:
        with self._lock:
            if self._members.get(peer) is member:
                del self._members[peer]
                member.lines.put(None)
                self._tell_all(f"* {member.name} {why}")


ROOM = Room()

# ---------------------------------------------------------------- the client's half


def chat(url: str, name: str) -> None:
    """Say each line of the standard input, and show what is said, until the input ends."""
    with limpet.connect(url) as session, suppress(KeyboardInterrupt):  # Ctrl-C is a way to end, too
        room = session.open_as(Room)
        room.join(name, show)
        for line in sys.stdin:
            try:
                room.say(line.rstrip("\n"))
            except (PermissionError, ValueError) as error:
                show(f"({error})")
        room.leave()


def show(line: str) -> None:
    """Print a line. The server calls this, too, and then it runs in another thread."""
    print(f"{line}\n", end="", flush=True)  # in one piece, so that two threads do not mix their lines


# ---------------------------------------------------------------- both, in processes of their own


class Person:
    """A client in a process of its own: this program types for it, and reads its screen."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.process = process

    def types(self, line: str) -> None:
        print(line, file=self.process.stdin, flush=True)

    def sees(self, *expected: str) -> None:
        """Show what comes to this person's screen until all lines that are expected have come."""
        missing = set(expected)
        for line in self.process.stdout or ():
            print(f"{self.name:>6} | {line}", end="", flush=True)
            missing.discard(line.rstrip("\n"))
            if not missing:
                return
        sys.exit(f"{self.name} did not see {missing}")


@contextmanager
def person(url: str, name: str) -> Iterator[Person]:
    command = [sys.executable, __file__, url, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            someone = Person(name, process)
            someone.sees(f"* {name} is here")
            yield someone
        finally:
            process.kill()


@contextmanager
def serving(service: str) -> Iterator[str]:
    """Serve in a process of its own, yield the URL, and end it in every case."""
    command = [sys.executable, "-m", "limpet", "serve", service, "--listen", "limpet://127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - fixed words
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line:
                sys.exit("the server did not start")
            yield line.split()[-1]
        finally:
            server.terminate()


def main() -> None:
    with (
        serving("examples.chat:ROOM") as url,
        person(url, "Ada") as ada,
        person(url, "Bob") as bob,
        person(url, "Cleo") as cleo,
    ):
        ada.types("hello, you two")
        for one in (ada, bob, cleo):
            one.sees("Ada: hello, you two")

        print("\nBob's process stops, as if it hung. The others do not wait for it.")
        bob.process.send_signal(signal.SIGSTOP)
        cleo.types("is Bob asleep?")
        for line in ("Cleo: is Bob asleep?", "* Bob was too slow"):
            ada.sees(line)
            cleo.sees(line)

        print("\nCleo's process is killed. The next line finds that out.")
        cleo.process.kill()
        cleo.process.wait()
        ada.types("Cleo?")
        ada.sees("Ada: Cleo?", "* Cleo is gone")

        print("\nA stranger speaks for Ada. The room knows who calls.")
        with limpet.connect(url) as session:
            try:
                session.open_as(Room).say("I, Ada, owe you a dinner")
            except PermissionError as error:
                print(f"       {type(error).__name__}: {error}")

        print("\nAda ends her input, and with it her client.")
        ada.process.communicate()
        print("       status", ada.process.returncode)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it, too, ends the server
    chat(*sys.argv[1:]) if sys.argv[1:] else main()
