from __future__ import annotations

import numpy as np

from tests.versamammo.spoilt_pictures import draw_breast
from versamammo.imaging.breast.film_edges import find_rim, remove_rims

PICTURE = draw_breast(320, 256).pixels


def cleared(pixels: np.ndarray) -> np.ndarray:
    region = np.ones(pixels.shape, np.uint8)
    remove_rims(pixels, region)
    return region == 0


def test_a_bright_rim_is_cleared_and_no_more() -> None:
    pixels = PICTURE.copy()
    pixels[:8] = 1.0
    gone = cleared(pixels)
    assert gone[:8].all()
    assert not gone[12:].any()


def test_a_rim_that_leans_is_followed() -> None:
    rows, columns = np.mgrid[0:320, 0:256]
    leaning = np.where(rows < 4 + 0.03 * columns, 0.95, 0.05).astype(np.float32)
    rim = find_rim(leaning)
    assert rim is not None
    assert abs(rim.slope - 0.03) < 0.01
    assert rim.cover((320, 256))[leaning > 0.5].all()


def test_white_padding_is_cleared_however_wide() -> None:
    pixels = np.pad(PICTURE, ((0, 0), (100, 60)), constant_values=1.0)
    gone = cleared(pixels)
    assert gone[:, :100].all()
    assert gone[:, -60:].all()
    assert gone[:, 110:-70].mean() < 0.01


def test_muscle_along_the_chest_wall_is_no_rim() -> None:
    pixels = PICTURE.copy()
    pixels[:, :10] = np.where(pixels[:, :10] > 0, 0.95, 0)
    assert not cleared(pixels).any()


def test_a_clean_picture_keeps_all() -> None:
    assert not cleared(PICTURE).any()
