"""What `inspect` says of a file, in words, as JSON and as a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from app import cli

KEYS = (
    "file", "view", "view_source", "laterality", "laterality_source", "rows", "columns", "bits",
    "photometric", "windows", "spacing_mm", "mirrored", "breast_box", "warnings",
)  # fmt: skip


def inspect(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, list[dict[str, Any]]]:
    code = cli.main(["inspect", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def images(folder: Path) -> list[Path]:
    return sorted((folder / "images").rglob("*.dcm"))


def test_every_phantom_is_described_as_its_table_says(
    phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (phantoms / "labels.csv").open() as stream:
        told = {row["file"]: row for row in csv.DictReader(stream)}
    code, records = inspect(capsys, *images(phantoms))
    assert code == 0
    assert len(records) == len(told) == 8
    for record in records:
        assert set(KEYS) <= set(record)
        truth = told[str(Path(record["file"]).relative_to(phantoms))]
        assert record["laterality"] == truth["laterality"]
        assert record["view"] == truth["view"]
        assert record["rows"] == 384
        assert record["error"] is None
        x1, y1, x2, y2 = record["breast_box"]
        assert 0 <= x1 < x2 <= record["columns"]
        assert 0 <= y1 < y2 <= record["rows"]


def flipped(path: Path, out: Path) -> Path:
    """Store the picture as in a mirror and leave every tag alone."""
    dataset = pydicom.dcmread(path)
    pixels = np.ascontiguousarray(dataset.pixel_array[:, ::-1])
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(out)
    return out


def test_a_picture_stored_as_in_a_mirror_is_noticed(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    four = images(phantoms)[:4]
    assert len(four) == 4
    for number, path in enumerate(four):
        _, (straight, turned) = inspect(capsys, path, flipped(path, tmp_path / f"{number}.dcm"))
        assert straight["mirrored"] is not None
        assert turned["mirrored"] is (not straight["mirrored"])
        assert turned["laterality"] == straight["laterality"]


def test_one_bad_file_does_not_hide_the_good_one(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "notes.dcm"
    bad.write_text("no picture at all")
    code = cli.main(["inspect", str(bad), str(images(phantoms)[0]), "--json"])
    said = capsys.readouterr()
    refused, read = json.loads(said.out)
    assert code == 2
    assert "notes.dcm" in refused["error"]["message"]
    assert refused["rows"] is None
    assert read["rows"] == 384
    assert "notes.dcm" in said.err
    assert "Traceback" not in said.err


def test_the_picture_shows_the_outline_and_the_notice(phantoms: Path, tmp_path: Path) -> None:
    out = tmp_path / "look.png"
    assert cli.main(["inspect", *map(str, images(phantoms)[:2]), "--png", str(out)]) == 0
    drawn = np.asarray(Image.open(out).convert("RGB")).astype(int)
    blue = (drawn[..., 2] - drawn[..., 0]) > 100  # the outline's colour
    assert blue.sum() > 500
    assert drawn[-24:].max() > 200, "the notice stands at the bottom"


@pytest.mark.parametrize("out", ["picture.jpg", "missing/picture.png"])
def test_a_picture_that_cannot_be_written_is_the_callers_mistake(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert cli.main(["inspect", str(images(phantoms)[0]), "--png", str(tmp_path / out)]) == 2
    assert Path(out).name in capsys.readouterr().err


def test_nothing_that_names_a_person_is_printed(
    phantoms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = pydicom.dcmread(images(phantoms)[0])
    dataset.PatientName = "Doe^Jane"
    dataset.PatientBirthDate = "19610203"
    dataset.InstitutionName = "General Hospital"
    dataset.save_as(tmp_path / "a.dcm")
    cli.main(["inspect", str(tmp_path / "a.dcm"), "--json"])
    cli.main(["inspect", str(tmp_path / "a.dcm")])
    said = "".join(capsys.readouterr())
    assert not any(word in said for word in ("Doe", "Jane", "19610203", "General Hospital"))
