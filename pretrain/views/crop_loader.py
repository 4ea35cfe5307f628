"""Batches of views, made beside the training by worker processes, the same whoever makes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from pretrain.views.augmentations import Views, ViewSettings, ViewSource, make_views
from pretrain.views.batches import CropBatch, collate
from pretrain.views.pairs import Companions
from pretrain.views.patch_masks import MaskSettings, masks_for
from pretrain.views.tissue_maps import TissueMaps
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Draw, StepSampler

PREFETCHED = 2  # batches that each worker has ready


@dataclass(frozen=True, eq=False)
class CropSample:
    """One image's views, and the masks [G, h, w] of its global crops."""

    views: Views
    masks: NDArray[np.bool_]
    index: int


class CropDataset(Dataset[CropSample]):
    """Draws of an archive as views; what is random follows from seed, epoch and index."""

    def __init__(
        self,
        archive: Archive,
        tissue: TissueMaps,
        views: ViewSettings,
        masks: MaskSettings,
        *,
        patch: int,
        seed: int,
    ) -> None:
        self.archive = archive
        self.tissue = tissue
        self.views = views
        self.masks = masks
        self.patch = patch
        self.seed = seed
        self.companions = Companions(archive, views.pairs)

    def __getitem__(self, draw: Draw) -> CropSample:
        shown = [
            ViewSource(self.archive[image].levels, self.tissue[image])
            for image in self._images(draw)
        ]
        views = make_views(shown, self.views, seed=self.seed, epoch=draw.epoch, index=draw.number)
        return CropSample(views, self._masks(draw, views, shown), draw.image)

    def _images(self, draw: Draw) -> list[int]:
        """Return the image, and the one it is compared with if that is another."""
        random = np.random.default_rng((self.seed, draw.epoch, draw.number, 2))
        other = self.companions.draw(draw.image, random)
        return [draw.image] if other == draw.image else [draw.image, other]

    def _masks(self, draw: Draw, views: Views, shown: Sequence[ViewSource]) -> NDArray[np.bool_]:
        crops, size = self.views.overview.number, self.views.overview.size
        breast = [
            shown[i].tissue.at_mm(geometry.patch_centers_mm(self.patch))
            for i, geometry in zip(views.of[:crops], views.geometry[:crops], strict=True)
        ]
        masks = masks_for(
            [draw.position], self.masks, (size[0] // self.patch, size[1] // self.patch),
            crops=crops, seed=self.seed, epoch=draw.epoch, prefer=np.stack([breast]),
        )  # fmt: skip
        own: NDArray[np.bool_] = masks[0]
        return own


def collate_samples(samples: Sequence[CropSample]) -> CropBatch:
    """Lay out the views of B images."""
    return collate(
        [sample.views for sample in samples],
        np.stack([sample.masks for sample in samples]),
        [sample.index for sample in samples],
    )


class Movable(Protocol):
    """A batch that can be copied to a device."""

    def to(self, device: torch.device, non_blocking: bool) -> Self:
        """Copy to a device."""


Batch = TypeVar("Batch", bound=Movable)


class Feeder(Generic[Batch]):
    """Batches on the device, and how long the training waited for them.

    Attributes:
        waited: seconds, since last set to 0.
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        collate: Callable[[Sequence[Any]], Batch],
        sampler: StepSampler,
        device: torch.device,
        workers: int,
    ) -> None:
        self.device = device
        self.waited = 0.0
        self.on_gpu = device.type == "cuda"
        self.loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            worker_init_fn=_one_thread,
            pin_memory=self.on_gpu,
            prefetch_factor=PREFETCHED if workers else None,
        )

    def __iter__(self) -> Iterator[Batch]:
        batches = iter(self.loader)
        while True:
            began = time.perf_counter()
            batch: Batch | None = next(batches, None)
            if batch is None:
                return
            moved = batch.to(self.device, non_blocking=self.on_gpu)
            self.waited += time.perf_counter() - began
            yield moved


class Feed(Feeder[CropBatch]):
    """Stage 1's batches of crops."""

    def __init__(
        self, dataset: CropDataset, sampler: StepSampler, device: torch.device, workers: int
    ) -> None:
        super().__init__(dataset, collate_samples, sampler, device, workers)


def _one_thread(_: int) -> None:
    """Leave the other cores to the training."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
