"""What classes and instances hold, read past any code of theirs.

``getattr``, ``vars`` and ``inspect.getattr_static`` each run or see more than is wanted:
``__getattr__``, properties, a metaclass. Here the interpreter's own descriptors are used,
on the class's entry in the method resolution order.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import InitVar
from types import GetSetDescriptorType, ModuleType
from typing import Any, ClassVar, Final, get_origin

__all__ = [
    "MISSING",
    "Missing",
    "annotated",
    "dictionary",
    "has_code",
    "instance_dictionary",
    "is_plain",
    "resolution",
    "resolve",
    "top_package",
]


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Stands where there is no value."""

resolution: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
"""Return a class's method resolution order."""
dictionary: Final[Callable[[type], Mapping[str, Any]]] = type.__dict__["__dict__"].__get__
"""Return a class's own dictionary."""
_MODULE: Final = type.__dict__["__module__"]

_FIXED: Final = re.compile(r"\s*(?:\w+\.)*(?:ClassVar|Final|InitVar)\b")
_DESCRIPTOR: Final = ("__get__", "__set__", "__delete__")


def top_package(cls: type) -> str:
    """Return the top-level package that ``cls`` says it comes from."""
    module = _MODULE.__get__(cls)
    return module.partition(".")[0] if type(module) is str else ""


def resolve(cls: type, name: str) -> tuple[type, Any] | None:
    """Return the class that ``name`` comes from, and what its dictionary holds; None without such."""
    for base in resolution(cls):
        if name in dictionary(base):
            return base, dictionary(base)[name]
    return None


def annotated(cls: type) -> dict[str, bool]:
    """Return the names ``cls`` itself annotates, and whether instances may set each."""
    try:
        annotations = inspect.get_annotations(cls)
    except Exception:
        # What cannot be read declares nothing.
        return {}
    return {name: not _is_fixed(annotation) for name, annotation in annotations.items() if type(name) is str}


def _is_fixed(annotation: object) -> bool:
    if isinstance(annotation, str):
        return _FIXED.match(annotation) is not None
    form = get_origin(annotation) or annotation
    return form is ClassVar or form is Final or form is InitVar or type(form) is InitVar


def instance_dictionary(cls: type) -> Callable[[object], object] | None:
    """Return what reads the dictionary of an instance of ``cls``; None if they have none.

    That of a class which hides it behind a name of its own cannot be read, and counts as none.
    """
    for base in resolution(cls):
        entry = dictionary(base).get("__dict__")
        if type(entry) is GetSetDescriptorType and entry.__objclass__ is base:
            return entry.__get__
    return None


def has_code(value: object) -> bool:
    """Tell whether ``value``, found in a class, may run code when it is read or set on an instance."""
    return any(resolve(type(value), method) is not None for method in _DESCRIPTOR)


def is_plain(value: object) -> bool:
    """Tell whether ``value`` is data: not a class, a module, or anything that can be called."""
    return not callable(value) and ModuleType not in resolution(type(value))
