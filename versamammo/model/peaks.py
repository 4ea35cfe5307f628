"""Boxes around the peaks of a heat map, each as far as its own height reaches.

One threshold for a whole map joins neighbours that are warm and misses all that is lukewarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop

Sides = tuple[float, float, float, float]  # (x1, y1, x2, y2)
LEAST_PEAK = 0.01  # probability from which a peak is a candidate: FROC ranks them all
RELATIVE = 0.5  # share of its peak down to which a cell belongs to a box
REACH = 17  # pixels of the input: a peak is the highest within such a square
SMALLEST = 12.0  # pixels of the input: no box is narrower
LARGEST = 160  # nor wider; 95 % of the masses of validation films are below 70
OVERLAP = 0.3  # of boxes, from which only the stronger stays
MOST_PEAKS, MOST_BOXES = 60, 20


@dataclass(frozen=True)
class Candidate:
    """A place where a finding may lie.

    Attributes:
        kind: of the finding.
        box: in pixels of the file as stored.
        score: the warmest cell's probability, 0..1.
    """

    kind: str
    box: Box
    score: float


def peaks_in(
    heat: NDArray[np.float32],
    crop: Crop,
    kind: str,
    least: float = LEAST_PEAK,
    relative: float = RELATIVE,
    most: int = MOST_BOXES,
) -> list[Candidate]:
    """Draw a box around each peak of an input's heat [H', W'], as far as half its height reaches.

    Args:
        heat: probabilities, 0 outside the content.
        crop: from the stored film to the input.
        kind: of finding.
        least: probability from which a peak is a candidate.
        relative: share of the peak down to which its surroundings belong to the box.
        most: boxes that are kept, the warmest.
    """
    highest = cv2.dilate(heat, np.ones((REACH, REACH), np.uint8))
    ys, xs = np.nonzero((heat >= highest) & (heat >= least) & (heat > 0))
    order = np.argsort(-heat[ys, xs], kind="stable")
    boxes: list[tuple[float, float, float, float]] = []
    scores: list[float] = []
    tried = 0
    for y, x in zip(ys[order], xs[order], strict=True):
        if tried == MOST_PEAKS or len(boxes) == most:
            break
        if any(a <= x < c and b <= y < d for a, b, c, d in boxes):
            continue
        tried += 1
        peak = float(heat[y, x])
        box = widened(_surroundings(heat >= relative * peak, int(x), int(y)), crop.content_size)
        if all(overlap(box, other) < OVERLAP for other in boxes):
            boxes.append(box)
            scores.append(peak)
    found = []
    for side, score in zip(crop.boxes_to_source(boxes) if boxes else (), scores, strict=True):
        if not np.isnan(side).any():
            found.append(Candidate(kind, Box(*(float(one) for one in side)), score))
    return found


def _surroundings(warm: NDArray[np.bool_], x: int, y: int) -> Sides:
    """Return the box of the warm pixels [H', W'] near pixel (x, y) that hang together with it."""
    left, top = max(0, x - LARGEST // 2), max(0, y - LARGEST // 2)
    near = warm[top : y + LARGEST // 2, left : x + LARGEST // 2].astype(np.uint8)
    _, _, _, (x1, y1, width, height) = cv2.floodFill(near, None, (x - left, y - top), 2, flags=8)
    return left + x1, top + y1, left + x1 + width, top + y1 + height


def widened(box: Sides, content: tuple[int, int]) -> Sides:
    """Widen a box about its centre to the smallest size, within content (H, W)."""
    low, high = [], []
    for start, end, most in ((box[0], box[2], content[1]), (box[1], box[3], content[0])):
        extra = max(0.0, (SMALLEST - (end - start)) / 2)
        low.append(max(0.0, start - extra))
        high.append(min(float(most), end + extra))
    return low[0], low[1], high[0], high[1]


def overlap(first: Sides, second: Sides) -> float:
    """Return intersection over union of two boxes."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (first, second)]
    return wide * high / (sum(areas) - wide * high)
