"""The code in the documents, and how it is run.

What a fence's first line says decides what happens to its block:

``python``
    It runs. The blocks of one document run in order and share their names.
``python raises=ValueError``
    It runs, and must end in that error.
``python no-run because of ...``
    It is only compiled. The reason is required.
``pycon``
    It runs as a doctest, with the names of the blocks before it; ``...`` stands for anything.
``console``
    Each line ``$ limpet ...`` must be a command line that limpet accepts; the rest is not looked at.
anything else
    It is not looked at, but a block must say what it is (``text`` does).

``limpet.serve`` does not return, and its port may be taken. In a document it returns at once, and serves on a free
port until the document ends; ``limpet.connect`` with the address that the document names reaches it there. The same
goes for the servers of other libraries (``tests.support.rivals``).
"""

from __future__ import annotations

import argparse
import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import limpet
import limpet.cli
from tests.support.rivals import let_rivals_serve

__all__ = ["Block", "Reader", "blocks", "links"]

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`]*)$")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
DEFAULT_URL = "limpet://127.0.0.1:7373"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        path: the document.
        line: the line of its first line of code, from 1.
        info: the words of its fence.
        text: the code.
    """

    path: Path
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document.

    Raises:
        ValueError: if one does not end.
    """
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    for number, line in lines:
        opening = FENCE.match(line)
        if opening is None:
            continue
        indent, fence = opening["indent"], opening["fence"]
        text = []
        for _, inner in lines:
            if inner.strip() == fence:
                break
            text.append(inner.removeprefix(indent))
        else:
            raise ValueError(f"{path}:{number}: the block does not end")
        yield Block(path, number + 1, tuple(opening["info"].split()), "\n".join(text) + "\n")


def links(path: Path) -> Iterator[str]:
    """Yield the targets of a document's links to files, without what follows ``#``."""
    inside = {number for block in blocks(path) for number in range(block.line, block.line + block.text.count("\n"))}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if number not in inside:
            for match in LINK.finditer(line):
                target = match["target"].partition("#")[0]
                if target and "://" not in target and not target.startswith("mailto:"):
                    yield target


class Accepted(Exception):
    """A command line was parsed; nothing of it shall run."""


class Reader:
    """Goes through one document as a user would, in a folder of its own.

    Args:
        folder: where the document's code runs.
        patch: undone at the end of the test.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._addresses: dict[str, str] = {}
        self._servers = ExitStack()
        self._connect = limpet.connect
        self._patch = patch
        patch.chdir(folder)
        patch.setattr(limpet, "serve", self._serve)
        patch.setattr(limpet, "connect", self._connect_here)

    def read(self, path: Path) -> None:
        """Run, compile or parse each block of a document.

        Raises:
            Exception: whatever a block raises; its traceback names the document and its line.
        """
        with self._servers:
            let_rivals_serve(self._servers, self._patch)
            for block in blocks(path):
                self._take(block)

    def _take(self, block: Block) -> None:
        assert block.info, f"{block}: the block does not say what it is; text is for what is not looked at"
        match block.info:
            case ("python", "no-run", *reason):
                assert reason, f"{block}: no-run needs a reason"
                self._compile(block)
            case ("python", raises) if raises.startswith("raises="):
                self._run(block, raises.removeprefix("raises="))
            case ("python",):
                self._run(block)
            case ("python", *unknown):
                raise AssertionError(f"{block}: what does {' '.join(unknown)!r} mean?")
            case ("pycon", *_):
                self._check(block)
            case ("console", *_):
                self._parse(block)

    def _compile(self, block: Block) -> Any:
        # Empty lines in front make tracebacks name the lines of the document.
        return compile("\n" * (block.line - 1) + block.text, str(block.path), "exec", dont_inherit=True)

    def _run(self, block: Block, raises: str | None = None) -> None:
        code = self._compile(block)
        try:
            exec(code, self._names)
        except Exception as error:
            if raises not in {kind.__name__ for kind in type(error).__mro__}:
                raise
        else:
            assert raises is None, f"{block}: no {raises} was raised"

    def _check(self, block: Block) -> None:
        example = doctest.DocTestParser().get_doctest(
            block.text, self._names, block.path.name, str(block.path), block.line - 1
        )
        report: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append, clear_globs=False)
        self._names.update(example.globs)
        assert not report, "".join(report)

    def _parse(self, block: Block) -> None:
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.startswith("$ limpet"):
                self._accept(block, shlex.split(line.removeprefix("$ "), comments=True))

    def _accept(self, block: Block, words: list[str]) -> None:
        parse = argparse.ArgumentParser.parse_args

        def parse_only(parser: argparse.ArgumentParser, *args: Any, **keywords: Any) -> None:
            parse(parser, *args, **keywords)
            raise Accepted

        with self._patch.context() as patch:
            patch.setattr(sys, "argv", words)
            patch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
            try:
                limpet.cli.main()
            except Accepted:
                return
            except SystemExit as end:
                if end.code:  # --help and --version end early, and well
                    raise AssertionError(f"{block}: limpet does not accept: {shlex.join(words)}") from end

    def _serve(self, service: Any, url: str = DEFAULT_URL, **settings: Any) -> None:
        server = self._servers.enter_context(limpet.Server(service, self._free(url), **settings))
        self._addresses[url] = server.url

    def _free(self, url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme.endswith("+unix"):
            return f"{scheme}://{self._folder / f'{len(self._addresses)}.sock'}"
        return f"{scheme}://{rest.rpartition(':')[0]}:0"

    def _connect_here(self, url: str, **settings: Any) -> Any:
        return self._connect(self._addresses.get(url, url), **settings)
