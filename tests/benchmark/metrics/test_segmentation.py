"""Dice and IoU against scikit-learn, HD95 against all pairs of pixels; the rule of empty masks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, jaccard_score

from benchmark.metrics import score
from benchmark.metrics.published_definitions import dice_at_threshold
from benchmark.metrics.segmentation import hd95, overlap
from benchmark.samples import MaskSample
from tests.benchmark.metrics.made_up import MASKS, values_of
from versamammo.errors import InputError


def blob(rng, size=(60, 45)):
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, dtype=bool)
    for _ in range(rng.integers(1, 4)):
        y, x = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        mask |= ((rows - y) / rng.uniform(3, 15)) ** 2 + (
            (columns - x) / rng.uniform(3, 15)
        ) ** 2 < 1
    return mask


def stored(folder, name, mask):
    Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name)
    return name


def edge_pixels(mask):
    """Pixels of the mask with a side neighbour that is not, found one by one."""
    padded = np.pad(mask, 1)
    return np.array([
        (y, x)
        for y, x in np.argwhere(mask)
        if not all(padded[y + 1 + dy, x + 1 + dx] for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)))
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.1, 0.07)])
def test_overlap_and_distance_equal_scikit_learns_and_all_pairs(seed, spacing):
    rng = np.random.default_rng(seed)
    truth, mask = blob(rng), blob(rng)
    dice, iou = overlap(truth, mask)
    assert dice == pytest.approx(f1_score(truth.ravel(), mask.ravel()))
    assert iou == pytest.approx(jaccard_score(truth.ravel(), mask.ravel()))
    far = cdist(edge_pixels(truth) * spacing, edge_pixels(mask) * spacing)
    both = [np.percentile(far.min(axis=side), 95) for side in (0, 1)]
    assert hd95(truth, mask, spacing) == pytest.approx(max(both))


def test_figures_are_means_over_images_and_empty_masks_follow_the_rule(tmp_path):
    empty, full = np.zeros((30, 40), dtype=bool), np.ones((30, 40), dtype=bool)
    pairs = [(full, full), (empty, empty), (full, empty), (empty, full)]
    samples = [
        MaskSample(
            f"i{k}", f"p{k}", truth=stored(tmp_path, f"t{k}.png", truth),
            mask=stored(tmp_path, f"m{k}.png", mask), spacing_mm=(0.1, 0.2),
        )
        for k, (truth, mask) in enumerate(pairs)
    ]  # fmt: skip
    figures = {f.metric: f for f in score(MASKS, samples, root=tmp_path, resamples=50)}
    assert figures["dice"].value == figures["iou"].value == 0.5
    assert figures["hd95_mm"].value == pytest.approx(np.hypot(3, 8) / 2)
    assert "2 images without lesion, 2 empty masks" in figures["dice"].note
    assert "2 images have one empty mask" in figures["hd95_mm"].note
    lesions = figures["dice_of_lesions"]
    assert (lesions.value, lesions.n, lesions.clusters) == (0.5, 2, 2)
    assert (figures["dice"].n, figures["dice"].clusters) == (4, 4)
    assert figures["dice"].primary
    assert 0 <= figures["dice"].low <= 0.5 <= figures["dice"].high <= 1


def test_the_published_dice_is_ours_on_binary_masks():
    rng = np.random.default_rng(1)
    for _ in range(10):
        truth, mask = blob(rng), blob(rng)
        published = dice_at_threshold(*(255 * one.astype(np.uint8) for one in (truth, mask)))
        assert published == pytest.approx(overlap(truth, mask)[0], abs=1e-6)
    assert dice_at_threshold(np.full((2, 2), 255), np.full((2, 2), 127)) < 1e-6


@pytest.mark.parametrize(
    ("mask", "reason"), [("size", "mask-size"), ("values", "mask-values"), ("gone", "no-mask")]
)
def test_a_mask_that_cannot_be_compared_is_refused_by_name(tmp_path, mask, reason):
    stored(tmp_path, "truth.png", np.ones((30, 40), dtype=bool))
    stored(tmp_path, "size.png", np.ones((30, 41), dtype=bool))
    Image.fromarray(np.ones((30, 40), dtype=np.uint8)).save(tmp_path / "values.png")
    sample = MaskSample("i", "p", truth="truth.png", mask=f"{mask}.png")
    with pytest.raises(InputError, match=mask) as raised:
        score(MASKS, [sample], root=tmp_path)
    assert raised.value.reason == reason


def test_distances_are_in_pixels_as_soon_as_one_spacing_is_unknown(tmp_path):
    truth, mask = np.zeros((20, 20), dtype=bool), np.zeros((20, 20), dtype=bool)
    truth[5:10, 5:10] = mask[5:10, 8:13] = True
    names = stored(tmp_path, "t.png", truth), stored(tmp_path, "m.png", mask)
    samples = [
        MaskSample("a", "p", truth=names[0], mask=names[1], spacing_mm=(0.1, 0.1)),
        MaskSample("b", "q", truth=names[0], mask=names[1]),
    ]
    assert values_of(score(MASKS, samples, root=tmp_path, resamples=0))["hd95_px"] == 3
