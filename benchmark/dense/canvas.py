"""From a task's rows to an encoder's input, and from places on that input back to the file.

One normalisation, the encoder's own, and the native aspect of every breast: the same contract as
in training. Augmentation is a flip top to bottom, since the chest wall stays on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.samples import BoxSides
from benchmark.task_rows import FindingMasks, Places, Row
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop
from versamammo.input.preprocess import to_input

CELL = 32  # pixels; the coarsest map's stride, whose multiple both sides of an input are


@dataclass(frozen=True)
class Boxes:
    """Where findings lie on an input.

    Attributes:
        sides: [N, 4] as (x1, y1, x2, y2), float32.
        classes: [N], indices into the task's classes.
    """

    sides: Tensor
    classes: Tensor

    def to(self, device: torch.device) -> Boxes:
        """Return the same boxes on a device."""
        return Boxes(self.sides.to(device), self.classes.to(device))


@dataclass(frozen=True)
class Canvas:
    """How rows become inputs.

    Attributes:
        contract: the encoder's, at the size that is used here.
    """

    contract: InputContract

    @classmethod
    def of(
        cls, contract: InputContract, size: tuple[int, int] | None, rows: Sequence[Row] = ()
    ) -> Canvas:
        """Use the contract's size, or another, in whole cells of the coarsest map.

        What would be padding on all of the rows is cut away: most breasts are narrower than what
        an encoder takes, and nothing is learnt from black.
        """
        size = size or contract.size
        contents = [row.picture.crop.within(size).content_size for row in rows] or [size]
        height, width = (max(sides) for sides in zip(*contents, strict=True))
        whole = (height + -height % CELL, width + -width % CELL)
        return cls(replace(contract, size=whole))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the input."""
        return self.contract.size

    def crop(self, row: Row) -> Crop:
        """Return where the input lies in the stored file."""
        return row.picture.crop.within(self.size)

    def image(self, row: Row, flipped: bool = False) -> Tensor:
        """Read one input, float32 [1, H, W].

        Raises:
            InputError: the cached picture is missing or damaged.
        """
        levels = row.picture.levels()
        return to_input(np.ascontiguousarray(levels[::-1]) if flipped else levels, self.contract)

    def boxes(self, row: Row, flipped: bool = False) -> Boxes:
        """Return the true boxes that lie on the input; those cut off with the margin are none."""
        assert isinstance(row.truth, Places)
        crop = self.crop(row)
        sides = crop.boxes_to_input(np.reshape(row.truth.boxes, (-1, 4)))
        seen = ~np.isnan(sides).any(axis=1)
        if flipped:
            height = crop.content_size[0]
            sides = sides[:, [0, 3, 2, 1]] * (1, -1, 1, -1) + (0, height, 0, height)
        classes = np.array(row.truth.classes, np.int64).reshape(-1)
        return Boxes(torch.from_numpy(sides[seen]).float(), torch.from_numpy(classes[seen]))

    def mask(self, row: Row) -> NDArray[np.bool_]:
        """Read the true mask on the input, [H, W].

        Raises:
            InputError: a mask is missing, or not of its image's size.
        """
        assert isinstance(row.truth, FindingMasks)
        if not row.truth.masks:
            return np.zeros(self.size, np.bool_)
        crop = self.crop(row)
        return crop.mask_to_input(row.truth.read(crop.source_size))

    def flipped(self, mask: NDArray[np.bool_], row: Row) -> NDArray[np.bool_]:
        """Flip the content of a mask [H, W] on the input top to bottom; the padding stays below."""
        h = self.crop(row).content_size[0]
        return np.concatenate([mask[:h][::-1], mask[h:]])


def to_source(boxes: Tensor, crop: Crop) -> tuple[tuple[BoxSides, ...], NDArray[np.bool_]]:
    """Map boxes [N, 4] of an input to the stored file; say which [N] of them lie on the breast."""
    sides = crop.boxes_to_source(boxes.double().cpu().numpy())
    kept = np.asarray(~np.isnan(sides).any(axis=1))
    return tuple((a, b, c, d) for a, b, c, d in sides[kept].tolist()), kept
