"""Stacks as data: read from a traceback on one side, made into one on the other.

An entry is (file, line, function, source); the source is empty where it is not told.
"""

from __future__ import annotations

import linecache
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from opcode import opmap
from types import FrameType, FunctionType, TracebackType
from typing import Final, TypeAlias

from limpet.logs import printable

__all__ = ["ENTRIES", "Entry", "build_traceback", "is_raised_by", "is_raised_in_limpet", "read_stack"]

Entry: TypeAlias = tuple[str, int, str, str]

ENTRIES: Final = 64
"""Entries that are told of one stack."""
_OUTER: Final = 16
"""Of these, how many are where the stack began; the others are where it ended."""

_RAISE: Final = opmap["RAISE_VARARGS"]
_OWN: Final = "limpet"
_LABEL, _LABEL_END = "<limpet ", ">"


# ---------------------------------------------------------------- reading


def read_stack(traceback: TracebackType | None, served: Collection[str] | None) -> list[Entry]:
    """Return the stack of ``traceback``, the outermost entry first, without limpet's own frames.

    Args:
        traceback: of an error that was caught.
        served: the top-level packages whose frames are told, by the file's name and the
            function's alone; None tells all frames in full.
    """
    steps = [step for step in _steps(traceback) if _is_told(_package(step.tb_frame), served)]
    tell = _full_entry if served is None else _short_entry
    if len(steps) <= ENTRIES:
        return [tell(step) for step in steps]
    gap = ("", 0, f"({len(steps) - ENTRIES + 1} more)", "")
    inner = steps[_OUTER - ENTRIES + 1 :]
    return [*map(tell, steps[:_OUTER]), gap, *map(tell, inner)]


def is_raised_by(served: Collection[str], traceback: TracebackType | None) -> bool:
    """Tell whether a ``raise`` or ``assert`` in the packages ``served`` made the error.

    An error that C code or a library raised, and that passed through them, is not theirs:
    its text may hold values they never meant to tell.
    """
    for last in deque(_steps(traceback), maxlen=1):
        return _package(last.tb_frame) in served and last.tb_frame.f_code.co_code[last.tb_lasti] == _RAISE
    return False


def is_raised_in_limpet(traceback: TracebackType | None) -> bool:
    """Tell whether no code but limpet's own was running when the error was raised.

    So it is when a call does not fit the method's parameters, or a built-in container refuses.
    """
    return traceback is not None and all(_package(step.tb_frame) == _OWN for step in _steps(traceback))


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _package(frame: FrameType) -> str:
    # Not .get: code may run with globals of a class of its own.
    name = dict.get(frame.f_globals, "__name__")
    return name.partition(".")[0] if type(name) is str else ""


def _is_told(package: str, served: Collection[str] | None) -> bool:
    return package != _OWN and (served is None or package in served)


def _full_entry(step: TracebackType) -> Entry:
    code = step.tb_frame.f_code
    # A frame that was built here, from further away, has its source in its name.
    function, _, source = code.co_name.partition("\n")
    line = step.tb_lineno or 0
    source = source or linecache.getline(code.co_filename, line)
    return (code.co_filename, line, function, source.strip())


def _short_entry(step: TracebackType) -> Entry:
    code = step.tb_frame.f_code
    name = code.co_filename.replace("\\", "/").rpartition("/")[2]
    return (name, step.tb_lineno or 0, code.co_name.partition("\n")[0], "")


# ---------------------------------------------------------------- building

# A generator that was never started has a frame, and nothing of it ever runs: no code,
# no caller's locals kept alive. On one line, so that every version agrees on its number.
_STUB: Final = (lambda: (yield)).__code__
_STUB_GLOBALS: Final[dict[str, object]] = {"__name__": "<limpet>"}


def build_traceback(entries: Sequence[Entry], origin: str) -> TracebackType | None:
    """Return a traceback that prints ``entries``, None if there are none.

    Names are data only: files show as ``<limpet ORIGIN/FILE>``, which no tool opens, and
    a source line that came along stands behind the function's name.

    Args:
        entries: the outermost first, of bounded number; their texts may be anything.
        origin: where they come from, as the user should read it.
    """
    traceback = None
    for file, line, function, source in reversed(entries):
        traceback = TracebackType(traceback, _build_frame(_label(origin, file), line, function, source), -1, line)
    return traceback


def _build_frame(label: str, line: int, function: str, source: str) -> FrameType:
    name = printable(function, 100)
    shown = f"{name}\n    {printable(source)}" if source else name
    code = _STUB.replace(co_filename=label, co_firstlineno=line, co_name=shown, co_qualname=name)
    frame: FrameType = FunctionType(code, _STUB_GLOBALS)().gi_frame
    return frame


def _label(origin: str, file: str) -> str:
    if file.startswith(_LABEL) and file.endswith(_LABEL_END):
        file = file[len(_LABEL) : -len(_LABEL_END)]
    path = f"{origin}/{file.lstrip('/')}" if file else origin
    return f"{_LABEL}{printable(path, 500)}{_LABEL_END}"
