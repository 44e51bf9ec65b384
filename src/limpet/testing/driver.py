"""What the contract needs to know of a driver."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Protocol, Self

__all__ = ["Driver", "DriverSession", "Task", "raises", "until"]

_SECONDS = 10.0
"""How long anything in the contract may take before it counts as hanging."""


class DriverSession(Protocol):
    """A session as the contract uses it. It ends with its ``with`` block."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return a proxy of what is served."""
        ...

    def service(self, name: str) -> Any:
        """Return the service of that name, which has an ``open`` of its own."""
        ...

    def ping(self) -> float:
        """Return how many seconds the server takes to answer."""
        ...

    def close(self) -> None:
        """End the session."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None, /
    ) -> None: ...


class Driver(Protocol):
    """A driver under test."""

    def serve(self, service: object, **options: Any) -> AbstractContextManager[str]:
        """Serve in the background, and give the URL; leaving the block stops the server.

        Args:
            service: what `limpet.Server` takes.
            options: its keyword arguments.
        """
        ...

    def connect(self, url: str) -> DriverSession:
        """Return a session with the server at ``url``."""
        ...

    def break_off(self, session: DriverSession) -> None:
        """Cut the connection under a session without a word, as a power cut does; both sides lose it."""
        ...


def until(condition: Callable[[], object], seconds: float = _SECONDS) -> None:
    """Wait until ``condition`` is true.

    Raises:
        AssertionError: if it is not within so many seconds.
    """
    deadline = monotonic() + seconds
    pause = Event()
    while not condition():
        if monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} seconds: {condition}")
        pause.wait(0.002)


@contextmanager
def raises(expected: type[BaseException], text: str = "") -> Generator[None]:
    """Expect the block to raise an ``expected`` error whose words have ``text`` in them.

    Raises:
        AssertionError: if it raises none, or another text.
    """
    try:
        yield
    except expected as error:
        if text not in str(error):
            raise AssertionError(f"{text!r} is not in {str(error)!r}") from error
    else:
        raise AssertionError(f"no {expected.__name__} was raised")


class Task:
    """A call in a thread of its own: its result, or its error, is asked for later."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(function, args), name="contract-task", daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            self._value = function(*args)
        except BaseException as error:
            self._error = error

    @property
    def is_done(self) -> bool:
        """Tell whether the call has ended."""
        return not self._thread.is_alive()

    def result(self, seconds: float = _SECONDS) -> Any:
        """Return what the call returned, or raise what it raised.

        Raises:
            AssertionError: if it has not ended within so many seconds.
        """
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise AssertionError(f"the call hangs: it did not end within {seconds:g} seconds")
        if self._error is not None:
            raise self._error
        return self._value
