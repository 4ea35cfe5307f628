from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from tests.versamammo.spoilt_pictures import Scene, draw_breast, mirrored
from versamammo.errors import InputError
from versamammo.imaging.breast import find_breast
from versamammo.imaging.mammogram import Box, Mammogram, Provenance
from versamammo.input.contract import InputContract
from versamammo.input.preprocess import crop_breast, plan_crop, prepare_pixels, to_input

LEFT = draw_breast(1200, 900)
RIGHT = mirrored(LEFT, np.random.default_rng(0))


def mammogram(scene: Scene, spacing: tuple[float, float] | None = (0.1, 0.1)) -> Mammogram:
    made = Provenance("drawn.png", "PNG", "MONOCHROME2")
    return Mammogram(scene.pixels, 16, made, spacing_mm=spacing)


def test_a_right_breast_is_mirrored_to_have_its_chest_wall_left() -> None:
    left = prepare_pixels(mammogram(LEFT), find_breast(LEFT.pixels), (600, 600))
    right = prepare_pixels(mammogram(RIGHT), find_breast(RIGHT.pixels), (600, 600))
    assert (left.crop.mirrored, right.crop.mirrored) == (False, True)
    assert left.levels.shape == right.levels.shape
    assert np.abs(left.levels.astype(int) - right.levels).max() <= 1


def test_the_breast_fits_within_the_size_and_keeps_its_aspect() -> None:
    prepared = prepare_pixels(mammogram(LEFT), find_breast(LEFT.pixels), (300, 1000))
    h, w = prepared.levels.shape
    rows, columns = prepared.crop.cut_size
    assert h == 300
    assert abs(w - columns * 300 / rows) <= 0.5
    assert prepared.crop.content_size == prepared.crop.input_size == (h, w)
    assert prepared.spacing_mm == pytest.approx((0.1 * rows / h, 0.1 * columns / w))


def test_a_small_picture_is_not_enlarged_and_keeps_its_values() -> None:
    breast = find_breast(LEFT.pixels)
    prepared = prepare_pixels(mammogram(LEFT, None), breast, (3000, 3000))
    cut, crop = crop_breast(mammogram(LEFT), breast)
    assert prepared.levels.shape == crop.cut_size
    assert prepared.spacing_mm is None
    assert np.abs(prepared.levels / 65535 - cut).max() <= 0.5 / 65535 + 1e-7


def test_a_bright_speck_lies_where_the_crop_says() -> None:
    pixels = RIGHT.pixels.copy()
    pixels[500:503, 700:703] = 1.0
    scene = Scene(pixels, RIGHT.breast, "right")
    prepared = prepare_pixels(mammogram(scene), find_breast(pixels), (400, 400))
    x, y = prepared.crop.points_to_input([701.5, 501.5])
    around = prepared.levels[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
    row, column = np.unravel_index(around.argmax(), around.shape)
    assert abs(int(y) - 2 + row + 0.5 - y) <= 1
    assert abs(int(x) - 2 + column + 0.5 - x) <= 1


def test_the_margin_stays_within_the_picture() -> None:
    breast = find_breast(LEFT.pixels)
    crop = plan_crop((1200, 900), breast, margin=5.0)
    assert crop.box == (0, 0, 900, 1200)
    tight = plan_crop((1200, 900), breast, margin=0.0)
    x1, y1, x2, y2 = tight.box
    assert Box(x1, y1, x2, y2).width - breast.box.width < 2


def test_sixteen_bits_survive_to_the_input() -> None:
    levels = np.arange(40000, 40012, dtype=np.uint16).reshape(3, 4)
    contract = InputContract(size=(4, 8), mean=0.5, std=0.25)
    image = to_input(levels, contract)
    assert image.shape == (1, 4, 8)
    assert image.dtype == torch.float32
    assert torch.unique(image[0, :3, :4]).numel() == 12
    assert image[0, 0, 0].item() == pytest.approx((40000 / 65535 - 0.5) / 0.25, abs=1e-5)


def test_padding_lies_right_and_below_at_the_level_of_air() -> None:
    contract = InputContract(size=(6, 5), mean=0.2, std=0.4)
    image = to_input(np.full((4, 3), 65535, np.uint16), contract)[0]
    assert torch.allclose(image[:4, :3], torch.tensor((1 - 0.2) / 0.4))
    assert torch.allclose(image[4:], torch.tensor(-0.5))
    assert torch.allclose(image[:, 3:], torch.tensor(-0.5))


def test_floats_and_levels_give_the_same_input() -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (30, 20), dtype=np.uint16)
    contract = InputContract(size=(32, 32))
    as_float = (levels / 65535).astype(np.float32)
    assert torch.allclose(to_input(levels, contract), to_input(as_float, contract), atol=1e-5)


def test_a_larger_picture_is_shrunk_as_the_crop_says() -> None:
    levels = np.zeros((100, 60), np.uint16)
    levels[50:, :] = 65535
    contract = InputContract(size=(50, 50), mean=0.0, std=1.0)
    image = to_input(levels, contract)[0]
    assert image[24, 29] == 0
    assert image[25, 29] == 1
    assert (image[:, 30:] == 0).all()


@pytest.mark.parametrize("levels", [np.zeros((3, 3)), np.zeros((3, 3, 1), np.uint16)])
def test_other_kinds_of_numbers_are_refused(levels: np.ndarray) -> None:
    with pytest.raises(InputError) as error:
        to_input(levels, InputContract())
    assert error.value.reason == "bad-levels"


def test_the_contract_survives_json() -> None:
    contract = InputContract(size=(512, 352), mean=0.21, std=0.19)
    assert InputContract.from_dict(json.loads(json.dumps(contract.to_dict()))) == contract


@pytest.mark.parametrize(
    "change",
    [
        {"std": 0},
        {"size": [0, 5]},
        {"channels": 3},
        {"chest_wall": "right"},
        {"fill": 2},
        {"levels": "8 bit"},
        {"men": 0.2},
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        InputContract.from_dict({**InputContract().to_dict(), **change})
    assert error.value.reason == "bad-contract"


@pytest.mark.parametrize(
    "change", [{"size": [512]}, {"size": None}, {"mean": "0.2"}, {"std": None}, {"mean": True}]
)
def test_a_contract_of_other_types_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        InputContract.from_dict({**InputContract().to_dict(), **change})
    assert error.value.reason == "bad-contract"
