"""A page of tables: as plain aligned text, or with rich in colour.

What stands in a page may come from a peer. Both ways show it as text and nothing else:
what is not visible is escaped, and rich finds no markup in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final

from limpet.cli.report import UsageError, fit

__all__ = ["Page", "Table", "printer"]

_WIDEST: Final = 40
"""Of the column of names: a longer name pushes its own text aside, and not those of all."""
_NO_RICH: Final = "colours need the package rich: pip install 'limpet[cli]'"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a name and what is to be said about it."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A title, a line of text and tables, of which those without rows are not shown."""

    title: str
    text: str
    tables: tuple[Table, ...]


def printer(*, color: bool | None) -> Callable[[Page], None]:
    """Return what prints a page on standard output.

    Args:
        color: whether with rich; None uses it if it is there and standard output is a terminal.

    Raises:
        UsageError: if ``color`` is wanted and rich is missing.
    """
    if color is False or (color is None and not sys.stdout.isatty()):
        return _print_plain
    if find_spec("rich") is None:
        if color:
            raise UsageError(_NO_RICH)
        return _print_plain
    return partial(_print_rich, color=color)


def _print_plain(page: Page) -> None:
    lines = [page.title, *([page.text] if page.text else [])]
    for table in filter(_has_rows, page.tables):
        width = min(max(len(name) for name, _ in table.rows), _WIDEST)
        lines += ["", table.title] if table.title else [""]
        lines += [f"  {name:{width}}  {text}".rstrip() for name, text in table.rows]
    for line in lines:
        print(fit(line, sys.stdout))


def _print_rich(page: Page, *, color: bool | None) -> None:
    from rich import box  # noqa: PLC0415 - slow to load, and may be missing
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def text(content: str, style: str = "") -> Text:
        return Text(fit(content, sys.stdout), style, overflow="fold")

    console = Console(
        file=sys.stdout, force_terminal=color, no_color=False if color else None, markup=False, highlight=False
    )
    console.print(text(page.title, "bold"))
    if page.text:
        console.print(text(page.text))
    for table in filter(_has_rows, page.tables):
        grid = RichTable(box=box.ROUNDED, show_header=False)
        if table.title:
            console.print(text(table.title, "bold"))
        is_list = not any(content for _, content in table.rows)
        for name, content in table.rows:
            grid.add_row(text(name, "cyan"), *(() if is_list else (text(content),)))
        console.print(grid)


def _has_rows(table: Table) -> bool:
    return bool(table.rows)
