"""Two peers who share a key: what passes between them cannot be read, changed, dropped, repeated or turned back."""

from __future__ import annotations

from typing import Any

import pytest

from limpet.errors import ConnectRefused
from limpet.framing.keys import Key, KeyRing
from limpet.peer import Peer
from limpet.profile import Profile
from limpet.session.body import Body
from limpet.session.connection import Connection, Phase
from limpet.session.messages import Flag, Kind
from tests.support.pair import Clock, Cut, one_by_one, whole

KEY = Key(bytes(range(32)), "ada")
OTHER = Key(bytes(range(32, 64)), "eve")
PAYLOAD = b"\x93\xa6secret\x90\x80"

suites = pytest.mark.parametrize("confidential", [True, False], ids=["AEAD", "HMAC"])
cuts = pytest.mark.parametrize("cut", [whole, one_by_one], ids=["whole", "bytes"])


def end_of_client(profile: Profile, chance: bytes = b"c") -> Connection:
    return Connection.client(profile, peer=Peer(), clock=Clock(), entropy=lambda count: chance * count)


def end_of_server(profile: Profile, chance: bytes = b"s") -> Connection:
    return Connection.server(profile, peer=Peer(), clock=Clock(), entropy=lambda count: chance * count)


class Wire:
    """A client and a server with a key, and what has passed between them, frame by frame."""

    def __init__(
        self, *, confidential: bool = True, cut: Cut = whole, chance: tuple[bytes, bytes] = (b"c", b"s")
    ) -> None:
        self.client = end_of_client(Profile.local(key=KEY, confidential=confidential), chance[0])
        self.server = end_of_server(Profile.local(keys=KeyRing([KEY]), confidential=confidential), chance[1])
        self.cut = cut
        self.asked: list[Any] = []
        self.sent: list[tuple[bool, bytes]] = []
        """Whether the server sent it, and what, in order."""

    def carry(self, *, to_server: bool) -> bool:
        sender, receiver = (self.client, self.server) if to_server else (self.server, self.client)
        data = b"".join(sender.outgoing())
        if data:
            self.sent.append((not to_server, data))
        self.give(receiver, data)
        return bool(data)

    def give(self, receiver: Connection, data: bytes) -> None:
        while data:
            count = self.cut(len(data))
            receiver.receive(data[:count])
            data = data[count:]

    def flow(self) -> None:
        while self.carry(to_server=True) or self.carry(to_server=False):
            pass

    def opened(self) -> Wire:
        self.flow()
        assert self.client.phase is self.server.phase is Phase.OPEN
        return self

    def ask(self, payload: bytes = PAYLOAD) -> Any:
        assert self.client.session is not None
        pending = self.client.session.request(Kind.OPEN, Flag.WANT, 0, Body(payload))
        self.asked.append(pending)
        return pending

    @property
    def reached(self) -> tuple[int, int]:
        """How many requests have come to the server's session, and how many answers to the client's."""
        session = self.server.session
        return (0 if session is None else session._last_heard, sum(pending.kind != 0 for pending in self.asked))

    def answer(self, payload: bytes = b"\xc0") -> None:
        assert self.server.session is not None
        request = self.server.session.schedule.start()
        assert request is not None
        self.server.session.answer(request, Kind.RETURN, Body(payload))


@suites
@cuts
def test_a_call_and_its_answer(confidential: bool, cut: Cut) -> None:
    wire = Wire(confidential=confidential, cut=cut).opened()
    pending = wire.ask()
    wire.carry(to_server=True)
    wire.answer(b"\xa5hello")
    wire.carry(to_server=False)
    assert (pending.done, pending.payload) == (True, b"\xa5hello")
    assert wire.server.peer.identity == "ada"
    assert wire.client.peer.identity is None
    text = b"".join(data for _, data in wire.sent)
    assert (b"secret" in text, b"hello" in text) == (not confidential, not confidential)


@suites
def test_a_message_of_many_frames(confidential: bool) -> None:
    wire = Wire(confidential=confidential).opened()
    large = b"\xc6" + (3 << 20).to_bytes(4, "big") + bytes(3 << 20)
    pending = wire.ask(large)
    wire.flow()
    wire.answer(large)
    wire.flow()
    assert pending.payload == large
    wire.client.check()
    wire.server.check()


@suites
def test_the_first_call_goes_right_behind_the_proof(confidential: bool) -> None:
    wire = Wire(confidential=confidential)
    wire.carry(to_server=True)
    wire.carry(to_server=False)
    assert [wire.client.phase, wire.server.phase] == [Phase.PROOF, Phase.PROOF]
    wire.flow()
    assert [wire.client.phase, wire.server.phase] == [Phase.OPEN, Phase.OPEN]


@suites
def test_a_goodbye_is_sealed_too(confidential: bool) -> None:
    wire = Wire(confidential=confidential).opened()
    wire.client.close()
    wire.flow()
    assert "closed the session" in str(wire.server.failure)


@pytest.mark.parametrize(
    "profile", [Profile.local(), Profile.local(key=OTHER), Profile.local(key=KEY, confidential=False)]
)
def test_who_cannot_prove_it_gets_no_byte_and_no_session(profile: Profile) -> None:
    wire = Wire()
    wire.client = end_of_client(profile)
    wire.flow()
    assert wire.server.phase is Phase.CLOSED
    assert isinstance(wire.server.failure, Exception)
    assert wire.server.session is None
    assert wire.server.outgoing() == []
    wire.client.receive_eof()
    assert isinstance(wire.client.failure, ConnectRefused)


def test_a_client_with_a_key_speaks_to_no_server_without_one() -> None:
    wire = Wire()
    wire.server = end_of_server(Profile.local())
    wire.flow()
    assert wire.server.phase is Phase.CLOSED


# ---------------------------------------------------------------- who is in between


def recorded(*, confidential: bool) -> list[tuple[bool, bytes]]:
    """Return what passes in a conversation of some calls."""
    wire = talk(Wire(confidential=confidential))
    return wire.sent


def talk(wire: Wire) -> Wire:
    wire.flow()
    for _ in range(3):
        if wire.client.session is None or wire.server.session is None:
            return wire
        wire.ask()
        wire.carry(to_server=True)
        if wire.server.session.schedule.can_start:
            wire.answer()
        wire.carry(to_server=False)
    return wire


@suites
def test_a_flipped_bit_in_any_byte_ends_the_session_and_reaches_nobody(confidential: bool) -> None:
    script = recorded(confidential=confidential)
    for number, (from_server, data) in enumerate(script):
        for place in range(len(data)):
            wire = replayed(script[:number], confidential=confidential)
            receiver = wire.client if from_server else wire.server
            before = wire.reached
            changed = bytearray(data)
            changed[place] ^= 0x10
            receiver.receive(bytes(changed))
            receiver.receive(data)
            assert wire.reached == before, (number, place)


def replayed(script: list[tuple[bool, bytes]], *, confidential: bool) -> Wire:
    """Return a wire that has come as far as the script: both sides say the same as then."""
    wire = Wire(confidential=confidential)
    for from_server, data in script:
        sender, receiver = (wire.server, wire.client) if from_server else (wire.client, wire.server)
        sent = b"".join(sender.outgoing())
        if not sent and not from_server:
            wire.ask()
            sent = b"".join(sender.outgoing())
        elif not sent:
            wire.answer()
            sent = b"".join(sender.outgoing())
        assert sent == data
        receiver.receive(data)
    return wire


@suites
@pytest.mark.parametrize("meddle", ["drop", "double", "swap", "turn back", "another session"])
def test_frames_that_somebody_meddles_with_end_the_session(confidential: bool, meddle: str) -> None:
    wire = Wire(confidential=confidential).opened()
    frames = []
    for _ in range(3):
        wire.ask()
        frames.append(b"".join(wire.client.outgoing()))
    first, second, third = frames
    match meddle:
        case "drop":
            given = [second, third]
        case "double":
            given = [first, first, second]
        case "swap":
            given = [second, first, third]
        case "turn back":
            wire.client.receive(first)
            assert wire.client.phase is Phase.CLOSED
            return
        case _:
            other = Wire(confidential=confidential, chance=(b"y", b"z")).opened()
            other.server.receive(first)
            assert other.server.phase is Phase.CLOSED
            return
    for frame in given:
        wire.server.receive(frame)
    assert wire.server.phase is Phase.CLOSED
    assert wire.server.session is not None
    assert not wire.server.session.schedule.requests


@suites
def test_a_cut_connection_is_never_a_goodbye(confidential: bool) -> None:
    wire = Wire(confidential=confidential).opened()
    wire.client.close()
    goodbye = b"".join(wire.client.outgoing())
    for length in range(len(goodbye)):
        other = Wire(confidential=confidential).opened()
        other.server.receive(goodbye[:length])
        other.server.receive_eof()
        assert "without a Goodbye" in str(other.server.failure)
