from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import hospital
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.errors import InputError

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


def listed(export: Path, text: str) -> tuple[dict[str, ImageRecord | Quarantined], SourceOptions]:
    table = export.parent / "labels.csv"
    table.write_text(text)
    options = SourceOptions(labels=table)
    return {entry.path: entry for entry in hospital.records(export, options)}, options


def birads(entry: ImageRecord | Quarantined) -> float:
    assert isinstance(entry, ImageRecord), entry
    return entry.labels.birads


def test_a_file_without_preamble_is_joined_like_its_sisters(export: Path) -> None:
    data = (export / "A1R.dcm").read_bytes()
    (export / "A1R.dcm").write_bytes(data[132:])
    found = read(export, "accession,side,birads\nA1,L,4\nA1,R,1\nA2,,2\n")
    assert {path: birads(entry) for path, entry in found.items()} == {
        "A1L.dcm": 4, "A1R.dcm": 1, "A2L.dcm": 2, "A2R.dcm": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageLaterality": "l"},
        {"ImageLaterality": None, "Laterality": "L"},
        {"ImageLaterality": None, "ViewPosition": "LCC"},
        {"ImageLaterality": None, "SeriesDescription": "L CC"},
        {"ImageLaterality": None, "FrameLaterality": "l"},
    ],
)
def test_the_side_is_taken_from_wherever_the_reader_finds_it(
    tmp_path: Path, picture: Callable[..., Any], write_dicom: Write, tags: dict[str, Any]
) -> None:
    (tmp_path / "export").mkdir()
    write_dicom(picture(12), 12, name="export/x.dcm", AccessionNumber="A1", **tags)
    found, _ = listed(tmp_path / "export", "accession,side,birads\nA1,left,4\nA1,right,1\n")
    assert birads(found["x.dcm"]) == 4


def test_numbers_that_lost_their_zeros_are_matched_and_said(
    tmp_path: Path, picture: Callable[..., Any], write_dicom: Write
) -> None:
    (tmp_path / "export").mkdir()
    write_dicom(picture(12), 12, name="export/x.dcm", AccessionNumber="000123")
    for word in ("123", "123.0", "0123"):
        found, options = listed(tmp_path / "export", f"accession,birads\n{word},4\n")
        assert birads(found["x.dcm"]) == 4
        assert "without leading zeros" in options.joins[0].as_text()


def test_a_table_that_joins_nothing_is_an_error(export: Path) -> None:
    for text in ("accession,birads\nB1,4\n", "accession,side,birads\nB1,L,4\n"):
        with pytest.raises(InputError) as caught:
            listed(export, text)
        assert caught.value.reason == "no-file-found"
        assert "'B1'" in caught.value.message


def test_damaged_files_are_kept_out_by_name(export: Path) -> None:
    (export / "A1R.dcm").write_bytes(b"")
    (export / "A2R.dcm").write_bytes((export / "A2R.dcm").read_bytes()[:300])
    found, options = listed(export, "accession,birads\nA1,4\nA2,1\n")
    kept_out = {path for path, entry in found.items() if isinstance(entry, Quarantined)}
    assert "A1R.dcm" in kept_out
    assert (birads(found["A1L.dcm"]), birads(found["A2L.dcm"])) == (4, 1)
    assert options.joins[0].rows_matched == 2
