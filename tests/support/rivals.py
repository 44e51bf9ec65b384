"""Servers of other libraries in a document: as limpet's, each serves on a free port until the document ends.

A rival's server blocks as well: here it runs in a thread and the call returns at once. Managers need no help, for they
start processes themselves; only that this process has threads must not count against them.
"""

from __future__ import annotations

import gc
import warnings
from contextlib import ExitStack
from threading import Thread
from typing import Any

import Pyro5.server
import pytest
import rpyc
import rpyc.utils.server

__all__ = ["let_rivals_serve"]


def let_rivals_serve(until: ExitStack, patch: pytest.MonkeyPatch) -> None:
    """Let the servers of RPyC and Pyro5 run in threads ``until`` it is closed."""
    until.callback(gc.collect)  # errors of managers keep connections in cycles
    _let_rpyc_serve(until, patch)
    _let_pyro_serve(until, patch)
    until.enter_context(warnings.catch_warnings())
    warnings.filterwarnings("ignore", "This process .* is multi-threaded, use of fork", DeprecationWarning)


def _let_rpyc_serve(until: ExitStack, patch: pytest.MonkeyPatch) -> None:
    server, connect = rpyc.utils.server.Server, rpyc.connect
    make, start = server.__init__, server.start
    ports: dict[int, int] = {}

    def make_on_free_port(self: Any, *args: Any, port: int = 0, **settings: Any) -> None:
        make(self, *args, port=0, **settings)
        ports[port] = self.port

    def start_in_thread(self: Any) -> None:
        self._listen()
        _run(until, self.close, start, self)

    def connect_here(host: str, port: int, **settings: Any) -> Any:
        return connect(host, ports.get(port, port), **settings)

    patch.setattr(server, "__init__", make_on_free_port)
    patch.setattr(server, "start", start_in_thread)
    patch.setattr(rpyc, "connect", connect_here)


def _let_pyro_serve(until: ExitStack, patch: pytest.MonkeyPatch) -> None:
    loop = Pyro5.server.Daemon.requestLoop  # a daemon takes a free port of its own accord
    patch.setattr(Pyro5.server.Daemon, "requestLoop", lambda self: _run(until, self.shutdown, loop, self))


def _run(until: ExitStack, stop: Any, serve: Any, server: Any) -> None:
    thread = Thread(target=serve, args=(server,), name="rival")
    thread.start()
    until.callback(thread.join)
    until.callback(stop)
