"""A module has one noun; what grows over these bounds has two."""

from __future__ import annotations

import warnings

import pytest

from tests.support.sources import sources

WORTH_A_LOOK = 450
TOO_LONG = 500


@pytest.mark.filterwarnings("default:over 450 lines")
def test_no_module_is_too_long() -> None:
    for source in sources():
        if source.lines > WORTH_A_LOOK:
            warnings.warn(f"over {WORTH_A_LOOK} lines: {source} ({source.lines})", stacklevel=1)
    assert [f"{source} ({source.lines})" for source in sources() if source.lines > TOO_LONG] == []
