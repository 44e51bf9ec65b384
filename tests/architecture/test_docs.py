"""What the documents say works: tests/support/documents.py has the rules."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import limpet
import limpet.sansio
import limpet.testing
from tests.support.documents import Reader, blocks, links
from tests.support.sources import ROOT

TOP = [ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md")]
DOCUMENTS = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_its_code_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Reader(tmp_path, monkeypatch).read(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_its_links_lead_somewhere(path: Path) -> None:
    assert [target for target in links(path) if not (path.parent / target).exists()] == []


def test_security_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8")))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("module", [limpet, limpet.sansio, limpet.testing], ids=lambda module: module.__name__)
def test_the_reference_has_every_public_name(module: ModuleType) -> None:
    text = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^(?:::: | +heading: )(\S+)$", text, re.MULTILINE))
    assert [name for name in module.__all__ if f"{module.__name__}.{name}" not in listed] == []


def read(text: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    document = folder / "document.md"
    document.write_text(text, encoding="utf-8")
    Reader(folder, patch).read(document)


@pytest.mark.parametrize(
    "text",
    [
        "no block",
        "```python\nx = 1\n```\ntext\n```python\nassert x == 1\n```",
        "- a list\n  ```python\n  if True:\n      x = 1\n  ```",
        "```python no-run it would not end\nwhile True: pass\n```",
        "```python raises=ValueError\nint('x')\n```",
        "```python raises=LookupError\n{}['x']\n```",
        "```python\nx = 1\n```\n```pycon\n>>> x + 1\n2\n>>> y = 5\n```\n```python\nassert y == 5\n```",
        "```text\nnot Python\n```",
        "````text\n```\nan inner fence\n```\n````",
        "```console\n$ limpet --help\n$ ls --no-such-option\n```",
    ],
)
def test_a_right_document_passes(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(text, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / 0\n```", ZeroDivisionError),
        ("```python\nx =\n```", SyntaxError),
        ("```python no-run not now\nx =\n```", SyntaxError),
        ("```python no-run\nx = 1\n```", AssertionError),
        ("```python raises=ValueError\nint('1')\n```", AssertionError),
        ("```python raises=ValueError\n1 / 0\n```", ZeroDivisionError),
        ("```python skip\nx = 1\n```", AssertionError),
        ("```pycon\n>>> 1 + 1\n3\n```", AssertionError),
        ("```\nx = 1\n```", AssertionError),
        ("```python\nx = 1\n", ValueError),
        ("```console\n$ limpet --no-such-option\n```", AssertionError),
    ],
)
def test_a_wrong_document_fails(
    text: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(error):
        read(text, tmp_path, monkeypatch)


def test_a_served_object_is_reached_at_the_address_the_document_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = "import limpet\nlimpet.serve(limpet.functions(len))"
    client = "with limpet.connect('limpet://127.0.0.1:7373') as session:\n    assert session.open().len('abc') == 3"
    read(f"```python\n{server}\n```\n```python\n{client}\n```", tmp_path, monkeypatch)


def test_a_traceback_names_the_line_of_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        read("text\n\n```python\nx = 0\n1 / x\n```\n", tmp_path, monkeypatch)
    assert caught.traceback[-1].lineno == 4  # counted from 0


def test_links_in_code_are_none(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("[a](b.md#c) [d](https://e.example/) [f](#g)\n```text\n[h](i)\n```\n", encoding="utf-8")
    assert list(links(document)) == ["b.md"]
    assert [block.line for block in blocks(document)] == [3]
