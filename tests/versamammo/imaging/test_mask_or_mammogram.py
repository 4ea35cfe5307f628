"""What tells the mask of a lesion from a mammogram of few or hard levels."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from versamammo.errors import Refused
from versamammo.imaging.raster import expose_raster
from versamammo.imaging.sniffing import sniff

Bytes = NDArray[np.uint8]
SIZE = (900, 700)
CLIPPED = (0.9, 0.7, 0.5, 0.3)  # from which share of the tissue's range on all is white


def tissue() -> NDArray[np.float64]:
    """Draw a breast against the left edge: 0 is air, 1 the brightest tissue, with grain."""
    rng = np.random.default_rng(5)
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    away = np.hypot((y - 450) / 400, x / 480)
    clouds = cv2.GaussianBlur(rng.normal(size=SIZE), (0, 0), 12) * 9
    grain = rng.normal(0, 0.03, SIZE)
    levels = np.clip(1.6 * (1 - away), 0, 0.7) + (0.15 * clouds + grain) * (away < 1)
    return np.clip(levels, 0, 1)


def hard(shown_from: float) -> Bytes:
    """A digital mammogram whose tissue is clipped to white from a share of its range on."""
    return np.asarray(np.rint(np.clip(tissue() / shown_from, 0, 1) * 255), np.uint8)


def bright_film() -> Bytes:
    """A scanned film that is bright all over, 243 grey levels, with a black label in a corner."""
    film = 236 + 12 * tissue() + np.random.default_rng(6).normal(0, 2, SIZE)
    levels = np.rint(np.clip(film, 9, 251)).astype(np.uint8)
    levels[5:60, 510:690] = 9
    levels[60, 300:543] = np.arange(9, 252)  # the label's worn edge
    return levels


def mask(radius: int = 60, blur: float = 0) -> Bytes:
    made = cv2.circle(np.zeros(SIZE, np.uint8), (200, 400), radius, 255, -1)
    return np.asarray(cv2.GaussianBlur(made, (0, 0), blur) if blur else made, np.uint8)


def is_refused(path: Path) -> bool:
    """Return whether a picture is refused as a mask."""
    with path.open("rb") as stream:
        kind = sniff(stream.read(256))
    assert kind is not None
    try:
        expose_raster(path, kind)
    except Refused as error:
        return error.reason == "mask"
    return False


def saved(folder: Path, pixels: Bytes, suffix: str, quality: int = 90) -> Path:
    path = folder / f"a{suffix}"
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    assert cv2.imwrite(str(path), pixels, options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("shown_from", CLIPPED)
def test_tissue_clipped_to_white_is_a_mammogram(
    shown_from: float, suffix: str, tmp_path: Path
) -> None:
    pixels = hard(shown_from)
    assert not is_refused(saved(tmp_path, pixels, suffix))
    assert not is_refused(saved(tmp_path, 255 - pixels, suffix))


def test_most_of_these_lie_between_the_levels_no_more_than_masks_do() -> None:
    shares = [hard(shown_from) / 255.0 for shown_from in CLIPPED]
    between = [float((share[share > 0.1] < 0.9).mean()) for share in shares]
    assert min(between) < 0.35 < 0.5 < max(between)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_bright_film_with_grain_is_a_mammogram(suffix: str, tmp_path: Path) -> None:
    film = bright_film()
    assert len(np.unique(film)) == 243
    assert (film > 0.9 * film.max()).mean() > 0.9
    assert not is_refused(saved(tmp_path, film, suffix))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("steps", [4, 8, 16])
def test_few_grey_levels_alone_make_no_mask(steps: int, suffix: str, tmp_path: Path) -> None:
    pixels = (hard(0.9) // (256 // steps)) * (255 // (steps - 1))
    assert not is_refused(saved(tmp_path, np.asarray(pixels, np.uint8), suffix))


@pytest.mark.parametrize("quality", [30, 90])
@pytest.mark.parametrize("radius", [12, 60, 250])
@pytest.mark.parametrize("blur", [0, 2])
def test_a_mask_is_refused_however_it_was_stored(
    radius: int, blur: float, quality: int, tmp_path: Path
) -> None:
    assert is_refused(saved(tmp_path, mask(radius, blur), ".png"))
    assert is_refused(saved(tmp_path, mask(radius, blur), ".jpg", quality))
    assert is_refused(saved(tmp_path, 255 - mask(radius, blur), ".jpg", quality))
    small = cv2.resize(mask(radius, blur), (350, 450), interpolation=cv2.INTER_AREA)
    assert is_refused(saved(tmp_path, np.asarray(small, np.uint8), ".png"))


def test_of_the_real_pictures_the_masks_are_refused_and_no_other(real: Path) -> None:
    with (real / "manifest.csv").open(newline="") as stream:
        rows = [(row["file"], row["kind"]) for row in csv.DictReader(stream)]
    masks = [file for file, kind in rows if kind == "mask"]
    pictures = [file for file, kind in rows if kind == "image"]
    assert (len(masks), len(pictures)) == (130, 142)
    assert [file for file in masks if not is_refused(real / file)] == []
    assert [file for file in pictures if is_refused(real / file)] == []


@pytest.mark.slow
def test_no_film_of_cbis_ddsm_is_refused(real: Path) -> None:
    films = sorted((real.parent / "cbis_ddsm" / "images").glob("*.jpg"))
    if not films:
        pytest.skip("the films of CBIS-DDSM are not there")
    assert [film.name for film in films if is_refused(film)] == []
