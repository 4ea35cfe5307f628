"""Stage 2's batches: both looks at each breast, with labels and places on the same cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.whole_views import Whole, WholeSettings, whole_views
from versamammo.attributes import UNKNOWN_CLASS
from versamammo.dataset import Archive
from versamammo.sampling import Draw


@dataclass(frozen=True)
class WholeBatch:
    """One step's input for one process.

    Attributes:
        high: fine views [B, 1, H, W].
        low: coarse views [B, 1, H', W'].
        tissue: share of tissue in each cell, [B, gh, gw].
        cover: share that findings of each kind cover, [B, K, gh, gw].
        placed: [B, K], whether it is known where findings of a kind lie.
        classes: [B, A], -1 where unknown.
    """

    high: Tensor
    low: Tensor
    tissue: Tensor
    cover: Tensor
    placed: Tensor
    classes: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> WholeBatch:
        """Copy to a device; DataLoader and the loop call this by name."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> WholeBatch:
        """Move to page-locked memory, from where copies do not stop the loop."""
        return self._map(Tensor.pin_memory)

    def _map(self, move: Callable[[Tensor], Tensor]) -> WholeBatch:
        return WholeBatch(**{one.name: move(getattr(self, one.name)) for one in fields(self)})


class WholeDataset(Dataset[Whole]):
    """Draws of an archive as looks; what is random follows from seed, epoch and index.

    Attributes:
        hidden: share of known labels that are made unknown, the same ones in every epoch.
    """

    def __init__(
        self, archive: Archive, settings: WholeSettings, *, cell: int, seed: int, hidden: float
    ) -> None:
        self.archive = archive
        self.settings = settings
        self.cell = cell
        self.seed = seed
        self.hidden = hidden

    def __getitem__(self, draw: Draw) -> Whole:
        whole = whole_views(
            self.archive[draw.image], self.settings, self.cell,
            seed=self.seed, epoch=draw.epoch, index=draw.image,
        )  # fmt: skip
        if not self.hidden:
            return whole
        classes, placed = hide(
            whole.classes, whole.placed, self.hidden, seed=self.seed, index=draw.image
        )
        return Whole(**{**vars(whole), "classes": classes, "placed": placed})


def hide(
    classes: NDArray[np.int64], placed: NDArray[np.bool_], share: float, *, seed: int, index: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Make a share of one image's labels [A] and places [K] unknown, always the same ones."""
    random = np.random.default_rng((seed, index, 3))
    classes = np.where(random.random(len(classes)) < share, UNKNOWN_CLASS, classes)
    return classes, placed & (random.random(len(placed)) >= share)


def collate_wholes(wholes: Sequence[Whole]) -> WholeBatch:
    """Lay out the looks of B images."""
    return WholeBatch(
        **{
            one.name: torch.from_numpy(np.stack([getattr(whole, one.name) for whole in wholes]))
            for one in fields(WholeBatch)
        }
    )
