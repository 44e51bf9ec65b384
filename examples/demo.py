"""The demonstration: a job manager in a process of its own, and a client that uses it.

Look at ``main`` for the order of things; each step prints what happened and checks it.
The status is 0 only if all of it did. Nothing stays behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import limpet

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "examples.jobs:Jobs"
COMMAND = [sys.executable, "-m", "limpet", "serve", SERVICE, "--listen", "limpet://127.0.0.1:0"]
START_SECONDS = 20
CALL_SECONDS = 20


def main() -> None:
    print("limpet: a job manager in one process, its client in another.")
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        with serving(log) as url, limpet.connect(url) as session, limpet.timeout(CALL_SECONDS):
            jobs = session.open()
            print(f"jobs: {', '.join(jobs.names())}; round trip: {session.ping() * 1e6:.0f} us")
            watch(jobs)
            stop(jobs)
            fail(jobs)
            refuse(jobs)
            forget(session, jobs)
        heading("What the server's log says of this")
        log.seek(0)
        print(log.read().rstrip() or "(nothing)")
    print(f"\nAll of it happened as it should.\nNext: {command()} serve {SERVICE}")


def watch(jobs: Any) -> None:
    heading("1. A job that says its lines as they come: hash src/")
    job = jobs.start("hash", "src")
    print(f"a proxy here, process {job.pid} there")
    seen = sum(len(lines) for lines in follow(job))
    digest = job.result()
    print("result:", digest)
    check(seen > 0 and len(digest) == 64, "the hash did not come")

    lines = limpet.copy(finished(jobs.start("count", ".")))
    print("and another: lines by language:", lines)
    check(lines.get("Python", 0) > 0, "no line of Python was counted")


def stop(jobs: Any) -> None:
    heading("2. A job that is stopped: a countdown from 1000")
    job = jobs.start("countdown", 1000)
    pid, seen = job.pid, 0
    for lines in follow(job):
        seen += len(lines)
        if seen >= 3:
            break
    check(job.running, "the countdown ended by itself")
    check(job.stop(), "the countdown was not running when it was stopped")
    check(not job.running and gone(pid), "the countdown runs on")
    print(f"stopped after {seen} lines; process {pid} is gone")


def fail(jobs: Any) -> None:
    heading("3. A job that fails: count a folder that is not there")
    job = jobs.start("count", "scr")
    try:
        finished(job)
    except NotADirectoryError as error:
        shown = "".join(traceback.format_exception(error))
    else:
        raise Failed("the job did not fail")
    print(shown.rstrip())
    check("in finished" in shown, "the traceback lacks the client's stack")
    check("manager.py>" in shown, "the traceback lacks the server's stack")
    check("work.py" in shown, "the traceback lacks the stack of the job's process")
    print("The session lives on; the job's name, asked again:", job.name)


def refuse(jobs: Any) -> None:
    heading("4. What is refused")
    refused("a private name", "jobs._jobs", limpet.AccessDenied, lambda: jobs._jobs)  # noqa: SLF001 - to see it refused
    refused("an object nobody exposed", "jobs.root", limpet.AccessDenied, lambda: jobs.root)
    refused("a program that is no job", "jobs.start('rm', 'src')", ValueError, lambda: jobs.start("rm", "src"))
    refused("a way out", "jobs.start('hash', '..')", PermissionError, lambda: jobs.start("hash", ".."))


def forget(session: limpet.ClientSession, jobs: Any) -> None:
    heading("5. A job nobody stops: it ends with its session")
    job = jobs.start("countdown", 1000)
    pid = job.pid
    check(not gone(pid), "the countdown does not run")
    session.close()
    check(eventually(lambda: gone(pid)), f"process {pid} runs on")
    print(f"the session was closed, and process {pid} is gone")


# ---------------------------------------------------------------- of jobs


def follow(job: Any) -> Iterator[tuple[str, ...]]:
    """Print the lines of ``job`` as they come, and yield them."""
    while (lines := job.read()) is not None:
        for line in lines:
            print("  ", line, flush=True)
        yield lines


def finished(job: Any) -> Any:
    """Return the result of ``job``, or raise what it raised."""
    return job.result()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# ---------------------------------------------------------------- of the server


@contextmanager
def serving(log: IO[str]) -> Iterator[str]:
    """Run the server in a process of its own, yield its URL, and end it in every case."""
    heading("The server")
    print("$", "python", *COMMAND[1:])
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True) as server:  # noqa: S603
        watchdog = threading.Timer(START_SECONDS, server.kill)
        watchdog.start()
        try:
            line = server.stdout.readline().rstrip() if server.stdout else ""
            watchdog.cancel()
            print(line)
            check(line.startswith(f"serving {SERVICE} at limpet://"), f"the server did not start: {said(log)}")
            yield line.rpartition(" ")[2]
            heading("The end")
            server.send_signal(signal.SIGTERM)
            status = server.wait(START_SECONDS)
            print("the server was told to stop, and ended with status", status)
            check(status == 0, f"the server ended with status {status}: {said(log)}")
        finally:
            watchdog.cancel()
            server.kill()


def said(log: IO[str]) -> str:
    log.seek(0)
    return log.read().strip() or "it said nothing"


# ---------------------------------------------------------------- of the transcript


class Failed(Exception):
    """Something did not happen as this demonstration says."""


def check(happened: object, otherwise: str) -> None:
    if not happened:
        raise Failed(otherwise)


def refused(what: str, code: str, kind: type[Exception], attempt: Any) -> None:
    try:
        attempt()
    except kind as error:
        print(f"{what}: {code}\n   {type(error).__name__}: {error}")
    else:
        raise Failed(f"{code} was not refused")


def eventually(happens: Any, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def heading(text: str) -> None:
    print(f"\n=== {text}", flush=True)


def command() -> str:
    """Return how the command is called from here."""
    installed = Path(sys.executable).with_name("limpet")
    if not installed.exists():
        return "python -m limpet"
    here = Path.cwd()
    return str(installed.relative_to(here) if installed.is_relative_to(here) else installed)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that it, too, ends the server
    try:
        main()
    except (Failed, limpet.LimpetError) as error:
        sys.exit(f"demo: {error}")
