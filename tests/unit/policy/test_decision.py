from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from limpet.policy import ALLOW, Allow, Decision, Deny, NamePolicy, Policy


def decide(decision: Decision) -> str:
    return "in" if decision else "out"


def test_a_bare_if_decides_as_it_reads() -> None:
    assert decide(ALLOW) == "in"
    assert decide(Deny("because")) == "out"


def test_decisions_are_compared_by_what_they_say() -> None:
    assert Allow() == ALLOW
    assert Deny("a", "b") == Deny("a", "b") != Deny("a")
    assert Deny("a").hint == ""


def test_a_decision_cannot_be_changed() -> None:
    denial = Deny("because")
    with pytest.raises(FrozenInstanceError):
        denial.reason = "why not"  # type: ignore[misc]


def test_a_policy_of_ones_own_has_the_same_form() -> None:
    policy: Policy[object] = NamePolicy()
    assert policy.judge("deposit") == ALLOW
