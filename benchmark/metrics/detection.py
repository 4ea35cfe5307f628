"""Figures of detection: COCO's AP and the FROC curve, normal images counted in both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import Clusters, Floats
from benchmark.metrics.counting import Measure, MeasurePanel, divide, means
from benchmark.metrics.matching import HIT_IOU, Hits, Matched, find_hits, match
from benchmark.metrics.metric_results import FALSE_POSITIVES
from benchmark.metrics.published_definitions import best_iou
from benchmark.metrics.ranking import Ranking
from benchmark.samples import BoxesSample

RECALLS = np.linspace(0.0, 1.0, 101)


def detection_panels(
    samples: Sequence[BoxesSample],
    clusters: Clusters,
    names: Sequence[str],
    *,
    hit_iou: float = HIT_IOU,
) -> list[MeasurePanel]:
    """Build the panels of a detection task.

    Args:
        samples: one for each image.
        clusters: of the samples.
        names: of the classes.
        hit_iou: overlap that makes a hit of FROC, if the centre does not.
    """
    n = len(samples)
    lesions = sum(len(sample.truth) for sample in samples)
    normal = sum(not sample.truth for sample in samples)
    what = f"{lesions} lesions, {normal} normal images"
    matched = [match(samples, klass) for klass in range(len(names))]
    held = [one for one in matched if one.lesions.any()]
    over = f"{what}; over {len(held)} of {len(names)} classes" if len(names) > 1 else what
    froc_note = f"{what}; hit: centre in the lesion's box or IoU >= {hit_iou:g}"
    sensitivities = [Measure(f"sensitivity_at_{rate:g}_fp", n, froc_note)
                     for rate in FALSE_POSITIVES]  # fmt: skip
    rule = "best overlap with each lesion of boxes scored 0.5 or more; false positives and "
    rule += "normal images do not count"
    published = Measure("legacy_mean_best_iou", n - normal, rule, legacy=True)
    best = np.array([[best_iou(sample)] for sample in samples]).reshape(-1, 1)
    return [
        MeasurePanel((Measure("ap50", n, over), Measure("ap50_95", n, over)),
                     _Precision(held, clusters)),
        MeasurePanel((Measure("froc_mean", n, froc_note), *sensitivities),
              _Froc(find_hits(samples, len(names), hit_iou), clusters)),
        means([published], best, clusters),
    ]  # fmt: skip


class _Precision:
    """AP50 and AP50:95, mean over classes that the data hold [2, R]."""

    def __init__(self, matched: Sequence[Matched], clusters: Clusters) -> None:
        self._classes = []
        for one in matched:
            order = np.argsort(-one.scores, kind="stable")
            place = np.empty(len(order))
            place[order] = -np.arange(len(order))  # COCO takes equal scores one by one
            patients = clusters.of[one.image]
            rankings = [Ranking(place, right, patients, clusters.count) for right in one.right.T]
            self._classes.append((rankings, clusters.sums(one.lesions.astype(float))))

    def __call__(self, counts: Floats) -> Floats:
        if not self._classes:
            return np.full((2, counts.shape[1]), np.nan)
        figures = []
        for rankings, lesions in self._classes:
            asked = lesions @ counts
            by_threshold = np.stack([average_precision(one, counts, asked) for one in rankings])
            figures.append(np.stack([by_threshold[0], by_threshold.mean(axis=0)]))
        mean: Floats = np.stack(figures).mean(axis=0)
        return mean


def average_precision(ranking: Ranking, counts: Floats, lesions: Floats) -> Floats:
    """COCO's AP: highest precision at or beyond each of 101 recalls, averaged [R]."""
    steps = ranking.at(counts)
    if not len(steps.positives):
        return np.where(lesions > 0, 0.0, np.nan)
    precision = divide(steps.positives, steps.positives + steps.negatives, 0.0)
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    recall = divide(steps.positives, lesions)
    beyond = np.vstack([precision, np.zeros(precision.shape[1])])
    figures = np.empty(precision.shape[1])
    for column, reached in enumerate(np.ascontiguousarray(recall.T)):
        figures[column] = beyond[np.searchsorted(reached, RECALLS), column].mean()
    return np.where(lesions > 0, figures, np.nan)


class _Froc:
    """Mean of the sensitivities at the seven rates, and each of them [8, R]."""

    def __init__(self, hits: Hits, clusters: Clusters) -> None:
        self._ranking = froc_ranking(hits, clusters)
        self._lesions = clusters.sums(hits.lesions.astype(float))
        self._images = clusters.sums(np.ones(len(hits.lesions)))

    def __call__(self, counts: Floats) -> Floats:
        steps = self._ranking.at(counts)
        lesions, images = self._lesions @ counts, self._images @ counts
        found = [divide(steps.most_positives(rate * images), lesions) for rate in FALSE_POSITIVES]
        return np.stack([np.mean(found, axis=0), *found])


def froc_ranking(hits: Hits, clusters: Clusters) -> Ranking:
    """Rank lesions that were hit among false boxes."""
    return Ranking(
        np.concatenate([hits.hit_scores, hits.false_scores]),
        np.arange(len(hits.hit_scores) + len(hits.false_scores)) < len(hits.hit_scores),
        clusters.of[np.concatenate([hits.hit_image, hits.false_image])],
        clusters.count,
    )


def froc_curve(
    samples: Sequence[BoxesSample], classes: int, clusters: Clusters, hit_iou: float = HIT_IOU
) -> tuple[Floats, Floats]:
    """Return false positives per image and sensitivity at every threshold, for a plot."""
    hits = find_hits(samples, classes, hit_iou)
    steps = froc_ranking(hits, clusters).at(np.ones((clusters.count, 1)))
    false = np.concatenate([[0.0], steps.negatives[:, 0] / max(1, len(samples))])
    return false, np.concatenate([[0.0], steps.positives[:, 0] / max(1, hits.lesions.sum())])
