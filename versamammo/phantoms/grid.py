"""Rasters laid over one detector: coarse ones to compose on, the wanted one to show.

Everything is placed in millimetres from the upper chest-wall corner, x towards the nipple and
y downwards, as a left breast is shown. A right breast is the mirror image, turned at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]  # a quantity over a grid, [h, w]

BASE_ROWS = 512  # labels, thresholds and outlines are settled here, whatever the wanted height


@dataclass(frozen=True)
class Grid:
    """A raster over the part of a detector that the breast may reach.

    Attributes:
        rows: pixel rows over the detector's whole height.
        columns: pixel columns, of the whole width or of the part that is composed.
        pixel_mm: edge of the square pixels.
    """

    rows: int
    columns: int
    pixel_mm: float

    @classmethod
    def over(cls, size_mm: tuple[float, float], rows: int, part: float = 1.0) -> Grid:
        """Lay `rows` over a detector (height, width); `part` keeps the chest-wall share of it."""
        height, width = size_mm
        columns = round(rows * width / height)
        return cls(rows, max(1, round(columns * part)), height / rows)

    @property
    def shape(self) -> tuple[int, int]:
        """[h, w]."""
        return self.rows, self.columns

    def coordinates(self) -> tuple[Field, Field]:
        """Return x and y of the pixel centres in mm, both [h, w]."""
        x = (np.arange(self.columns, dtype=np.float32) + 0.5) * self.pixel_mm
        y = (np.arange(self.rows, dtype=np.float32) + 0.5) * self.pixel_mm
        return np.broadcast_to(x, self.shape).copy(), np.broadcast_to(y[:, None], self.shape).copy()


def spread(field: Field, grid: Grid, *, slow: bool = False) -> Field:
    """Show a smooth field on another raster over the same area.

    A `slow` field changes so little from pixel to pixel that straight lines between them will do.
    """
    if field.shape == grid.shape:
        return field
    # OpenCV's cubic does not keep a ramp straight, which would show the coarse raster
    how = cv2.INTER_LINEAR if slow else cv2.INTER_LANCZOS4
    if field.shape[0] > grid.rows:
        how = cv2.INTER_AREA
    return np.asarray(cv2.resize(field, (grid.columns, grid.rows), interpolation=how), np.float32)


def logistic(value: Field) -> Field:
    """Rise from 0 to 1 through one half at 0, softly at both ends."""
    return np.asarray(1 / (1 + np.exp(np.clip(-value, -30, 30))), np.float32)


Beyond = Literal["continue", "repeat", "mirror"]  # what lies outside a field that is read
_BORDERS = {
    "continue": cv2.BORDER_REPLICATE,
    "repeat": cv2.BORDER_WRAP,
    "mirror": cv2.BORDER_REFLECT,
}


def read_at(
    field: Field, column: Field, row: Field, beyond: Beyond, *, smooth: bool = True
) -> Field:
    """Read a field at pixel centres (column, row), [h, w] each; by cubics if `smooth`."""
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
    read = cv2.remap(field, column, row, how, borderMode=_BORDERS[beyond])
    return np.asarray(read, np.float32)


def blurred(field: Field, pixels: float) -> Field:
    """Blur by a Gaussian of a standard deviation in pixels."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), pixels), np.float32)


def smooth_step(value: Field, low: float, high: float) -> Field:
    """Rise from 0 at `low` to 1 at `high` without corners (cubic)."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    step: Field = t * t * (3 - 2 * t)
    return step


def sample(field: Field, grid: Grid, points_mm: NDArray[np.floating]) -> Field:
    """Read a field at points [N, 2] (x, y) in mm, between pixels linearly; edges continue."""
    pixels = (points_mm / grid.pixel_mm - 0.5).astype(np.float32)
    return read_at(field, pixels[:, :1], pixels[:, 1:], "continue", smooth=False)[:, 0]
