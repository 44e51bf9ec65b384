"""Serve the job manager over a folder: ``python -m examples.jobs FOLDER [URL]``."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import limpet
from examples.jobs import Jobs


def main(folder: str = ".", url: str = "limpet://127.0.0.1:7373") -> None:
    Jobs.root = Path(folder).resolve(strict=True)
    with limpet.Server(Jobs, url, local="anyone") as server, contextlib.suppress(KeyboardInterrupt):
        print(f"jobs of {Jobs.root} at {server.url}", flush=True)
        server.wait()


if __name__ == "__main__":
    main(*sys.argv[1:3])
