"""Boxes and masks that archives draw as polygons, circles or pictures, in pixels of the file.

A point of an annotation names a pixel: what it touches is inside. So the box of a polygon reaches
to the far edge of its last pixel and bounds exactly what `masks.read_mask` fills.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from versamammo.data.sources.masks import picture_mask
from versamammo.errors import InputError
from versamammo.imaging.mammogram import Box

Point = tuple[float, float]


def box_around(points: Sequence[Point]) -> Box:
    """Bound the pixels that an outline touches, (x, y) each."""
    xs, ys = zip(*points, strict=True)
    return Box(
        float(math.floor(min(xs))), float(math.floor(min(ys))),
        float(math.floor(max(xs)) + 1), float(math.floor(max(ys)) + 1),
    )  # fmt: skip


def circle_box(x: float, y: float, radius: float, size: tuple[int, int]) -> Box:
    """Bound a circle and keep within the picture (H, W), which a rough circle may leave.

    Raises:
        InputError: the centre is not in the picture (reason "box-outside").
    """
    high, wide = size
    if not (0 <= x <= wide and 0 <= y <= high and radius > 0):
        raise InputError(
            f"a circle around ({x:g}, {y:g}) of radius {radius:g} does not lie in the picture of "
            f"{wide} x {high} pixels",
            field="box", reason="box-outside",
        )  # fmt: skip
    return Box(
        max(0.0, x - radius), max(0.0, y - radius),
        min(float(wide), x + radius), min(float(high), y + radius),
    )  # fmt: skip


def mask_box(path: Path) -> Box:
    """Bound what a mask picture marks.

    Raises:
        InputError: it marks nothing (reason "empty-mask").
    """
    mask = picture_mask(path)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise InputError("the mask marks nothing", file=path, field="mask", reason="empty-mask")
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
