"""What goes wrong on the server is raised on the client, with the server's stack.

Look at the traceback: first the client's lines, then, from ``<limpet ...>`` on, the
server's, down to the line that failed. And the session lives on: an error is an answer.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

import limpet

FREE_PORT = "limpet://127.0.0.1:0"


def double(value: Any) -> Any:
    """Return ``value`` times two."""
    return twice(value)


def twice(value: Any) -> Any:
    return value * 2


def main() -> None:
    with (
        limpet.Server(limpet.functions(double), FREE_PORT, local="anyone") as server,
        limpet.connect(server.url) as session,
    ):
        service = session.open()
        try:
            service.double({"a": 1})
        except TypeError:
            traceback.print_exc(file=sys.stdout)
        print("and the next call:", service.double(23))


if __name__ == "__main__":
    main()
