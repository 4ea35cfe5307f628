"""Draws calcifications, grain by grain, in their true sizes (0.15 mm to some millimetres)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from versamammo.phantoms.grid import Field, blurred
from versamammo.phantoms.lesions import Lesion
from versamammo.phantoms.window import FineWindow

Points = NDArray[np.float64]  # [N, 2] (u, v) in mm
HULL_MM = 1.5  # the outline of a cluster keeps this distance from its grains
GRAINS = {  # (fewest, most) grains
    "round": (8, 20), "amorphous": (18, 40), "coarse heterogeneous": (6, 14),
    "fine pleomorphic": (10, 26), "fine linear or fine-linear branching": (8, 18),
    "coarse or popcorn-like": (3, 7), "vascular": (30, 50),
}  # fmt: skip


def draw_calcifications(
    rng: np.random.Generator, lesion: Lesion, window: FineWindow, to_nipple: float
) -> tuple[Field, Field]:
    """Draw a cluster; returns added absorption 0..1 and membership 0..1 on the fine raster.

    Args:
        rng: numbers, places and shapes of the grains.
        lesion: says morphology, distribution and extent.
        window: where to draw.
        to_nipple: direction of the ducts at the lesion, radians, v down.
    """
    form, spread = lesion.look.morphology or "round", lesion.look.distribution or "grouped"
    direction = to_nipple if spread == "segmental" else to_nipple + float(rng.normal(0, 0.5))
    count = int(rng.integers(*GRAINS[form], endpoint=True))
    canvas = np.zeros(window.shape, np.uint8)
    if form == "vascular":
        places = _vessel(rng, lesion.radius, direction, count)
    else:
        places = _places(rng, spread, lesion.radius, direction, count)
    for place in places:
        weight = int(255 * rng.uniform(0.55, 1.0) * (0.8 if form == "amorphous" else 1.0))
        _draw_grain(rng, canvas, window, form, place, direction, weight)
    added = canvas.astype(np.float32) / np.float32(255)
    blur = {"amorphous": 0.12, "coarse or popcorn-like": 0.25}.get(form, 0.05) / window.fine_mm
    added = blurred(added, blur)
    if form == "vascular":
        added += 0.08 * _tube(places, window)
    return added, _hull(places, window)


def _places(
    rng: np.random.Generator, spread: str, radius: float, direction: float, count: int
) -> Points:
    """Scatter grains as the distribution word says, all within `radius`."""
    along, across = rng.normal(0, 0.42, (2, count))
    if spread == "linear":
        along, across = rng.uniform(-1, 1, count), rng.normal(0, 0.05, count)
    elif spread == "segmental":  # a duct's territory: a wedge that narrows towards the nipple
        along = rng.uniform(-1, 1, count)
        across = rng.uniform(-1, 1, count) * (0.08 + 0.2 * (1 - along))
    elif spread in ("regional", "diffuse"):
        angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
        along, across = reach * np.cos(angle), reach * np.sin(angle)
    length = np.maximum(1, np.hypot(along, across))
    return _rotated(np.stack([along / length, across / length], 1) * radius, direction)


def _vessel(rng: np.random.Generator, radius: float, direction: float, count: int) -> Points:
    """Set grains along both walls of a gently winding artery."""
    along = np.sort(rng.uniform(-1, 1, count))
    phase, wave = rng.uniform(0, 2 * np.pi), rng.uniform(2, 4)
    middle = 0.12 * radius * np.sin(wave * along + phase)
    wall = rng.choice((-1, 1), count) * rng.uniform(0.5, 0.9)
    return _rotated(np.stack([along * radius, middle + wall], 1), direction)


def _rotated(points: Points, angle: float) -> Points:
    c, s = np.cos(angle), np.sin(angle)
    turned: Points = points @ np.array([[c, s], [-s, c]])
    return turned


def _draw_grain(
    rng: np.random.Generator, canvas: NDArray[np.uint8], window: FineWindow,
    form: str, place: Points, direction: float, weight: int,
) -> None:  # fmt: skip
    if form.startswith("fine linear"):
        _draw_rod(rng, canvas, window, place, direction, weight)
        return
    size, ragged = {  # (least, most) diameter in mm, and unevenness of the outline
        "round": ((0.25, 0.55), 0.03), "amorphous": ((0.2, 0.4), 0.2),
        "fine pleomorphic": ((0.25, 0.60), 0.35), "coarse heterogeneous": ((0.6, 1.2), 0.3),
        "coarse or popcorn-like": ((1.6, 4.0), 0.18), "vascular": ((0.3, 0.7), 0.25),
    }[form]  # fmt: skip
    radius = 0.5 * float(rng.uniform(*size))
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radii = radius * np.clip(1 + ragged * rng.normal(size=14), 0.4, 1.8)
    stretch = 1 + ragged * float(rng.uniform(0, 2))
    outline = np.stack([stretch * radii * np.cos(angles), radii * np.sin(angles) / stretch], 1)
    outline = place + _rotated(outline, float(rng.uniform(0, np.pi)))
    cv2.fillPoly(canvas, [window.pixels(outline)], weight, cv2.LINE_AA, shift=4)


def _draw_rod(
    rng: np.random.Generator, canvas: NDArray[np.uint8], window: FineWindow,
    place: Points, direction: float, weight: int,
) -> None:  # fmt: skip
    """Draw a cast of a duct: a short rod, a third of them with a branch."""
    length, turn = float(rng.uniform(0.8, 2.4)), direction + float(rng.normal(0, 0.35))
    bend = float(rng.normal(0, 0.12)) * length
    rod = np.array([(-0.5 * length, 0), (0, bend), (0.5 * length, 0)])
    lines = [place + _rotated(rod, turn)]
    if rng.random() < 0.35:
        fork = float(rng.choice((-1, 1)) * rng.uniform(0.5, 0.9))
        tip = _rotated(np.array([(0, 0), (0.4 * length, 0)]), turn + fork)
        lines.append(place + tip + _rotated(np.array([(0, bend)]), turn))
    width = max(1, round(float(rng.uniform(0.15, 0.25)) / window.fine_mm))
    cv2.polylines(
        canvas, [window.pixels(line) for line in lines], False, weight, width, cv2.LINE_AA, 4
    )


def _tube(places: Points, window: FineWindow) -> Field:
    """Draw the artery itself, faintly."""
    canvas = np.zeros(window.shape, np.uint8)
    width = max(1, round(2.0 / window.fine_mm))
    smooth = uniform_filter1d(places, 7, axis=0, mode="nearest")
    cv2.polylines(canvas, [window.pixels(smooth)], False, 255, width, cv2.LINE_AA, 4)
    return blurred(canvas.astype(np.float32) / np.float32(255), 0.3 / window.fine_mm)


def _hull(places: Points, window: FineWindow) -> Field:
    """Outline the cluster: the convex hull of its grains and a little around."""
    canvas = np.zeros(window.shape, np.uint8)
    hull = cv2.convexHull(window.pixels(places))
    cv2.fillPoly(canvas, [hull], 255, cv2.LINE_8, shift=4)
    wide = max(1, round(2 * HULL_MM / window.fine_mm))
    cv2.polylines(canvas, [hull], True, 255, wide, cv2.LINE_8, 4)
    return canvas.astype(np.float32) / np.float32(255)
