"""The benchmark runs, and has a figure for all it measures. How fast anything is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTENDERS = {"socket", "msgpack", "limpet"}
WORKLOADS = {
    "null call",
    "add(1, 2)",
    "attribute",
    "item of a dict",
    "echo 64 KiB",
    "echo 1 MiB",
    "connect, call, close",
}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "benchmarks", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    file = tmp_path_factory.mktemp("benchmarks") / "results.json"
    done = run("--quick", "--rounds", "2", "--seconds", "0.005", "--sessions", "20", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["round 1 of 2", "round 2 of 2", "idle sessions"]
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def test_each_workload_has_a_time_for_each_contender(smoke: tuple[str, dict[str, Any]]) -> None:
    _, results = smoke
    assert set(results["calls"]) == WORKLOADS
    for workload in results["calls"].values():
        assert set(workload["microseconds"]) == CONTENDERS
        for times in workload["microseconds"].values():
            assert len(times["rounds"]) == 2
            assert 0 < times["low"] <= times["median"] <= times["high"]


def test_each_workload_has_a_ratio_to_each_floor(smoke: tuple[str, dict[str, Any]]) -> None:
    _, results = smoke
    for workload in results["calls"].values():
        assert set(workload["ratio"]) == CONTENDERS - {"limpet"}
        for ratio in workload["ratio"].values():
            assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]


def test_idle_sessions_have_a_weight_where_the_system_tells_it(smoke: tuple[str, dict[str, Any]]) -> None:
    _, results = smoke
    told = Path("/proc/self/smaps_rollup").exists()
    assert set(results["idle"]) == (CONTENDERS if told else set())
    for idle in results["idle"].values():
        assert idle["kibibytes"] > 0
        assert idle["threads"] >= 1


def test_the_table_has_a_line_for_each_workload(smoke: tuple[str, dict[str, Any]]) -> None:
    table, _ = smoke
    for workload in WORKLOADS:
        [line] = [line for line in table.splitlines() if line.startswith(f"{workload} ")]
        assert line.count("(") == 2 + workload.count("(")


def test_a_server_ends_with_who_started_it() -> None:
    for name in CONTENDERS:
        done = run("serve", name)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0


@pytest.mark.parametrize("words", [("--rounds", "0"), ("--sessions", "x"), ("serve", "nobody")])
def test_what_it_does_not_understand(words: tuple[str, ...]) -> None:
    assert run(*words).returncode == 2
