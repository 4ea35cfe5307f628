"""Decide from the pixels on which side of a picture the chest wall lies."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.breast.shapes import Levels, Mask, convex_hull, core_depth
from versamammo.imaging.mammogram import Laterality

Side = Literal["left", "right"]

TILTS = np.linspace(-0.06, 0.06, 9)  # films lie up to 3.4 degrees askew


def find_chest_wall(breast: Mask, away: Levels) -> tuple[Side, float]:
    """Return the side of the chest wall and how sure that is, 0..1, from a breast mask [h, w].

    `away` is the mask's `from_core`.

    The detector cuts the breast off along a straight upright line; the skin is round. So the side
    along which more of the convex outline lies on one straight line is the chest wall.
    """
    left, right = _extent_by_row(breast, away)
    width = right.max() - left.min()
    straight_left = _share_on_line(left, width)
    straight_right = _share_on_line(-right, width)
    side: Side = "left" if straight_left >= straight_right else "right"
    return side, abs(straight_left - straight_right)


def stored_mirrored(laterality: Laterality | None, chest_wall: Side) -> bool | None:
    """Return whether a stored picture is mirrored against the standard hanging.

    A left breast hangs with its chest wall at the left edge of the picture, a right breast at the
    right. None if the laterality is unknown.
    """
    if laterality is None:
        return None
    return (laterality is Laterality.LEFT) != (chest_wall == "left")


def _extent_by_row(breast: Mask, away: Levels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first and last column of the convex hull for each row it meets."""
    # the hull bridges notches at the chest wall; opening first drops labels that touch the skin
    # by distances, since a disc of this size takes OpenCV several times longer
    bulk = (away <= core_depth(breast)).view(np.uint8)
    hull = convex_hull(bulk if bulk.any() else breast)
    rows = hull[hull.any(axis=1)]
    first = rows.argmax(axis=1)
    last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    return first.astype(np.float64), last.astype(np.float64)


def _share_on_line(edge: NDArray[np.float64], width: float) -> float:
    """Return the largest share of rows whose edge lies on one nearly upright outer line."""
    rows = np.arange(edge.size)
    inwards = edge[None, :] - TILTS[:, None] * rows[None, :]  # [tilts, rows]
    inwards -= inwards.min(axis=1, keepdims=True)
    tolerance = max(1.5, 0.015 * width)
    return float((inwards <= tolerance).mean(axis=1).max())
