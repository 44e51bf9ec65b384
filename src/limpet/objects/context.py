"""Which request the running code serves: who asks, and whether anybody still wants the answer."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from limpet.peer import Peer

if TYPE_CHECKING:
    from limpet.session.schedule import Request

__all__ = ["cancelled", "peer", "serving"]

serving: ContextVar[Request | None] = ContextVar("limpet.serving", default=None)
"""The request that the running code serves."""


def peer() -> Peer:
    """Return who made the call that is being served.

    Raises:
        LookupError: outside a served call.
    """
    current = serving.get()
    if current is None:
        raise LookupError("limpet.peer() means the caller of a served method; nothing is being served here")
    return current.peer


def cancelled() -> bool:
    """Tell whether the caller of the served method has given up waiting; False outside a served call.

    A long method asks this now and then, and stops early.
    """
    current = serving.get()
    return current is not None and current.cancelled
