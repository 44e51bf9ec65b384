from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from limpet.errors import ConfigurationError
from limpet.limits import Limits


def test_the_defaults_agree_with_each_other() -> None:
    assert Limits() == Limits()


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_each_must_be_positive(name: str, value: float) -> None:
    settings: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=f"Limits.{name} must be positive"):
        Limits(**settings)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"frame_bytes": 4_095}, "frame_bytes"),
        ({"message_bytes": 1 << 19}, "message_bytes"),
        ({"outbox_bytes": 1 << 20}, "outbox_bytes"),
        ({"calls_in_flight": 63}, "calls_in_flight"),
        ({"references": 65_536}, "references"),
    ],
)
def test_what_contradicts_is_refused_and_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Limits(**settings)


def test_the_least_that_is_allowed() -> None:
    least = Limits(frame_bytes=4_096, message_bytes=4_096, outbox_bytes=4_096, calls_in_flight=64)
    assert least.frame_bytes == least.message_bytes == least.outbox_bytes


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Limits().workers = 1  # type: ignore[misc]
