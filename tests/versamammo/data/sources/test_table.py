from __future__ import annotations

import math
from pathlib import Path

import pytest

from versamammo.data.quarantine import Quarantined
from versamammo.data.sources import table
from versamammo.data.sources.archives.label_record import unmapped
from versamammo.data.sources.source_contract import ImageRecord, SourceOptions
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

BOXES = "file,finding,x1,y1,x2,y2"


def entries(folder: Path, text: str, **columns: str) -> list[ImageRecord | Quarantined]:
    """List a folder that holds a.png, b.png and deep/c.png by a table of this text."""
    (folder / "deep").mkdir(exist_ok=True)
    for name in ("a.png", "b.png", "deep/c.png", "mask.png"):
        (folder / name).touch()
    path = folder / "labels.csv"
    path.write_text(text)
    return list(table.records(folder, SourceOptions(path, columns)))


def only(found: list[ImageRecord | Quarantined]) -> ImageRecord:
    (record,) = found
    assert isinstance(record, ImageRecord), record
    return record


def refused(found: list[ImageRecord | Quarantined]) -> Quarantined:
    (entry,) = (entry for entry in found if isinstance(entry, Quarantined))
    return entry


def test_a_row_becomes_a_record_with_its_words(tmp_path: Path) -> None:
    record = only(entries(
        tmp_path,
        "file,patient_id,exam_id,exam_date,side,view,acr,BI-RADS,pathology,age,birads_edition\n"
        "a.png,P1,E1,20190331,left,cc,Level B,4a,,52,5th\n",
    ))  # fmt: skip
    assert record.path == "a.png"
    assert (record.identifiers.patient_id, record.identifiers.exam_date) == ("P1", "2019-03-31")
    assert (record.laterality, record.view, record.age) == ("L", "CC", 52)
    assert (record.labels.density, record.labels.birads) == (2, 4)
    assert math.isnan(record.labels.pathology)
    told = {told.fact: (told.words, told.where) for told in record.told}
    assert told["density"] == ("Level B", "labels.csv: acr")
    assert told["birads"] == ("4a", "labels.csv: BI-RADS")
    assert "pathology" not in told
    assert {"exam_date", "birads_edition", "laterality", "view", "age"} <= told.keys()
    assert not list(unmapped(record))


def test_rows_of_one_image_are_its_findings(tmp_path: Path) -> None:
    record = only(entries(
        tmp_path,
        f"{BOXES},density,subtlety,finding_pathology,shape,mask\n"
        "a.png,mass,1,2,30,40,B,2,malignant,oval,mask.png\n"
        "a.png,Suspicious Calcification,5,6,7.5,8,B,4,,,\n",
    ))  # fmt: skip
    mass, calcification = record.labels.findings
    assert mass.box == Box(1, 2, 30, 40)
    assert (mass.pathology, mass.shape, mass.mask) == (1, "oval", "mask.png")
    assert calcification.kind == "calcification"
    assert math.isnan(calcification.pathology)
    assert record.labels.mass == record.labels.calcification == 1
    assert math.isnan(record.labels.distortion)
    assert record.labels.subtlety == 4
    assert record.labels.density == 2


def test_xmin_names_a_corner_too(tmp_path: Path) -> None:
    found = entries(tmp_path, "image,finding,xmin,ymin,xmax,ymax\nb.png,mass,1,2,3,4\n")
    assert only(found).labels.findings[0].box == Box(1, 2, 3, 4)


def test_a_row_without_a_box_speaks_of_the_image(tmp_path: Path) -> None:
    record = only(entries(tmp_path, f"{BOXES},mass\na.png,,,,,,0\n"))
    assert record.labels.findings == ()
    assert record.labels.mass == 0


def test_one_kind_for_all_rows_can_be_said(tmp_path: Path) -> None:
    text = "file,x1,y1,x2,y2\na.png,1,2,3,4\n"
    assert only(entries(tmp_path, text, finding="=mass")).labels.findings[0].kind == "mass"


def test_images_may_be_named_by_their_stem(tmp_path: Path) -> None:
    record = only(entries(tmp_path, "image_id,density\nc,A\n"))
    assert (record.path, record.identifiers.image_id) == ("deep/c.png", "c")


def test_windows_paths_are_understood(tmp_path: Path) -> None:
    assert only(entries(tmp_path, "file,density\ndeep\\c.png,A\n")).path == "deep/c.png"


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        (f"{BOXES}\na.png,mass,nan,2,3,4\n", "box-not-finite", "labels.csv: x1"),
        (f"{BOXES}\na.png,mass,1,2,3,\n", "box-not-finite", "labels.csv: y2"),
        (f"{BOXES}\na.png,mass,1,2,inf,4\n", "box-not-finite", "labels.csv: x2"),
        (f"{BOXES}\na.png,mass,1,two,3,4\n", "box-not-finite", "labels.csv: y1"),
        (f"{BOXES}\na.png,mass,3,2,3,4\n", "box-empty", "labels.csv: x2"),
        (f"{BOXES}\na.png,mass,1,5,3,4\n", "box-empty", "labels.csv: y2"),
        (f"{BOXES}\na.png,,1,2,3,4\n", "finding-without-kind", "finding"),
        (f"{BOXES}\na.png,cyst,1,2,3,4\n", "unknown-word", "labels.csv: finding"),
        ("file,density\na.png,E\n", "unknown-word", "labels.csv: density"),
        ("file,view\na.png,AP\n", "unknown-word", "labels.csv: view"),
        ("file,density\na.png,A\na.png,B\n", "rows-disagree", "labels.csv: density"),
        ("file,finding,mass\na.png,mass,0\n", "rows-disagree", "labels.csv: mass"),
        ("file,finding,mask\na.png,mass,none.png\n", "missing-mask", "labels.csv: mask"),
        ("file,finding,mask\na.png,mass,../x.png\n", "missing-mask", "labels.csv: mask"),
        ("file,finding,finding_pathology\na.png,mass,normal\n", "unknown-word",
         "labels.csv: finding_pathology"),
    ],
)  # fmt: skip
def test_a_damaged_row_keeps_its_image_out_and_says_where(
    tmp_path: Path, text: str, reason: str, field: str
) -> None:
    (entry,) = entries(tmp_path, text)
    assert isinstance(entry, Quarantined)
    assert (entry.path, entry.reason, entry.field) == ("a.png", reason, field)


@pytest.mark.parametrize(
    ("row", "path", "reason"),
    [
        ("none.png,A", "none.png", "missing-file"),
        ("../secret.png,A", "../secret.png", "outside-root"),
        ("/etc/passwd,A", "/etc/passwd", "outside-root"),
        (",A", "labels.csv line 3", "no-file-named"),
    ],
)
def test_a_row_without_its_file_is_counted(
    tmp_path: Path, row: str, path: str, reason: str
) -> None:
    found = entries(tmp_path, f"file,density\na.png,A\n{row}\n")
    assert len(found) == 2
    assert (refused(found).path, refused(found).reason) == (path, reason)


def test_a_stem_that_two_files_have_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.png").touch()
    found = entries(tmp_path, "image_id,density\na,A\nb,A\n")
    assert refused(found).reason == "ambiguous-file"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,density\nx.png,A\ny.png,B\n", "no-file-found"),
        ("density,view\nA,CC\n", "missing-column"),
    ],
)
def test_a_table_of_no_files_here_is_an_error(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        entries(tmp_path, text)
    assert caught.value.reason == reason


def test_a_csv_is_a_table_and_a_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    assert table.detect(tmp_path / "x.csv")
    assert not table.detect(tmp_path)
