"""Errors made here of what the other side told (wire-protocol, Raise).

Nothing told is trusted: its form is checked, its length bounded, types come from a fixed
table, names are data, and text that would be printed as it is cannot hold control characters.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Final

from limpet.errors import AccessDenied, CallTimeout, DecodeError, RemoteError
from limpet.logs import Presenter, full_name, printable
from limpet.objects.failures import CHAIN, FAILURES, LIMPET_ERRORS, MEMBERS, OWNER
from limpet.objects.tracebacks import ENTRIES, Entry, build_traceback

__all__ = ["rebuild"]

_TEXT: Final = 4_096
_NAME: Final = 200
_ARGS: Final = 64 << 10
_LINES: Final = 1 << 31
_NO_TYPES: Final[Mapping[str, type[Exception]]] = MappingProxyType({})
_PADDED: Final = 64 << 10
"""Positions up to here are kept in a Unicode error, whose data is padded up to them."""


def rebuild(
    failure: object, origin: str, *, owner: Hashable | None = None, types: Mapping[str, type[Exception]] = _NO_TYPES
) -> Exception:
    """Return the error that ``failure`` tells of, with the other side's stack as its traceback.

    Raise it once, where the user's call stands: its traceback is then the local stack
    followed by the other side's. A built-in error comes back as its type, limpet's own
    errors of calls and those of ``types`` too, and every other as a subclass of
    `RemoteError` of its name.

    Args:
        failure: what the payload of Raise held.
        origin: how the files of the other side are labelled, such as ``"10.0.0.5:7373"``.
        owner: the session, on the side that serves others too: `describe` keeps the
            error from their sessions.
        types: classes of the user's, by the names they have on the other side.

    Raises:
        DecodeError: if it is no failure.
    """
    return _Rebuilder(origin, owner, types).rebuild(failure, 0)


class _Rebuilder:
    """Makes the errors of one failure."""

    __slots__ = ("_count", "_origin", "_owner", "_types")

    def __init__(self, origin: str, owner: Hashable | None, types: Mapping[str, type[Exception]]) -> None:
        self._origin = origin
        self._owner = owner
        self._types = types
        self._count = 0

    def rebuild(self, failure: object, depth: int) -> Exception:
        """Return the error, its causes and members."""
        self._count += 1
        if depth > CHAIN or self._count > FAILURES:
            raise DecodeError("a failure with too many causes")
        told = _Told(failure)
        error = self._make(told, depth)
        error.__traceback__ = build_traceback(told.stack(), self._origin)
        for note in told.texts("notes"):
            error.add_note(note)
        self._set_origin(error, told, depth + 1)
        if self._owner is not None:
            error.__dict__[OWNER] = self._owner
        told.check_end()
        return error

    def _make(self, told: _Told, depth: int) -> Exception:
        reference = told.text("reference", _NAME)
        if reference is not None:
            where = f" under {reference}" if reference else ""
            return RemoteError(f"the call failed; the log of {self._origin} has the reason{where}")
        name = told.text("type", _NAME)
        if not name:
            raise DecodeError("a failure without a type")
        args, text = told.args(), told.text("text", _TEXT)
        if members := told.items("members", MEMBERS):
            return _group(name, args, [self.rebuild(member, depth + 1) for member in members])
        own = _made(self._types[name], args) if name in self._types else None
        return own or _known(name, args) or _named(name, args, text)

    def _set_origin(self, error: Exception, told: _Told, depth: int) -> None:
        if (context := told.take("context")) is not None:
            error.__context__ = self.rebuild(context, depth)
        if (cause := told.take("cause")) is not None:
            error.__cause__ = self.rebuild(cause, depth)
        if (suppress := told.take("suppress")) is not None:
            _check(suppress is True)
            error.__suppress_context__ = True


# ---------------------------------------------------------------- fields


class _Told:
    """The fields of a failure, each checked when it is taken."""

    __slots__ = ("_fields",)

    def __init__(self, failure: object) -> None:
        if type(failure) is not dict:
            raise DecodeError("a failure that is no dict")
        self._fields: dict[object, Any] = failure.copy()

    def take(self, key: str) -> Any:
        """Return what stands under ``key``, None if nothing does."""
        return self._fields.pop(key, None)

    def text(self, key: str, limit: int) -> str | None:
        """Return the text under ``key``, fit to be printed."""
        text = self.take(key)
        if text is None:
            return None
        _check(type(text) is str)
        return printable(text, limit)

    def items(self, key: str, limit: int) -> list[Any]:
        """Return the list under ``key``, an empty one if nothing is there."""
        items = self.take(key)
        if items is None:
            return []
        items = _list(items)
        _check(len(items) <= limit)
        return items

    def texts(self, key: str) -> list[str]:
        """Return the texts in the list under ``key``, fit to be printed."""
        texts = self.items(key, MEMBERS)
        _check(all(type(text) is str for text in texts))
        return [printable(text, _TEXT) for text in texts]

    def args(self) -> list[Any]:
        """Return the arguments: plain data, and marks where there is anything else."""
        presenter = Presenter(_ARGS)
        return [presenter.value(arg) for arg in self.items("args", MEMBERS)]

    def stack(self) -> list[Entry]:
        """Return the entries of the stack."""
        return [_entry(entry) for entry in self.items("stack", ENTRIES)]

    def check_end(self) -> None:
        """Refuse what was not taken."""
        _check(not self._fields)


def _list(items: Any) -> list[Any]:
    if type(items) is not list:
        raise DecodeError("a failure with a wrong field")
    return list(items)


def _entry(entry: Any) -> Entry:
    fields = _list(entry)
    _check(len(fields) == 4)
    file, line, function, source = fields
    _check(type(file) is type(function) is type(source) is str and type(line) is int)
    _check(0 <= line < _LINES)
    return (file, line, function, source)


def _check(holds: bool) -> None:  # noqa: FBT001 - it is the one thing said
    if not holds:
        raise DecodeError("a failure with a wrong field")


# ---------------------------------------------------------------- types


def _known(name: str, args: list[Any]) -> Exception | None:
    """Return an error of a type in the table, None if ``name`` or ``args`` do not fit it."""
    make = _TABLE.get(name)
    if make is None:
        return None
    try:
        return make(args)
    except (TypeError, ValueError):
        return None


def _made(cls: type[Exception], args: list[Any]) -> Exception | None:
    """Return an error of a class that the user has named, past its constructor if that wants something else.

    None if the class cannot be had even so.
    """
    shown = _shown(args)
    for make in (cls, partial(cls.__new__, cls)):
        with suppress(Exception):
            error = make(*shown)
            if type(error) is cls:
                error.args = tuple(shown)
                return error
    return None


def _shown(args: list[Any]) -> list[Any]:
    """Return ``args`` fit to be printed by ``str`` of an error.

    It prints a single text as it is, and all else by ``repr``, which escapes by itself.
    """
    return [printable(args[0], _TEXT)] if len(args) == 1 and type(args[0]) is str else args


def _plain(cls: type[Exception]) -> Callable[[list[Any]], Exception]:
    return lambda args: cls(*_shown(args))


def _key_error(args: list[Any]) -> Exception:
    return KeyError(*args)  # its str is a repr: the key stays what it is


def _attribute_error(cls: type[AttributeError]) -> Callable[[list[Any]], Exception]:
    # With a name set, be it None, the interpreter does not add the proxy that was asked;
    # a traceback would search that for similar names, over the network.
    return lambda args: cls(*_shown(args), name=None)


def _os_error(cls: type[OSError]) -> Callable[[list[Any]], Exception]:
    def make(args: list[Any]) -> Exception:
        if [type(arg) for arg in args] == [int, str]:
            return cls(args[0], printable(args[1], _TEXT))
        return cls(*_shown(args[:1]))

    return make


def _syntax_error(cls: type[SyntaxError]) -> Callable[[list[Any]], Exception]:
    # Never the place: a traceback would look for the file of that name, here.
    return lambda args: cls(*_shown(args[:1]))


def _unicode_error(
    cls: type[UnicodeDecodeError | UnicodeEncodeError], filler: bytes | str
) -> Callable[[list[Any]], Exception]:
    def make(args: list[Any]) -> Exception:
        if not args:  # not told; the type that needs none of them
            return UnicodeError()
        encoding, part, start, end, reason = args
        if [type(arg) for arg in args] != [str, type(filler), int, int, str] or not 0 <= start <= end:
            raise ValueError("not what this error is made of")
        reason = printable(reason, _TEXT)
        if end > _PADDED:
            reason, start, end = f"{reason} (at {start})", 0, len(part)
        data = filler * start + part[: end - start]
        return cls(printable(encoding), data + filler * (end - len(data)), start, end, reason)

    return make


def _group(name: str, args: list[Any], members: list[Exception]) -> Exception:
    message = printable(args[0], _TEXT) if args and type(args[0]) is str else ""
    if name not in {"builtins.ExceptionGroup", "builtins.BaseExceptionGroup"}:
        message = f"{name}: {message}"
    return ExceptionGroup(message, members)


def _named(name: str, args: list[Any], text: str | None) -> RemoteError:
    error = _named_type(name)(*_shown(args))
    error.__dict__["text"] = text
    return error


@lru_cache(maxsize=256)
def _named_type(name: str) -> type[RemoteError]:
    """Return the class for errors of the type ``name``; the same one while it is in use."""
    namespace = {"__module__": "limpet.remote", "__qualname__": name, "__str__": _text_of, "type_name": name}
    return type(name.rpartition(".")[2], (RemoteError,), namespace)


def _text_of(error: RemoteError) -> str:
    text = error.__dict__.get("text")
    return Exception.__str__(error) if text is None else text


# Types that end something other than a call are missing on purpose: StopIteration and its
# like, SystemExit, KeyboardInterrupt, and limpet's own errors of sessions.
_TABLE: Final[dict[str, Callable[[list[Any]], Exception]]] = {
    **{
        full_name(cls): _plain(cls)
        for cls in (
            Exception,
            ArithmeticError,
            AssertionError,
            BufferError,
            EOFError,
            FloatingPointError,
            ImportError,
            IndexError,
            LookupError,
            MemoryError,
            ModuleNotFoundError,
            NameError,
            NotImplementedError,
            OverflowError,
            RecursionError,
            ReferenceError,
            RuntimeError,
            SystemError,
            TypeError,
            UnboundLocalError,
            UnicodeError,
            ValueError,
            ZeroDivisionError,
            Warning,
            BytesWarning,
            DeprecationWarning,
            EncodingWarning,
            FutureWarning,
            ImportWarning,
            PendingDeprecationWarning,
            ResourceWarning,
            RuntimeWarning,
            SyntaxWarning,
            UnicodeWarning,
            UserWarning,
            RemoteError,
            *(LIMPET_ERRORS - {AccessDenied, CallTimeout}),
        )
    },
    **{
        full_name(cls): _os_error(cls)
        for cls in (
            OSError,
            BlockingIOError,
            BrokenPipeError,
            ChildProcessError,
            ConnectionAbortedError,
            ConnectionError,
            ConnectionRefusedError,
            ConnectionResetError,
            FileExistsError,
            FileNotFoundError,
            InterruptedError,
            IsADirectoryError,
            NotADirectoryError,
            PermissionError,
            ProcessLookupError,
            TimeoutError,
            CallTimeout,
        )
    },
    **{full_name(cls): _syntax_error(cls) for cls in (SyntaxError, IndentationError, TabError)},
    **{full_name(cls): _attribute_error(cls) for cls in (AttributeError, AccessDenied)},
    full_name(KeyError): _key_error,
    full_name(UnicodeDecodeError): _unicode_error(UnicodeDecodeError, b"\0"),
    full_name(UnicodeEncodeError): _unicode_error(UnicodeEncodeError, "\0"),
}
