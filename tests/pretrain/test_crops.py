from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretrain.views.crops import CropSettings, Geometry, TissueMap, draw_box, tissue_map
from versamammo.imaging.mammogram import Box


def half_disc(height: int = 400, width: int = 240) -> np.ndarray:
    """A breast at the left edge: levels 20,000 inside, 100 in the air."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows - height / 2) / (0.45 * height)) ** 2 + (columns / (0.8 * width)) ** 2 < 1
    return np.where(inside, 20_000, 100).astype(np.uint16)


def breast(spacing: tuple[float, float] = (0.5, 0.5)) -> TissueMap:
    return tissue_map(half_disc(), spacing, threshold=1000)


def test_the_tissue_map_has_the_area_of_the_breast() -> None:
    image = half_disc()

    cells = breast().cells

    assert cells.shape == (25, 15)
    assert cells.mean() == pytest.approx((image > 1000).mean(), abs=0.02)


def test_an_image_of_air_has_no_tissue_to_look_at() -> None:
    with pytest.raises(ValueError, match="no tissue"):
        tissue_map(np.zeros((64, 64), dtype=np.uint16), (0.1, 0.1), threshold=10)


@given(
    st.integers(0, 2**32),
    st.sampled_from([(0.5, 0.5), (0.5, 1.0), (0.07, 0.07)]),
    st.floats(5, 400),
)
@settings(max_examples=100, deadline=None)
def test_boxes_lie_inside_the_image_on_whole_pixels(
    seed: int, spacing: tuple[float, float], tallest: float
) -> None:
    wanted = CropSettings(1, (96, 64), (5.0, tallest))

    box = draw_box(np.random.default_rng(seed), breast(spacing), wanted)

    assert 0 <= box.x1 < box.x2 <= 240
    assert 0 <= box.y1 < box.y2 <= 400
    assert all(value == int(value) for value in box.as_tuple())


def test_a_crop_has_its_size_in_millimetres_and_its_shape_on_the_breast() -> None:
    tissue = breast(spacing=(0.5, 1.0))
    wanted = CropSettings(1, (96, 64), (40.0, 60.0), stretch=1.1)

    for seed in range(50):
        box = draw_box(np.random.default_rng(seed), tissue, wanted)
        height, width = box.height * 0.5, box.width * 1.0
        assert 39 <= height <= 61
        assert 1.5 / 1.13 < height / width < 1.5 * 1.13


def test_a_crop_taller_than_the_image_is_shrunk_with_its_shape_kept() -> None:
    box = draw_box(
        np.random.default_rng(0), breast(), CropSettings(1, (300, 150), (900.0, 900.0), stretch=1.0)
    )

    assert (box.height, box.width) == (400, 200)


def test_crops_show_breast_rather_than_air() -> None:
    tissue = breast()
    wanted = CropSettings(1, (96, 96), (15.0, 40.0), least_tissue=0.7)
    random = np.random.default_rng(0)

    shares = [tissue.share(draw_box(random, tissue, wanted)) for _ in range(200)]

    assert np.mean(np.array(shares) >= 0.7) > 0.98
    assert tissue.cells.mean() < 0.6  # anywhere at all would not do


def test_a_view_s_corners_are_its_box_s_corners() -> None:
    corners = np.array([[0.0, 0.0], [64.0, 96.0]])
    box = Box(10, 20, 42, 68)

    upright = Geometry(box, (96, 64), (False, False)).to_mm(corners)
    turned = Geometry(box, (96, 64), (True, True)).to_mm(corners)

    assert upright.tolist() == [[10, 20], [42, 68]]
    assert turned.tolist() == [[42, 68], [10, 20]]


def test_tissue_under_a_point_is_found_and_beyond_the_image_there_is_none() -> None:
    points = np.array([[1.0, 100.0], [119.0, 1.0], [-5.0, 100.0], [1.0, 500.0]])

    assert breast().at_mm(points).tolist() == [True, False, False, False]


@pytest.mark.parametrize("wrong", [{"height_mm": (50.0, 10.0)}, {"tries": 0}, {"stretch": 0.5}])
def test_impossible_crops_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="crop"):
        CropSettings(**{"number": 1, "size": (8, 8), "height_mm": (1.0, 2.0), **wrong})  # type: ignore[arg-type]
