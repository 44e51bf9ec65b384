"""The demonstration says what happened, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/demo.py"], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )


def section(transcript: str, title: str) -> str:
    [part] = [part for part in re.split(r"^=== ", transcript, flags=re.MULTILINE) if part.startswith(title)]
    return part


def test_it_succeeds(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""


def test_it_starts_a_real_server(demo: subprocess.CompletedProcess[str]) -> None:
    said = section(demo.stdout, "The server\n")
    assert "$ python -m limpet serve examples.jobs:Jobs --listen limpet://127.0.0.1:0\n" in said
    assert re.search(r"^serving examples\.jobs:Jobs at limpet://127\.0\.0\.1:\d+$", said, re.MULTILINE)


def test_a_job_says_its_lines(demo: subprocess.CompletedProcess[str]) -> None:
    said = section(demo.stdout, "1.")
    assert re.search(r"^ +[0-9a-f]{16} +\d+ files  src/limpet$", said, re.MULTILINE)
    assert re.search(r"^result: [0-9a-f]{64}$", said, re.MULTILINE)
    assert "'Python': " in said


def test_a_job_is_stopped(demo: subprocess.CompletedProcess[str]) -> None:
    said = section(demo.stdout, "2.")
    assert "1000 ..." in said
    assert "998 ..." in said
    assert re.search(r"stopped after \d+ lines; process \d+ is gone", said)


def test_a_job_fails_with_all_its_stacks(demo: subprocess.CompletedProcess[str]) -> None:
    said = section(demo.stdout, "3.")
    client, server, error, process = map(
        said.index, ("in finished", "<limpet 127.0.0.1:", "NotADirectoryError: 'scr' is not a folder", "work.py")
    )
    assert client < server < error < process
    assert "manager.py>" in said[server:error]


def test_what_is_refused(demo: subprocess.CompletedProcess[str]) -> None:
    said = section(demo.stdout, "4.")
    assert said.count("AccessDenied: ") == 2
    assert "ValueError: there is no job 'rm'" in said
    assert "PermissionError: '..' is outside of what jobs may read" in said


def test_nothing_is_left(demo: subprocess.CompletedProcess[str]) -> None:
    assert "ended with status 0" in section(demo.stdout, "The end")
    pids = {int(pid) for pid in re.findall(r"process (\d+)", demo.stdout)}
    assert len(pids) == 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_it_is_plain_text(demo: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in demo.stdout


def test_its_last_line_is_a_command_that_works(
    demo: subprocess.CompletedProcess[str], command: tuple[str, ...]
) -> None:
    last = demo.stdout.splitlines()[-1]
    assert last == f"Next: {' '.join(command)} serve examples.jobs:Jobs"
    words = ["--help" if word == "examples.jobs:Jobs" else word for word in last.split()[1:]]
    words[:1] = [sys.executable] if words[0] == "python" else words[:1]
    shown = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert shown.returncode == 0
    assert "MODULE:NAME" in shown.stdout


@pytest.fixture
def command() -> Iterator[tuple[str, ...]]:
    installed = Path(sys.executable).with_name("limpet")
    if not installed.exists():
        yield ("python", "-m", "limpet")
    else:
        yield (str(installed.relative_to(ROOT) if installed.is_relative_to(ROOT) else installed),)
