"""Pure decisions: facts in, Allow or Deny out. No I/O, and no user's object is touched here."""

from __future__ import annotations

from limpet.policy.addresses import LOOPBACK, Addresses
from limpet.policy.decision import ALLOW, NOTHING, Allow, Decision, Deny, Policy
from limpet.policy.exposure import Exposure, by_value, concurrent, expose, hide
from limpet.policy.names import NamePolicy
from limpet.policy.redaction import ErrorPolicy, Level

__all__ = [
    "ALLOW",
    "LOOPBACK",
    "NOTHING",
    "Addresses",
    "Allow",
    "Decision",
    "Deny",
    "ErrorPolicy",
    "Exposure",
    "Level",
    "NamePolicy",
    "Policy",
    "by_value",
    "concurrent",
    "expose",
    "hide",
]
