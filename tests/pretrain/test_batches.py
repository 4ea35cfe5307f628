from __future__ import annotations

import numpy as np
import pytest
import torch

from pretrain.views.batches import CropBatch, collate
from pretrain.views.patch_masks import MaskSettings, masks_for
from tests.pretrain.test_crops import half_disc
from tests.pretrain.test_views import views_of


def batch_of(images: int = 4) -> tuple[CropBatch, list[object]]:
    views = [views_of(half_disc(), index=i) for i in range(images)]
    masks = masks_for(range(images), MaskSettings(), (6, 4), crops=2, seed=0, epoch=0)
    return collate(views, masks, range(images)), [views, masks]


def test_crops_are_ordered_by_crop_then_by_image() -> None:
    batch, (views, masks) = batch_of()

    assert batch.images == 4
    assert batch.overview.shape == (8, 1, 96, 64)
    assert batch.detail.shape == (12, 1, 28, 28)
    for crop in range(2):
        for image in range(4):
            row = crop * 4 + image
            assert np.array_equal(batch.overview[row], views[image].overview[crop])
            assert np.array_equal(batch.hidden.masks[row], masks[image, crop])


def test_hidden_places_point_at_hidden_patches() -> None:
    batch, _ = batch_of()

    flat = batch.hidden.masks.flatten()

    assert flat[batch.hidden.places].all()
    assert len(batch.hidden.places) == flat.sum()
    assert batch.hidden.weights.sum().item() == pytest.approx(4)  # one per masked crop


def test_a_batch_moves_as_a_whole() -> None:
    batch = batch_of()[0].to("meta")

    tensors = (batch.overview, batch.detail, batch.index, batch.hidden.masks)
    tensors += (batch.hidden.places, batch.hidden.weights)
    assert {tensor.device for tensor in tensors} == {torch.device("meta")}
