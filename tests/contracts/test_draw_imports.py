"""The picture of imports is current, and its counts find what they are meant to find."""

from __future__ import annotations

from pathlib import Path

import grimp

from tests.contracts.script_files import loaded


def test_the_picture_of_imports_is_that_of_the_code() -> None:
    drawing = loaded("draw_imports")
    folders = drawing.folders_of(drawing.read_imports())
    assert drawing.is_current(folders), "run python scripts/draw_imports.py"


def test_circles_and_upward_imports_are_counted(tmp_path: Path) -> None:
    drawing = loaded("draw_imports")
    graph = grimp.ImportGraph()
    for module in ("app", "app.one", "app.two", "app.two.part", "app.three"):
        graph.add_module(module)
    graph.add_import(importer="app.one", imported="app.two.part")
    graph.add_import(importer="app.two", imported="app.three")
    clean = drawing.faults_of(graph)
    assert (clean.circles, clean.upward) == ((), ())

    graph.add_import(importer="app.two.part", imported="app.one")
    found = drawing.faults_of(graph)
    assert found.circles == (("app.one", "app.two.part"),)
    assert len(found.upward) == 1

    folders = drawing.folders_of(graph)
    assert sorted(folders) == ["app", "app.two"]
    assert drawing.upward_arrows(folders)
    picture = tmp_path / "imports.svg"
    drawing.draw(folders, picture)
    assert drawing.is_current(folders, picture)
    folders.remove_edge("app", "app.two")
    assert not drawing.is_current(folders, picture)
