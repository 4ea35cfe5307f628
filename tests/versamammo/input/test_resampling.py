from __future__ import annotations

import cv2
import numpy as np
import pytest

from versamammo.input.resampling import (
    BAND,
    area_weights,
    levels_by_area,
    resize_area,
    resize_nearest,
)


@pytest.mark.parametrize("size", [(90, 70), (45, 35), (61, 47), (1, 1), (89, 69)])
def test_the_picture_is_that_of_opencv_by_area(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).random((90, 70), dtype=np.float32)
    expected = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.allclose(resize_area(picture, size), expected, atol=1e-5)


@pytest.mark.parametrize(("old", "new"), [(7, 3), (3062, 1536), (5, 5), (1000, 1)])
def test_the_mean_is_kept(old: int, new: int) -> None:
    weights = area_weights(old, new)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(weights.sum(axis=0), new / old, atol=1e-5)


def test_a_mirrored_picture_shrinks_to_the_mirror_image() -> None:
    picture = np.random.default_rng(1).random((50, 83), dtype=np.float32)
    there = resize_area(picture, (33, 31))
    assert np.allclose(resize_area(picture[:, ::-1], (33, 31)), there[:, ::-1], atol=1e-6)


# one band, a band and a row, several of which the last is short, and nothing to shrink
@pytest.mark.parametrize(
    ("old", "new"),
    [((90, 70), (45, 35)), ((300, 90), (BAND + 1, 60)), ((901, 333), (4 * BAND - 7, 100)),
     ((2 * BAND, 50), (2 * BAND, 50)), ((1000, 40), (2 * BAND + 3, 1))],
)  # fmt: skip
@pytest.mark.parametrize("mirrored", [False, True])
def test_levels_by_bands_are_those_of_the_whole(
    old: tuple[int, int], new: tuple[int, int], *, mirrored: bool
) -> None:
    picture = np.random.default_rng(2).random(old, dtype=np.float32)
    asked: list[tuple[int, int]] = []

    def rows_of(first: int, last: int) -> np.ndarray:
        asked.append((first, last))
        return picture[first:last]

    levels = levels_by_area(rows_of, old, new, 65535, mirrored=mirrored)
    expected = cv2.resize(picture, new[::-1], interpolation=cv2.INTER_AREA) * 65535
    assert levels.shape == new
    np.testing.assert_allclose(levels, expected[:, ::-1] if mirrored else expected, atol=0.6)
    assert len(asked) == -(-new[0] // BAND)
    assert all(0 <= first < last <= old[0] for first, last in asked)


def test_nothing_is_enlarged() -> None:
    with pytest.raises(ValueError, match="never enlarged"):
        area_weights(10, 11)


def test_nearest_takes_the_pixel_under_the_centre() -> None:
    mask = np.array([[True, False], [False, True]])
    assert resize_nearest(mask, (4, 4)).astype(int).tolist() == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 1, 1],
    ]
