"""Pages of the documentation that lie outside `docs/`, and links that lead to them.

mkdocs calls the `on_...` functions (see `hooks` in `mkdocs.yml`). A link in a document is written
as it works in the repository; here it is led to the page that shows the same file.
"""

from __future__ import annotations

import json
import logging
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {  # file of the repository: page of the site
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "models/demo/README.md": "models/demo.md",
    "models/demo/REAL.md": "models/real.md",
    "models/cbis/README.md": "models/cbis.md",
}
ELSEWHERE = re.compile(
    r"<(?:script|img|iframe|link(?![^>]*canonical))\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>"
)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def notebooks() -> Iterator[Path]:
    """Return the notebooks of the documentation, in order."""
    yield from sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def page_of(path: str) -> str | None:
    """Return the page that shows a file of the repository; None if none does."""
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/").replace(".ipynb", ".md")
    return None


def source_of(page: str) -> str:
    """Return the file of the repository that a page shows."""
    return {shown: file for file, shown in PAGES.items()}.get(page, f"docs/{page}")


def with_links(text: str, page: str) -> str:
    """Return a document whose relative links lead to pages of the site."""

    def led(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source_of(page)), found[1]))
        there = page_of(target) if (ROOT / target).exists() else None
        if there is None:
            return found[0]
        return posixpath.relpath(there, posixpath.dirname(page) or ".") + (found[2] or "")

    return LINK.sub(led, text)


def as_markdown(notebook: Path) -> str:
    """Return a notebook's cells as text and fenced code."""
    cells = json.loads(notebook.read_text())["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join(parts) + "\n"


def on_startup(**_: object) -> None:
    """Keep the log to what has to be read: not a line for each module."""
    logging.getLogger("mkdocs.plugins.api-autonav").setLevel(logging.WARNING)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages whose files lie elsewhere."""
    for file, page in PAGES.items():
        text = (ROOT / file).read_text()
        files.append(File.generated(config, page, content=text))
    for notebook in notebooks():
        page = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, page, content=as_markdown(notebook)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead a page's links to pages."""
    del config, files
    return with_links(markdown, page.file.src_uri)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return the page as it is.

    Raises:
        PluginError: it would fetch a script, a style, a font or a picture from elsewhere.
    """
    del config
    if found := ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} fetches from elsewhere: {found[0]}")
    return output
