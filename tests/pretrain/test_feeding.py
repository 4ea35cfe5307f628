from __future__ import annotations

import pytest
import torch

from pretrain.views.augmentations import ViewSettings
from pretrain.views.batches import CropBatch
from pretrain.views.crop_loader import CropDataset, Feed
from pretrain.views.crops import CropSettings
from pretrain.views.patch_masks import MaskSettings
from pretrain.views.tissue_maps import TissueSettings, find_tissue
from tests.pretrain.archives import write_archive
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Draw, Share, StepSampler

VIEWS = ViewSettings(
    CropSettings(2, (56, 42), (80.0, 140.0)), CropSettings(2, (28, 28), (20.0, 50.0))
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> CropDataset:
    folder = write_archive(tmp_path_factory.mktemp("prepared") / "data")
    archive = Archive.open(folder, ["train"])
    tissue = find_tissue(archive, TissueSettings())
    return CropDataset(archive, tissue, VIEWS, MaskSettings(), patch=14, seed=3)


def batches(dataset: CropDataset, workers: int) -> list[CropBatch]:
    sampler = StepSampler(16, Share(4), range(3), seed=3)
    return list(Feed(dataset, sampler, torch.device("cpu"), workers))


def test_batches_do_not_depend_on_who_makes_them(dataset: CropDataset) -> None:
    here, elsewhere = batches(dataset, 0), batches(dataset, 2)

    assert len(here) == len(elsewhere) == 3
    for one, other in zip(here, elsewhere, strict=True):
        assert torch.equal(one.overview, other.overview)
        assert torch.equal(one.detail, other.detail)
        assert torch.equal(one.hidden.masks, other.hidden.masks)
        assert torch.equal(one.index, other.index)


def test_an_image_looks_different_in_the_next_epoch(dataset: CropDataset) -> None:
    first, again, later = (
        torch.from_numpy(dataset[Draw(epoch, 0, 5)].views.overview) for epoch in (0, 0, 1)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_patches_are_hidden_on_the_breast_first(dataset: CropDataset) -> None:
    shares = []
    for image in range(16):
        sample = dataset[Draw(0, image, image)]
        for mask, geometry in zip(sample.masks, sample.views.geometry[:2], strict=True):
            breast = dataset.tissue[image].at_mm(geometry.patch_centers_mm(14))
            if mask.any():
                shares.append((breast[mask].mean(), breast.mean()))

    hidden, overall = (sum(column) for column in zip(*shares, strict=True))
    assert hidden > overall


def test_waiting_is_measured(dataset: CropDataset) -> None:
    feed = Feed(dataset, StepSampler(16, Share(4), range(2), seed=3), torch.device("cpu"), 0)
    list(feed)

    assert feed.waited > 0
