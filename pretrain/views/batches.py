"""Views of several images laid out so that crops of one size go through the network together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretrain.views.augmentations import Views
from pretrain.views.patch_masks import MaskedPatches, gather_masks


@dataclass(frozen=True)
class CropBatch:
    """One step's input for one process.

    Crops are ordered by crop, then by image: all first crops, then all second crops.

    Attributes:
        overview: global crops [G * B, 1, H, W].
        detail: local crops [L * B, 1, H', W'].
        hidden: which patches of the global crops the student does not see.
        index: [B], the images' places in the archive.
    """

    overview: Tensor
    detail: Tensor
    hidden: MaskedPatches
    index: Tensor

    @property
    def images(self) -> int:
        """Number of images B."""
        return len(self.index)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> CropBatch:
        """Copy to a device; accelerate and DataLoader call this by name."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> CropBatch:
        """Move to page-locked memory, from where copies do not stop the loop."""
        return self._map(Tensor.pin_memory)

    def _map(self, move: Callable[[Tensor], Tensor]) -> CropBatch:
        hidden = MaskedPatches(
            move(self.hidden.masks), move(self.hidden.places), move(self.hidden.weights)
        )
        return CropBatch(move(self.overview), move(self.detail), hidden, move(self.index))


def collate(views: Sequence[Views], masks: NDArray[np.bool_], index: Sequence[int]) -> CropBatch:
    """Lay out the views of B images.

    Args:
        views: of each image, all with the same numbers and sizes of crops.
        masks: [B, G, h, w], True where hidden.
        index: the images' places in the archive.
    """
    return CropBatch(
        overview=_by_crop(np.stack([view.overview for view in views])),
        detail=_by_crop(np.stack([view.detail for view in views])),
        hidden=gather_masks(np.swapaxes(masks, 0, 1).reshape(-1, *masks.shape[2:])),
        index=torch.tensor(index),
    )


def _by_crop(crops: NDArray[np.float32]) -> Tensor:
    """Turn [B, G, 1, H, W] into [G * B, 1, H, W]."""
    return torch.from_numpy(np.swapaxes(crops, 0, 1).reshape(-1, *crops.shape[2:]))
