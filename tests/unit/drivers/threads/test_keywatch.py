from __future__ import annotations

from pathlib import Path

import pytest

from limpet.drivers.keyfile import KeyFile, add_key, new_key
from limpet.drivers.threads.keywatch import KeyWatch
from limpet.framing.keys import KeyRing
from limpet.testing.driver import until


def test_it_tells_of_other_keys_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(KeyWatch, "SECONDS", 0.001)
    path = tmp_path / "clients.keys"
    first, second, third = new_key("ada"), new_key("bob"), new_key("eve")
    add_key(path, first)
    told: list[KeyRing] = []
    watch = KeyWatch(KeyFile(path), told.append)
    watch.start()
    add_key(path, second)
    until(lambda: bool(told))
    assert [key.name for key in told[-1].by_id.values()] == ["ada", "bob"]
    path.chmod(0o644)
    until(lambda: "the keys stay as they were" in caplog.text)
    path.chmod(0o600)
    until(lambda: len(told) > 1)
    assert caplog.text.count("the keys stay as they were") == 1
    watch.stop()
    seen = len(told)
    add_key(path, third)
    assert len(told) == seen


def test_whatever_goes_wrong_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(KeyWatch, "SECONDS", 0.001)
    path = tmp_path / "clients.keys"
    add_key(path, new_key("ada"))
    told: list[KeyRing] = []

    def replace(ring: KeyRing) -> None:
        told.append(ring)
        raise RuntimeError

    KeyWatch(KeyFile(path), replace).stop()  # It was never started.
    watch = KeyWatch(KeyFile(path), replace)
    watch.start()
    for count, name in enumerate(("bob", "eve"), 1):
        add_key(path, new_key(name))
        until(lambda count=count: len(told) == count)  # type: ignore[misc]
    watch.stop()
    assert caplog.text.count("an internal error while looking at the keys") == 2
