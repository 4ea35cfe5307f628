"""Whose images may go into weights that are passed on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from versamammo.data.sources import SOURCES
from versamammo.data.sources.archives.catalogue import ARCHIVES, may_be_shared, terms_of
from versamammo.errors import InputError
from versamammo.phantoms.twins import LAYOUTS

COMMANDS = [
    *("bmcd", "cbis-ddsm", "cdd-cesm", "cmmd", "csaw-m", "dbt", "dmid", "inbreast"),
    *("kau-bcmd", "lamis", "mias", "mm", "nlbs", "vindr-mammo", "rsna", "embed"),
]


def test_all_sixteen_archives_are_known() -> None:
    assert list(ARCHIVES) == COMMANDS
    assert set(COMMANDS) <= set(SOURCES)
    assert set(COMMANDS) <= set(LAYOUTS)


def test_every_archive_says_where_and_under_which_terms() -> None:
    for archive in ARCHIVES.values():
        assert archive.link
        assert archive.licence
        assert archive.images > 0
        assert archive.gigabytes > 0
        assert archive.labels


def test_the_documentation_names_every_archive_with_licence_and_link() -> None:
    text = (Path(__file__).resolve().parents[5] / "docs" / "data.md").read_text()
    for archive in ARCHIVES.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| {archive.name} |"))
        assert archive.licence in row
        assert archive.link in row
        assert f"| {archive.weights} |" in row
        assert f"- **{archive.name}**" in text  # its traps


def test_every_task_is_served_by_an_archive_and_nothing_else_is_promised() -> None:
    table = Path(__file__).resolve().parents[6] / "shared" / "spec" / "tasks.csv"
    if not table.is_file():
        pytest.skip("the list of tasks is not at hand")
    with table.open() as stream:
        tasks = [row["id"] for row in csv.DictReader(stream)]
    promised = [start for archive in ARCHIVES.values() for start in archive.tasks]
    assert promised
    assert tasks
    for start in promised:
        assert any(task.startswith(start) for task in tasks), start
    for task in tasks:
        assert task.startswith("vqa.") or any(task.startswith(start) for start in promised), task


def test_the_terms_that_withdrew_the_published_weights_forbid_sharing() -> None:
    assert not may_be_shared("embed")
    assert ARCHIVES["embed"].weights == "no"


def test_only_licences_that_allow_it_let_weights_be_shared() -> None:
    kept = terms_of(tuple(ARCHIVES)).kept
    assert kept == ("bmcd", "cbis-ddsm", "cdd-cesm", "cmmd", "dbt", "dmid", "mm")
    for name in kept:
        assert ARCHIVES[name].licence.startswith("CC BY")
        assert "ND" not in ARCHIVES[name].licence


def test_what_is_left_out_is_said_with_its_licence() -> None:
    terms = terms_of(("embed", "cmmd", "somebody's folder"))
    assert terms.kept == ("cmmd",)
    assert terms.left_out == (
        ("embed", "EMBED data use agreement"), ("somebody's folder", "not known"),
    )  # fmt: skip


def test_phantoms_may_be_shared() -> None:
    assert may_be_shared("phantom")
    assert may_be_shared("phantom-embed")


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        terms_of(("embed",))
    assert caught.value.reason == "nothing-shareable"
