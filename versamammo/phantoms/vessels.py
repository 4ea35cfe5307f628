"""Draws the veins that wind through the fat from the chest wall and axilla towards the nipple."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.anatomy import ViewPlan
from versamammo.phantoms.grid import Field, Grid, blurred

STEPS = 48  # points along a vessel
SHIFT = 4  # fractional bits of OpenCV's coordinates


@dataclass(frozen=True, eq=False)
class Vessel:
    """A tube: points [N, 2] (x, y) and width at each, in mm; absorption it adds."""

    points: NDArray[np.float64]
    widths: NDArray[np.float64]
    strength: float


def draw_vessels(rng: np.random.Generator, plan: ViewPlan) -> tuple[Vessel, ...]:
    """Lay two to five veins with a branch or two each."""
    vessels: list[Vessel] = []
    reach, (nipple_x, nipple_y) = plan.breast.reach, plan.nipple
    for _ in range(int(rng.integers(2, 6))):
        start = np.array([rng.uniform(-5, 0.3 * reach), nipple_y + rng.normal(-0.35, 0.5) * reach])
        end = np.array([
            nipple_x - rng.uniform(0.12, 0.45) * reach, nipple_y + rng.normal(0, 0.30) * reach
        ])  # fmt: skip
        width, strength = float(rng.uniform(0.9, 2.2)), float(rng.uniform(0.03, 0.08))
        trunk = _wind(rng, start, end, width, strength)
        vessels.append(trunk)
        for _ in range(int(rng.integers(0, 3))):
            fork = int(rng.integers(STEPS // 4, 3 * STEPS // 4))
            tip = end + rng.normal(0, 0.25, 2) * reach
            thinner = float(trunk.widths[fork]) * 0.7
            vessels.append(_wind(rng, trunk.points[fork], tip, thinner, 0.8 * strength))
    return tuple(vessels)


def _wind(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    width: float,
    strength: float,
) -> Vessel:
    """Connect two points by a gently winding tube that becomes thinner."""
    t = np.linspace(0, 1, STEPS)
    course = end - start
    sideways = np.array([-course[1], course[0]])
    bend = np.zeros(STEPS)
    for k in range(1, 5):
        bend += rng.normal(0, 0.09 / k) * np.sin(np.pi * k * t)
    points = start + t[:, None] * course + bend[:, None] * sideways
    return Vessel(points, width * (1 - 0.55 * t), strength)


def vessel_absorption(vessels: tuple[Vessel, ...], grid: Grid) -> Field:
    """Draw all vessels on one raster, [h, w]; a tube thinner than a pixel is drawn fainter."""
    total = np.zeros(grid.shape, np.float32)
    canvas = np.zeros(grid.shape, np.uint8)
    for vessel in vessels:
        canvas[:] = 0
        dots = np.round((vessel.points / grid.pixel_mm - 0.5) * 2**SHIFT).astype(np.int32)
        for k in range(0, STEPS - 1, 6):
            width = float(vessel.widths[k]) / grid.pixel_mm
            stroke = max(1, round(width))
            shade = round(255 * min(1.0, width / stroke))
            piece = dots[k : k + 7]
            cv2.polylines(canvas, [piece], False, shade, stroke, cv2.LINE_AA, SHIFT)
        np.maximum(total, canvas * np.float32(vessel.strength / 255), out=total)
    return blurred(total, max(0.35 / grid.pixel_mm, 0.3))
