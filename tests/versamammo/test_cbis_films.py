"""Squashed films regain their shape, boxes follow, and what the origin gives away is not told."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts.cbis_films import restore
from versamammo.errors import InputError

COLUMNS = (
    "file", "patient", "laterality", "view", "split", "density", "birads", "pathology", "boxes",
    "aspect", "origin", "sha256",
)  # fmt: skip
BOX = (100, 200, 140, 240)  # of the squashed film


def film(archive: Path, name: str, side: int = 400, **told: str) -> dict[str, str]:
    """Write a dark square whose box is bright, and return its row."""
    levels = np.full((side, side), 20, np.uint8)
    x1, y1, x2, y2 = BOX
    levels[y1:y2, x1:x2] = 220
    (archive / "images").mkdir(parents=True, exist_ok=True)
    file = archive / "images" / f"{name}.jpg"
    cv2.imwrite(str(file), levels)
    lesion = {"box_xyxy": BOX, "label": "mass", "pathology": told.get("pathology", "BENIGN")}
    return {
        "file": f"images/{name}.jpg", "patient": name, "laterality": "L", "view": "CC",
        "split": "train", "density": "3", "birads": "4", "pathology": "BENIGN",
        "boxes": json.dumps([lesion]), "aspect": "2.0", "origin": "coco_800",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    } | told  # fmt: skip


def restored(archive: Path, rows: list[dict[str, str]], split: str = "train") -> list[dict]:
    with (archive / "manifest.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    restore(archive, archive / "out", split)
    with (archive / "out" / "films.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_film_regains_its_aspect_and_its_box_follows(tmp_path: Path) -> None:
    (row,) = restored(tmp_path, [film(tmp_path, "a")])

    shown = cv2.imread(str(tmp_path / "out" / row["file"]), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (800, 400)
    y, x = np.nonzero(shown > 120)
    seen = [x.min(), y.min(), x.max() + 1, y.max() + 1]
    box = [float(row[name]) for name in ("x1", "y1", "x2", "y2")]
    np.testing.assert_allclose(box, [100, 400, 140, 480])
    np.testing.assert_allclose(seen, box, atol=2)
    assert (row["density"], row["birads"], row["pathology"]) == ("C", "4", "benign")


def test_an_unknown_aspect_is_the_usual_one(tmp_path: Path) -> None:
    (row,) = restored(tmp_path, [film(tmp_path, "a", aspect="")])

    shown = cv2.imread(str(tmp_path / "out" / row["file"]), cv2.IMREAD_GRAYSCALE)
    assert shown.shape == (800, round(800 / 1.7))


def test_a_confounded_origin_tells_neither_pathology_nor_birads(tmp_path: Path) -> None:
    lesion = {"box_xyxy": BOX, "label": "lesion", "pathology": "MALIGNANT"}
    told = {"origin": "export_640", "pathology": "MALIGNANT", "boxes": json.dumps([lesion])}

    (row,) = restored(tmp_path, [film(tmp_path, "a", **told)])

    assert [row[name] for name in ("pathology", "birads", "finding_pathology")] == ["", "", ""]
    assert (row["finding"], row["density"]) == ("calcification", "C")
    assert float(row["x1"]) == 100


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("BENIGN", "benign"),
        ("BENIGN_WITHOUT_CALLBACK", "benign"),
        ("BENIGN (matched by x order)", "benign"),
        ("MALIGNANT (matched by x order)", "malignant"),
    ],
)
def test_every_word_for_a_pathology_is_read(tmp_path: Path, word: str, expected: str) -> None:
    (row,) = restored(tmp_path, [film(tmp_path, "a", pathology=word)])

    assert row["pathology"] == row["finding_pathology"] == expected


def test_an_unknown_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)a\.jpg.*UNPROVEN.*benign or malignant"):
        restored(tmp_path, [film(tmp_path, "a", pathology="UNPROVEN")])


def test_every_lesion_has_a_row_and_a_film_without_any_has_one(tmp_path: Path) -> None:
    two = [
        {"box_xyxy": BOX, "label": "mass", "pathology": word} for word in ("BENIGN", "MALIGNANT")
    ]
    rows = [
        film(tmp_path, "a", boxes=json.dumps(two), pathology="MALIGNANT"),
        film(tmp_path, "b", boxes=""),
    ]

    found = restored(tmp_path, rows)

    assert [row["finding_pathology"] for row in found] == ["benign", "malignant", ""]
    assert [row["pathology"] for row in found] == ["malignant", "malignant", "benign"]
    assert found[2]["finding"] == found[2]["x1"] == ""


def test_of_two_rows_for_one_file_the_one_with_its_hash_describes_it(tmp_path: Path) -> None:
    other = film(tmp_path, "a", side=320, origin="export_640", density="2")
    own = film(tmp_path, "a", density="1")  # overwrites the picture

    found = restored(tmp_path, [other, own])
    count, absent = restore(tmp_path, tmp_path / "out", "train")

    assert [row["density"] for row in found] == ["A"]
    assert count == 1
    assert [row["origin"] for row in absent] == ["export_640"]


def test_a_changed_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)a\.jpg.*SHA-256"):
        restored(tmp_path, [film(tmp_path, "a", sha256="0" * 64)])


def test_only_the_split_that_was_asked_for_is_restored(tmp_path: Path) -> None:
    rows = [film(tmp_path, "a"), film(tmp_path, "b", split="test")]

    assert [row["patient_id"] for row in restored(tmp_path, rows, "test")] == ["b"]
    assert not (tmp_path / "out/images/a.png").exists()
