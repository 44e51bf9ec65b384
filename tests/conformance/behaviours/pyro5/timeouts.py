"""Timeouts change nothing for what is in time."""

from __future__ import annotations

from typing import Final

from tests.conformance.behaviour import Behaviour, behaviour
from tests.conformance.behaviours.pyro5 import calls, connections, crowds, endings, members, messages, objects
from tests.conformance.expect import SECONDS
from tests.conformance.system import System

AGAIN: Final = (
    *(messages.answers_in_another_order, messages.arguments, messages.one_message_each_way, messages.unknown_error),
    *(messages.no_answer_wanted, messages.limit_of_messages, messages.large_buffers, messages.generator),
    connections.ping,
    *(members.hidden_members, members.accessors, calls.errors_keep_their_type, objects.sequence),
    *(endings.closed_when_its_client_leaves, endings.closed_twice, crowds.ten_connections),
)


@behaviour("P70", "All that works without a timeout works with one")
def all_again(system: System) -> None:
    def fails_in_time(again: Behaviour) -> bool:
        with system.timeouts(SECONDS):
            return again.outcome(system).verdict == "fails"

    late = [again for again in AGAIN if fails_in_time(again)]
    # Some systems fail in some of these anyway.
    spoilt = [again.number for again in late if again.outcome(system).verdict != "fails"]
    assert not spoilt, f"with a timeout these fail: {', '.join(spoilt)}"
