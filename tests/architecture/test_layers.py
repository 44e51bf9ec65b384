"""An import points to a lower layer, without exception."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.sources import ROOT, sources

EXTRAS = frozenset({"rich"})
"""What limpet can do without."""
LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    # A process of its own: the linter would find limpet's modules as this process has imported them.
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-c", LINT], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_the_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_contract_has_an_exception() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert "exclude_type_checking_imports" not in settings
    for contract in settings["contracts"]:
        assert "ignore_imports" not in contract
        assert "exhaustive_ignores" not in contract
        assert "allow_indirect_imports" not in contract
        assert "(" not in "".join(contract.get("layers", []))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("codec/__init__.py", "import limpet.framing.stream"),
        ("framing/__init__.py", "from limpet.peer import Peer"),
        ("policy/__init__.py", "from limpet.limits import Limits"),
        ("session/__init__.py", "from limpet import connect"),
        ("objects/__init__.py", "import limpet.drivers.threads"),
        ("drivers/threads/__init__.py", "from limpet import copy"),
        ("__init__.py", "import limpet.cli"),
    ],
)
def test_a_wrong_import_is_seen(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / "src" / "limpet" / module
    target.write_text(f"{target.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    result = lint(tmp_path)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout


def test_imports_are_at_the_top() -> None:
    """In a function stands what is slow to load, or may be missing; limpet and what it needs are neither."""
    late = [
        f"{source}:{node.lineno}: {ast.unparse(node)}"
        for source in sources()
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not may_be_late(node)
    ]
    assert late == []


def may_be_late(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return all(name.partition(".")[0] in sys.stdlib_module_names | EXTRAS for name in names)
