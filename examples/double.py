"""A server that multiplies by two whatever it gets: structured data there and back.

Look at the types. An int comes back as an int, a tuple as a tuple. A list is mutable,
so the result stays on the server and the client holds a proxy of it, until it asks for
a copy.

    python examples/double.py 3     shows each message as it passes, at log level 1, 2 or 3
"""

from __future__ import annotations

import sys
from typing import Any

import limpet

FREE_PORT = "limpet://127.0.0.1:0"


def double(value: Any) -> Any:
    """Return ``value`` times two."""
    return value * 2


def main(log_level: int = 0) -> None:
    limpet.log(log_level)
    with (
        limpet.Server(limpet.functions(double), FREE_PORT, local="anyone") as server,
        limpet.connect(server.url) as session,
    ):
        service = session.open()
        for value in ("qwe", 23, 2.5, 1 + 2j, b"\x00\xff", (1, "a", None), 10**30):
            print(f"{value!r} -> {service.double(value)!r}")

        doubled = service.double([1, 2])
        print("[1, 2] -> a list of", len(doubled), "on the server; its last item:", doubled[-1])
        print("[1, 2] -> a copy of it here:", limpet.copy(doubled))
    limpet.log(0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
