"""The notebooks of the documentation: stored without outputs, and run from top to bottom."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
PATIENCE = 600  # seconds for a cell, on a machine that is busy with other things
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)


def code_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def imported_by(code: str) -> Iterator[tuple[str, str]]:
    """Return each module that is imported, with each name taken from it or none."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield from ((node.module, alias.name) for alias in node.names)


@each_notebook
def test_a_notebook_is_stored_without_outputs(notebook: Path) -> None:
    stored = json.loads(notebook.read_text())
    assert (stored["nbformat"], stored["nbformat_minor"]) >= (4, 5)
    for cell in stored["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert "not for diagnosis" in "".join(stored["cells"][0]["source"]).replace("\n", " ")


@each_notebook
def test_what_a_notebook_imports_of_ours_is_there(notebook: Path) -> None:
    imported = [pair for code in code_of(notebook) for pair in imported_by(code)]
    assert imported
    for module, name in imported:
        if module.partition(".")[0] == "versamammo":
            assert importlib.util.find_spec(module) is not None
            assert not name or hasattr(importlib.import_module(module), name), f"{module}.{name}"


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    book = nbformat.read(notebook, as_version=4)
    NotebookClient(
        book, timeout=PATIENCE, kernel_name="python3",
        resources={"metadata": {"path": str(notebook.parent)}},
    ).execute()  # fmt: skip
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
