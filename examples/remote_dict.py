"""A dict in another place: the client holds a thin shell, the state is the server's.

Look at what is served: ``dict``, a class nobody wrote for this. Every session gets an
instance of its own. Item access, ``len``, ``in``, iteration and methods all happen there.
"""

from __future__ import annotations

import limpet

FREE_PORT = "limpet://127.0.0.1:0"


def main() -> None:
    with (
        limpet.Server(dict, FREE_PORT, local="anyone") as server,
        limpet.connect(server.url) as session,
    ):
        remote = session.open(one=1)
        remote[2] = "two"
        print("the dict:", remote)
        print("length:", len(remote), "- an item:", remote[2], "- has 3:", 3 in remote)
        print("methods:", *(name for name in dir(remote) if not name.startswith("_")))

        print("items:", *(f"{key!r}={value!r}" for key, value in remote.items()))
        del remote["one"]

        local = limpet.copy(remote)
        local[3] = "only here"
        print("the copy:", local)
        print("the dict:", remote)


if __name__ == "__main__":
    main()
