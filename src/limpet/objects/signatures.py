"""Signatures of remote methods, for ``help`` and call tips: read from a peer's text, of which nothing is ever run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Any, Final

__all__ = ["read_signature"]

# The escapes that a repr writes. Of others, and of numbers that run into a word, Python would warn this user.
_QUIET: Final = re.compile(r"""(?:[^\\]|\\(?:[\\'"abfnrtv]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))*""", re.DOTALL)
_LOUD: Final = re.compile(r"(?<![\w.])[0-9][\w.]*(?:and|else|for|if|in|is|not|or)|b['\"][^'\"]*\\[uU]")
_SELF: Final = Parameter("self", Parameter.POSITIONAL_ONLY)


class _Shown:
    """A default or an annotation: shows as its text, and is nothing else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


@lru_cache(maxsize=4_096)
def read_signature(text: str) -> Signature | None:
    """Return the signature of a method that shows as ``text``, such as ``(amount: int = 3)``.

    Args:
        text: of bounded length; from a peer.

    Returns:
        the signature with ``self`` in front; None if ``text`` is none.
    """
    if not _QUIET.fullmatch(text) or _LOUD.search(text):
        return None
    try:
        body = ast.parse(f"def f{text}: ...").body
        if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
            return None
        return Signature([_SELF, *_parameters(body[0].args)])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parameters(told: ast.arguments) -> Iterator[Parameter]:
    positional = [*told.posonlyargs, *told.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(told.defaults))
    defaults += told.defaults
    for number, (one, default) in enumerate(zip(positional, defaults, strict=True)):
        is_named = number >= len(told.posonlyargs)
        yield _parameter(one, Parameter.POSITIONAL_OR_KEYWORD if is_named else Parameter.POSITIONAL_ONLY, default)
    if told.vararg is not None:
        yield _parameter(told.vararg, Parameter.VAR_POSITIONAL)
    for one, default in zip(told.kwonlyargs, told.kw_defaults, strict=True):
        yield _parameter(one, Parameter.KEYWORD_ONLY, default)
    if told.kwarg is not None:
        yield _parameter(told.kwarg, Parameter.VAR_KEYWORD)


def _parameter(told: ast.arg, kind: Any, default: ast.expr | None = None) -> Parameter:
    return Parameter(
        told.arg,
        kind,
        default=Parameter.empty if default is None else _Shown(ast.unparse(default)),
        annotation=Parameter.empty if told.annotation is None else _Shown(ast.unparse(told.annotation)),
    )
