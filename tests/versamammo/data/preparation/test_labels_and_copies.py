"""Whole preparations with tables of labels and splits, and with pictures that occur twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.versamammo.data.preparation.preparing import counts, quarantine, settings, table
from versamammo.data.manifest import read_manifest
from versamammo.data.preparation.prepare import prepare


def test_a_table_beside_a_folder_gives_labels(archive: Path, tmp_path: Path, here: None) -> None:
    labels = table(archive, "file,density,finding,x1,y1,x2,y2\n"
                            "p0/L.dcm,C,mass,10,20,30,40.5\np9/L.dcm,A,,,,,\n")  # fmt: skip
    prepare(settings(archive, tmp_path / "out", labels=labels))
    rows = {row["path"]: row for row in read_manifest(tmp_path / "out").to_pylist()}
    assert rows["p0/L.dcm"]["density"] == 3
    assert rows["p0/L.dcm"]["mass"] == 1
    assert rows["p0/L.dcm"]["findings"][0]["box"] == {"x1": 10, "y1": 20, "x2": 30, "y2": 40.5}
    assert rows["p0/L.dcm"]["original"]["density"] == "C"
    assert rows["p0/L.dcm"]["provenance"]["mass"] == "findings"
    assert rows["p1/L.dcm"]["density"] != rows["p1/L.dcm"]["density"]
    assert quarantine(tmp_path / "out")["p9/L.dcm"]["reason"] == "missing-file"


@pytest.mark.parametrize(
    ("box", "reason"),
    [("10,20,30,200", "box-outside"), ("-5,2,3,4", "box-outside"), ("nan,2,3,4", "box-not-finite"),
     ("100,20,101,30", "box-outside")],
)  # fmt: skip
def test_a_box_that_does_not_fit_keeps_its_image_out(
    archive: Path, tmp_path: Path, here: None, box: str, reason: str
) -> None:
    labels = table(archive, f"file,finding,x1,y1,x2,y2\np0/L.dcm,mass,{box}\n")
    prepare(settings(archive, tmp_path / "out", labels=labels))
    assert quarantine(tmp_path / "out")["p0/L.dcm"]["reason"] == reason
    assert counts(tmp_path / "out")["prepared"] == 5


def test_a_box_that_sticks_out_by_rounding_is_cut(
    archive: Path, tmp_path: Path, here: None
) -> None:
    labels = table(archive, "file,finding,x1,y1,x2,y2\np0/L.dcm,mass,-0.5,20,70.9,90.5\n")
    prepare(settings(archive, tmp_path / "out", labels=labels))
    (row,) = (r for r in read_manifest(tmp_path / "out").to_pylist() if r["path"] == "p0/L.dcm")
    assert row["findings"][0]["box"] == {"x1": 0, "y1": 20, "x2": 70, "y2": 90}
    assert any("was cut" in warning for warning in row["warnings"])


def test_a_copy_counts_once(archive: Path, tmp_path: Path, here: None) -> None:
    shutil.copy(archive / "p0" / "L.dcm", archive / "z.dcm")
    prepare(settings(archive, tmp_path / "out"))
    found = quarantine(tmp_path / "out")["z.dcm"]
    assert (found["reason"], found["message"]) == ("duplicate", "the same bytes as p0/L.dcm")
    assert counts(tmp_path / "out")["duplicates"] == 1


@pytest.mark.parametrize(
    ("rows", "reason", "field"),
    [
        ("z.dcm,P9,1.2.3.0,\np0/L.dcm,P0,1.2.3.0,\n", "picture-of-two-patients", "patient_id"),
        ("z.dcm,P0,1.2.3.0,A\np0/L.dcm,P0,1.2.3.0,B\n", "copies-disagree", "density"),
    ],
)
def test_copies_that_contradict_each_other_are_kept_out(
    archive: Path, tmp_path: Path, here: None, rows: str, reason: str, field: str
) -> None:
    shutil.copy(archive / "p0" / "L.dcm", archive / "z.dcm")
    labels = table(archive, f"file,patient_id,exam_id,density\n{rows}")
    prepare(settings(archive, tmp_path / "out", labels=labels))
    found = quarantine(tmp_path / "out")
    for path in ("z.dcm", "p0/L.dcm"):
        assert (found[path]["reason"], found[path]["field"]) == (reason, field)


def test_one_exam_of_two_patients_is_kept_out(archive: Path, tmp_path: Path, here: None) -> None:
    labels = table(archive, "file,patient_id\np0/L.dcm,someone else\n")
    prepare(settings(archive, tmp_path / "out", labels=labels))
    found = quarantine(tmp_path / "out")
    assert found.keys() == {"p0/L.dcm", "p0/R.dcm"}
    assert {row["reason"] for row in found.values()} == {"exam-of-two-patients"}


def test_one_image_id_on_two_pictures_is_kept_out(
    archive: Path, tmp_path: Path, here: None
) -> None:
    labels = table(archive, "file,image_id\np0/L.dcm,7\np2/R.dcm,7\n")
    prepare(settings(archive, tmp_path / "out", labels=labels))
    found = quarantine(tmp_path / "out")
    assert {row["reason"] for row in found.values()} == {"image-id-shared"}
    assert "of two patients" in found["p0/L.dcm"]["message"]


def test_given_splits_are_followed_and_their_leaks_printed(
    archive: Path, tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = tmp_path / "splits.csv"
    splits.write_text("file,split\np0/L.dcm,train\np0/R.dcm,test\np1/L.dcm,val\nother,test\n")
    prepare(settings(archive, tmp_path / "out", splits=str(splits)))
    found = {r["path"]: r["split"] for r in read_manifest(tmp_path / "out").to_pylist()}
    assert found["p0/R.dcm"] == "test"
    assert found["p2/R.dcm"] is None
    said = capsys.readouterr().out
    assert "1 of 2 patients (50.0%) stand in more than one split" in said
    assert "3 images are not in the table, 1 of its names match no image" in said


def test_a_table_that_contradicts_a_file_is_followed_and_noted(
    archive: Path, tmp_path: Path, here: None
) -> None:
    labels = table(archive, "file,laterality,age,exam_date\np0/L.dcm,R,40,2001-05-06\n"
                            "p0/R.dcm,,80,2002-05-06\n")  # fmt: skip
    prepare(settings(archive, tmp_path / "out", labels=labels))
    (row,) = (r for r in read_manifest(tmp_path / "out").to_pylist() if r["path"] == "p0/L.dcm")
    assert (row["laterality"], row["age"], row["mirrored"]) == ("R", 40, True)
    assert row["provenance"]["laterality"] == "labels.csv: laterality"
    assert any("the table says R, the file says L" in note for note in row["warnings"])
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["doubtful_patients"] == 1
