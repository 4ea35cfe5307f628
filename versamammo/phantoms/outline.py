"""The edge of the compressed breast in each view, and the distance of every pixel from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from versamammo.phantoms.grid import Field, Grid

POINTS = 2400  # samples along an outline; about one per 0.2 mm
EXACT_MM = 2.5  # so near the skin the distance is measured exactly, not on a raster


@dataclass(frozen=True, eq=False)
class SkinLine:
    """A skin line.

    Attributes:
        points: [P, 2] (x, y) in mm, from above to below; it runs off the detector at both ends.
        outward: [P, 2] unit normals away from the breast.
        nipple: index of the nipple in `points`.
    """

    points: NDArray[np.float64]
    outward: NDArray[np.float64]
    nipple: int

    def along(self, offset_mm: float) -> int:
        """Find the point that lies `offset_mm` below (+) or above (-) the nipple on the skin."""
        target = self.lengths()[self.nipple] + offset_mm
        return int(np.clip(np.searchsorted(self.lengths(), target), 1, len(self.points) - 2))

    def lengths(self) -> NDArray[np.float64]:
        """Arc length at each point, in mm."""
        steps = np.hypot(*np.diff(self.points, axis=0).T)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def pushed(self, at: int, depth_mm: float, width_mm: float, steepness: float = 3.0) -> SkinLine:
        """Bulge (+) or dent (-) the skin around point `at`; a steepness of 2 gives a soft hump."""
        away = (self.lengths() - self.lengths()[at]) / (width_mm / 2)
        hump = depth_mm * np.exp(-(np.abs(away) ** steepness))
        return _outline(self.points + self.outward[at] * hump[:, None], self.nipple)


def cranio_caudal(
    rng: np.random.Generator, reach: float, half: tuple[float, float], middle: float
) -> SkinLine:
    """Draw a CC outline: lateral side up and fuller.

    Args:
        rng: small irregularities.
        reach: chest wall to nipple, mm.
        half: extent of the lateral and the medial half along the chest wall, mm.
        middle: y of the nipple, mm.
    """
    up, down = half
    knots = np.array([
        (-12, -1.10 * up), (0.30 * reach, -0.96 * up), (0.66 * reach, -0.72 * up),
        (0.91 * reach, -0.34 * up), (reach, 0), (0.92 * reach, 0.36 * down),
        (0.66 * reach, 0.74 * down), (0.28 * reach, 0.97 * down), (-12, 1.08 * down),
    ])  # fmt: skip
    knots[1:-1] += rng.normal(0, 0.012 * reach, (7, 2))
    knots[:, 1] += middle
    return _splined(knots, np.array([reach, middle]))


def medio_lateral(
    rng: np.random.Generator, reach: float, top: float, middle: float, height: float
) -> SkinLine:
    """Draw an MLO outline: axilla above, fold and belly below.

    Args:
        rng: small irregularities.
        reach: chest wall to nipple, mm.
        top: x where the skin leaves the detector at the axilla, mm.
        middle: y of the nipple, mm.
        height: of the detector, mm.
    """
    below = min(reach * float(rng.uniform(0.80, 0.95)), (height - middle - 6) / 1.05)
    gap = reach - top
    knots = np.array([
        (top, -30), (top + 0.22 * gap, 0.25 * middle), (top + 0.55 * gap, 0.52 * middle),
        (top + 0.90 * gap, 0.80 * middle), (reach, middle), (0.91 * reach, middle + 0.38 * below),
        (0.66 * reach, middle + 0.70 * below), (0.33 * reach, middle + 0.92 * below),
        (0.10 * reach + 4, middle + 1.04 * below),
        (float(rng.uniform(6, 14)), middle + 1.20 * below + 6),
        (float(rng.uniform(6, 16)), height + 30),
    ])  # fmt: skip
    knots[1:-3] += rng.normal(0, 0.010 * reach, (len(knots) - 4, 2))
    return _splined(knots, knots[4])


def _splined(knots: NDArray[np.float64], nipple: NDArray[np.float64]) -> SkinLine:
    steps = np.sqrt(np.hypot(*np.diff(knots, axis=0).T))  # centripetal: no loops between knots
    at = np.concatenate([[0.0], np.cumsum(steps)])
    curve = CubicSpline(at, knots)(np.linspace(0, at[-1], POINTS))
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
    even = np.linspace(0, length[-1], POINTS)
    points = np.stack([np.interp(even, length, curve[:, k]) for k in (0, 1)], axis=1)
    return _outline(points, int(np.argmin(np.hypot(*(points - nipple).T))))


def _outline(points: NDArray[np.float64], nipple: int) -> SkinLine:
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return SkinLine(points, np.stack([along[:, 1], -along[:, 0]], axis=1), nipple)


def depth_under_skin(outline: SkinLine, grid: Grid) -> Field:
    """Measure how far each pixel lies inside the skin, in mm; negative in the air.

    Far from the skin a raster distance transform is good enough; near it, where a stair would
    show, the distance is taken along the normal of the nearest outline point.
    """
    ends = outline.points[[0, -1]]
    closed = np.vstack([(-60, ends[0, 1] - 60), outline.points, (-60, ends[1, 1] + 60)])
    pad = 8  # the chest wall and the detector's edges are not skin
    inside = np.zeros((grid.rows + 2 * pad, grid.columns + 2 * pad), np.uint8)
    corners = np.round((closed / grid.pixel_mm + pad - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(inside, [corners], 1, shift=4)
    inside[:, :pad] = inside[:, pad : pad + 1]
    within = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)
    without = np.asarray(cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5), np.float32)
    # both count from the middle of the nearest pixel beyond, half a pixel too far
    rough = np.sign(within - without) * (within + without - np.float32(0.5))
    depth: Field = rough[pad:-pad, pad:-pad] * np.float32(grid.pixel_mm)
    row, column = np.nonzero(np.abs(depth) < EXACT_MM)
    pixels = (np.stack([column, row], axis=1) + 0.5) * grid.pixel_mm
    _, nearest = cKDTree(outline.points).query(pixels)
    offset = (outline.points[nearest] - pixels) * outline.outward[nearest]
    depth[row, column] = offset.sum(axis=1)
    return depth
