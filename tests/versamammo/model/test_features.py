from __future__ import annotations

import pytest
import torch

from versamammo.model.features import Features


def test_patches_lie_in_the_map_as_they_lie_in_the_image() -> None:
    patches = torch.arange(2 * 6 * 3).reshape(2, 6, 3)
    seen = Features(torch.zeros(2, 3), patches, grid=(2, 3), pyramid=())
    laid_out = seen.as_map()
    assert laid_out.shape == (2, 3, 2, 3)
    assert torch.equal(laid_out[1, :, 1, 2], patches[1, 1 * 3 + 2])


def test_features_are_handed_over_as_they_are() -> None:
    seen = Features(torch.zeros(1, 3), torch.zeros(1, 1, 3), grid=(1, 1), pyramid=())
    with pytest.raises(AttributeError):
        seen.grid = (2, 2)  # type: ignore[misc]
