"""An echo server, and a client that shouts at it.

Look at the two halves of ``main``: a server is one ``with`` and a client is another.
Between them there is a socket, and nothing of it is to be seen.
"""

from __future__ import annotations

import limpet

FREE_PORT = "limpet://127.0.0.1:0"


def echo(text: str) -> str:
    """Return what came."""
    return text


def main() -> None:
    with limpet.Server(limpet.functions(echo), FREE_PORT, local="anyone") as server:
        print("serving at", server.url)

        with limpet.connect(server.url) as session:
            service = session.open()
            for text in ("hello", "hello, hello", "да, слышу"):
                print(f"{text} -> {service.echo(text)}")


if __name__ == "__main__":
    main()
