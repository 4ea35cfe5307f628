"""How large the boxes are that a detector starts from: in millimetres where these are known.

Each level of the pyramid gets sizes of its own, rising with its stride, so that together they
cover lesions from the smallest to the largest without repeating one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from benchmark.dense.canvas import Canvas
from benchmark.task_rows import Row

LESIONS_MM = (4.0, 64.0)  # side of a box: below are single calcifications, above whole quadrants
SMALLEST = 4.0  # pixels of the input; less than the finest map's cell cannot be told apart
PER_LEVEL = 2
RATIOS = (0.5, 1.0, 2.0)  # height / width


def anchor_sizes(rows: Sequence[Row], canvas: Canvas, levels: int) -> tuple[tuple[float, ...], ...]:
    """Choose the sides of anchors for each level, in pixels of the input.

    The range is that of lesions at the images' median spacing; where no image tells its spacing,
    that of the training boxes, halved and doubled.
    """
    low, high = _from_spacing(rows, canvas) or _from_boxes(rows, canvas)
    low = max(low, SMALLEST)
    sides = np.geomspace(low, max(high, 2 * low), levels * PER_LEVEL)
    return tuple(
        tuple(float(side) for side in sides[place * PER_LEVEL : (place + 1) * PER_LEVEL])
        for place in range(levels)
    )


def _from_spacing(rows: Sequence[Row], canvas: Canvas) -> tuple[float, float] | None:
    """Turn the range in millimetres into pixels of the input; None if no spacing is known."""
    spacings = []
    for row in rows:
        if row.picture.spacing_mm is None:
            continue
        # the picture's own spacing is that of its levels, which the input may shrink further
        shrunk = row.picture.crop.content_size[0] / canvas.crop(row).content_size[0]
        spacings.append(row.picture.spacing_mm[0] * shrunk)
    known = [one for one in spacings if isfinite(one) and one > 0]
    if not known:
        return None
    mm = float(np.median(known))
    return LESIONS_MM[0] / mm, LESIONS_MM[1] / mm


def _from_boxes(rows: Sequence[Row], canvas: Canvas) -> tuple[float, float]:
    areas = [
        (side[2] - side[0]) * (side[3] - side[1])
        for row in rows
        for side in canvas.boxes(row).sides.tolist()
    ]
    if not areas:
        return SMALLEST, max(canvas.size) / 4
    sides = np.sqrt(areas)
    return float(sides.min()) / 2, float(sides.max()) * 2
