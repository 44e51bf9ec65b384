"""Credit: how many requests, and bytes of them, a side may have unanswered (wire-protocol, Credit).

A request charges one call and its bytes. Its answer gives both back, so that the
common call needs no message for it; what a one-way request charged comes back by
Credit. Answers and control messages charge nothing: they always pass.
"""

from __future__ import annotations

from typing import Final

from limpet.errors import LimitExceeded

__all__ = ["INITIAL_CALLS", "Grant", "Window"]

INITIAL_CALLS: Final = 64
"""Calls that either side may have in flight before it has read any Credit."""


class Window:
    """What this side may still send.

    Args:
        size: bytes granted at the start: the agreed message limit, so that any legal message fits.

    Attributes:
        calls: how many more requests may go.
        spent: bytes of those that are in flight. The session counts: it does so for every request.
    """

    __slots__ = ("calls", "size", "spent")

    def __init__(self, size: int) -> None:
        self.calls: int = INITIAL_CALLS
        self.size: int = size
        self.spent: int = 0

    def fits(self, size: int) -> bool:
        """Tell whether one more request of ``size`` bytes may go now.

        A request alone always may: otherwise one of the largest size would wait for ever.
        """
        return self.calls > 0 and (not self.spent or self.spent + size <= self.size)

    def grow(self, calls: int, size: int) -> None:
        """Take what a Credit message gives: what one-way requests had charged, and more beyond it."""
        self.calls += calls
        self.size += max(0, size - self.spent)
        self.spent = max(0, self.spent - size)


class Grant:
    """What this side lets the peer send, and what of it the peer has used.

    Args:
        calls: how many requests may be in flight in all.
        size: how many bytes they may have together.

    Attributes:
        calls, size: what is in flight. The session counts: it does so for every request.
    """

    __slots__ = ("calls", "limit_calls", "limit_size", "owed_calls", "owed_size", "size")

    def __init__(self, calls: int, size: int) -> None:
        self.limit_calls: int = calls
        self.limit_size: int = size
        self.calls: int = 0
        self.size: int = 0
        self.owed_calls: int = 0
        self.owed_size: int = 0

    @property
    def opening_calls(self) -> int:
        """Calls to grant at the start, beyond those every side has."""
        return self.limit_calls - INITIAL_CALLS

    def check(self, size: int) -> None:
        """Judge a request of ``size`` bytes that came in, before it is counted.

        Raises:
            LimitExceeded: if the peer had no credit for it.
        """
        if self.calls >= self.limit_calls or (self.size and self.size + size > self.limit_size):
            raise LimitExceeded(f"a request beyond the credit of {self.limit_calls} calls, {self.limit_size} bytes")

    def owe(self, size: int) -> bool:
        """Count a one-way request as done, and tell whether it is time to send Credit."""
        self.owed_calls += 1
        self.owed_size += size
        # With nothing else in flight no answer will come to give credit back: the peer may be waiting.
        is_last = self.owed_calls == self.calls
        return is_last or self.owed_calls >= INITIAL_CALLS // 2 or self.owed_size > self.limit_size // 4

    def repay(self) -> tuple[int, int]:
        """Return the calls and bytes owed for one-way requests; they are granted anew from now on."""
        owed = self.owed_calls, self.owed_size
        self.calls -= self.owed_calls
        self.size -= self.owed_size
        self.owed_calls = self.owed_size = 0
        return owed
