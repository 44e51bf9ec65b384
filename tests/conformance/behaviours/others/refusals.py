"""What is refused, and what ends with the connection: from the suites of Foolscap and Cap'n Web."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from tests.conformance.behaviour import behaviour
from tests.conformance.expect import raises, until
from tests.conformance.process import server_process
from tests.conformance.system import System


class Gate:
    """Holds back whoever waits, and tells how many do."""

    def __init__(self) -> None:
        self._event = Event()
        self._waiting = 0

    def wait(self) -> None:
        self._waiting += 1
        self._event.wait(10)

    def waiting(self) -> int:
        return self._waiting


# Foolscap can also be asked to tell when a connection goes; of these systems none can.
@behaviour("X2", "If the server dies during a call, that call and later ones raise the error of a lost connection")
def lost(system: System) -> None:
    with server_process(system, Gate, shared=True) as server, system.connect(server.address) as session:
        gate = session.open()

        def wait() -> None:
            system.adopt(gate)
            gate.wait()

        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(wait)
            with system.connect(server.address) as other:
                until(other.open().waiting, "the call does not start")
            server.kill()
            with raises(*system.lost):
                call.result()
        system.adopt(gate)
        with raises(*system.lost):
            gate.waiting()


class Secretive:
    def __init__(self) -> None:
        self._secret = "pearl"

    def public(self) -> str:
        return "shell"

    def _private(self) -> str:
        return self._secret


@behaviour("X12", "Private names, and those that every Python object has, are out of reach")
def private_names(system: System) -> None:
    with system.opened(Secretive) as secretive:
        assert secretive.public() == "shell"
        for name in ("_secret", "_private", "__dict__", "__globals__", "__subclasses__"):
            try:
                got = getattr(secretive, name)
                got = got() if callable(got) else got
            except system.denied:
                continue
            # A proxy may have an attribute of that name itself, which tells nothing.
            assert "pearl" not in repr(got), f"{name} tells"
