"""``limpet serve``: in this process with the waiting replaced, and as a process with signals."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import limpet
from limpet.cli import main
from tests.support.commands import serving

pytestmark = pytest.mark.usefixtures("folder")

ANY_PORT = ("--listen", "limpet://127.0.0.1:0")


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """Leave the logs as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    limpet.log(0)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[Any]]:
    """Return a function that serves, does something as a client, and ends the server with a signal."""

    def visit(words: list[str], *clients: Callable[[limpet.ClientSession], Any]) -> list[Any]:
        seen: list[Any] = []

        def wait(_server: limpet.Server) -> None:
            line = capsys.readouterr().out
            assert line.startswith(f"serving {words[0]} at limpet")
            for client in clients:
                with limpet.connect(line.split()[-1]) as session:
                    seen.append(client(session))
            signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr(limpet.Server, "wait", wait)
        assert main(["serve", *words, *ANY_PORT]) == 0
        return seen

    return visit


def test_a_class(visit: Callable[..., list[Any]]) -> None:
    assert visit(["bank:Account"], *2 * [lambda session: session.open("Ada").deposit(5)]) == [5, 5]


def test_functions(visit: Callable[..., list[Any]]) -> None:
    assert visit(["bank:add,double"], lambda session: session.open().double(4)) == [8]


def test_a_dict_of_services(visit: Callable[..., list[Any]]) -> None:
    def client(session: limpet.ClientSession) -> Any:
        return session.service("accounts").open("Ada").owner, session.service("sums").open().add(1, 2)

    assert visit(["bank:services"], client) == [("Ada", 3)]


def test_one_for_all(visit: Callable[..., list[Any]]) -> None:
    assert visit(["bank:Account", "--shared"], *2 * [lambda session: session.open().deposit(5)]) == [5, 10]


def test_one_dict_for_all(visit: Callable[..., list[Any]]) -> None:
    def client(session: limpet.ClientSession) -> Any:
        remote = session.open()
        remote["n"] = remote.get("n", 0) + 1
        return remote["n"]

    assert visit(["bank:shared_dict", "--shared"], client, client) == [1, 2]


def test_results_by_value(visit: Callable[..., list[Any]]) -> None:
    def client(session: limpet.ClientSession) -> Any:
        return session.open().entries

    [entries] = visit(["bank:Account", "--results", "copy"], client)
    assert entries == []
    assert type(entries) is list


def test_types_that_go_by_value(visit: Callable[..., list[Any]], folder: Path) -> None:
    (folder / "shapes.py").write_text(SHAPES)

    def client(session: limpet.ClientSession) -> Any:
        point = sys.modules["shapes"].Point
        profile = limpet.Profile(codecs=(limpet.MsgpackCodec([point, sys.modules["shapes"].Color]),))
        with limpet.connect(session.url, profile=profile) as knowing:
            return knowing.open().moved(point(1)) == point(2)

    assert visit(["shapes:Canvas", "--types", "shapes:Point,Color"], client) == [True]


SHAPES = """
import dataclasses, enum

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int
    color: Color = Color.RED

class Canvas:
    def moved(self, point):
        return Point(point.x + 1, point.color)
"""


def test_what_is_no_type_to_send(capsys: pytest.CaptureFixture[str]) -> None:
    assert "enums and dataclasses, not" in refusal(capsys, "bank:Account", *ANY_PORT, "--types", "bank:Account")
    assert "bank has no 'Nothing'" in refusal(capsys, "bank:Account", *ANY_PORT, "--types", "bank:Nothing")


@pytest.mark.parametrize("word", ["--serial", "--concurrent", "--local=anyone", "--allow=127.0.0.0/8"])
def test_other_settings(visit: Callable[..., list[Any]], word: str) -> None:
    assert visit(["bank:Account", word], lambda session: session.open().balance) == [0]


def test_the_log_of_messages(visit: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[str] = []

    def client(session: limpet.ClientSession) -> None:
        session.open().deposit(5)
        kept.append(capsys.readouterr().err)

    visit(["bank:Account", "--log", "1"], client)
    assert "RECV " in kept[0]


def test_the_handlers_of_signals_are_put_back(visit: Callable[..., list[Any]]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    visit(["bank:Account"])
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line that is said when it cannot be served as ``words`` ask."""
    assert main(["serve", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("limpet: ")
    assert said.err.count("\n") == 1
    return said.err


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with limpet.Server(dict, "limpet://127.0.0.1:0", local="anyone") as other:
        said = refusal(capsys, "bank:Account", "--listen", other.url)
    assert other.url in said
    assert "--listen" in said


@pytest.mark.parametrize("listen", ["limpet://0.0.0.0:0", "limpet://[::]:0", "http://127.0.0.1:0", "nonsense"])
def test_where_it_may_not_listen(capsys: pytest.CaptureFixture[str], listen: str) -> None:
    refusal(capsys, "bank:Account", "--listen", listen)


def test_an_address_the_system_refuses(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    listen = f"limpet+unix://{folder}/{'long' * 50}"
    assert "too long" in refusal(capsys, "bank:Account", "--listen", listen)


@pytest.mark.parametrize("network", ["10.0.0.0/99", "10.1.0.0/8", "host.example"])
def test_no_network(capsys: pytest.CaptureFixture[str], network: str) -> None:
    assert network in refusal(capsys, "bank:Account", *ANY_PORT, "--allow", network)


def test_keys_that_are_empty_do_not_open_the_door(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    listen = f"limpet+unix://{folder}/socket"
    assert "is no file" in refusal(capsys, "bank:Account", "--listen", listen, "--keys", "")


def test_no_such_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no module 'blank'" in refusal(capsys, "blank:Account")


def test_no_such_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'Account'" in refusal(capsys, "bank:Acount")


def test_a_broken_module_is_shown_with_its_own_stack(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "broken.py").write_text("def f():\n    return 1 / 0\nf()\n")
    assert main(["serve", "broken:f"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("limpet: broken cannot be imported:\nTraceback (most recent call last):\n")
    assert said.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "broken.py" in said
    assert "service.py" not in said
    assert "importlib" not in said


# ---------------------------------------------------------------- as a process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("with_client", [False, True], ids=["idle", "with a client"])
def test_a_signal_ends_it_with_status_0(folder: Path, number: signal.Signals, with_client: bool) -> None:
    with serving("bank:Account", *ANY_PORT, cwd=folder) as (server, line):
        assert line.startswith("serving bank:Account at limpet://127.0.0.1:")
        if with_client:
            with limpet.connect(line.split()[-1]) as session:
                account = session.open("Ada")
                assert account.deposit(5) == 5
                server.send_signal(number)
                assert server.wait(20) == 0
                with pytest.raises(limpet.SessionError):
                    account.deposit(5)
        else:
            server.send_signal(number)
            assert server.wait(20) == 0
        out, err = server.communicate()
    assert out == ""
    assert "Traceback" not in err


BUSY = """
import sys, time

class Worker:
    def work(self):
        print("working", flush=True)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
"""


def test_a_second_interrupt_does_not_wait_for_running_calls(folder: Path) -> None:
    (folder / "busy.py").write_text(BUSY)
    with serving("busy:Worker", *ANY_PORT, cwd=folder) as (server, line):
        with limpet.connect(line.split()[-1]) as session:
            caller = threading.Thread(target=call_in_vain, args=(session.open().work,))
            caller.start()
            assert server.stdout is not None
            assert server.stdout.readline() == "working\n"
            # Two that come at once are one to the system, so they come until it is enough.
            while server.poll() is None:
                server.send_signal(signal.SIGINT)
                threading.Event().wait(0.05)
            # The last of them may come when Python has put its handler away.
            assert server.returncode in {130, -signal.SIGINT}
        caller.join()
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


def call_in_vain(method: Callable[[], object]) -> None:
    try:
        method()
    except limpet.LimpetError:
        return
    raise AssertionError("the call returned")


def test_a_unix_socket(folder: Path) -> None:
    with serving("bank:add", "--listen", f"limpet+unix://{folder}/s", cwd=folder) as (server, line):
        assert line == f"serving bank:add at limpet+unix://{folder}/s\n"
        with limpet.connect(line.split()[-1]) as session:
            assert session.open().add(2, 3) == 5
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
