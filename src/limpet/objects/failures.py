"""What the other side is told of an error, as plain data (wire-protocol, Raise).

A failure is a dict; what is empty is left out:

    type       the full name of its type
    args       its arguments; what is not plain data is a mark such as "<Account>"
    text       what its ``__str__`` says, where its type has one of its own
    notes      a list of texts
    stack      a list of [file, line, function, source]
    members    of a group: a list of failures
    cause      the failure that it was raised from
    context    the failure that was handled when it was raised
    suppress   True for ``raise ... from None``
    reference  stands alone: where the server's log has the rest
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Hashable, Mapping
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar

from limpet.errors import (
    AccessDenied,
    CallCancelled,
    CallTimeout,
    DecodeError,
    EncodeError,
    RemoteError,
)
from limpet.limits import Limits
from limpet.logs import Presenter, full_name
from limpet.objects.tracebacks import is_raised_by, is_raised_in_limpet, read_stack
from limpet.policy.redaction import Level

__all__ = ["CHAIN", "FAILURES", "LIMPET_ERRORS", "MEMBERS", "OWNER", "describe", "for_log"]

CHAIN: Final = 8
"""How deep causes, contexts and groups are told."""
MEMBERS: Final = 32
"""Members of one group, and notes of one error, that are told."""
FAILURES: Final = 256
"""Errors told in one failure, all together."""
OWNER: Final = "_limpet_owner"
"""Where a rebuilt error keeps whose it is."""

LIMPET_ERRORS: Final = frozenset({AccessDenied, CallCancelled, CallTimeout, EncodeError, DecodeError})
"""What limpet itself says about a call. It is told at every level: it is about what the peer asked for."""

_T = TypeVar("_T")

_KEYS_BYTES: Final = 128
_NAME_BYTES: Final = 200


def describe(
    error: BaseException,
    *,
    detail: Level,
    limits: Limits,
    served: Collection[str] = (),
    reference: str = "",
    owner: Hashable | None = None,
) -> dict[str, object]:
    """Return what the peer is told of ``error``. Never raises, whatever the error's class does.

    Args:
        error: what served code or limpet raised.
        detail: FULL tells everything; SERVED the frames of the served code, without paths
            and source, and text of what that code itself raised; REFERENCE the reference.
        limits: bounds the whole.
        served: the top-level packages of the served code, such as ``{"bank"}``.
        reference: the number that the server's log has it under.
        owner: the session; errors of another session's peer are told as a mark.
    """
    own = None if detail is Level.FULL else frozenset(served)
    teller = _Teller(limits.error_bytes, own, owner)
    try:
        if detail is not Level.REFERENCE:
            return teller.tell(error)
        if type(error) in LIMPET_ERRORS:
            return teller.tell_alone(error)
    except BaseException:  # noqa: S110 - the error's own class broke in, and raises what it likes
        pass
    return {"reference": reference}


def for_log(error: BaseException, *, stack: bool = False) -> str:
    """Return what a log says of ``error``: its text, or its stack as well. Never raises, as `describe`."""
    try:
        return "".join(traceback.format_exception(error)) if stack else str(error)
    except BaseException:
        return f"{full_name(type(error))}, whose class keeps it from being shown"


class _Teller:
    """Tells one error and what hangs on it, within one budget."""

    __slots__ = ("_owner", "_presenter", "_seen", "_served")

    def __init__(self, size: int, served: frozenset[str] | None, owner: Hashable | None) -> None:
        self._presenter = Presenter(size - _KEYS_BYTES)
        self._served = served
        self._owner = owner
        self._seen: set[int] = set()

    def tell(self, error: BaseException, depth: int = 0) -> dict[str, object]:
        """Return the failure with its stack, and with what it came from."""
        self._seen.add(id(error))
        if self._is_foreign(error):
            return {"type": full_name(RemoteError)}
        told = self.tell_alone(error)
        if stack := self._stack(error):
            told["stack"] = stack
        if depth < CHAIN:
            self._tell_origin(told, error, depth + 1)
            if members := self._members(error, depth + 1):
                told["members"] = members
        return told

    def tell_alone(self, error: BaseException) -> dict[str, object]:
        """Return the failure with its type, and what it says as far as that may be told."""
        cls = type(error)
        told: dict[str, object] = {"type": self._presenter.text(_type_name(cls), _NAME_BYTES)}
        if not self._may_tell_text(error):
            return told
        if args := self._args(cls, _READ_ARGS(error)):
            told["args"] = args
        if _has_own_text(cls):
            told["text"] = self._presenter.text(_text(error))
        if notes := self._notes(error):
            told["notes"] = notes
        return told

    def _is_foreign(self, error: BaseException) -> bool:
        mine = _READ_DICT(error).get(OWNER)
        return mine is not None and mine != self._owner

    def _may_tell_text(self, error: BaseException) -> bool:
        if self._served is None or type(error) in LIMPET_ERRORS or OWNER in _READ_DICT(error):
            return True
        traceback = _READ_TRACEBACK(error)
        return is_raised_by(self._served, traceback) or is_raised_in_limpet(traceback)

    def _args(self, cls: type, args: tuple[object, ...]) -> list[object]:
        # Half of the budget at most, so that there is room for the stack.
        presenter = Presenter(self._presenter.left // 2)
        shown = [presenter.value(arg) for arg in _told_args(cls, args)[:MEMBERS]]
        self._presenter.afford(self._presenter.left // 2 - presenter.left)
        return shown

    def _notes(self, error: BaseException) -> list[str]:
        notes = _READ_DICT(error).get("__notes__")
        if type(notes) is not list:
            return []
        told = (note for note in notes[:MEMBERS] if type(note) is str)
        return [self._presenter.text(note) for note in told if self._presenter.afford(Presenter.NODE)]

    def _stack(self, error: BaseException) -> list[list[object]]:
        """Return the stack; where it does not fit, its inner end."""
        stack: list[list[object]] = []
        for file, line, function, source in reversed(read_stack(_READ_TRACEBACK(error), self._served)):
            if not self._presenter.afford(2 * Presenter.NODE):
                break
            texts = [self._presenter.text(text, _NAME_BYTES) for text in (file[-_NAME_BYTES:], function, source)]
            stack.append([texts[0], line, *texts[1:]])
        return stack[::-1]

    def _tell_origin(self, told: dict[str, object], error: BaseException, depth: int) -> None:
        """Add what the error was raised from, as a local traceback would show it."""
        cause, context = _READ_CAUSE(error), _READ_CONTEXT(error)
        if cause is not None:
            self._add(told, "cause", cause, depth)
        elif _READ_SUPPRESS(error):
            told["suppress"] = True
        elif context is not None:
            self._add(told, "context", context, depth)

    def _add(self, told: dict[str, object], key: str, error: BaseException, depth: int) -> None:
        if self._has_room(error):
            told[key] = self.tell(error, depth)

    def _members(self, error: BaseException, depth: int) -> list[object]:
        if not issubclass(type(error), BaseExceptionGroup):
            return []
        return [self.tell(member, depth) for member in _READ_MEMBERS(error)[:MEMBERS] if self._has_room(member)]

    def _has_room(self, error: BaseException) -> bool:
        """Tell whether ``error`` is new, and there is room left for it."""
        return id(error) not in self._seen and len(self._seen) < FAILURES and self._presenter.afford(_KEYS_BYTES)


# An error is read past its class: a property of that name would run code of the user's.
_Read: TypeAlias = Callable[[BaseException], _T]
_FIELDS: Final = BaseException.__dict__
_READ_ARGS: Final[_Read[tuple[object, ...]]] = _FIELDS["args"].__get__
_READ_DICT: Final[_Read[dict[str, object]]] = _FIELDS["__dict__"].__get__
_READ_TRACEBACK: Final[_Read[TracebackType | None]] = _FIELDS["__traceback__"].__get__
_READ_CAUSE: Final[_Read[BaseException | None]] = _FIELDS["__cause__"].__get__
_READ_CONTEXT: Final[_Read[BaseException | None]] = _FIELDS["__context__"].__get__
_READ_SUPPRESS: Final[_Read[bool]] = _FIELDS["__suppress_context__"].__get__
_READ_MEMBERS: Final[_Read[tuple[BaseException, ...]]] = BaseExceptionGroup.__dict__["exceptions"].__get__
_READ_MRO: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
_READ_NAMES: Final[Callable[[type], Mapping[str, object]]] = type.__dict__["__dict__"].__get__


def _type_name(cls: type) -> str:
    """Return the full name of ``cls``; of one that was rebuilt here, the name it had at home."""
    known = _READ_NAMES(cls).get("type_name") if issubclass(cls, RemoteError) else None
    return known if type(known) is str and known else full_name(cls)


def _has_own_text(cls: type) -> bool:
    """Tell whether ``__str__`` is not one that only joins the arguments."""
    home = next(base for base in _READ_MRO(cls) if "__str__" in _READ_NAMES(base))
    return not full_name(home).startswith("builtins.")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # it may raise what it likes, SystemExit too
        return f"<{full_name(type(error))} that cannot be shown>"


def _told_args(cls: type, args: tuple[Any, ...]) -> tuple[object, ...]:
    """Return ``args`` without what would tell more than the error's text does."""
    if issubclass(cls, BaseExceptionGroup | SyntaxError):
        return args[:1]
    if not issubclass(cls, UnicodeError) or len(args) < 2:
        return args
    if len(args) != 5:
        return args[-1:]
    # What could not be converted, and not the text around it.
    encoding, data, start, end, reason = args
    if type(data) not in (str, bytes) or type(start) is not int or type(end) is not int:
        return args[-1:]
    return (encoding, data[start:end][:_NAME_BYTES], start, end, reason)
