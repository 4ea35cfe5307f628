"""Masks of COCO files against pycocotools, and against shapes whose area is known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as theirs

from versamammo.data.sources.coco_masks import coco_mask, filled, unpacked
from versamammo.data.sources.masks import read_mask
from versamammo.errors import InputError

SIZE = (40, 30)


def write(path: Path, *segmentations: object) -> Path:
    path.write_text(json.dumps({"annotations": [{"segmentation": one} for one in segmentations]}))
    return path


def blobs(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.random(SIZE) < random.uniform(0.02, 0.98)


def test_a_rectangle_covers_its_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [[2, 3, 12, 3, 12, 23, 2, 23]])
    marked = np.zeros(SIZE, bool)
    marked[3:23, 2:12] = True
    np.testing.assert_array_equal(read_mask(tmp_path, f"{path.name}#0", SIZE), marked)


def test_parts_are_joined_and_edges_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [[-5, -5, 4, -5, 4, 4, -5, 4], [28, 38, 50, 38, 50, 90]])
    mask = coco_mask(path, 0, SIZE)
    assert mask[:4, :4].all()
    assert mask[:4, :4].sum() + mask[38:, 28:].sum() == mask.sum()


def test_round_shapes_have_the_area_of_the_formula() -> None:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = np.stack([150.3 + 90 * np.cos(angles), 120.7 + 60 * np.sin(angles)], axis=1)
    assert filled(points, (300, 300)).sum() == pytest.approx(np.pi * 90 * 60, rel=2e-3)


@pytest.mark.parametrize("seed", range(6))
def test_runs_are_those_of_pycocotools(tmp_path: Path, seed: int) -> None:
    mask = blobs(seed)
    packed = theirs.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = packed["counts"].decode()
    path = write(
        tmp_path / "a.json",
        {"size": list(SIZE), "counts": text},
        {"size": list(SIZE), "counts": list(unpacked(text))},
    )
    np.testing.assert_array_equal(coco_mask(path, 0, SIZE), mask)
    np.testing.assert_array_equal(coco_mask(path, 1, SIZE), mask)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "missing-mask"),
        ([[1, 2, 3]], "bad-outlines"),
        ({"size": [3, 3], "counts": [9]}, "mask-size"),
        ({"size": list(SIZE), "counts": [5, 6]}, "bad-outlines"),
        ({"size": list(SIZE), "counts": "o"}, "bad-outlines"),
        ({"counts": [5]}, "bad-outlines"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, segmentation: object, reason: str) -> None:
    path = write(tmp_path / "a.json", segmentation)
    with pytest.raises(InputError) as caught:
        coco_mask(path, 0, SIZE)
    assert caught.value.reason == reason


def test_a_file_that_is_no_coco_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    for name in ("a.json", "gone.json"):
        with pytest.raises(InputError) as caught:
            coco_mask(tmp_path / name, 0, SIZE)
        assert caught.value.reason == "bad-outlines"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [[0, 0, 5, 0, 5, 5, 0, 5]])
    os.utime(path, ns=(1, 1))
    assert coco_mask(path, 0, SIZE).sum() == 25
    write(path, [[0, 0, 6, 0, 6, 6, 0, 6]])
    os.utime(path, ns=(2, 2))
    assert coco_mask(path, 0, SIZE).sum() == 36
