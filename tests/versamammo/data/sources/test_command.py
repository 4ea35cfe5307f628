from __future__ import annotations

from pathlib import Path

import pytest

from versamammo.data.sources.archives.catalogue import ARCHIVES
from versamammo.data.sources_command import parser, run


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(parser().parse_args(list(words))) == 0
    return capsys.readouterr().out


def test_every_archive_is_listed_with_its_licence(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    for archive in ARCHIVES.values():
        assert archive.name in text
        assert archive.licence in text
        for word in (*archive.labels, *archive.tasks):
            assert word in text
    assert max(map(len, text.splitlines())) <= 102


def test_only_shareable_ones_are_listed_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--shareable")
    assert "cmmd" in text
    assert "EMBED" not in text


def test_links_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert ARCHIVES["cmmd"].link in said(capsys, "--links")


def test_a_published_table_is_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table = tmp_path / "splits.csv"
    table.write_text(
        "dataset,data_name,data_split\nCMMD,D1-0001-L-1,Train\nCMMD,D1-0001-L-2,Test\n"
    )
    assert "1 of 1 patients" in said(capsys, "--splits", str(table))
