"""Boxes read off a heat map, their figures, and the lesions found at a rate of false marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import cluster
from benchmark.metrics.counting import Measure, means
from benchmark.metrics.detection import detection_panels, froc_curve
from benchmark.metrics.matching import find_hits, of_class, touches
from benchmark.samples import BoxesSample, BoxSides
from scripts.cbis_report.figures import Figure, of_panel
from scripts.cbis_report.seeing import Seen
from versamammo.data.dataset import Picture
from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop
from versamammo.model.finding import Candidate, candidates_in, spread_cells

HIT_IOU = 0.3  # that makes a hit, if the centre does not
LEAST_PEAK = 0.01  # probability from which a peak is a candidate: FROC ranks them all
RELATIVE = 0.5  # share of its peak down to which a cell belongs to a box
REACH = 17  # pixels of the input: a peak is the highest within such a square
SMALLEST = 12.0  # pixels of the input: no box is narrower
LARGEST = 160  # nor wider; 95 % of the masses of validation films are below 70
OVERLAP = 0.3  # of boxes, from which only the stronger stays
MOST_PEAKS, MOST_BOXES = 60, 20
Rule = Callable[[NDArray[np.float32], Crop, str], list[Candidate]]


def peaks_in(
    heat: NDArray[np.float32],
    crop: Crop,
    kind: str,
    least: float = LEAST_PEAK,
    relative: float = RELATIVE,
) -> list[Candidate]:
    """Draw a box around each peak of an input's heat [H', W'], as far as half its height reaches.

    Args:
        heat: probabilities, 0 outside the content.
        crop: from the stored film to the input.
        kind: of finding.
        least: probability from which a peak is a candidate.
        relative: share of the peak down to which its surroundings belong to the box.
    """
    highest = cv2.dilate(heat, np.ones((REACH, REACH), np.uint8))
    ys, xs = np.nonzero((heat >= highest) & (heat >= least) & (heat > 0))
    order = np.argsort(-heat[ys, xs], kind="stable")
    boxes: list[tuple[float, float, float, float]] = []
    scores: list[float] = []
    tried = 0
    for y, x in zip(ys[order], xs[order], strict=True):
        if tried == MOST_PEAKS or len(boxes) == MOST_BOXES:
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


def _surroundings(warm: NDArray[np.bool_], x: int, y: int) -> BoxSides:
    """Return the box of the warm pixels [H', W'] near pixel (x, y) that hang together with it."""
    left, top = max(0, x - LARGEST // 2), max(0, y - LARGEST // 2)
    near = warm[top : y + LARGEST // 2, left : x + LARGEST // 2].astype(np.uint8)
    _, _, _, (x1, y1, width, height) = cv2.floodFill(near, None, (x - left, y - top), 2, flags=8)
    return left + x1, top + y1, left + x1 + width, top + y1 + height


def widened(box: BoxSides, content: tuple[int, int]) -> BoxSides:
    """Widen a box about its centre to the smallest size, within content (H, W)."""
    low, high = [], []
    for start, end, most in ((box[0], box[2], content[1]), (box[1], box[3], content[0])):
        extra = max(0.0, (SMALLEST - (end - start)) / 2)
        low.append(max(0.0, start - extra))
        high.append(min(float(most), end + extra))
    return low[0], low[1], high[0], high[1]


def overlap(first: BoxSides, second: BoxSides) -> float:
    """Return intersection over union of two boxes."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (first, second)]
    return wide * high / (sum(areas) - wide * high)


def heat_of(seen: Seen, row: int, kind: str, crop: Crop) -> NDArray[np.float32]:
    """Return the heat of one kind on the input of one film [H', W']."""
    assert seen.heat is not None, "an encoder without a finding head"
    return spread_cells(seen.heat[row, seen.kinds.index(kind)], seen.stride, crop)


def box_samples(
    seen: Seen, pictures: Sequence[Picture], kind: str, rule: Rule
) -> list[BoxesSample]:
    """Return true and found boxes of the films on which that kind of finding is marked."""
    samples = []
    for row, one in enumerate(pictures):
        truth = marked(one, kind)
        if not truth:
            continue
        crop = one.crop.within(seen.size)
        found = rule(heat_of(seen, row, kind, crop), crop, kind)
        samples.append(
            BoxesSample(
                one.image_id, one.patient, size=one.crop.source_size, truth=truth,
                truth_classes=(0,) * len(truth),
                boxes=tuple(c.box.as_tuple() for c in found), classes=(0,) * len(found),
                scores=tuple(c.score for c in found),
            )
        )  # fmt: skip
    return samples


def marked(picture: Picture, kind: str | None = None) -> tuple[BoxSides, ...]:
    """Return the true boxes of one kind, or of all, in pixels of the film as stored."""
    return tuple(
        one.box.as_tuple()
        for one in picture.labels.findings
        if one.box is not None and kind in (None, one.kind)
    )


def box_figures(samples: Sequence[BoxesSample], kind: str) -> list[Figure]:
    """Return AP50, AP50:95 and the sensitivities at rates of false marks per film."""
    clusters = cluster([one.patient for one in samples])
    panels = detection_panels(samples, clusters, [kind], hit_iou=HIT_IOU)[:2]
    return [one for panel in panels for one in of_panel(panel, clusters, f"{kind} boxes: ")]


def rules() -> dict[str, Rule]:
    """Return the ways to draw boxes that are compared on validation films."""
    peaks = {
        f"peaks, down to {share:g} of each": partial(peaks_in, relative=share)
        for share in (0.3, 0.4, 0.5, 0.6, 0.7)
    }
    fixed = {
        f"one threshold of {least:g}": partial(candidates_in, least=least)
        for least in (0.05, 0.1, 0.2, 0.3)
    }
    return {**peaks, **fixed}


def compared_rules(seen: Seen, pictures: Sequence[Picture], kind: str) -> list[Figure]:
    """Return AP50 and the sensitivity at one false mark per film of each way to draw boxes."""
    found = []
    for name, rule in rules().items():
        figures = box_figures(box_samples(seen, pictures, kind, rule), f"{kind} ({name})")
        found += [one for one in figures if one.name.endswith((": ap50", "_at_1_fp"))]
    return found


def curve(samples: Sequence[BoxesSample]) -> list[dict[str, float]]:
    """Return the FROC curve, thinned to what a plot needs."""
    clusters = cluster([one.patient for one in samples])
    false, sensitivity = froc_curve(samples, 1, clusters, HIT_IOU)
    points = {round(float(x), 3): float(y) for x, y in zip(false, sensitivity, strict=True)}
    return [{"false_per_film": x, "sensitivity": y} for x, y in points.items() if x <= 10]


def threshold_at(samples: Sequence[BoxesSample], rate: float) -> float:
    """Return the score that a mark must exceed for at most so many false marks per film."""
    false = np.sort(find_hits(samples, 1, HIT_IOU).false_scores)[::-1]
    allowed = int(rate * len(samples))
    return float(false[allowed]) if allowed < len(false) else 0.0


def found_lesions(samples: Sequence[BoxesSample], threshold: float) -> list[tuple[int, int, bool]]:
    """Return for each lesion its sample, its place there, and whether a mark above hits it."""
    found = []
    for number, sample in enumerate(samples):
        boxes, scores, truth = of_class(sample, 0)
        hit = touches(boxes[scores > threshold], truth, HIT_IOU).any(axis=0)
        found += [(number, lesion, bool(one)) for lesion, one in enumerate(hit)]
    return found


def sensitivity(name: str, hits: Sequence[bool], patients: Sequence[str], note: str) -> Figure:
    """Return the share of lesions that are found, at a threshold that was set before."""
    clusters = cluster(patients)
    values = np.array(hits, dtype=float)[:, None]
    panel = means([Measure(name, len(hits), note)], values, clusters)
    return of_panel(panel, clusters, "")[0]
