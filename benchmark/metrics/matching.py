"""Predicted boxes against true ones, image by image, by COCO's rule and by FROC's.

Whether a box is right does not depend on other images, so boxes are matched once and resamples
only count. Most boxes of a mammogram overlap no lesion at all; only the others are looped over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import Floats, Ints
from benchmark.samples import BoxesSample, BoxSides

IOUS = np.linspace(0.5, 0.95, 10)  # of COCO's AP50:95
MOST_BOXES = 100  # of one image and class, as COCO counts
HIT_IOU = 0.2  # that makes a hit in FROC, if the centre does not


@dataclass(frozen=True, eq=False)
class Matched:
    """Boxes of one class over all images.

    Attributes:
        scores: [D], within an image falling.
        right: whether each is a true positive at each of `IOUS` [D, T].
        image: index of the sample of each [D].
        lesions: true boxes of each sample [N].
    """

    scores: Floats
    right: NDArray[np.bool_]
    image: Ints
    lesions: Ints


@dataclass(frozen=True, eq=False)
class Hits:
    """What FROC counts: lesions that were hit, with the best score of a box that does; and misses.

    Attributes:
        hit_scores: of hit lesions [L].
        hit_image: sample of each [L].
        false_scores: of boxes that hit nothing [M].
        false_image: sample of each [M].
        lesions: true boxes of each sample [N].
    """

    hit_scores: Floats
    hit_image: Ints
    false_scores: Floats
    false_image: Ints
    lesions: Ints


def overlaps(boxes: Floats, truth: Floats) -> Floats:
    """Compute intersection over union [D, G] of boxes (x1, y1, x2, y2)."""
    corner = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    sides = np.clip(np.minimum(boxes[:, None, 2:], truth[None, :, 2:]) - corner, 0, None)
    shared = sides.prod(axis=-1)
    areas = [np.prod(some[:, 2:] - some[:, :2], axis=-1) for some in (boxes, truth)]
    joined = areas[0][:, None] + areas[1][None] - shared
    ratio: Floats = np.divide(shared, joined, out=np.zeros_like(shared), where=joined > 0)
    return ratio


def match(samples: Sequence[BoxesSample], klass: int) -> Matched:
    """Match one class's boxes by COCO's rule: best score first, each lesion once."""
    scores, right, image = [], [], []
    lesions = np.zeros(len(samples), dtype=np.int64)
    for number, sample in enumerate(samples):
        boxes, said, truth = of_class(sample, klass)
        lesions[number] = len(truth)
        order = np.argsort(-said, kind="stable")[:MOST_BOXES]
        scores.append(said[order])
        right.append(_assign(overlaps(boxes[order], truth)))
        image.append(np.full(len(order), number))
    empty = np.zeros((0, len(IOUS)), dtype=bool)
    return Matched(
        np.concatenate([np.zeros(0), *scores]),
        np.concatenate([empty, *right]),
        np.concatenate([np.zeros(0, dtype=np.int64), *image]),
        lesions,
    )


def _assign(iou: Floats) -> NDArray[np.bool_]:
    """Return which boxes [D], by falling score, take a lesion at each threshold [D, T]."""
    right = np.zeros((len(iou), len(IOUS)), dtype=bool)
    if not iou.shape[1]:
        return right
    taken = np.zeros((len(IOUS), iou.shape[1]), dtype=bool)
    for box in np.flatnonzero(iou.max(axis=1) >= IOUS[0]):
        free = np.where(taken, -1.0, iou[box])  # [T, G]
        # of equal overlaps COCO takes the last
        best = free.shape[1] - 1 - free[:, ::-1].argmax(axis=1)
        fits = free[np.arange(len(IOUS)), best] >= np.minimum(IOUS, 1 - 1e-10)
        taken[fits, best[fits]] = True
        right[box] = fits
    return right


def find_hits(samples: Sequence[BoxesSample], classes: int, iou: float = HIT_IOU) -> Hits:
    """Find hits of FROC: the centre of a box lies in a lesion's box, or both overlap by `iou`.

    A box only hits lesions of its own class. A second box on a lesion is neither a hit nor false.
    """
    hit_scores: list[float] = []
    hit_image: list[int] = []
    false_scores: list[Floats] = [np.zeros(0)]
    false_image: list[Ints] = [np.zeros(0, dtype=np.int64)]
    for number, sample in enumerate(samples):
        for klass in range(classes):
            boxes, said, truth = of_class(sample, klass)
            hits = touches(boxes, truth, iou)
            found = np.flatnonzero(hits.any(axis=0)) if len(boxes) else ()
            hit_scores += [float(said[hits[:, lesion]].max()) for lesion in found]
            hit_image += [number] * len(found)
            false = said[~hits.any(axis=1)]
            false_scores.append(false)
            false_image.append(np.full(len(false), number))
    lesions = np.array([len(sample.truth) for sample in samples], dtype=np.int64)
    return Hits(
        np.array(hit_scores), np.array(hit_image, dtype=np.int64),
        np.concatenate(false_scores), np.concatenate(false_image), lesions,
    )  # fmt: skip


def touches(boxes: Floats, truth: Floats, iou: float = HIT_IOU) -> NDArray[np.bool_]:
    """Return which boxes hit which lesions [D, G]."""
    centre = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = ((centre >= truth[None, :, :2]) & (centre <= truth[None, :, 2:])).all(axis=-1)
    near: NDArray[np.bool_] = inside | (overlaps(boxes, truth) >= iou)
    return near


def of_class(sample: BoxesSample, klass: int) -> tuple[Floats, Floats, Floats]:
    """Return boxes [D, 4], scores [D] and true boxes [G, 4] of one class."""
    said = [place for place, one in enumerate(sample.classes) if one == klass]
    true = [place for place, one in enumerate(sample.truth_classes) if one == klass]
    scores = np.array([sample.scores[place] for place in said], dtype=float)
    return _rows(sample.boxes, said), scores, _rows(sample.truth, true)


def _rows(boxes: Sequence[BoxSides], places: Sequence[int]) -> Floats:
    return np.array([boxes[place] for place in places], dtype=float).reshape(-1, 4)
