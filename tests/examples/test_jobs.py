"""The job manager: what it runs, what it refuses, and that its processes end."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import limpet
from examples.jobs import Jobs
from examples.jobs.manager import AT_ONCE, LONGEST_WAIT, patience

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path.resolve() / "readable"
    (folder / "sub").mkdir(parents=True)
    (folder / "one.py").write_text("a\nb\n")
    (folder / "sub" / "two.md").write_text("c\n")
    monkeypatch.setattr(Jobs, "root", folder)
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[limpet.Server]:
    with limpet.Server(Jobs, "limpet://127.0.0.1:0", local="anyone") as server:
        yield server


@pytest.fixture
def jobs(server: limpet.Server) -> Iterator[Any]:
    with limpet.connect(server.url) as session, limpet.timeout(30):
        yield session.open()


def lines(job: Any) -> list[str]:
    said: list[str] = []
    while (new := job.read()) is not None:
        said += new
    return said


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def eventually(happens: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.01)
    return happens()


def test_hash(jobs: Any, folder: Path) -> None:
    job = jobs.start("hash", ".")
    said = lines(job)
    assert [line.split()[-1] for line in said] == [".", "sub"]
    first = job.result()
    assert len(bytes.fromhex(first)) == hashlib.sha256().digest_size
    (folder / "one.py").write_text("changed\n")
    assert jobs.start("hash", ".").result() != first


def test_count(jobs: Any) -> None:
    job = jobs.start("count", ".")
    assert limpet.copy(job.result()) == {"Python": 2, "Markdown": 1}
    assert [line.split() for line in lines(job)] == [["2", "Python"], ["1", "Markdown"]]
    assert job.read() is None
    assert job.stop() is False


def test_lines_come_before_the_end(jobs: Any) -> None:
    job = jobs.start("countdown", 1_000)
    assert job.read(10) == ("1000 ...",)
    assert job.running
    assert job.name == "countdown"
    with pytest.raises(TimeoutError, match="still runs"):
        job.result(0)
    assert job.read(0) in {(), ("999 ...",)}


def test_stop(jobs: Any) -> None:
    job = jobs.start("countdown", 1_000)
    pid = job.pid
    assert not gone(pid)
    assert job.stop() is True
    assert gone(pid)
    assert not job.running
    assert job.stop() is False
    with pytest.raises(RuntimeError, match="stopped"):
        job.result()


def test_a_failure_brings_its_stacks(jobs: Any) -> None:
    job = jobs.start("count", "one.py")
    with pytest.raises(NotADirectoryError, match=r"'one\.py' is not a folder") as caught:
        job.result()
    assert any("in walk" in note for note in caught.value.__notes__)
    assert any(entry.name.startswith("result") for entry in caught.traceback)
    assert lines(job) == []


def test_a_process_that_is_killed_is_an_error(jobs: Any) -> None:
    job = jobs.start("countdown", 1_000)
    os.kill(job.pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match="ended with status -9"):
        job.result()


@pytest.mark.parametrize("name", ["rm", "", "count_lines", "COUNT"])
def test_only_jobs_of_the_list(jobs: Any, name: str) -> None:
    with pytest.raises(ValueError, match="there is no job"):
        jobs.start(name, ".")


@pytest.mark.parametrize("path", ["..", "../readable2", "/", "/etc", "sub/../..", "link"])
def test_only_inside_the_folder(jobs: Any, folder: Path, path: str) -> None:
    (folder / "link").symlink_to(folder.parent)
    with pytest.raises(PermissionError, match="outside"):
        jobs.start("hash", path)


@pytest.mark.parametrize("path", [".secret", "sub/.secret", ".secret/inner", "sub/../.secret", "open"])
def test_no_hidden_folder(jobs: Any, folder: Path, path: str) -> None:
    (folder / ".secret" / "inner").mkdir(parents=True)
    (folder / "sub" / ".secret").mkdir()
    (folder / "open").symlink_to(folder / ".secret")
    with pytest.raises(PermissionError, match="hidden"):
        jobs.start("hash", path)


def test_no_hidden_files(jobs: Any, folder: Path) -> None:
    before = jobs.start("hash", ".").result()
    (folder / "sub" / ".env.py").write_text("secret")
    assert jobs.start("hash", ".").result() == before
    assert limpet.copy(jobs.start("count", ".").result()) == {"Python": 2, "Markdown": 1}


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (float("nan"), LONGEST_WAIT),
        (float("inf"), LONGEST_WAIT),
        (-float("inf"), 0.0),
        (-1, 0.0),
        (0, 0.0),
        (2.5, 2.5),
        (1e9, LONGEST_WAIT),
    ],
)
def test_a_client_waits_for_a_while_whatever_it_asks_for(asked: float, waited: float) -> None:
    assert patience(asked) == waited


def test_links_are_not_followed(jobs: Any, folder: Path) -> None:
    before = jobs.start("hash", ".").result()
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "sub" / "up").symlink_to(folder.parent)
    assert jobs.start("hash", ".").result() == before


@pytest.mark.parametrize(("name", "argument"), [("count", 5), ("countdown", "5"), ("countdown", True), ("hash", "\0")])
def test_only_arguments_that_fit(jobs: Any, name: str, argument: object) -> None:
    with pytest.raises(ValueError):
        jobs.start(name, argument)


def test_only_so_many_at_once(jobs: Any) -> None:
    running = [jobs.start("countdown", 1_000) for _ in range(AT_ONCE)]
    with pytest.raises(RuntimeError, match="are running"):
        jobs.start("countdown", 1_000)
    running[0].stop()
    jobs.start("count", ".").result()


@pytest.mark.parametrize("name", ["root", "_jobs", "_folder"])
def test_the_rest_is_not_shown(jobs: Any, name: str) -> None:
    with pytest.raises(limpet.AccessDenied):
        getattr(jobs, name)


def test_jobs_end_with_their_session(server: limpet.Server) -> None:
    with limpet.connect(server.url) as session:
        job = session.open().start("countdown", 1_000)
        pid = job.pid
        assert not gone(pid)
    assert eventually(lambda: gone(pid))


def test_only_so_many_at_once_of_all_clients(server: limpet.Server) -> None:
    with limpet.connect(server.url) as one, limpet.connect(server.url) as two:
        mine, again, other = one.open(), one.open(), two.open()
        running = [mine.start("countdown", 1_000) for _ in range(AT_ONCE)]
        for full in (mine, again, other):
            with pytest.raises(RuntimeError, match="are running"):
                full.start("count", ".")
        running[0].stop()
        assert other.start("count", ".").result(20) is not None


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_jobs_end_with_their_server(folder: Path, number: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "examples.jobs", str(folder), "limpet://127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            assert first.startswith(f"jobs of {folder} at limpet://127.0.0.1:")
            with limpet.connect(first.split()[-1]) as session:
                job = session.open().start("countdown", 1_000)
                pid = job.pid
                server.send_signal(number)
                assert server.wait(20) == status
                assert eventually(lambda: gone(pid))
        finally:
            server.kill()
