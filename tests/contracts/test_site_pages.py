"""Links of documents lead to the pages of the site that show the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.script_files import loaded


@pytest.mark.parametrize(
    ("page", "link", "led"),
    [
        ("index.md", "docs/data.md", "data.md"),
        ("index.md", "docs/adr", "adr/README.md"),
        ("index.md", "models/demo/REAL.md", "models/real.md"),
        ("index.md", "CHANGELOG.md", "changelog.md"),
        ("experiments.md", "../models/demo/README.md", "models/demo.md"),
        ("adr/0014-what-stands-out-is-asked-of-each-patch.md", "../experiments.md",
         "../experiments.md"),
        ("models/demo.md", "REAL.md", "real.md"),
        ("security.md", "docs/chat.md#options", "chat.md#options"),
        ("data.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("data.md", "#splits", "#splits"),
        ("data.md", "not_there.md", "not_there.md"),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_page_that_shows_the_file(page: str, link: str, led: str) -> None:
    pages = loaded("site_pages")
    assert pages.with_links(f"See [this]({link}).", page) == f"See [this]({led})."


def test_a_notebook_is_shown_as_text_and_code(tmp_path: Path) -> None:
    notebook = tmp_path / "one.ipynb"
    notebook.write_text(
        '{"cells": [{"cell_type": "markdown", "source": ["# Title\\n", "Text"]},'
        ' {"cell_type": "code", "source": ["x = 1"]}]}'
    )
    shown = loaded("site_pages").as_markdown(notebook)
    assert shown == "# Title\nText\n\n```python\nx = 1\n```\n"
