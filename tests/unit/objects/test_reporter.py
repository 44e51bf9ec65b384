"""What the log and the peer hear of errors."""

from __future__ import annotations

import pytest

from limpet.errors import AccessDenied
from limpet.logs import Refusals
from limpet.objects.dispatch import Dispatch
from limpet.objects.endpoint import make_tables
from limpet.objects.reporter import Reporter
from limpet.policy import ErrorPolicy, Level
from limpet.profile import Profile
from tests.support.endpoints import Ends


def reporter(level: Level = Level.FULL, refusals: Refusals | None = None) -> Reporter:
    profile = Profile.local(errors=ErrorPolicy(local=level))
    connection = Ends(dict, profile=profile).server.connection
    return Reporter(connection, Dispatch(make_tables(profile), profile.names), object(), refusals)


def test_what_the_peer_is_told() -> None:
    told, reference = reporter().report(ValueError("why"))
    assert (told["type"], told["args"], reference) == ("builtins.ValueError", ["why"], "")
    assert reporter().describe(ValueError("why"))["args"] == ["why"]


def test_what_the_log_has_alone(caplog: pytest.LogCaptureFixture) -> None:
    told, reference = reporter(Level.REFERENCE).report(ValueError("why"))
    assert told == {"reference": reference}
    assert f"reference {reference}" in caplog.text
    assert "ValueError: why" in caplog.text


def test_a_flood_of_one_way_failures_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(lambda: 5.0)
    reports = reporter(refusals=refusals)
    for _ in range(3):
        reports.note_unheard(ValueError("why"))
    refusals.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "failed one-way peer=127.0.0.1:1 reason=builtins.ValueError",
        "failed one-way peer=127.0.0.1:1: 2 more within a second",
    ]


def test_a_flood_of_denials_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(lambda: 5.0)
    reports = reporter(refusals=refusals)
    for _ in range(1_000):
        reports.report(AccessDenied("no such object"))
    refusals.flush()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "denied peer=127.0.0.1:1 reason=no such object",
        "denied peer=127.0.0.1:1: 999 more within a second",
    ]
