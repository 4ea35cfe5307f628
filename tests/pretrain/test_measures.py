"""What is measured at patches, against scipy and single patches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from pretrain.objectives.handcrafted_targets import MEASURES, SIZES, blurred, patch_measures


@pytest.mark.parametrize("size", SIZES)
def test_blurring_is_scipys(size: float) -> None:
    picture = np.random.default_rng(0).normal(size=(40, 30))

    ours = blurred(torch.from_numpy(picture)[None, None], size)[0, 0].numpy()

    reach = int(np.ceil(3 * size))
    theirs = gaussian_filter(picture, size, mode="nearest", radius=reach)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_every_patch_is_measured_in_order() -> None:
    picture = np.random.default_rng(1).normal(size=(28, 42))

    found = patch_measures(torch.from_numpy(picture)[None, None], 14)[0].numpy()

    assert found.shape == (6, MEASURES)
    smooth = [
        gaussian_filter(picture, size, mode="nearest", radius=int(np.ceil(3 * size)))
        for size in SIZES
    ]
    own = (slice(14, 28), slice(14, 28))  # second row, second column
    wanted = [picture[own].mean(), np.log(picture[own].std())]
    for fine, coarse in pairwise(smooth):
        band = (fine - coarse)[own]
        wanted += [band.max(), (-band).max(), np.abs(band).mean()]
    np.testing.assert_allclose(found[4], wanted, atol=1e-10)


def test_a_small_bright_blob_stands_out_where_it_lies() -> None:
    picture = np.zeros((42, 42))
    picture[19:23, 19:23] = 1.0

    found = patch_measures(torch.from_numpy(picture)[None, None], 14)[0]

    assert found[:, 2::3].argmax(dim=0).unique().tolist() == [4]


def test_air_is_measured_without_infinities() -> None:
    assert torch.isfinite(patch_measures(torch.zeros(1, 1, 28, 28), 14)).all()
