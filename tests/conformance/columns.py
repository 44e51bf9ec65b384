"""The systems that are compared. An adapter, and with it its system, is imported only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from tests.conformance.system import System

__all__ = ["COLUMNS", "load"]

COLUMNS: Final = ("limpet", "RPyC", "Pyro5", "managers")
"""Their names, in the order of the table."""


def load(name: str) -> System:
    """Return the system called ``name``."""
    return cast("System", import_module(f"tests.conformance.systems.{name.lower()}").SYSTEM)
