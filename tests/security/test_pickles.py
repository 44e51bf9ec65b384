"""Hostile pickles: none does more than be refused, by a reader that has little memory and little time."""

from __future__ import annotations

import json
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from limpet.codec import Referred, RestrictedCodec
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.pickles import CANARY, CASES, HOSTILE
from tests.support.sources import sources
from tests.support.values import Parts

ROOT = Path(__file__).parents[2]
MEMORY = 1 << 30
"""What the process of the reader may have in all. Its corpus is a tenth of that."""
SECONDS = 50
"""Of the processor, for the whole corpus: one pickle that never ends would end its process."""

READER = """
import json, sys
from limpet.codec import Referred, RestrictedCodec
from limpet.errors import DecodeError
from limpet.limits import Limits
from tests.support.pickles import HOSTILE
from tests.support.values import Parts

modules = set(sys.modules)
codec, limits, outcomes = RestrictedCodec(), Limits(), {}
for name, payload in HOSTILE.items():
    parts = Parts()
    parts.references, parts.buffers = [Referred([1])], [b"abc"]
    try:
        outcome = f"read: {codec.decode(payload, parts, limits)!r:.40}"
    except DecodeError as error:
        outcome = f"refused: {error}" if error.__cause__ is error.__context__ is None else "holds another error"
    except BaseException as error:
        outcome = f"raised: {error!r:.100}"
    outcomes[name] = outcome
json.dump([outcomes, sorted(set(sys.modules) - modules)], sys.stdout)
"""


def bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[str], Path]:
    """Read the corpus in a process of its own, in an empty folder."""
    folder = tmp_path_factory.mktemp("reader")
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'src')]}\n{READER}"],
        cwd=folder,
        preexec_fn=bound,  # nothing runs in it but the two calls
        capture_output=True,
        check=True,
        timeout=55,
    )
    found, modules = json.loads(result.stdout)
    return found, modules, folder


def test_each_is_refused(outcomes: tuple[dict[str, str], list[str], Path]) -> None:
    found, _, _ = outcomes
    assert found.keys() == HOSTILE.keys()
    assert [(name, what) for name, what in found.items() if not what.startswith("refused: ")] == []


def test_a_refusal_says_what_was_wrong(outcomes: tuple[dict[str, str], list[str], Path]) -> None:
    found, _, _ = outcomes
    assert [(name, what) for name, what in found.items() if not len("refused: ") < len(what) <= 300] == []
    assert found["EXT1"] == "refused: EXT1 at byte 0: no opcode of plain data"
    assert found["GLOBAL os.system"] == "refused: GLOBAL at byte 0: there is no global 'os' 'system'"
    assert found["APPEND to NONE"] == "refused: APPEND at byte 3: NoneType where list belongs"
    assert found["the byte 0xff"] == "refused: the byte 0xff at byte 0: no opcode of plain data"


def test_nothing_ran_and_nothing_was_imported(
    outcomes: tuple[dict[str, str], list[str], Path],
) -> None:
    _, modules, folder = outcomes
    assert list(folder.iterdir()) == []
    assert modules == []


def test_the_canary_sings_where_pickle_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(HOSTILE["STACK_GLOBAL builtins.eval"])
    assert (tmp_path / CANARY).exists()


@pytest.mark.parametrize("cases", CASES, ids=lambda cases: cases.__name__)
def test_there_are_cases_of_each_kind(cases: Callable[[], object]) -> None:
    assert len(dict(cases())) >= 6  # type: ignore[call-overload]  # each yields names and pickles


def test_there_are_many() -> None:
    assert len(HOSTILE) >= 200


def test_no_module_of_the_codec_knows_pickle() -> None:
    codec = [source for source in sources() if source.inside("codec")]
    assert {"limpet.codec.machine", "limpet.codec.writer", "limpet.codec.restricted"} <= {s.name for s in codec}
    names = {name.partition(".")[0] for source in codec for name, _ in source.imports()}
    assert names & {"pickle", "_pickle", "pickletools", "_compat_pickle", "copyreg", "importlib", "shelve"} == set()


@pytest.mark.parametrize("nodes", [1, 2, 50])
def test_low_limits_refuse_them_too(nodes: int) -> None:
    limits = Limits(nodes=nodes, depth=2, integer_bits=64)
    for name, payload in HOSTILE.items():
        if len(payload) < 1000:
            parts = Parts()
            parts.references, parts.buffers = [Referred([1])], [b"abc"]
            with pytest.raises(DecodeError):
                pytest.fail(f"{name} was read as {RestrictedCodec().decode(payload, parts, limits)!r}")
