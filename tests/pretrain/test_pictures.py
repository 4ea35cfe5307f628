from __future__ import annotations

import numpy as np
import torch

from pretrain.monitoring.pca_visualisation import GAP, draw, patch_colors
from tests.pretrain.tiny import build_tiny
from versamammo.input.contract import InputContract


def test_patches_alike_to_the_teacher_have_one_color() -> None:
    kinds = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    which = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1))

    colors = patch_colors(kinds[which])

    found = {tuple(color) for color in colors.reshape(-1, 3)}
    assert colors.shape == (2, 4, 5, 3)
    assert len(found) == 3
    for kind in range(3):
        assert len({tuple(color) for color in colors[(which == kind).numpy()]}) == 1


def test_the_picture_shows_every_mammogram_above_its_patches() -> None:
    images = torch.randn(3, 1, 56, 42, generator=torch.Generator().manual_seed(0))

    picture = np.asarray(draw(build_tiny(), images, InputContract(), torch.device("cpu")))

    assert picture.shape == (2 * (56 + GAP), 3 * (42 + GAP), 3)
    patch = picture[56 + GAP : 56 + GAP + 14, :14]
    assert (patch == patch[0, 0]).all()


def test_equal_patches_are_drawn_without_complaint() -> None:
    assert patch_colors(torch.ones(1, 2, 2, 5)).shape == (1, 2, 2, 3)
