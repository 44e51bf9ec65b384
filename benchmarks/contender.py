"""What is measured: something that serves, and can be called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

__all__ = ["ENTRIES", "KEY", "VALUE", "Contender", "Session"]

VALUE = 42
"""The attribute that is read."""
KEY = "key"
ENTRIES = {KEY: 7}
"""The dict whose item is read."""


class Session(ABC):
    """One connection of a client. Each method is one round trip."""

    @abstractmethod
    def null(self) -> object:
        """Call what takes nothing and returns None."""

    @abstractmethod
    def add(self, left: int, right: int) -> object:
        """Call what adds two numbers."""

    @abstractmethod
    def attribute(self) -> object:
        """Read an attribute."""

    @abstractmethod
    def item(self, key: str) -> object:
        """Read an item of a dict that the server keeps."""

    @abstractmethod
    def echo(self, data: bytes) -> object:
        """Send bytes there and back."""


class Contender(ABC):
    """One way to call another process."""

    answers = True
    """Whether it answers the question; a bare socket only returns what it got."""

    @abstractmethod
    def serve(self) -> AbstractContextManager[int]:
        """Serve on a free port of 127.0.0.1, on threads, and give the port."""

    @abstractmethod
    def connect(self, port: int) -> AbstractContextManager[Session]:
        """Connect to the server on ``port``."""
