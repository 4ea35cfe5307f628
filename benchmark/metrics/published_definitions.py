"""The published metrics, from their description, so that a figure can be set beside theirs.

They are not recommended: best overlaps do not count false positives, and ACC@k is right if any of
k images is. The published intervals drew images, not patients, without a seed; ours do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import Floats
from benchmark.metrics.matching import overlaps
from benchmark.samples import BoxesSample, NeighboursSample

LEAST_SCORE = 0.5
SUPPRESSED = 0.5  # IoU with a better box, beyond which a box is dropped
THRESHOLD = 127  # of 255


def best_iou(sample: BoxesSample) -> float:
    """Mean over true boxes of the best overlap with a box scored 0.5 or more.

    Boxes that overlap a better one by more than 0.5 are dropped first. 0 for a lesion without any
    box, NaN for an image without lesion, which the published mean leaves out.
    """
    if not sample.truth:
        return float("nan")
    scores = np.array(sample.scores, dtype=float)
    order = np.argsort(-scores, kind="stable")
    boxes = np.array(sample.boxes, dtype=float).reshape(-1, 4)[order[scores[order] >= LEAST_SCORE]]
    kept = boxes[_kept(boxes)]
    if not len(kept):
        return 0.0
    return float(overlaps(kept, np.array(sample.truth, dtype=float)).max(axis=0).mean())


def accuracy_at(sample: NeighboursSample, k: int) -> float:
    """Return whether any of the first k images shares the query's class, 1 or 0."""
    return float(any(sample.ranked[:k]))


def dice_at_threshold(truth: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Dice of grey masks in 0..255, both cut above 127; smoothed so that two empty ones have 1."""
    first, second = truth > THRESHOLD, mask > THRESHOLD
    smooth = 1e-6
    shared = float((first & second).sum())
    return (2 * shared + smooth) / (float(first.sum() + second.sum()) + smooth)


def _kept(boxes: Floats) -> list[int]:
    """Keep boxes, best first, that overlap no kept one too much."""
    iou = overlaps(boxes, boxes)
    kept: list[int] = []
    for box in range(len(boxes)):
        if all(iou[box, other] <= SUPPRESSED for other in kept):
            kept.append(box)
    return kept
