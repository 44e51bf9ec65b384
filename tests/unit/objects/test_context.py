from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from limpet.objects.context import cancelled, peer, serving
from limpet.peer import Peer
from limpet.session.schedule import Request


@contextmanager
def served(request: Request) -> Iterator[None]:
    token = serving.set(request)
    try:
        yield
    finally:
        serving.reset(token)


def test_outside_a_served_call_nobody_asks() -> None:
    with pytest.raises(LookupError, match="nothing is being served"):
        peer()
    assert cancelled() is False


def test_inside_it_the_caller_is_known() -> None:
    request = Request(2, 1, 1, 0, b"", 40)
    request.peer = Peer(uid=7)
    with served(request):
        assert peer() is request.peer
        assert cancelled() is False
        request.cancelled = True
        assert cancelled() is True
    assert cancelled() is False
