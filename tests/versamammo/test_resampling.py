from __future__ import annotations

import cv2
import numpy as np
import pytest

from versamammo.resampling import area_weights, resize_area, resize_nearest


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
