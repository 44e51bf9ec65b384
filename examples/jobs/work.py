"""The jobs, each run in a process of its own: ``python work.py NAME ARGUMENT``.

A job is a generator: what it yields is a line of its output, what it returns is its
result. The process says ``{"line": ...}`` for each line and in the end ``{"result": ...}``
or ``{"error": [type, text, stack]}``, one JSON object a line. It reads nothing, and ends
when its standard input does, so no job outlives the server that started it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeAlias

Work: TypeAlias = Generator[str, None, object]

LANGUAGES = {
    ".c": "C",
    ".css": "CSS",
    ".html": "HTML",
    ".js": "JavaScript",
    ".md": "Markdown",
    ".py": "Python",
    ".rs": "Rust",
    ".sh": "Shell",
    ".toml": "TOML",
    ".yaml": "YAML",
    ".yml": "YAML",
}


def hash_files(folder: str) -> Work:
    """Say the digest of each folder below; return the one of the whole tree."""
    tree = hashlib.sha256()
    for parent, paths in walk(folder):
        part = hashlib.sha256()
        for path in paths:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").digest()
            part.update(os.fsencode(path) + b"\0" + digest)
        tree.update(part.digest())
        yield f"{part.hexdigest()[:16]}  {len(paths):3} files  {parent}"
    return tree.hexdigest()


def count_lines(folder: str) -> Work:
    """Say how many lines there are of each language; return them by its name."""
    lines: Counter[str] = Counter()
    for _, paths in walk(folder):
        for path in paths:
            if language := LANGUAGES.get(path.suffix):
                with path.open("rb") as file:
                    lines[language] += sum(1 for _ in file)
    for language, number in lines.most_common():
        yield f"{number:8,} {language}"
    return dict(lines.most_common())


def count_down(number: str) -> Work:
    """Say a number twice a second, down to 1."""
    for left in range(int(number), 0, -1):
        yield f"{left} ..."
        time.sleep(0.5)
    return "lift-off"


JOBS: dict[str, Callable[[str], Work]] = {"count": count_lines, "countdown": count_down, "hash": hash_files}


def walk(folder: str) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder with its files, in order; no hidden ones, no links, nothing but files."""
    if not Path(folder).is_dir():
        raise NotADirectoryError(f"{folder!r} is not a folder")
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        paths = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        yield Path(parent), [path for path in paths if path.is_file() and not path.is_symlink()]


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def clean(text: str) -> str:
    """Return ``text`` as UTF-8 can hold it: a file's name may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def main(name: str, argument: str) -> None:
    threading.Thread(target=end_with_input, daemon=True).start()
    work = JOBS[name](argument)
    try:
        while True:
            say(line=clean(next(work)))
    except StopIteration as end:
        say(result=end.value)
    except Exception as error:
        say(error=[type(error).__name__, clean(str(error)), clean(traceback.format_exc())])


def end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
