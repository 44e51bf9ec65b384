"""What leaves by reference and what comes in by one: the leaves of a payload."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import CORO_CREATED, getcoroutinestate
from types import AsyncGeneratorType, CoroutineType
from typing import Any, Final, Protocol, cast

from limpet.codec.advice import advice
from limpet.codec.base import Referred
from limpet.errors import AccessDenied, DecodeError, EncodeError
from limpet.logs import with_article
from limpet.objects.proxy import Proxy, RemoteFunction
from limpet.session.body import NO_SUCH_OBJECT, Body, Mine, Yours
from limpet.session.schedule import Pending, Promise
from limpet.session.tables import Export, Import

__all__ = ["Broken", "Customs", "Inbound", "Outbound", "Snapshot", "outcome"]

_MOST: Final = 65_535
"""References, or buffers, of one message: the head counts each in 16 bits."""
Entry = Mine | Yours | Pending


class Customs(Protocol):
    """Who knows what may leave, and what an import stands for."""

    def declare(self, value: object, *, lends: bool) -> Entry:
        """Return how ``value`` goes by reference.

        Args:
            value: what is to leave.
            lends: whether the user hands it out, as an argument: then a function needs no mark.

        Raises:
            AccessDenied: if it may not leave.
            EncodeError: if it belongs to another session.
        """
        ...

    def proxy(self, entry: Import) -> tuple[Proxy | RemoteFunction, bool]:
        """Return the proxy for ``entry``, and whether it is new: then a use of the entry is its own."""
        ...


class Outbound(Body):
    """A body being written: the codec leaves here what does not go into the payload."""

    __slots__ = ("_customs", "_entries", "_large", "_lends")

    references: Sequence[Entry]
    buffers: Sequence[bytes]

    def __init__(self, customs: Customs, *, lends: bool = False) -> None:
        self._customs = customs
        self._lends = lends
        self.payload = b""
        self.references = self.buffers = ()

    def refer(self, value: object) -> int:
        """Return the index of ``value`` in the table of references."""
        if len(self.references) >= _MOST:
            raise EncodeError(f"more than {_MOST} references in one message")
        if not self._lends:
            _refuse_coroutine(value)
        entry = self._customs.declare(value, lends=self._lends)
        if not self.references:
            self.references = self._entries = list[Entry]()
        self._entries.append(entry)
        return len(self._entries) - 1

    def attach(self, data: bytes) -> int:
        """Return the index of ``data`` among the buffers."""
        if len(self.buffers) >= _MOST:
            raise EncodeError(f"more than {_MOST} large buffers in one message")
        if not self.buffers:
            self.buffers = self._large = list[bytes]()
        self._large.append(data)
        return len(self._large) - 1


class Snapshot(Outbound):
    """A body that may hold values alone: a copy has everything in it, or is none."""

    __slots__ = ()

    def refer(self, value: object) -> int:
        """Refuse: a reference would not be part of a snapshot."""
        _refuse_coroutine(value)
        hint = advice(type(value))
        raise EncodeError(f"{with_article(type(value))} cannot travel by value{'; ' if hint else ''}{hint}")


def _refuse_coroutine(value: object) -> None:
    """Raise EncodeError if ``value`` is what a function with ``async def`` returned."""
    kind = type(value)
    if kind is not CoroutineType and kind is not AsyncGeneratorType:
        return
    if kind is CoroutineType and getcoroutinestate(cast("CoroutineType[Any, Any, Any]", value)) == CORO_CREATED:
        # Nothing of it has run, and nothing will: without this Python warns that nobody awaited it.
        cast("CoroutineType[Any, Any, Any]", value).close()
    raise EncodeError("what is made with async def cannot be called by a peer yet; make it a plain function")


class Broken(Exception):
    """A kept result is asked for, and its request has failed.

    Attributes:
        payload: what that was answered with; so is whoever asks for the result. The error
            itself is not kept: it holds all that it was raised from.
    """

    def __init__(self, payload: bytes) -> None:
        super().__init__("the request whose result this was has failed")
        self.payload = payload


class Inbound:
    """Where a decoder finds a message's references and buffers.

    Args:
        references: what the table stood for when the message arrived.
        buffers: the bytes beside the payload.
        customs: makes proxies.
    """

    __slots__ = ("_buffers", "_customs", "_references")

    def __init__(self, references: list[object], buffers: list[bytes], customs: Customs) -> None:
        self._references = references
        self._buffers = buffers
        self._customs = customs

    def reference(self, index: int) -> object:
        """Return what the reference at ``index`` stands for.

        What is this side's own comes as `Referred`: it is never taken for a part of the payload.

        Raises:
            DecodeError: if there is none, or it stands for nothing any more.
            Broken: if it is a result that there is none of.
        """
        if index >= len(self._references):
            raise DecodeError(f"the payload names reference {index} of {len(self._references)}")
        match self._references[index]:
            case Import() as entry:
                proxy, is_new = self._customs.proxy(entry)
                if is_new:
                    # The message's use is the proxy's now.
                    self._references[index] = proxy
                return proxy
            case Proxy() | RemoteFunction() as proxy:
                return proxy
            case Export(target=target):
                return Referred(target)
            case Promise() as promise:
                return Referred(outcome(promise)[0])
            case _:
                raise AccessDenied(NO_SUCH_OBJECT)

    def buffer(self, index: int) -> bytes:
        """Return the buffer at ``index``.

        Raises:
            DecodeError: if there is none.
        """
        if index >= len(self._buffers):
            raise DecodeError(f"the payload names buffer {index} of {len(self._buffers)}")
        return self._buffers[index]


def outcome(promise: Promise) -> tuple[object, int]:
    """Return a kept result and its view.

    Raises:
        Broken: if the request that promised it failed.
    """
    if promise.failure is not None:
        raise Broken(promise.failure)
    return promise.value, promise.view
