"""The pixels of an input that boxes of the source cover, in shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from versamammo.input.geometry import Crop


def cover_of(
    boxes: Sequence[tuple[float, float, float, float]], crop: Crop, size: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the share of each pixel of an input of size (H, W) that source boxes cover."""
    height, width = size
    covered = np.zeros(size, np.float64)
    for box in crop.within(size).boxes_to_input(np.reshape(boxes, (-1, 4))):
        if np.isnan(box).any():
            continue
        rows = _overlap(box[1], box[3], height)
        columns = _overlap(box[0], box[2], width)
        covered = np.maximum(covered, rows[:, None] * columns[None, :])
    return covered


def _overlap(low: float, high: float, pixels: int) -> NDArray[np.float64]:
    """Return the share of each pixel [pixels] of a line that lies between two coordinates."""
    edges = np.arange(pixels)
    share: NDArray[np.float64] = np.clip(np.minimum(high, edges + 1) - np.maximum(low, edges), 0, 1)
    return share
