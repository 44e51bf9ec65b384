"""The answer to a call that nobody waits for yet: a future, settled by whoever reads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Any, Protocol

from limpet.drivers.threads.deadline import seconds_until
from limpet.errors import CallTimeout
from limpet.session.schedule import Pending

__all__ = ["Answer", "Reader"]


class Reader(Protocol):
    """What an answer comes through."""

    lock: Any

    def locked_settle(self, answer: Answer) -> None:
        """Take note that an answer has come, or that the peer asks for something on the way there."""
        ...

    def locked_withdraw(self, answer: Answer) -> None:
        """Tell the peer that nobody wants the answer any more."""
        ...

    def read_answer(self, pending: Pending) -> Any:
        """Return what was answered, or raise it."""
        ...

    def discard(self, pending: Pending) -> None:
        """Let go of what came with an answer that nobody reads, from any thread at any time."""
        ...


class Answer(Future[Any]):
    """What a call will return or raise.

    It is settled under the lock of whoever reads, but read, and its callbacks run, without.

    Args:
        reader: the channel it comes through.
        pending: what is waited for.
        deadline: when whoever waits gives up, in seconds of time.monotonic.
    """

    def __init__(self, reader: Reader, pending: Pending, deadline: float | None) -> None:
        super().__init__()
        self._reader = reader
        self.pending = pending
        self._deadline = deadline
        self._reading = Lock()
        self._value: Any = None
        self._error: BaseException | None = None
        self._is_read = False
        self.has_callbacks: bool = False
        """Whether code of the user's runs when this is settled."""
        self._is_withdrawn = False

    # What the session calls, with the lock held.

    def release(self) -> None:
        """Take note that there is something new; see `Waker`."""
        self._reader.locked_settle(self)

    def settle(self) -> None:
        """Wake whoever waits. Runs the callbacks, if there are any."""
        if self.set_running_or_notify_cancel():
            self.set_result(None)

    # What users call.

    def result(self, timeout: float | None = None) -> Any:
        """Return what the call returned.

        Args:
            timeout: seconds to wait, at most; None for as long as it takes.

        Raises:
            TimeoutError: if there is no answer in that time; the call goes on.
            CallTimeout: if the deadline that the call was made under passed, or the limit of answers
                where it had none; it is cancelled.
            concurrent.futures.CancelledError: if it was cancelled.
            Exception: what the call raised.
        """
        self._wait(timeout)
        self._read()
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, None if it returned. Raises as `result` does otherwise."""
        self._wait(timeout)
        self._read()
        return self._error

    def cancel(self) -> bool:
        """Cancel the call, and tell whether it was not answered yet."""
        with self._reader.lock:
            is_first = not self._is_withdrawn
            if is_first:
                if self.pending.done:
                    return False
                self._reader.locked_withdraw(self)
                self._is_withdrawn = True
        try:
            return super().cancel()
        finally:
            if is_first:
                # Whoever waits for several futures hears of a cancelled one from this alone.
                self.set_running_or_notify_cancel()

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        """Run ``fn`` with this future once it is done, in a thread of limpet's; at once if it is."""
        with self._reader.lock:
            # One that was cancelled runs it here and now, and it may ask by the same session.
            if not self.pending.done and not self._is_withdrawn:
                self.has_callbacks = True
                super().add_done_callback(fn)
                return
        super().add_done_callback(fn)

    def _wait(self, timeout: float | None) -> None:
        left = None if self._deadline is None else seconds_until(self._deadline)
        is_due = left is not None and (timeout is None or left <= timeout)
        try:
            super().result(left if is_due else timeout)
        except TimeoutError:
            if not is_due or not self.cancel():
                raise
            raise CallTimeout("no answer before the deadline") from None

    def _read(self) -> None:
        with self._reading:
            if self._is_read:
                return
            try:
                self._value = self._reader.read_answer(self.pending)
            except Exception as error:
                self._error = error
            self._is_read = True

    def __del__(self) -> None:
        # May run in any thread, at any moment, while any lock is held: it only appends.
        # What comes for one that was abandoned the session lets go of itself.
        if not self._is_read and self.pending.done and not self.pending.abandoned:
            self._reader.discard(self.pending)
