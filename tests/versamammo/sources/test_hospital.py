from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from versamammo.errors import InputError
from versamammo.quarantine import Quarantined
from versamammo.sources import hospital
from versamammo.sources.contract import ImageRecord, SourceOptions

Write = Callable[..., Path]


@pytest.fixture
def export(tmp_path: Path, picture: Callable[..., Any], write_dicom: Write) -> Path:
    (tmp_path / "export").mkdir()
    for accession in ("A1", "A2"):
        for side in "LR":
            write_dicom(
                picture(12), 12, name=f"export/{accession}{side}.dcm",
                AccessionNumber=accession, ImageLaterality=side,
            )  # fmt: skip
    return tmp_path / "export"


def read(export: Path, text: str) -> dict[str, ImageRecord | Quarantined]:
    table = export.parent / "labels.csv"
    table.write_text(text)
    return {e.path: e for e in hospital.records(export, SourceOptions(labels=table))}


def test_labels_are_joined_by_accession_number_and_side(export: Path) -> None:
    found = read(export, "Accession Number,Side,BI-RADS,Density\nA1,L,4,B\nA1,R,1,B\nA2,,2,C\n")
    labels = {path: e.labels for path, e in found.items() if isinstance(e, ImageRecord)}
    assert {path: (own.birads, own.density) for path, own in labels.items()} == {
        "A1L.dcm": (4, 2), "A1R.dcm": (1, 2), "A2L.dcm": (2, 3), "A2R.dcm": (2, 3),
    }  # fmt: skip


def test_a_picture_without_a_row_stays_with_nothing_known(export: Path) -> None:
    found = read(export, "accession,birads\nA1,4\n")
    entry = found["A2L.dcm"]
    assert isinstance(entry, ImageRecord)
    assert entry.labels.birads != entry.labels.birads


def test_a_row_without_a_picture_is_said(export: Path) -> None:
    entry = read(export, "accession,birads\nA1,4\nA2,1\nA9,1\n")["A9"]
    assert isinstance(entry, Quarantined)
    assert entry.reason == "missing-file"


def test_rows_of_one_side_that_contradict_keep_it_out(export: Path) -> None:
    found = read(export, "accession,side,birads\nA1,L,4\nA1,L,2\nA2,L,1\n")
    entry = found["A1L.dcm"]
    assert isinstance(entry, Quarantined)
    assert entry.reason == "rows-disagree"
    assert isinstance(found["A1R.dcm"], ImageRecord)


def test_a_table_without_accession_numbers_is_refused(export: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(export, "name,birads\nA1,4\n")
    assert caught.value.reason == "missing-column"
