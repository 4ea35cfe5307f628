"""Masks on the reduced copy of a mammogram, and OpenCV's morphology under our names and types.

The edge of the picture counts as more of the same: eroding does not eat a breast from there.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float32]  # [h, w] in 0..1
Mask = NDArray[np.uint8]  # [h, w], 0 or 1: what OpenCV's morphology takes
Outline = NDArray[np.int32]  # [P, 2] as (x, y)


def disc(radius: float) -> Mask:
    """Return a round structuring element."""
    size = 2 * max(1, round(radius)) + 1
    return cast(Mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def square(radius: float) -> Mask:
    """Return a square structuring element; OpenCV is several times faster with it."""
    size = 2 * max(1, round(radius)) + 1
    return np.ones((size, size), np.uint8)


def erode(mask: Mask, element: Mask) -> Mask:
    """Keep the pixels around which the element fits."""
    return cast(Mask, cv2.erode(mask, element))


def erode_all_round(mask: Mask, element: Mask) -> Mask:
    """Keep the pixels around which the element fits, the picture's edge counting as outside."""
    return cast(Mask, cv2.erode(mask, element, borderType=cv2.BORDER_CONSTANT, borderValue=0))


def dilate(mask: Mask, element: Mask) -> Mask:
    """Add the pixels that the element reaches."""
    return cast(Mask, cv2.dilate(mask, element))


def opened(mask: Mask, element: Mask) -> Mask:
    """Drop what is thinner than the element."""
    return cast(Mask, cv2.morphologyEx(mask, cv2.MORPH_OPEN, element))


def closed(mask: Mask, element: Mask) -> Mask:
    """Fill gaps thinner than the element."""
    return cast(Mask, cv2.morphologyEx(mask, cv2.MORPH_CLOSE, element))


def within(mask: Mask, reach: float) -> Mask:
    """Return all pixels no further than `reach` from the mask."""
    reached = np.zeros_like(mask)
    window = _around(mask, int(reach) + 1)
    reached[window] = cv2.distanceTransform(1 - mask[window], cv2.DIST_L2, 3) <= reach
    return reached


def erode_by(mask: Mask, reach: float) -> Mask:
    """Keep the pixels further than `reach` from all that is outside the mask."""
    kept = np.zeros_like(mask)
    window = _around(mask, 1)
    kept[window] = cv2.distanceTransform(mask[window], cv2.DIST_L2, 3) > reach
    return kept


def from_core(mask: Mask) -> Levels:
    """Return how far each pixel lies from the core of a mask, from all that is deep inside it.

    What is no further than the core is deep is the mask opened: thin things have no core.
    """
    depth = core_depth(mask)
    core = erode_by(mask, depth)
    away = np.full(mask.shape, np.inf, np.float32)
    window = _around(core, int(depth) + 2)
    away[window] = cv2.distanceTransform(1 - core[window], cv2.DIST_L2, 3)
    return away


def core_depth(mask: Mask) -> float:
    """Return the depth in pixels at which a mask's core starts: a twenty-fifth of the height."""
    rows: int = mask.shape[0]
    return rows / 25


def _around(mask: Mask, margin: int) -> tuple[slice, slice]:
    """Return the window around all that a mask holds, outside which nothing need be looked at."""
    x, y, width, height = cv2.boundingRect(mask)
    rows = slice(max(0, y - margin), y + height + margin)
    return rows, slice(max(0, x - margin), x + width + margin)


def largest_filled(mask: Mask) -> tuple[Mask, Outline] | None:
    """Return the largest component, holes filled, and its outline; None if the mask is empty."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    body = np.zeros_like(mask)
    cv2.drawContours(body, [outline], -1, 1, thickness=-1)
    return body, cast(Outline, outline[:, 0, :])


def convex_hull(mask: Mask) -> Mask:
    """Fill the convex hull of all that the mask holds."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = np.zeros_like(mask)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(outlines)), 1)
    return hull


def count(mask: NDArray[Any]) -> int:
    """Count what is not zero; a sum over a mask takes ten times as long."""
    return int(np.count_nonzero(mask))
