"""A small raster around a lesion, finer than the image, that is averaged down exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.grid import Field, Grid


@dataclass(frozen=True, eq=False)
class FineWindow:
    """A rectangle of an image, drawn `factor` times finer.

    Attributes:
        rows, columns: the image's pixels it covers.
        factor: fine pixels per image pixel and direction.
        u, v: mm from the lesion's middle at the fine pixel centres, [h, w]; v points down.
    """

    rows: slice
    columns: slice
    factor: int
    fine_mm: float
    u: Field
    v: Field

    @classmethod
    def around(
        cls, grid: Grid, centre_mm: NDArray[np.floating], half_mm: float, finest_mm: float
    ) -> FineWindow:
        """Cover `half_mm` in all directions, cut at the image's edges, at `finest_mm` or finer."""
        x, y = float(centre_mm[0]), float(centre_mm[1])
        pixel = grid.pixel_mm
        left, right = _span(x, half_mm, pixel, grid.columns)
        top, bottom = _span(y, half_mm, pixel, grid.rows)
        factor = max(1, math.ceil(pixel / finest_mm))
        fine = pixel / factor
        across = ((np.arange((right - left) * factor) + 0.5) * fine + left * pixel - x).astype(
            np.float32
        )
        down = ((np.arange((bottom - top) * factor) + 0.5) * fine + top * pixel - y).astype(
            np.float32
        )
        u, v = np.meshgrid(across, down)
        return cls(slice(top, bottom), slice(left, right), factor, fine, u, v)

    @property
    def shape(self) -> tuple[int, int]:
        """Fine [h, w]."""
        h, w = self.u.shape
        return h, w

    def pixels(self, points_mm: NDArray[np.floating]) -> NDArray[np.int32]:
        """Turn points [..., 2] (u, v) in mm into fine pixels for OpenCV with four shift bits."""
        origin = np.array([self.u[0, 0], self.v[0, 0]])
        fine = np.asarray((points_mm - origin) / self.fine_mm, np.float64)
        return np.round(fine * 16).astype(np.int32)

    def reduced(self, fine: Field) -> Field:
        """Average a fine field down to the image's pixels."""
        if self.factor == 1:
            return fine
        size = (self.columns.stop - self.columns.start, self.rows.stop - self.rows.start)
        return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.float32)


def _span(centre: float, half: float, pixel: float, count: int) -> tuple[int, int]:
    """First and one-past-last pixel of an interval, at least one pixel, within 0..count."""
    first = min(max(math.floor((centre - half) / pixel), 0), count - 1)
    last = max(min(math.ceil((centre + half) / pixel), count), first + 1)
    return first, last
