"""Rules that hold for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.leaks import Holdings

# The same examples on each run, so that a red test means a change; no deadline, for machines are slow at times.
settings.register_profile("ci", derandomize=True, max_examples=100, deadline=None, database=None)
# Other examples on each run, and many: HYPOTHESIS_PROFILE=search make test
settings.register_profile("search", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def leaves_nothing() -> Iterator[None]:
    """Fail a test that leaves a thread running or a socket open."""
    before = Holdings.now()
    yield
    leaked = before.leaked()
    assert not leaked, f"the test left behind: {'; '.join(leaked)}"
