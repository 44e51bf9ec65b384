"""What makes a site of the documents: a hook of mkdocs.

Links in the documents lead to files of the repository, also to some outside of docs/.
So the site's pages are named as the repository's files are, and only their addresses
differ: what is in docs/ stands at the top of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pygments.formatters import HtmlFormatter

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    "docs/**/*.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "examples/**/*.md",
    "examples/**/*.py",
    "tests/vectors/*",
)
FENCE: Final = re.compile(r"^( *`{3,}[a-z]+) .*$", re.MULTILINE)
STYLE: Final = "friendly"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace what is in docs/ by all that the documents link to, by its path in the repository."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            page = File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path))
            page.dest_uri = page.dest_uri.removeprefix("docs/")
            files.append(page)
    style = HtmlFormatter(style=STYLE).get_style_defs(".highlight")
    files.append(File.generated(config, "code.css", content=style))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave only the language of each fence: the words behind it are for the tests."""
    return FENCE.sub(r"\1", markdown)
