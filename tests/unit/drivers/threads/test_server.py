"""A server: what it takes, whom it lets in, how it stops."""

from __future__ import annotations

import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.drivers.threads import server as server_module
from limpet.drivers.threads.address import _is_alive
from limpet.drivers.threads.server import Server, serve
from limpet.errors import AccessDenied, ConfigurationError, ConnectRefused, SessionClosed
from limpet.testing.driver import Task, until
from tests.integration.raw import RawClient, call


class Gated:
    """What is served."""

    inside = threading.Event()
    passing = threading.Event()

    def wait(self) -> bool:
        Gated.inside.set()
        return Gated.passing.wait(10)

    def add(self, a: int, b: int) -> int:
        return a + b

    def items(self) -> list[int]:
        return [1, 2]

    def stop(self) -> None:
        Gated.server.stop()

    server: Server


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    Gated.inside.clear()
    Gated.passing.clear()
    yield
    Gated.passing.set()


ANY = "limpet://127.0.0.1:0"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"results": "deep"}, "results="),
        ({"local": "nobody"}, "local="),
        ({"url": "http://127.0.0.1:0"}, "no URL"),
        ({"url": "limpet://0.0.0.0:0"}, "refusing to listen"),
        ({"url": "limpet://192.0.2.1:0"}, "refusing to listen"),
        ({"url": "limpet://example.org:0"}, "cannot tell"),
        ({"service": {}}, "empty"),
        ({"service": 5}, "not a service"),
        ({"allow": "10.0.0.1/8"}, "10.0.0.1/8"),
    ],
)
def test_what_it_does_not_take(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Server(**{"service": Gated, "url": ANY, **options})


def test_it_says_who_is_let_in(caplog: pytest.LogCaptureFixture) -> None:
    with Server(Gated, ANY) as server:
        assert f"serving {server.url} to every user of this machine" in caplog.text
    assert caplog.records[0].name == "limpet.audit"
    assert caplog.records[0].levelno == logging.WARNING


def test_it_tells_when_sessions_begin_and_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "limpet.session")
    with Server(Gated, ANY) as server:
        with limpet.connect(server.url) as session:
            session.open()
        until(lambda: server.sessions == 0)
    assert "session began peer=127.0.0.1:" in caplog.text
    assert "session ended peer=127.0.0.1:" in caplog.text


def test_a_server_is_started_once() -> None:
    with Server(Gated, ANY) as server, pytest.raises(RuntimeError, match="started already"):
        server.start()
    with pytest.raises(RuntimeError, match="started already"):
        server.start()


def test_a_server_that_was_not_started_is_stopped_easily() -> None:
    Server(Gated, ANY).stop()


def test_a_port_that_is_taken() -> None:
    with Server(Gated, ANY) as server, pytest.raises(OSError, match="in use"), Server(Gated, server.url):
        pass


def test_settings_replace_those_of_the_profile() -> None:
    exposure, limits = limpet.Exposure(), limpet.Limits(depth=9)
    server = Server(Gated, ANY, allow=["127.0.0.1", "::1"], limits=limits, exposure=exposure)
    assert server.profile.limits is limits
    assert server.profile.exposure is exposure
    assert server.profile.addresses == limpet.Addresses("127.0.0.1", "::1")
    assert Server(Gated, ANY, allow="127.0.0.1").profile.addresses == limpet.Addresses("127.0.0.1")


def test_an_address_that_is_not_allowed(caplog: pytest.LogCaptureFixture) -> None:
    with Server(Gated, ANY, allow="127.0.0.2") as server:
        with pytest.raises(ConnectRefused):
            limpet.connect(server.url)
        until(lambda: "refused peer=127.0.0.1:" in caplog.text)
        assert server.sessions == 0


def test_another_user_is_not_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    with Server(Gated, f"limpet+unix://{tmp_path / 'a.sock'}") as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: os.getuid() + 1)
            with pytest.raises(ConnectRefused):
                limpet.connect(server.url)
        with limpet.connect(server.url) as session:
            assert session.open().add(1, 2) == 3


def test_a_peer_that_is_gone_before_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(Gated, ANY) as server:
        prepared = threading.Event()

        def fail(*_: object) -> None:
            prepared.set()
            raise OSError(107, "Transport endpoint is not connected")

        with monkeypatch.context() as patch:
            patch.setattr(server_module, "prepare", fail)
            with RawClient(server.url, shake=False) as peer:
                assert peer.rest() == b""
        assert prepared.is_set()
        assert server.sessions == 0


def test_connections_are_counted_by_address() -> None:
    with Server(Gated, ANY, limits=limpet.Limits(connections_per_address=2)) as server:
        for _ in range(3):
            with RawClient(server.url), RawClient(server.url):
                until(lambda: server.sessions == 2)
            until(lambda: server.sessions == 0)
        assert not server._per_address
        assert not server._shaking_hands


def test_results_as_copies() -> None:
    with Server(Gated, ANY, results="copy") as server, limpet.connect(server.url) as session:
        assert session.open().items() == [1, 2]


def test_interceptors_stand_around_every_use() -> None:
    seen: list[str] = []

    def note(invocation: limpet.Invocation, following: Any) -> Any:
        seen.append(f"{invocation.kind.name} {invocation.name}")
        return following(invocation)

    with Server(Gated, ANY, interceptors=[note], serial=True) as server, limpet.connect(server.url) as session:
        assert session.open().add(1, 2) == 3
    assert seen == ["OPEN ", "CALL add"]


@pytest.mark.parametrize("concurrent", [False, True])
def test_one_session_leaves_workers_for_others(*, concurrent: bool) -> None:
    passing = threading.Event()

    class Slow:
        @limpet.concurrent
        def passes(self) -> bool:
            return passing.wait(10)

        def wait(self) -> bool:
            return passing.wait(10)

        def add(self, a: int, b: int) -> int:
            return a + b

    limits = limpet.Limits(workers=4)
    with (
        limpet.Server(Slow, ANY, limits=limits, concurrent=concurrent) as server,
        limpet.connect(server.url) as greedy,
        limpet.connect(server.url) as other,
    ):
        slow, modest = greedy.open(), other.open()
        futures = [limpet.later(method) for method in (slow.wait, slow.passes) for _ in range(4)]
        greedy.ping()
        # As many run as may.
        [schedule] = [each for channel in server._snapshot() if (each := channel.session.schedule).requests]
        until(lambda: len(schedule.requests) == 8 and not schedule.can_start)
        assert modest.add(1, 2) == 3
        assert not any(future.done() for future in futures)
        passing.set()
        assert [future.result(10) for future in futures] == [True] * 8


def test_a_serial_server_lets_a_callback_call_back() -> None:
    class Caller:
        def call(self, function: Any) -> Any:
            return function()

        def ten(self) -> int:
            return 10

    with Server(Caller(), ANY, serial=True) as server, limpet.connect(server.url) as session:
        caller = session.open()
        assert caller.call(caller.ten) == 10


# ---------------------------------------------------------------- stopping


def test_stop_lets_what_runs_finish_and_refuses_what_waits() -> None:
    server = Server(Gated, ANY)
    server.start()
    with limpet.connect(server.url) as session:
        gated = session.open()
        running = Task(gated.wait)
        assert Gated.inside.wait(5)
        [channel] = server._snapshot()
        waiting = Task(gated.add, 1, 2)
        until(lambda: len(channel.session.schedule.requests) == 2)
        stopping = Task(server.stop)
        until(lambda: len(channel.session.schedule.requests) == 1)
        assert not stopping.is_done
        Gated.passing.set()
        assert running.result() is True
        with pytest.raises(SessionClosed, match="server is stopping"):
            waiting.result()
        stopping.result()
        with pytest.raises(SessionClosed, match="server is stopping"):
            gated.add(1, 2)
    assert server.sessions == 0


def test_stop_does_not_wait_for_ever() -> None:
    server = Server(Gated, ANY, limits=limpet.Limits(stop_seconds=0.1))
    server.start()
    with limpet.connect(server.url) as session:
        running = Task(session.open().wait)
        assert Gated.inside.wait(5)
        server.stop()
        with pytest.raises(SessionClosed):
            running.result()
        # The call that was left to itself ends some time, and leaves nothing.
        Gated.passing.set()
        until(lambda: not len(server._workers))
        assert server.sessions == 0


def test_stop_settles_the_answers_that_no_worker_is_left_for() -> None:
    heard: list[object] = []
    inside, passing = threading.Event(), threading.Event()

    class Asker:
        def ask(self, function: Any) -> None:
            limpet.later(function).add_done_callback(lambda ended: heard.append(type(ended.exception())))
            inside.set()
            passing.wait(10)

    limits = limpet.Limits(workers=1, stop_seconds=0.05)
    with limpet.Server(Asker, "limpet://127.0.0.1:0", limits=limits) as server, limpet.connect(server.url) as session:
        asking = Task(session.open().ask, lambda: passing.wait(10))
        assert inside.wait(10)
        server.stop()
        assert heard == [SessionClosed]
        passing.set()
        with pytest.raises(SessionClosed):
            asking.result()


def test_stop_waits_for_no_callback_longer_than_for_a_call() -> None:
    inside, passing, stopped = threading.Event(), threading.Event(), threading.Event()

    def stop(_ended: object) -> None:
        server.stop()
        stopped.set()

    class Asker:
        def ask(self, function: Any) -> None:
            for _ in range(3):
                limpet.later(function).add_done_callback(stop)
            inside.set()
            passing.wait(10)

    limits = limpet.Limits(workers=1, stop_seconds=0.05)
    with limpet.Server(Asker, "limpet://127.0.0.1:0", limits=limits) as server, limpet.connect(server.url) as session:
        asking = Task(session.open().ask, lambda: passing.wait(10))
        assert inside.wait(10)
        server.stop()
        assert stopped.wait(10)
        passing.set()
        with pytest.raises(SessionClosed):
            asking.result()


def test_stop_twice_and_from_many_threads() -> None:
    server = Server(Gated, ANY)
    server.start()
    for task in [Task(server.stop) for _ in range(5)]:
        task.result()
    server.stop()
    server.wait()


def test_a_served_call_may_stop_the_server() -> None:
    with Server(Gated, ANY, limits=limpet.Limits(stop_seconds=0.1)) as server:
        Gated.server = server
        with limpet.connect(server.url) as session, pytest.raises(SessionClosed):
            session.open().stop()
        server.wait()


def test_stop_closes_who_has_not_finished_the_handshake() -> None:
    server = Server(Gated, ANY)
    server.start()
    with RawClient(server.url, shake=False) as peer:
        until(lambda: server.sessions == 1)
        server.stop()
        assert peer.rest() == b""
    assert server.sessions == 0


def test_who_is_accepted_at_the_last_moment_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(Gated, ANY)
    server.start()
    original = server._workers.close
    clients: list[RawClient] = []
    watcher = server._watcher
    assert watcher is not None
    held = threading.Event()
    listener = watcher._listener.dup()

    def accept_one_more(seconds: float) -> None:
        original(seconds)
        port = listener.getsockname()[1]
        clients.append(RawClient(f"limpet://127.0.0.1:{port}", shake=False))
        listener.setblocking(True)
        server._accept(listener.accept()[0])
        held.set()

    monkeypatch.setattr(server._workers, "close", accept_one_more)
    server.stop()
    listener.close()
    assert held.is_set()
    [client] = clients
    with client:
        assert client.rest() == b""
    assert server.sessions == 0


def test_stop_tells_those_whose_requests_wait() -> None:
    server = Server(Gated, ANY)
    server.start()
    with RawClient(server.url) as peer:
        peer.open()
        peer.say(call(2, 1, "wait"), call(3, 1, "add", 1, 2))
        assert Gated.inside.wait(5)
        stopping = Task(server.stop)
        until(lambda: server._watcher is not None and server._watcher._listener.fileno() == -1)
        Gated.passing.set()
        stopping.result()
        assert peer.goodbye() is limpet.Code.SHUTDOWN


def test_a_unix_socket_goes_with_its_server(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "a.sock"
    with Server(Gated, f"limpet+unix://{path}"):
        assert path.is_socket()
    assert not path.exists()


def test_a_successors_unix_socket_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "a.sock"
    first = Server(Gated, f"limpet+unix://{path}")
    first.start()
    running = Task(limpet.connect(first.url).open().wait)
    assert Gated.inside.wait(5)
    stopping = Task(first.stop)
    until(lambda: not _is_alive(path))
    # The next one begins while the first lets a call finish.
    with Server(Gated, f"limpet+unix://{path}") as second:
        Gated.passing.set()
        stopping.result()
        assert running.result() is True
        with limpet.connect(second.url) as session:
            assert session.open().add(1, 2) == 3


def test_a_unix_socket_that_somebody_took_away(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "a.sock"
    with Server(Gated, f"limpet+unix://{path}"):
        path.unlink()


def test_a_child_does_not_stop_its_parents_server() -> None:
    with Server(Gated, ANY) as server:
        server._pid = os.getpid() + 1
        server.stop()
        with limpet.connect(server.url) as session:
            assert session.open().add(1, 2) == 3
        server._pid = os.getpid()


# ---------------------------------------------------------------- serve

SERVING = """
import limpet, sys, threading
class Account:
    inside = threading.Event()
    def add(self, a, b): return a + b
    def wait(self):
        self.inside.set()
        threading.Event().wait()
    @limpet.concurrent
    def is_waiting(self): return self.inside.wait(10)
limpet.serve(Account, "limpet+unix://" + sys.argv[1], limits=limpet.Limits(stop_seconds=600))
print("stopped", flush=True)
"""


def test_serve_runs_until_it_is_interrupted(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "a.sock"
    with subprocess.Popen(
        [sys.executable, "-c", SERVING, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: _answers(path))
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=10)
    assert said == "stopped\n"
    assert complaint == f"limpet: serving at limpet+unix://{path}; Ctrl-C stops it\n"
    assert not path.exists()


def test_a_second_interrupt_waits_for_no_call(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "a.sock"
    with subprocess.Popen(
        [sys.executable, "-c", SERVING, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: _answers(path))
        with limpet.connect(f"limpet+unix://{path}") as session:
            account = session.open()
            running = limpet.later(account.wait)
            assert account.is_waiting() is True
            process.send_signal(signal.SIGINT)
            until(lambda: not _is_alive(path))
            process.send_signal(signal.SIGINT)
            with pytest.raises(SessionClosed):
                running.result(10)
        said, complaint = process.communicate(timeout=10)
    assert said == "stopped\n"
    assert "Traceback" not in complaint


def test_whoever_cannot_be_told_where_it_serves_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    for stderr in (None, _Closed()):
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(Server, "wait", lambda _server: None)
        serve(Gated, ANY)


class _Closed(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_all_users_of_the_machine_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Server, "wait", lambda _server: None)
    serve(Gated, ANY)
    said = capsys.readouterr().err
    assert re.fullmatch(r"limpet: serving at limpet://127\.0\.0\.1:\d+, to every user .*; Ctrl-C stops it\n", said)


def _answers(path: Path) -> bool:
    try:
        with limpet.connect(f"limpet+unix://{path}") as session:
            return bool(session.open().add(1, 2) == 3)
    except ConnectRefused:
        return False


def test_serve_returns_when_the_server_stops() -> None:
    def stop_soon(server: Server) -> None:
        until(lambda: server._watcher is not None)
        server.stop()

    started: list[Server] = []
    original = Server.start

    def start(server: Server) -> None:
        original(server)
        started.append(server)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "start", start)
        serving = Task(serve, Gated, ANY)
        until(lambda: started)
        stop_soon(started[0])
        serving.result()


def test_what_is_not_served_is_not_opened() -> None:
    with Server({"a": Gated}, ANY) as server, limpet.connect(server.url) as session, pytest.raises(AccessDenied):
        session.open()


def test_times_that_are_for_ever() -> None:
    seconds: dict[str, Any] = {name.name: 1e12 for name in fields(limpet.Limits) if name.name.endswith("_seconds")}
    limits = limpet.Limits(**seconds)
    with limpet.Server(Gated, "limpet://127.0.0.1:0", limits=limits) as server, limpet.connect(server.url) as session:
        session.open()
        assert session.ping() < 10
