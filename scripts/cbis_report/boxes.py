"""Boxes read off a heat map, their figures, and the lesions found at a rate of false marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

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
from versamammo.input.geometry import Crop
from versamammo.model.finding import candidates_in, spread_cells
from versamammo.model.peaks import Candidate, peaks_in

HIT_IOU = 0.3  # that makes a hit, if the centre does not
Rule = Callable[[NDArray[np.float32], Crop, str], list[Candidate]]


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
