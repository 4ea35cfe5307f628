"""Every openly licensed real picture: read, breast found, chest wall and mirroring right."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.versamammo.spoilt_pictures import Scene, mirrored, overlap, spoil
from versamammo.imaging.breast import Breast, find_breast
from versamammo.imaging.breast.chest_wall import Side
from versamammo.imaging.mammogram import Laterality, Mammogram, View
from versamammo.imaging.reading import read
from versamammo.input.preprocess import plan_crop, stored_mirrored

# seen by eye: the marker's letters read backwards, or lie against the usual hanging
STORED_MIRRORED = {"monai_density/sample_B2.jpg", "nyu_birads/R-CC.png", "nyu_birads/R-MLO.png"}
# seen by eye: of this one the manifest knows no laterality
CHEST_WALL_BY_EYE: dict[str, Side] = {"monai_density/sample_D1.jpg": "right"}


@dataclass(frozen=True)
class Known:
    """What the manifest, or an eye, knows of a file."""

    file: str
    laterality: Laterality | None
    view: View | None
    size: tuple[int, int]
    mask_file: str | None

    @property
    def chest_wall(self) -> Side:
        if self.file in CHEST_WALL_BY_EYE:
            return CHEST_WALL_BY_EYE[self.file]
        usual = self.laterality is Laterality.LEFT
        return "left" if usual != (self.file in STORED_MIRRORED) else "right"


@dataclass(frozen=True)
class Looked:
    """One file as the project sees it."""

    known: Known
    mammogram: Mammogram
    breast: Breast


@pytest.fixture(scope="module")
def looked(real: Path) -> list[Looked]:
    with (real / "manifest.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] in ("image", "dicom-image")]
    found = []
    for row in rows:
        known = Known(
            row["file"],
            Laterality(row["laterality"]) if row["laterality"] else None,
            View(row["view"]) if row["view"] else None,
            (int(row["height"]), int(row["width"])),
            row["mask_file"] or None,
        )
        mammogram = read(real / known.file)
        found.append(Looked(known, mammogram, find_breast(mammogram.pixels)))
    return found


def test_all_are_read_at_their_size(looked: list[Looked]) -> None:
    assert len(looked) == 144
    assert [one.mammogram.size for one in looked] == [one.known.size for one in looked]


def test_a_breast_is_found_in_each_and_its_chest_wall_is_on_the_right_side(
    looked: list[Looked],
) -> None:
    wrong = [one.known.file for one in looked if one.breast.chest_wall != one.known.chest_wall]
    assert wrong == []
    unsure = {one.known.file for one in looked if one.breast.notes}
    assert len(unsure) <= 2, unsure


def test_mirrored_storage_is_known_wherever_the_side_is(looked: list[Looked]) -> None:
    sided = [one for one in looked if one.known.laterality is not None]
    assert len(sided) == 143
    mirrored_files = {
        one.known.file
        for one in sided
        if stored_mirrored(one.known.laterality, one.breast.chest_wall)
    }
    assert mirrored_files == STORED_MIRRORED


def test_side_and_view_come_from_the_tags_where_there_are_tags(looked: list[Looked]) -> None:
    dicom = [one for one in looked if one.mammogram.provenance.format == "DICOM"]
    assert len(dicom) == 2
    for one in dicom:
        assert (one.mammogram.laterality, one.mammogram.view) == (
            one.known.laterality,
            one.known.view,
        )


def test_no_pixel_of_a_lesion_is_cut_off(looked: list[Looked], real: Path) -> None:
    outside = total = files = 0
    for one in looked:
        if one.known.mask_file is None:
            continue
        lesion = cv2.imread(str(real / one.known.mask_file), cv2.IMREAD_GRAYSCALE) >= 128
        x1, y1, x2, y2 = plan_crop(one.mammogram.size, one.breast).box
        total += int(lesion.sum())
        outside += int(lesion.sum() - lesion[y1:y2, x1:x2].sum())
        files += 1
    assert files == 130
    assert total > 2_000_000
    assert outside == 0


def test_hardly_any_tissue_of_clean_digital_pictures_is_cut_off(looked: list[Looked]) -> None:
    shares = []
    for one in looked:
        if one.mammogram.provenance.format == "DICOM":  # a film, and one with the belly in view
            continue
        breast = breast_on_black(one.mammogram.pixels)
        x1, y1, x2, y2 = plan_crop(one.mammogram.size, one.breast).box
        shares.append(1 - breast[y1:y2, x1:x2].sum() / breast.sum())
    assert len(shares) == 142
    assert max(shares) < 0.002


@pytest.mark.slow
def test_spoilt_real_pictures_keep_their_box_and_side(looked: list[Looked]) -> None:
    rng = np.random.default_rng(11)
    good = sided = unwarned = 0
    trials = 300
    digital = [one for one in looked if "MG1" not in one.known.file]
    for _ in range(trials):
        one = digital[rng.integers(len(digital))]
        pixels = shrunk(one.mammogram.pixels, 1200)
        whole = Scene(pixels, breast_on_black(pixels), one.known.chest_wall)
        scene, _ = spoil(whole, rng)
        found = find_breast(scene.pixels)
        good += overlap(found.box.as_tuple(), scene.box) > 0.9
        right = found.chest_wall == scene.chest_wall
        sided += right
        unwarned += not right and not found.notes
    assert good >= 0.9 * trials, good
    assert sided >= 0.97 * trials, sided
    assert unwarned <= 0.01 * trials, unwarned


@pytest.mark.slow
def test_mirrored_real_pictures_give_mirrored_answers(looked: list[Looked]) -> None:
    assert looked
    for one in looked:
        height, width = one.mammogram.size
        scene = Scene(one.mammogram.pixels, np.zeros((height, width), np.bool_), "left")
        back = find_breast(mirrored(scene, np.random.default_rng(0)).pixels)
        x1, y1, x2, y2 = one.breast.box.as_tuple()
        assert back.chest_wall != one.breast.chest_wall
        assert overlap(back.box.as_tuple(), (width - x2, y1, width - x1, y2)) > 0.99


def breast_on_black(pixels: np.ndarray) -> np.ndarray:
    """Find the breast of a clean digital picture by itself: the largest thing that is not black."""
    bright = (cv2.GaussianBlur(pixels, (3, 3), 0) > 2.5 / 255).astype(np.uint8)
    size = 2 * max(1, round(0.004 * len(pixels))) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(bright, cv2.MORPH_OPEN, disc)
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    breast = np.zeros_like(bright)
    cv2.drawContours(breast, [max(outlines, key=cv2.contourArea)], -1, 1, -1)
    return breast > 0


def shrunk(pixels: np.ndarray, longest: int) -> np.ndarray:
    share = min(1.0, longest / max(pixels.shape))
    return cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
