"""The repository's own files, as the architecture tests read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "Source", "sources"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, eq=False)
class Source:
    """One module under src.

    Attributes:
        name: its dotted name; a package's is that of its ``__init__``.
        path: its file.
        lines: how many lines that has.
        tree: what it says.
    """

    name: str
    path: Path
    lines: int
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    def inside(self, *packages: str) -> bool:
        """Tell whether it is one of ``packages``, names below limpet, or in one."""
        return any(f"{self.name}.".startswith(f"limpet.{package}.") for package in packages)

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield each module imported, whole names, and the line that does it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", node.lineno

    def uses(self) -> Iterator[tuple[str, int]]:
        """Yield each dotted name used or imported from a module, such as ``os.environ``, and its line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            elif isinstance(node, ast.Attribute | ast.Name):
                yield ast.unparse(node), node.lineno


@cache
def sources() -> tuple[Source, ...]:
    """Return all modules under src, in the order of their names."""
    found = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        found.append(Source(name, path, text.count("\n"), ast.parse(text, str(path))))
    return tuple(found)
