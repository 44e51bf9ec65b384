from __future__ import annotations

from typing import Any

import pytest

from limpet.errors import ConfigurationError
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


class BankError(Exception):
    """An error of the user's."""


def test_types_are_known_by_their_full_names_or_as_the_mapping_says() -> None:
    name = f"{BankError.__module__}.{BankError.__qualname__}"
    assert ErrorPolicy(types=[BankError]).rebuilt == {name: BankError}
    assert ErrorPolicy(types={"__main__.BankError": BankError}).rebuilt == {"__main__.BankError": BankError}
    assert ErrorPolicy().rebuilt == {}
    assert hash(ErrorPolicy(types=[BankError])) == hash(ErrorPolicy())


@pytest.mark.parametrize(
    "types", [[int], ["BankError"], [BankError, BankError], [StopIteration], [KeyboardInterrupt], {1: BankError}]
)
def test_what_cannot_come_back_is_refused(types: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"ErrorPolicy\.types"):
        ErrorPolicy(types=types)


@pytest.mark.parametrize("name", ["local", "network"])
def test_a_level_is_no_text(name: str) -> None:
    settings: Any = {name: "reference"}
    with pytest.raises(ConfigurationError, match=rf"ErrorPolicy\.{name} is a limpet\.Level"):
        ErrorPolicy(**settings)


def test_one_class_is_no_collection() -> None:
    types: Any = BankError
    with pytest.raises(ConfigurationError, match=r"as in \[BankError\]"):
        ErrorPolicy(types=types)
