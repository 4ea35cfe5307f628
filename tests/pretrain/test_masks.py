from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretrain.views.patch_masks import (
    MaskSettings,
    block_mask,
    gather_masks,
    masks_for,
)

GRIDS = st.tuples(st.integers(2, 24), st.integers(2, 16))


@given(GRIDS, st.integers(0, 2**32), st.data())
@settings(max_examples=100, deadline=None)
def test_exactly_as_many_patches_are_hidden_as_asked(
    grid: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, grid[0] * grid[1]))

    mask = block_mask(np.random.default_rng(seed), MaskSettings(), grid, count)

    assert mask.shape == grid
    assert mask.sum() == count


@given(GRIDS, st.integers(0, 1000), st.integers(0, 50), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
@settings(max_examples=50, deadline=None)
def test_every_group_of_images_hides_the_same_total(
    grid: tuple[int, int], seed: int, group: int, fraction: float
) -> None:
    wanted = MaskSettings(fraction=fraction, ratio=(0.2, 0.6))

    masks = masks_for([2 * group, 2 * group + 1], wanted, grid, crops=2, seed=seed, epoch=1)

    other = masks_for([0, 1], wanted, grid, crops=2, seed=0, epoch=0)
    assert masks.sum() == other.sum() > 0
    assert (masks.sum(axis=(2, 3)) > 0).sum() == round(fraction * 4)


def test_ratios_spread_over_the_whole_range() -> None:
    wanted = MaskSettings(ratio=(0.1, 0.5))
    masks = masks_for(range(400), wanted, (20, 10), crops=2, seed=0, epoch=0)

    counts = masks.sum(axis=(2, 3))
    counts = counts[counts > 0]

    assert counts.min() <= 24
    assert counts.max() >= 96
    assert abs(counts.mean() - 60) < 3


def test_masks_do_not_depend_on_who_asks_for_them() -> None:
    together = masks_for(range(8), MaskSettings(), (12, 8), crops=2, seed=7, epoch=3)
    apart = [
        masks_for(half, MaskSettings(), (12, 8), crops=2, seed=7, epoch=3)
        for half in (range(4), range(4, 8))
    ]

    assert np.array_equal(together, np.concatenate(apart))


def test_another_epoch_hides_other_patches() -> None:
    first, second = (
        masks_for(range(4), MaskSettings(), (12, 8), crops=2, seed=7, epoch=epoch)
        for epoch in (0, 1)
    )

    assert not np.array_equal(first, second)


def test_masks_are_blocks_rather_than_single_patches() -> None:
    masks = masks_for(range(50), MaskSettings(fraction=1.0), (24, 16), crops=2, seed=0, epoch=0)
    hidden = masks.reshape(-1, 24, 16)

    beside = (hidden[:, :, 1:] & hidden[:, :, :-1]).sum() / hidden[:, :, 1:].sum()

    assert hidden.mean() < 0.35
    assert beside > 0.6  # independent patches would give their share, below 0.35


def test_tissue_is_hidden_before_air() -> None:
    tissue = np.zeros((16, 12), dtype=bool)
    tissue[:, :6] = True
    random = np.random.default_rng(0)
    masks = [block_mask(random, MaskSettings(), (16, 12), 40, tissue) for _ in range(30)]

    assert np.mean([(mask & tissue).sum() / 40 for mask in masks]) > 0.75


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ratio": (0.6, 0.2)}, "low <= high"),
        ({"fraction": 0.0}, "fraction"),
        ({"aspect": 2.0}, "aspect"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MaskSettings(**wrong)  # type: ignore[arg-type]


def test_hidden_patches_are_listed_with_their_crop_s_weight() -> None:
    masks = np.zeros((3, 2, 2), dtype=bool)
    masks[0, 1] = True
    masks[2, 0, 0] = True

    hidden = gather_masks(masks)

    assert hidden.places.tolist() == [2, 3, 8]
    assert hidden.weights.tolist() == [0.5, 0.5, 1.0]
