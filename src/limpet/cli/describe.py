"""``limpet describe``: what a client can see and do.

What a class shows came with its descriptor, and an object is asked once for its names.
Data is read only when that is wanted: a client cannot tell data that a class declares
from a property, whose code would run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

import limpet
from limpet.cli.notation import written
from limpet.cli.page import Page, Table, printer
from limpet.cli.report import tell
from limpet.cli.target import add_options, connect, open_service, opening, within
from limpet.logs import Presenter, printable
from limpet.objects.proxy import descriptor_of, inside
from limpet.session.messages import View

__all__ = ["add_command", "run"]

_VALUE: Final = 200
"""Characters of a value."""
_VALUE_BYTES: Final = 4_096


def add_command(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``describe`` to the commands."""
    parser = add_parser(
        "describe",
        help="show what a client can see and do",
        description="Open what is served, and show its methods, data and operators.",
    )
    parser.set_defaults(run=run)
    add_options(parser)
    parser.add_argument(
        "--values", action="store_true", help="read the data, too; what is a property runs its code on the server"
    )
    parser.add_argument(
        "--color",
        action=argparse.BooleanOptionalAction,
        help="with colours and tables, or as plain text; without either, what standard output suits",
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="how long to wait, in all")


def run(options: argparse.Namespace) -> int:
    """Open the service, print what it shows, and return the exit status.

    Raises:
        UsageError: if there is no server, none that lets us in, or no rich for colours.
    """
    show_page = printer(color=options.color)
    with within(options.timeout), connect(options) as session:
        try:
            found = open_service(session, options)
            facts = [("at", session.url), ("opened by", opening(options))]
            page = _page(found, facts, with_values=options.values)
        except Exception as error:
            tell(error)
            return 1
    show_page(page)
    return 0


def _page(found: Any, facts: list[tuple[str, str]], *, with_values: bool) -> Page:
    """Return what is known of ``found``; it is asked for its names, and for its data if that is wanted."""
    if not limpet.is_proxy(found):
        return Page(type(found).__name__, "", (Table("", (*facts, ("value", _shown(found)))),))
    descriptor = descriptor_of(found)
    _, entry = inside(found)
    facts.append(("writable", "yes" if entry.view == View.WRITE else "no: its attributes cannot be set"))
    if descriptor.interface:
        facts.append(("is a", descriptor.interface))
    if operators := written(descriptor.operations):
        facts.append(("operators", ", ".join(operators)))
    methods = [(f"{name}{signature}", doc) for name, (signature, doc) in descriptor.methods.items()]
    names = [name for name in dir(found) if name not in descriptor.methods]
    data = [(name, _value(found, name) if with_values else "") for name in names]
    return Page(
        descriptor.name,
        descriptor.doc,
        (Table("", tuple(facts)), Table("methods", tuple(methods)), Table("data", tuple(data))),
    )


def _value(proxy: Any, name: str) -> str:
    try:
        return _shown(getattr(proxy, name))
    except limpet.SessionError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _shown(value: Any) -> str:
    """Return ``value`` as text; of what is no plain data, its type alone. Asks nobody."""
    if limpet.is_proxy(value):
        return f"<{descriptor_of(value).name}>"
    return printable(repr(Presenter(_VALUE_BYTES).value(value)), _VALUE)
