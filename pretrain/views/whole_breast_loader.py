"""Stage 2's batches: both looks at each breast, with labels and places on the same cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.views.augmentations import Image
from pretrain.views.lesion_patches import LesionPatch, LesionPatches, close_up
from pretrain.views.whole_breast import Whole, WholeSettings, shown_at, whole_views
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS
from versamammo.data.dataset import Archive, Picture
from versamammo.data.labels import FINDINGS
from versamammo.data.sampling import Draw


@dataclass(frozen=True)
class WholeBatch:
    """One step's input for one process.

    Attributes:
        high: fine views [B, 1, H, W].
        low: coarse views [B, 1, H', W'].
        tissue: share of tissue in each cell, [B, gh, gw].
        cover: share that findings of each kind cover, [B, K, gh, gw].
        placed: [B, K], whether it is known where findings of a kind lie.
        grades: share that benign and malignant findings cover, [B, 2, gh, gw].
        classes: [B, A], -1 where unknown.
        close: close-ups [B, n, 1, S, S].
        close_cover: as `cover`, of each close-up, [B, n, K, s, s].
        close_placed: as `placed`, of each close-up, [B, n, K].
        close_grades: as `grades`, of each close-up, [B, n, 2, s, s].
    """

    high: Tensor
    low: Tensor
    tissue: Tensor
    cover: Tensor
    placed: Tensor
    grades: Tensor
    classes: Tensor
    close: Tensor
    close_cover: Tensor
    close_placed: Tensor
    close_grades: Tensor

    def to(self, device: torch.device | str, non_blocking: bool = False) -> WholeBatch:
        """Copy to a device; DataLoader and the loop call this by name."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> WholeBatch:
        """Move to page-locked memory, from where copies do not stop the loop."""
        return self._map(Tensor.pin_memory)

    def _map(self, move: Callable[[Tensor], Tensor]) -> WholeBatch:
        return WholeBatch(**{one.name: move(getattr(self, one.name)) for one in fields(self)})


NO_CLASSES = np.full(len(ATTRIBUTES), UNKNOWN_CLASS)


@dataclass(frozen=True, eq=False)
class WholeSample:
    """What one draw gives: a whole breast, and close-ups of it and of others.

    Attributes:
        whole: looks and labels of the image that was drawn.
        close: n close-ups.
    """

    whole: Whole
    close: LesionPatches


class WholeDataset(Dataset[WholeSample]):
    """Draws of an archive as looks; what is random follows from seed, epoch and index.

    Attributes:
        hidden: share of known labels that are made unknown, the same ones in every epoch.
        showing: indices of the images with a finding whose place is known.
    """

    def __init__(
        self,
        archive: Archive,
        settings: WholeSettings,
        *,
        cell: int,
        seed: int,
        hidden: float,
        showing: NDArray[np.int64],
    ) -> None:
        self.showing = showing
        chances = archive.weights[showing]
        self.chances = chances / chances.max(initial=0.0)
        self.archive = archive
        self.settings = settings
        self.cell = cell
        self.seed = seed
        self.hidden = hidden

    def __getitem__(self, draw: Draw) -> WholeSample:
        picture = self.archive[draw.image]
        shown = shown_at(picture, self.settings.size)
        whole = whole_views(
            picture, shown, self.settings, self.cell,
            seed=self.seed, epoch=draw.epoch, index=draw.number,
        )  # fmt: skip
        windows = self._windows(draw, picture, shown)
        classes, placed = self._hide(whole.classes, whole.placed, draw.image)
        grades = self._hide_grades(whole.grades, draw.image)
        known = {"classes": classes, "placed": placed, "grades": grades}
        return WholeSample(Whole(**{**vars(whole), **known}), windows)

    def _windows(self, draw: Draw, picture: Picture, shown: Image) -> LesionPatches:
        """Show findings of another image, by turns with tissue of the one that was drawn."""
        settings = self.settings
        random = np.random.default_rng((self.seed, draw.epoch, draw.number, 4))
        count = settings.close if len(self.showing) else 0
        if not count:
            return self._no_windows()
        index = self._with_finding(random)
        other = self.archive[index]
        sources = (
            (index, other, shown_at(other, settings.size), True),
            (draw.image, picture, shown, False),
        )
        found: list[LesionPatch] = []
        for number in range(count):
            place, one, at_scale, on_finding = sources[number % 2]
            seen = close_up(one, at_scale, settings, self.cell, random, on_finding=on_finding)
            placed = self._hide(NO_CLASSES, seen.placed, place)[1]
            grades = self._hide_grades(seen.grades, place)
            found.append(LesionPatch(seen.image, seen.cover, placed, grades))
        return LesionPatches.of(found)

    def _with_finding(self, random: np.random.Generator) -> int:
        """Draw an image with a finding, those of a folder with a larger weight more often."""
        while True:
            place = int(random.integers(len(self.showing)))
            if self.chances[place] == 1 or random.random() < self.chances[place]:
                return int(self.showing[place])

    def _no_windows(self) -> LesionPatches:
        side, kinds = self.settings.close_size, len(FINDINGS)
        cells = -(-side // self.cell)
        return LesionPatches(
            np.zeros((0, 1, side, side), np.float32),
            np.zeros((0, kinds, cells, cells), np.float32),
            np.zeros((0, kinds), np.bool_),
            np.zeros((0, 2, cells, cells), np.float32),
        )

    def _hide_grades(self, grades: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        """Make the pathology of one image's findings unknown, for the share that is hidden."""
        hidden = np.random.default_rng((self.seed, index, 5)).random() < self.hidden
        return np.zeros_like(grades) if hidden else grades

    def _hide(
        self, classes: NDArray[np.int64], placed: NDArray[np.bool_], index: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        if not self.hidden:
            return classes, placed
        return hide(classes, placed, self.hidden, seed=self.seed, index=index)


def hide(
    classes: NDArray[np.int64], placed: NDArray[np.bool_], share: float, *, seed: int, index: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Make a share of one image's labels [A] and places [K] unknown, always the same ones."""
    random = np.random.default_rng((seed, index, 3))
    classes = np.where(random.random(len(classes)) < share, UNKNOWN_CLASS, classes)
    return classes, placed & (random.random(len(placed)) >= share)


def collate_wholes(samples: Sequence[WholeSample]) -> WholeBatch:
    """Lay out the looks of B images."""
    wholes = [sample.whole for sample in samples]
    laid = {
        name: np.stack([getattr(whole, name) for whole in wholes])
        for name in ("high", "low", "tissue", "cover", "placed", "grades", "classes")
    }
    laid |= {
        "close": np.stack([sample.close.images for sample in samples]),
        "close_cover": np.stack([sample.close.cover for sample in samples]),
        "close_placed": np.stack([sample.close.placed for sample in samples]),
        "close_grades": np.stack([sample.close.grades for sample in samples]),
    }
    return WholeBatch(**{name: torch.from_numpy(array) for name, array in laid.items()})
