from __future__ import annotations

import pytest

from limpet.peer import Peer, parse_address
from limpet.policy import ErrorPolicy, Level

LOCAL = [Peer(), Peer(uid=0), Peer(address=parse_address("127.0.0.1")), Peer(address=parse_address("::1"))]
REMOTE = Peer(address=parse_address("10.0.0.1"), identity="ada")


@pytest.mark.parametrize("peer", LOCAL, ids=str)
def test_a_peer_on_this_machine_sees_all(peer: Peer) -> None:
    assert ErrorPolicy().level(peer) is Level.FULL


def test_a_peer_elsewhere_sees_what_the_served_code_says() -> None:
    assert ErrorPolicy().level(REMOTE) is Level.SERVED


def test_both_are_settings() -> None:
    policy = ErrorPolicy(local=Level.SERVED, network=Level.REFERENCE)
    assert policy.level(LOCAL[0]) is Level.SERVED
    assert policy.level(REMOTE) is Level.REFERENCE
