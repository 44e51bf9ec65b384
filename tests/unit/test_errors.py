"""What the errors themselves do."""

from __future__ import annotations

import sys

import pytest

from limpet.errors import AccessDenied


class Proxy:
    """Refuses as a proxy does, and counts who asks it for its names."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        raise AccessDenied(f"{name!r}: nothing to see")

    def __dir__(self) -> list[str]:
        self.asked += 1
        return ["balance"]


def test_a_traceback_of_a_refusal_does_not_look_for_similar_names(capsys: pytest.CaptureFixture[str]) -> None:
    proxy = Proxy()
    with pytest.raises(AccessDenied) as caught:
        _ = proxy.balence
    sys.__excepthook__(caught.type, caught.value, caught.tb)
    assert capsys.readouterr().err.endswith("limpet.errors.AccessDenied: 'balence': nothing to see\n")
    assert proxy.asked == 0


def test_a_refusal_is_as_if_there_were_nothing() -> None:
    assert getattr(Proxy(), "balence", 5) == 5
    assert not hasattr(Proxy(), "balence")
