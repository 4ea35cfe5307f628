from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.input.geometry import Crop, fit_within


@st.composite
def crops(draw: st.DrawFn, largest: int = 5000) -> Crop:
    height, width = (draw(st.integers(2, largest)) for _ in range(2))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
    bounds = (draw(st.integers(1, 2000)), draw(st.integers(1, 2000)))
    content = fit_within((y2 - y1, x2 - x1), bounds)
    padded = (content[0] + draw(st.integers(0, 50)), content[1] + draw(st.integers(0, 50)))
    return Crop((height, width), (x1, y1, x2, y2), draw(st.booleans()), content, padded)


coordinates = st.floats(-1e4, 1e4, allow_nan=False)
corners = st.tuples(coordinates, coordinates)

# 600 x 400, cut to 400 x 300 and halved
HALVED = Crop((600, 400), (50, 100, 350, 500), False, (200, 150), (256, 160))
MIRRORED = Crop((600, 400), (50, 100, 350, 500), True, (200, 150), (256, 160))


@given(crops(), st.lists(corners, min_size=1, max_size=5))
def test_points_come_back_to_where_they_were(crop: Crop, points: list[tuple[float, float]]) -> None:
    there = crop.points_to_input(points)
    assert np.allclose(crop.points_to_source(there), points, rtol=0, atol=1e-7)


@given(crops(), st.tuples(*[st.floats(0.01, 0.99)] * 2), st.tuples(*[st.floats(0.01, 1e4)] * 4))
def test_boxes_come_back_clipped_to_the_cut(
    crop: Crop, within: tuple[float, float], reach: tuple[float, float, float, float]
) -> None:
    left, top, right, bottom = crop.box
    x, y = left + within[0] * (right - left), top + within[1] * (bottom - top)
    x1, y1, x2, y2 = x - reach[0], y - reach[1], x + reach[2], y + reach[3]
    expected = [max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)]
    there = crop.boxes_to_input([[x1, y1, x2, y2]])
    h, w = crop.content_size
    assert ((there >= 0) & (there <= [w, h, w, h])).all()
    assert np.allclose(crop.boxes_to_source(there), [expected], rtol=0, atol=1e-6)


@given(crops(largest=300), st.data())
def test_the_box_of_a_mapped_mask_is_the_mapped_box(crop: Crop, data: st.DataObject) -> None:
    x1, y1, x2, y2 = crop.box
    left, top = data.draw(st.integers(x1, x2 - 1)), data.draw(st.integers(y1, y2 - 1))
    right, bottom = data.draw(st.integers(left + 1, x2)), data.draw(st.integers(top + 1, y2))
    mask = np.zeros(crop.source_size, np.bool_)
    mask[top:bottom, left:right] = True
    mapped = crop.mask_to_input(mask)
    expected = crop.boxes_to_input([[left, top, right, bottom]])[0]
    assert mapped.shape == crop.input_size
    assert np.abs(box_of(mapped) - expected).max() < 1.0
    # and back: no further off than one input pixel is wide
    down, across = (np.ceil(np.divide(crop.cut_size, crop.content_size)) + 1).tolist()
    back = box_of(crop.mask_to_source(mapped))
    assert (np.abs(back - [left, top, right, bottom]) <= [across, down, across, down]).all()


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 2**32 - 1))
def test_masks_come_back_unchanged_where_nothing_is_shrunk(
    height: int, width: int, flipped: bool, seed: int
) -> None:
    crop = Crop((50, 50), (3, 5, 3 + width, 5 + height), flipped, (height, width), (64, 64))
    mask = np.zeros((50, 50), np.bool_)
    mask[5 : 5 + height, 3 : 3 + width] = np.random.default_rng(seed).random((height, width)) < 0.3
    assert np.array_equal(crop.mask_to_source(crop.mask_to_input(mask)), mask)


@given(corners)
def test_flipping_twice_is_nothing(point: tuple[float, float]) -> None:
    flip = Crop((600, 400), (0, 0, 400, 600), True, (600, 400), (600, 400))
    assert np.allclose(flip.points_to_input(flip.points_to_input(point)), point, atol=1e-9)


def test_a_mirrored_cut_starts_from_its_right_side() -> None:
    assert HALVED.points_to_input([[50, 100], [350, 500]]).tolist() == [[0, 0], [150, 200]]
    assert MIRRORED.points_to_input([[350, 100], [50, 500]]).tolist() == [[0, 0], [150, 200]]
    assert MIRRORED.boxes_to_input([[60, 110, 70, 130]]).tolist() == [[140, 5, 145, 15]]


def test_a_box_outside_the_cut_becomes_unknown_and_one_half_outside_is_clipped() -> None:
    boxes = [[0, 0, 40, 40], [40, 90, 60, 110], [np.nan] * 4]
    there = HALVED.boxes_to_input(boxes)
    assert np.isnan(there[0]).all()
    assert there[1].tolist() == [0, 0, 5, 5]
    assert np.isnan(there[2]).all()


def test_a_box_in_the_padding_is_not_brought_back() -> None:
    assert np.isnan(HALVED.boxes_to_source([[151, 10, 158, 20]])).all()


def test_no_boxes_are_no_boxes() -> None:
    assert HALVED.boxes_to_input(np.empty((0, 4))).shape == (0, 4)


def test_a_speck_survives_shrinking() -> None:
    crop = Crop((900, 900), (0, 0, 900, 900), False, (100, 100), (100, 100))
    mask = np.zeros((900, 900), np.bool_)
    mask[455, 311] = True
    assert np.argwhere(crop.mask_to_input(mask)).tolist() == [[50, 34]]


def test_an_empty_mask_stays_empty() -> None:
    assert not HALVED.mask_to_input(np.zeros((600, 400), np.bool_)).any()


def test_spacing_grows_as_the_picture_shrinks() -> None:
    assert HALVED.spacing_to_input((0.1, 0.05)) == (0.2, 0.1)
    assert HALVED.spacing_to_input(None) is None


def test_shrinking_further_keeps_the_cut() -> None:
    smaller = HALVED.within((100, 100))
    assert smaller.content_size == (100, 75)
    assert smaller.input_size == (100, 100)
    assert smaller.points_to_input([350, 500]).tolist() == [75, 100]


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.integers(1, 3000), st.integers(1, 3000))
def test_fitting_keeps_the_aspect_and_the_bounds(
    height: int, width: int, rows: int, columns: int
) -> None:
    h, w = fit_within((height, width), (rows, columns))
    assert 1 <= h <= min(height, rows)
    assert 1 <= w <= min(width, columns)
    if (h, w) != (height, width):
        assert h == rows or w == columns
        shrunk = min(rows / height, columns / width)
        assert abs(h - max(1, height * shrunk)) <= 0.5 + 1e-9
        assert abs(w - max(1, width * shrunk)) <= 0.5 + 1e-9


@given(crops())
def test_a_crop_is_what_its_record_says(crop: Crop) -> None:
    assert Crop.from_dict(crop.to_dict()) == crop


@pytest.mark.parametrize(
    "change",
    [
        {"box": [50, 100, 450, 500]},
        {"box": [60, 100, 60, 500]},
        {"content_size": [300, 150]},
        {"content_size": [0, 150]},
        {"mirror": True},
    ],
)
def test_a_crop_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        Crop.from_dict({**HALVED.to_dict(), **change})
    assert error.value.reason == "bad-crop"


def test_a_box_without_area_is_refused() -> None:
    with pytest.raises(InputError, match="x1 < x2") as error:
        HALVED.boxes_to_input([[10, 10, 10, 20]])
    assert error.value.reason == "bad-box"


def test_a_mask_of_another_picture_is_refused() -> None:
    with pytest.raises(InputError) as error:
        HALVED.mask_to_input(np.zeros((400, 600), np.bool_))
    assert error.value.reason == "bad-mask"


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)
