"""One conversation of two peers in memory, the same in every run, recorded message by message.

    python -m tests.conformance.conversation > tests/vectors/conversation.json

writes the vectors anew. That is a change of the wire: it goes with a change of
docs/reference/wire-protocol.md, and never happens by accident.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from types import ModuleType
from typing import Any, Final

import pytest

import limpet
from limpet.objects.dispatch import Dispatch
from limpet.objects.endpoint import make_tables
from limpet.objects.services import catalog
from limpet.policy.redaction import ErrorPolicy, Level
from limpet.sansio import Body, Connection, Endpoint, Flag, Kind, Peer, Pending, Profile, Request, Session
from limpet.session.tables import Import
from tests.support.sources import ROOT

__all__ = ["PATH", "Talk", "entropy", "record", "split"]

PATH: Final = ROOT / "tests" / "vectors" / "conversation.json"

# Compiled from text, so that the names and lines in it never change.
BANK: Final = """\
class Account:
    \"\"\"A bank account.\"\"\"

    def __init__(self, owner):
        self.owner, self.balance, self.listener = owner, 0, None

    def deposit(self, amount):
        \"\"\"Add to the balance, and return it.\"\"\"
        if amount <= 0:
            raise ValueError(f"cannot deposit {amount}")
        self.balance += amount
        if self.listener:
            self.listener.hear(amount)
        return self.balance

    def listen(self, listener):
        \"\"\"Tell listener of each deposit.\"\"\"
        self.listener = listener

    def twin(self, owner):
        \"\"\"Return another account.\"\"\"
        return Account(owner)

    def note(self, text):
        \"\"\"Return how long the text is.\"\"\"
        return len(text)

    def __len__(self):
        return self.balance


class Listener:
    \"\"\"Hears of deposits.\"\"\"

    def hear(self, amount):
        \"\"\"Take note of a deposit.\"\"\"
"""


def entropy(size: int) -> bytes:
    """Return bytes that are random in no way: 00 01 02 ..."""
    return bytes(range(size))


def split(data: bytes) -> list[bytes]:
    """Return the frames in ``data``, each with its length in front."""
    frames = []
    while data:
        end = 4 + int.from_bytes(data[:4], "big")
        frames.append(data[:end])
        data = data[end:]
    return frames


class Side:
    """One end: its connection and, once there is a session, its endpoint. It carries its proxies' requests."""

    def __init__(self, talk: Talk, name: str, connection: Connection, dispatch: Dispatch) -> None:
        self.name = name
        self.connection = connection
        self._talk = talk
        self._dispatch = dispatch
        self._endpoint: Endpoint | None = None

    @property
    def session(self) -> Session:
        assert self.connection.session is not None
        return self.connection.session

    @property
    def endpoint(self) -> Endpoint:
        if self._endpoint is None:
            self._endpoint = Endpoint(self.connection, self, self._dispatch)
        return self._endpoint

    def request(self, kind: int, target: int, value: object, flags: int = Flag.WANT) -> Pending:
        pending = self.session.request(kind, flags, target, self.endpoint.encode(value), cause=self.endpoint.cause())
        assert pending is not None
        return pending

    def answer(self, pending: Pending) -> Any:
        self._talk.go_on(pending)
        return self.endpoint.result(pending)

    def ask(self, kind: int, target: int, value: object, flags: int = 0) -> Any:
        """Ask for something of the peer's object with the handle ``target``, and return the answer."""
        return self.answer(self.request(kind, target, value, flags | Flag.WANT))

    begin = tell = ask

    def describe_error(self, error: BaseException) -> object:
        """Return what the peer may be told of an error."""
        return self.endpoint.describe_error(error)

    def give_up(self, entry: Import) -> None:
        """Note that nobody uses ``entry`` any more."""
        if self.connection.session is not None:
            self.session.tables.imports.dropped.append(entry)

    def run(self, request: Request) -> None:
        self.session.answer(request, *self.endpoint.run(request))


class Talk:
    """A client and a server, and all that they say.

    Args:
        chunk: how many bytes arrive at a time; None for as many as were sent.
    """

    def __init__(self, chunk: int | None = None) -> None:
        # 4096 is the least that a frame may be: what is cut into several stays short.
        limits = limpet.Limits(frame_bytes=4_096, message_bytes=1 << 20, calls_in_flight=100)
        profile = Profile.local(limits=limits, errors=ErrorPolicy(local=Level.SERVED))
        self.bank = ModuleType("bank")
        exec(compile(BANK, "bank.py", "exec"), self.bank.__dict__)
        served = catalog(self.bank.Account)
        tables = make_tables(profile)
        tables.served(self.bank.Account)
        ticks = count()
        clock = lambda: float(next(ticks)) / 1_000  # noqa: E731 - a clock is a function, and this one has no more to it
        self.client = Side(
            self,
            "client",
            Connection.client(profile, peer=Peer(), clock=clock, entropy=entropy),
            Dispatch(make_tables(profile), profile.names),
        )
        self.server = Side(
            self,
            "server",
            Connection.server(profile, peer=Peer(), clock=clock, entropy=entropy),
            Dispatch(tables, profile.names, served),
        )
        self.steps: list[dict[str, str]] = []
        self._chunk = chunk
        self._greeting = True

    def _deliver(self, sender: Side, receiver: Side, *names: str) -> None:
        """Bring over all that ``sender`` has to say, and note it under ``names``."""
        data = b""
        while pieces := sender.connection.outgoing():
            data += b"".join(pieces)
        # Hello and ServerHello are no frames.
        messages = [data] if self._greeting else split(data)
        said = names or [""] * len(messages)
        for name, message in zip(said, messages, strict=True):
            self.steps.append({"name": name, "from": sender.name, "bytes": message.hex()})
        step = self._chunk or len(data) or 1
        for start in range(0, len(data), step):
            receiver.connection.receive(data[start : start + step])

    def greet(self) -> None:
        """Shake hands."""
        self._deliver(self.client, self.server, "Hello")
        self._deliver(self.server, self.client, "ServerHello")
        self._greeting = False
        self._deliver(self.client, self.server, "Proof")
        self._deliver(self.server, self.client, "Ready", "Credit")

    def ask(self, *names: str) -> None:
        """Bring over what the client says."""
        self._deliver(self.client, self.server, *names)

    def reply(self, *names: str) -> None:
        """Bring over what the server says."""
        self._deliver(self.server, self.client, *names)

    def serve(self) -> None:
        """Run what the server may start."""
        while (request := self.server.session.schedule.start()) is not None:
            self.server.run(request)

    def go_on(self, pending: Pending) -> None:
        """Let both sides talk until ``pending`` is answered."""
        while not pending.done:
            self.ask()
            while pending.nested:
                self._run_nested(self.server, pending)
            self.serve()
            self.reply()
            for waiting in list(self.client.session.pending.values()):
                while waiting.nested:
                    self._run_nested(self.client, waiting)

    @staticmethod
    def _run_nested(side: Side, pending: Pending) -> None:
        assert pending.nested is not None
        request = pending.nested.popleft()
        side.session.schedule.begin(request)
        side.run(request)

    def name(self, *names: str) -> None:
        """Give the messages since the last name theirs."""
        unnamed = [step for step in self.steps if not step["name"]]
        for step, name in zip(unnamed, names, strict=True):
            step["name"] = name


def record(chunk: int | None = None) -> list[dict[str, str]]:
    """Return the conversation: who said what, in order, as name, sender and hex.

    Args:
        chunk: how many bytes arrive at a time; None for as many as were sent.
    """
    talk = Talk(chunk)
    talk.greet()
    account = talk.client.answer(talk.client.request(Kind.OPEN, 0, ["", ["Ada"], {}]))
    talk.name("Open", "Return of Open")
    _use(talk, account)
    _call_back(talk, account)
    _promise(talk)
    _say_much_and_little(talk, account)
    talk.client.connection.close()
    talk.ask("Goodbye")
    assert isinstance(talk.server.connection.failure, limpet.SessionClosed)
    assert not any(side.connection.outgoing() for side in (talk.client, talk.server))
    return talk.steps


def _use(talk: Talk, account: Any) -> None:
    client = talk.client
    assert account.deposit(5) == 5
    talk.name("Call", "Return of Call")

    assert account.balance == 5
    talk.name("Get", "Return of Get")

    account.owner = "Eve"
    talk.name("Set", "Return of Set")

    assert len(account) == 5
    talk.name("Operate", "Return of Operate")

    with pytest.raises(ValueError, match=r"^cannot deposit -1$"):
        account.deposit(amount=-1)
    talk.name("Call with a keyword argument", "Raise")

    with pytest.raises(limpet.AccessDenied, match=r"^no such object$"):
        client.answer(client.request(Kind.CALL, 77, ["deposit", [1]]))
    talk.name("Call of an unknown handle", "Raise for an unknown handle")


def _call_back(talk: Talk, account: Any) -> None:
    account.listen(limpet.ref(talk.bank.Listener()))
    talk.name("Call with a reference", "Return for the reference")

    assert account.deposit(7) == 12
    talk.name("Call that calls back", "Call with a cause", "Return of the nested Call", "Return of the outer Call")

    account.listen(None)
    assert account.deposit(1) == 13
    talk.server.session.release()
    talk.reply()
    talk.name("Call that drops the listener", "Return, listener dropped", "Call after it", "Return after it", "Release")


def _promise(talk: Talk) -> None:
    client = talk.client
    twin = client.request(Kind.CALL, 1, ["twin", ["Bob"]], Flag.WANT | Flag.KEEP)
    first = client.request(Kind.CALL, twin.id, ["deposit", [3]], Flag.WANT | Flag.PROMISE)
    assert client.answer(first) == 3
    bob = client.endpoint.result(twin)
    client.session.forget(twin)
    limpet.release(bob)
    client.session.release()
    talk.ask()
    talk.name(
        "Call with KEEP",
        "Call of a promise",
        "Return of the kept result",
        "Return of the Call of a promise",
        "Release of a promise",
        "Release of an object",
    )


def _say_much_and_little(talk: Talk, account: Any) -> None:
    client = talk.client
    slow = client.request(Kind.CALL, 1, ["deposit", [100]])
    client.session.cancel(slow)
    talk.go_on(slow)
    with pytest.raises(limpet.CallCancelled):
        client.endpoint.result(slow)
    talk.name("Call that is cancelled", "Cancel", "Raise of the cancelled Call")

    client.session.request(Kind.CALL, 0, 1, client.endpoint.encode(["deposit", [2]]))
    talk.ask()
    talk.serve()
    talk.reply()
    talk.name("One-way Call", "Credit for the one-way Call")

    assert account.note("x" * 4_200) == 4_200
    talk.name("Call, first frame", "Call, second frame", "Return of the long Call")

    noted = client.session.request(
        Kind.CALL, Flag.WANT, 1, Body(bytes.fromhex("92 a4 6e6f7465 91 d5 11 0000"), buffers=[b"beside"])
    )
    assert noted is not None
    assert client.answer(noted) == 6
    talk.name("Call with a buffer", "Return of the Call with a buffer")

    ping = client.session.ping()
    talk.ask()
    talk.reply()
    assert ping.done
    talk.name("Ping", "Pong")


def main() -> None:
    """Print the vectors."""
    about = (
        "A whole conversation in suite 0, in hex: wire-protocol, Vectors. Frames of at most 4096 bytes, messages of "
        "1 MiB, 100 calls in flight; random bytes are 00 01 02 ..."
    )
    json.dump({"about": about, "conversation": record()}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
