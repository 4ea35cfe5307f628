"""Find the bright straight rims that scanners and film holders leave along a picture's sides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.breast.shapes import Levels, Mask, count

DEPTH = 0.12  # of the picture: a rim is no deeper
BRIGHT = 0.6  # a rim is at least this bright
BARE = 0.7  # by this share of its brightness it falls onto bare film
FALL = 0.2  # and falls at least this much to what lies inside it
WHITE = 0.9  # padding of scanners that invert
STEEPEST = 0.06  # about 3.4 degrees of tilt
LAG = 3  # pixels over which the fall is measured


@dataclass(frozen=True)
class Rim:
    """A bright rim along the top of a picture, down to depth + slope * column.

    Attributes:
        level: how bright it is.
        bare: True if it reaches beyond the breast, falling there to less than a third of its level.
    """

    depth: float
    slope: float
    level: float
    bare: bool

    def cover(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which pixels [h, w] the rim covers, with a margin of two."""
        rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
        return np.asarray(rows <= self.depth + self.slope * columns + 2)


def remove_rims(levels: Levels, region: Mask) -> None:
    """Clear rims from region [h, w] in place, first at its own sides, then within dark padding."""
    _remove_white_sides(levels, region)
    _remove_within(levels, region, region)
    bright = ((levels > BRIGHT) & (region > 0)).astype(np.uint8)
    _remove_within(levels, region, bright)


def _remove_white_sides(levels: Levels, region: Mask) -> None:
    """Clear the outer rows and columns that are white all along, however many."""
    white = ((levels > WHITE) | (region == 0)).view(np.uint8)
    rows, columns = _held(white, 1) > 0.95, _held(white, 0) > 0.95
    if not rows.any() and not columns.any():
        return
    for turn, lines in enumerate((rows, columns[::-1], rows[::-1], columns)):
        np.rot90(region, turn)[: int(lines.argmin()) if not lines.all() else 0] = 0


def _held(mask: Mask, axis: int) -> NDArray[np.float32]:
    """Return the mean of a mask along an axis; numpy's own takes six times as long."""
    means = cv2.reduce(mask, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    return np.asarray(means, np.float32).ravel()


def _remove_within(levels: Levels, region: Mask, around: Mask) -> None:
    x, y, width, height = cv2.boundingRect(around)
    if min(width, height) < 20:
        return
    window = (slice(y, y + height), slice(x, x + width))
    sides = [find_rim(np.rot90(levels[window], turn)) for turn in range(4)]
    # tissue or muscle along a side can look like a rim: it needs film beneath it, or a sure twin
    sure = [rim.level for rim in sides if rim is not None and rim.bare]
    for turn, rim in enumerate(sides):
        if rim is not None and any(abs(rim.level - level) < 0.08 for level in sure):
            turned = np.rot90(region[window], turn)
            turned[rim.cover(turned.shape)] = 0


def find_rim(levels: Levels) -> Rim | None:
    """Find a rim along the top of levels [h, w]: a straight line of falls, seen from outside."""
    strip = levels[: max(6, int(DEPTH * levels.shape[0])) + LAG]
    width = levels.shape[1]
    bright = strip[:-LAG] > BRIGHT
    # most sides end at the first question, which is the quicker one
    if count(bright) < 0.4 * width or np.count_nonzero(bright.any(axis=0)) < 0.4 * width:
        return None
    fall = np.where(bright, strip[:-LAG] - strip[LAG:], 0)
    row = fall.argmax(axis=0)
    columns = np.flatnonzero(fall.max(axis=0) > FALL)
    if columns.size < 0.4 * width:
        return None
    depth = row[columns] + LAG / 2
    third = max(1, columns.size // 3)
    first, last = columns[:third], columns[-third:]
    rise = np.median(depth[-third:]) - np.median(depth[:third])
    slope = float(rise / max(1.0, np.median(last) - np.median(first)))
    base = float(np.median(depth - slope * columns))
    on_line = np.abs(depth - base - slope * columns) < 2
    if on_line.sum() < 0.4 * width or abs(slope) > STEEPEST:
        return None
    at = (row[columns[on_line]], columns[on_line])
    level = float(np.median(strip[at]))
    bare = bool(np.mean(fall[at] > BARE * level) > 0.12)
    return Rim(base, slope, level, bare)
