"""Where to look: crops in millimetres, drawn from breast tissue rather than from air."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.mammogram import Box

Levels = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class TissueMap:
    """Which parts of a cached image show breast; small enough to keep for a whole archive.

    Attributes:
        cells: bool [h, w], True where at least half of the cell is brighter than air.
        cell: side of a cell in pixels; the last row and column may cover less.
        size: (H, W) of the image in pixels.
        spacing_mm: (between rows, between columns) of the image's pixels.
    """

    cells: NDArray[np.bool_]
    cell: int
    size: tuple[int, int]
    spacing_mm: tuple[float, float]

    def __post_init__(self) -> None:
        if not self.cells.any():
            raise ValueError("no tissue: every cell of the image is as dark as air")
        if min(self.spacing_mm) <= 0:
            raise ValueError(f"pixel spacing needs to be positive, got {self.spacing_mm} mm")

    def share(self, box: Box) -> float:
        """Return the share of a box's cells that show tissue."""
        rows, columns = self.within(box)
        return float(self.cells[rows, columns].mean())

    def within(self, box: Box) -> tuple[slice, slice]:
        """Return the cells that a box in pixels touches."""
        top, left = int(max(0, box.y1) // self.cell), int(max(0, box.x1) // self.cell)
        bottom, right = -int(-box.y2 // self.cell), -int(-box.x2 // self.cell)
        return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))

    def at_mm(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points (x, y) [..., 2], in mm from the image's top left, are tissue."""
        rows = points[..., 1] / self.spacing_mm[0] // self.cell
        columns = points[..., 0] / self.spacing_mm[1] // self.cell
        height, width = self.cells.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        nearest = (
            rows.clip(0, height - 1).astype(np.int64),
            columns.clip(0, width - 1).astype(np.int64),
        )
        found: NDArray[np.bool_] = self.cells[nearest] & inside
        return found


def tissue_map(
    levels: Levels, spacing_mm: tuple[float, float], *, threshold: int, cell: int = 16
) -> TissueMap:
    """Find tissue in an image [H, W]: cells mostly brighter than `threshold` levels.

    Raises:
        ValueError: if there is none.
    """
    height, width = levels.shape
    bright = (levels > threshold).astype(np.uint8)
    rows, columns = -(-height // cell), -(-width // cell)
    padded = cv2.copyMakeBorder(
        bright, 0, rows * cell - height, 0, columns * cell - width, cv2.BORDER_REPLICATE
    )
    counts = padded.reshape(rows, cell, columns, cell).sum(axis=(1, 3), dtype=np.int64)
    return TissueMap(counts * 2 >= cell * cell, cell, (height, width), spacing_mm)


@dataclass(frozen=True)
class CropSettings:
    """One kind of crop.

    Attributes:
        number: how many per image.
        size: (H, W) handed to the network, in pixels.
        height_mm: smallest and largest height on the breast, drawn evenly on a log scale.
        stretch: largest change of the aspect ratio, as a factor.
        least_tissue: share of a crop that should be breast; the best of `tries` is taken.
        tries: how many places are tried.
    """

    number: int
    size: tuple[int, int]
    height_mm: tuple[float, float]
    stretch: float = 1.1
    least_tissue: float = 0.5
    tries: int = 8

    def __post_init__(self) -> None:
        low, high = self.height_mm
        if not 0 < low <= high:
            raise ValueError(f"crop heights need 0 < low <= high mm, got {self.height_mm}")
        if self.number < 0 or self.tries < 1 or self.stretch < 1:
            raise ValueError("crops need number >= 0, tries >= 1 and stretch >= 1")


def draw_box(random: np.random.Generator, tissue: TissueMap, settings: CropSettings) -> Box:
    """Draw a crop centred on tissue, in whole pixels of the image and inside it.

    A crop larger than the image is shrunk to it with its aspect kept, so nothing is padded.
    """
    best = _candidate(random, tissue, settings)
    for _ in range(settings.tries - 1):
        if tissue.share(best) >= settings.least_tissue:
            break
        best = max(best, _candidate(random, tissue, settings), key=tissue.share)
    return best


def _candidate(random: np.random.Generator, tissue: TissueMap, settings: CropSettings) -> Box:
    low, high = np.log(settings.height_mm)
    stretch = np.log(settings.stretch)
    height_mm = np.exp(random.uniform(low, high))
    aspect = settings.size[1] / settings.size[0] * np.exp(random.uniform(-stretch, stretch))
    height = height_mm / tissue.spacing_mm[0]
    width = height_mm * aspect / tissue.spacing_mm[1]
    shrink = min(1.0, tissue.size[0] / height, tissue.size[1] / width)
    height, width = max(1, round(height * shrink)), max(1, round(width * shrink))
    row, column = divmod(int(random.choice(np.flatnonzero(tissue.cells))), tissue.cells.shape[1])
    center = (np.array([row, column]) + random.random(2)) * tissue.cell
    top = int(np.clip(round(center[0] - height / 2), 0, tissue.size[0] - height))
    left = int(np.clip(round(center[1] - width / 2), 0, tissue.size[1] - width))
    return Box(left, top, left + width, top + height)


@dataclass(frozen=True)
class Geometry:
    """Where a view came from, so that two views can be laid over each other later.

    Attributes:
        box_mm: the crop on the image, in millimetres from its top left corner.
        size: (H, W) of the view in pixels.
        flipped: (upside down, left to right).
    """

    box_mm: Box
    size: tuple[int, int]
    flipped: tuple[bool, bool]

    def to_mm(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points (x, y) [..., 2] of the view, in pixels, to millimetres on the image."""
        share = points / np.array([self.size[1], self.size[0]])
        across = 1 - share[..., 0] if self.flipped[1] else share[..., 0]
        down = 1 - share[..., 1] if self.flipped[0] else share[..., 1]
        box = self.box_mm
        return np.stack([box.x1 + across * box.width, box.y1 + down * box.height], axis=-1)

    def patch_centers_mm(self, patch: int) -> NDArray[np.float64]:
        """Return the centres (x, y) of the view's patches on the image, [h, w, 2] in mm."""
        rows = (np.arange(self.size[0] // patch) + 0.5) * patch
        columns = (np.arange(self.size[1] // patch) + 0.5) * patch
        return self.to_mm(np.stack(np.meshgrid(columns, rows), axis=-1))
