"""Block masks over a rectangular patch grid, whose total per group of images never varies.

A fixed total lets the masked tokens be gathered into a tensor of constant shape: the device is
never asked how many there are, and a compiled step is compiled once. Masks depend on the place
of an image in the epoch's order, not on the batch or process that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Grid = tuple[int, int]


@dataclass(frozen=True)
class MaskSettings:
    """How much of which crops is hidden.

    Attributes:
        fraction: share of the global crops that are masked at all.
        ratio: smallest and largest share of patches hidden in a masked crop.
        images_per_group: this many images in a row share one exact total; the images of one
            process must be a multiple of it.
        smallest_block: in patches.
        aspect: height over width of a block, smallest; the largest is its inverse.
    """

    fraction: float = 0.5
    ratio: tuple[float, float] = (0.1, 0.5)
    images_per_group: int = 2
    smallest_block: int = 4
    aspect: float = 0.3

    def __post_init__(self) -> None:
        low, high = self.ratio
        if not 0 < low <= high < 1:
            raise ValueError(f"mask ratios need 0 < low <= high < 1, got {self.ratio}")
        if not 0 < self.fraction <= 1:
            raise ValueError(f"the masked fraction needs to be in (0, 1], got {self.fraction}")
        if not 0 < self.aspect <= 1:
            raise ValueError(f"the smallest aspect needs to be in (0, 1], got {self.aspect}")


def _counts(
    random: np.random.Generator, settings: MaskSettings, grid: Grid, crops: int
) -> list[int]:
    """Draw how many patches each masked crop of a group hides; the sum is always the same.

    Crops go in pairs, one hiding as much more than the middle as the other hides less, so each
    count alone is uniform over the range. An odd one out hides the middle.
    """
    tokens = grid[0] * grid[1]
    low, high = (max(1, round(share * tokens)) for share in settings.ratio)
    masked = max(1, round(settings.fraction * settings.images_per_group * crops))
    first = [int(random.integers(low, high + 1)) for _ in range(masked // 2)]
    middle = [(low + high) // 2] * (masked % 2)
    return first + [low + high - count for count in first] + middle


def block_mask(
    random: np.random.Generator,
    settings: MaskSettings,
    grid: Grid,
    count: int,
    prefer: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Hide exactly `count` patches, in blocks (BEiT, Bao et al. 2022, algorithm 1).

    Args:
        random: draws sizes and places.
        settings: block size and shape.
        grid: (h, w) patches.
        count: how many patches to hide, 0 to h * w.
        prefer: [h, w], where blocks are centred, for example on tissue: hidden air is guessed
            without looking. None means anywhere.

    Returns:
        Mask [h, w], True where hidden.
    """
    mask = np.zeros(grid, dtype=np.bool_)
    left, failures = count, 0
    while left >= settings.smallest_block and failures < 10:
        block = _block(random, settings, grid, left, prefer)
        new = mask[block].size - int(mask[block].sum())
        if 0 < new <= left:
            mask[block] = True
            left, failures = left - new, 0
        else:
            failures += 1
    _complete(random, mask, left, prefer)
    return mask


def _block(
    random: np.random.Generator,
    settings: MaskSettings,
    grid: Grid,
    largest: int,
    prefer: NDArray[np.bool_] | None,
) -> tuple[slice, slice]:
    area = random.uniform(settings.smallest_block, largest)
    aspect = np.exp(random.uniform(np.log(settings.aspect), -np.log(settings.aspect)))
    height = int(np.clip(round((area * aspect) ** 0.5), 1, grid[0]))
    width = int(np.clip(round((area / aspect) ** 0.5), 1, grid[1]))
    if prefer is not None and prefer.any():
        row, column = divmod(int(random.choice(np.flatnonzero(prefer))), grid[1])
        top = int(np.clip(row - height // 2, 0, grid[0] - height))
        left = int(np.clip(column - width // 2, 0, grid[1] - width))
    else:
        top = int(random.integers(0, grid[0] - height + 1))
        left = int(random.integers(0, grid[1] - width + 1))
    return slice(top, top + height), slice(left, left + width)


def _complete(
    random: np.random.Generator,
    mask: NDArray[np.bool_],
    left: int,
    prefer: NDArray[np.bool_] | None,
) -> None:
    """Hide `left` more single patches, preferred ones first: blocks seldom add up exactly."""
    if left == 0:
        return
    free = np.flatnonzero(~mask)
    order = random.permutation(free)
    if prefer is not None:
        order = order[np.argsort(~prefer.flat[order], kind="stable")]
    mask.flat[order[:left]] = True


def masks_for(
    positions: Sequence[int],
    settings: MaskSettings,
    grid: Grid,
    *,
    crops: int,
    seed: int,
    epoch: int,
    prefer: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Draw the masks of some images, the same whichever process or worker asks.

    Args:
        positions: places of the images in the epoch's order, B of them.
        settings: how much is hidden.
        grid: (h, w) patches of a crop.
        crops: global crops per image.
        seed: of the run.
        epoch: of the run.
        prefer: [B, crops, h, w] patches to hide first; None means any.

    Returns:
        Masks [B, crops, h, w], True where hidden.
    """
    masks = np.zeros((len(positions), crops, *grid), dtype=np.bool_)
    for i, position in enumerate(positions):
        group, member = divmod(position, settings.images_per_group)
        counts = _dealt_counts(settings, grid, crops, seed, epoch, group)
        for crop in range(crops):
            random = np.random.default_rng((seed, epoch, position, crop, 1))
            wanted = None if prefer is None else prefer[i, crop]
            masks[i, crop] = block_mask(random, settings, grid, counts[member, crop], wanted)
    return masks


def _dealt_counts(
    settings: MaskSettings, grid: Grid, crops: int, seed: int, epoch: int, group: int
) -> NDArray[np.int64]:
    """Deal the counts of one group to its crops: [images_per_group, crops], 0 where unmasked."""
    random = np.random.default_rng((seed, epoch, group, 0))
    dealt = np.zeros(settings.images_per_group * crops, dtype=np.int64)
    counts = _counts(random, settings, grid, crops)
    dealt[random.permutation(len(dealt))[: len(counts)]] = counts
    return dealt.reshape(settings.images_per_group, crops)


@dataclass(frozen=True)
class MaskedPatches:
    """The hidden patches of a batch as places to gather, made before the device is involved.

    Attributes:
        masks: bool [C, h, w] of all C global crops.
        places: [M] into the flattened [C * h * w] tokens.
        weights: float32 [M], one over the number of hidden patches in the same crop.
    """

    masks: Tensor
    places: Tensor
    weights: Tensor


def gather_masks(masks: NDArray[np.bool_]) -> MaskedPatches:
    """List the hidden patches of crops [C, h, w]."""
    flat = torch.from_numpy(masks.reshape(len(masks), -1))
    places = flat.flatten().nonzero().squeeze(1)
    per_crop = flat.sum(dim=1).clamp(min=1)
    weights = (1.0 / per_crop)[places // flat.shape[1]]
    return MaskedPatches(torch.from_numpy(masks), places, weights.float())
