"""From a mammogram to a model's input: breast cut out, chest wall left, shrunk, normalised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.breast import Breast
from versamammo.imaging.breast.chest_wall import stored_mirrored
from versamammo.imaging.mammogram import Mammogram
from versamammo.input.contract import InputContract
from versamammo.input.geometry import Crop, fit_within
from versamammo.input.resampling import levels_by_area, resize_area

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Crop",
    "InputContract",
    "PreparedBreast",
    "crop_breast",
    "plan_crop",
    "prepare_pixels",
    "shrink_cut",
    "stored_mirrored",
    "to_input",
]

WHITE = 65535  # the level 1.0 in the cache's 16 bits
MARGIN = 0.01  # of the box's longer side: the outline is known to about one part in 300


@dataclass(frozen=True, eq=False)
class PreparedBreast:
    """A breast as the cache stores it.

    Attributes:
        levels: uint16 [h, w], 0..65535, chest wall left.
        crop: where it lies in the stored picture; not padded.
        spacing_mm: (between rows, between columns) after shrinking, or None if unknown.
    """

    levels: NDArray[np.uint16]
    crop: Crop
    spacing_mm: tuple[float, float] | None


def plan_crop(
    size: tuple[int, int],
    breast: Breast,
    *,
    bounds: tuple[int, int] | None = None,
    margin: float = MARGIN,
) -> Crop:
    """Decide what to cut out of a picture of size (H, W).

    Args:
        size: (H, W) of the stored picture.
        breast: where the breast lies.
        bounds: (H, W) to shrink to; None keeps the source's pixels.
        margin: added on each side, as a share of the breast box's longer side.
    """
    box = breast.box
    extra = margin * max(box.width, box.height)
    x1, y1 = (max(0, int(np.floor(low - extra))) for low in (box.x1, box.y1))
    x2 = min(size[1], int(np.ceil(box.x2 + extra)))
    y2 = min(size[0], int(np.ceil(box.y2 + extra)))
    cut = (y2 - y1, x2 - x1)
    content = cut if bounds is None else fit_within(cut, bounds)
    return Crop(size, (x1, y1, x2, y2), breast.chest_wall == "right", content, content)


def crop_breast(
    mammogram: Mammogram, breast: Breast, *, margin: float = MARGIN
) -> tuple[NDArray[np.float32], Crop]:
    """Cut the breast out at full resolution, chest wall left; float32 [h, w] in 0..1."""
    crop = plan_crop(mammogram.size, breast, margin=margin)
    x1, y1, x2, y2 = crop.box
    cut = mammogram.pixels[y1:y2, x1:x2]
    return np.ascontiguousarray(cut[:, ::-1] if crop.mirrored else cut), crop


def prepare_pixels(
    mammogram: Mammogram,
    breast: Breast,
    size: tuple[int, int] = (1536, 1024),
    *,
    margin: float = MARGIN,
) -> PreparedBreast:
    """Make what the cache stores: the breast, chest wall left, shrunk to fit within size (H, W)."""
    crop = plan_crop(mammogram.size, breast, bounds=size, margin=margin)

    def part(box: tuple[int, int, int, int]) -> NDArray[np.float32]:
        x1, y1, x2, y2 = box
        return mammogram.pixels[y1:y2, x1:x2]

    levels = shrink_cut(part, crop)
    return PreparedBreast(levels, crop, crop.spacing_to_input(mammogram.spacing_mm))


def shrink_cut(
    part: Callable[[tuple[int, int, int, int]], NDArray[np.float32]], crop: Crop
) -> NDArray[np.uint16]:
    """Shrink what lies in the crop's box to levels, chest wall left.

    `part` gives the pixels in (x1, y1, x2, y2), float32 [y2 - y1, x2 - x1]; it is asked for a few
    rows at a time, so that no one else need hold them all.
    """
    x1, y1, x2, y2 = crop.box

    def rows_of(first: int, last: int) -> NDArray[np.float32]:
        return part((x1, y1 + first, x2, y1 + last))

    old = (y2 - y1, x2 - x1)
    return levels_by_area(rows_of, old, crop.content_size, WHITE, mirrored=crop.mirrored)


def to_input(levels: NDArray[np.uint16] | NDArray[np.float32], contract: InputContract) -> Tensor:
    """Turn levels [h, w] into a model's input, float32 [1, H', W'].

    Levels larger than the contract's size are shrunk to fit; `Crop.within` maps coordinates alike.

    Raises:
        InputError: the levels are neither uint16 nor float32 (`bad-levels`).
    """
    # here, since a worker that only fills the cache would pay half a gigabyte for it
    import torch

    if levels.ndim != 2 or levels.dtype not in (np.uint16, np.float32):
        raise InputError(
            f"expected uint16 or float32 [h, w], got {levels.dtype} {levels.shape}",
            field="levels",
            reason="bad-levels",
        )
    unit = 1 / WHITE if levels.dtype == np.uint16 else 1.0
    picture = resize_area(
        levels.astype(np.float32, copy=False), fit_within(levels.shape, contract.size)
    )
    h, w = picture.shape
    blank = (contract.fill - contract.mean) / contract.std
    image = np.full((1, *contract.size), blank, np.float32)
    scaled = image[0, :h, :w]
    np.multiply(picture, np.float32(unit / contract.std), out=scaled)
    scaled -= np.float32(contract.mean / contract.std)
    return torch.from_numpy(image)  # [1, H', W']
