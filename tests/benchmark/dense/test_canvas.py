from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.dense.canvas import Canvas, to_source
from benchmark.task_rows import FindingMasks, Places
from tests.benchmark.dense.discs import LEVELS, STORED, disc
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop

CROP = Crop(STORED, (0, 0, 100, 40), False, (40, 100), (40, 100))
SMALL = Canvas.of(InputContract(size=(100, 90)), None)


def test_sides_are_whole_cells_and_the_aspect_stays() -> None:
    assert SMALL.size == (128, 96)
    assert Canvas.of(InputContract(), (65, 64)).size == (96, 64)


def test_what_is_padding_on_every_image_is_cut_away(tmp_path: Path) -> None:
    rows = [disc(tmp_path, i, "detection", blob=False, mirrored=False) for i in range(2)]
    # 180 x 120 fits within 90 x 128 as 90 x 60
    assert Canvas.of(InputContract(size=(90, 128)), None, rows).size == (96, 64)
    wide = replace(rows[0].picture, crop=CROP)
    mixed = [rows[0], replace(rows[1], picture=wide)]
    assert Canvas.of(InputContract(size=(90, 128)), None, mixed).size == (96, 128)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("flipped", [False, True])
def test_boxes_lie_on_the_blob_that_the_input_shows(
    tmp_path: Path, mirrored: bool, flipped: bool
) -> None:
    row = disc(tmp_path, 4, "detection", blob=True, mirrored=mirrored)
    image = SMALL.image(row, flipped)[0]
    (box,) = SMALL.boxes(row, flipped).sides.numpy()
    x1, y1, x2, y2 = (round(float(side)) for side in box)
    bright = image > image.max() - 1.5
    assert bright[y1:y2, x1:x2].sum() > 0.9 * bright.sum() > 50


@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_come_back_to_the_file(tmp_path: Path, mirrored: bool) -> None:
    row = disc(tmp_path, 6, "detection", blob=True, mirrored=mirrored)
    assert isinstance(row.truth, Places)
    back, kept = to_source(SMALL.boxes(row).sides, SMALL.crop(row))
    assert kept.all()
    np.testing.assert_allclose(back, row.truth.boxes, atol=1e-4)
    outside = torch.tensor([[0.0, 130, 10, 140]])  # in the padding below
    assert to_source(outside, SMALL.crop(row))[0] == ()


def test_a_normal_image_and_one_whose_finding_was_cut_off_have_no_box(tmp_path: Path) -> None:
    row = disc(tmp_path, 5, "detection", blob=False, mirrored=False)
    assert SMALL.boxes(row).sides.shape == (0, 4)
    beside = replace(row, truth=Places(((0.0, 0.0, 5.0, 5.0),), (0,)))
    assert SMALL.boxes(beside).classes.shape == (0,)


@pytest.mark.parametrize("flipped", [False, True])
def test_a_mask_lies_on_the_blob_that_the_input_shows(tmp_path: Path, flipped: bool) -> None:
    row = disc(tmp_path, 8, "segmentation", blob=True, mirrored=True)
    mask = SMALL.mask(row)
    mask = SMALL.flipped(mask, row) if flipped else mask
    image = SMALL.image(row, flipped)[0].numpy()
    bright = image > image.max() - 1.5
    assert (bright & mask).sum() > 0.9 * bright.sum() > 50
    assert mask.sum() < 2 * bright.sum()


def test_a_mask_of_nothing_is_empty(tmp_path: Path) -> None:
    row = replace(
        disc(tmp_path, 9, "segmentation", blob=False, mirrored=False), truth=FindingMasks(tmp_path)
    )
    assert not SMALL.mask(row).any()
    assert row.picture.crop.source_size == STORED
    assert row.picture.crop.content_size == LEVELS
