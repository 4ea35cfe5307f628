"""A task's curves: ROC, reliability, decisions, FROC, and how Dice or average precision spreads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from benchmark.metrics.bootstrap import Floats, cluster
from benchmark.metrics.calibration import reliability
from benchmark.metrics.classification import class_arrays
from benchmark.metrics.detection import froc_curve
from benchmark.metrics.ranking import Ranking
from benchmark.metrics.segmentation import measured
from benchmark.metrics.task_figures import TaskDescription
from benchmark.report.charts import SHARE, Axis, Line, plot
from benchmark.samples import (
    BoxesSample,
    ClassSample,
    LabelsSample,
    MaskSample,
    NeighboursSample,
    Sample,
)

FEW_FALSE = Axis("false positives per image", 0.1, 10, (0.125, 0.25, 0.5, 1, 2, 4, 8), True)
Records = Mapping[str, Sequence[Sample]]  # model -> records


def plots(task: TaskDescription, records: Records, roots: Mapping[str, Path]) -> list[str]:
    """Draw what a task's kind has, all models in one plot."""
    records = {model: samples for model, samples in records.items() if samples}
    if not records:
        return []
    if task.kind in ("binary", "multiclass", "ordinal"):
        drawn = [_roc(task, records), _reliability(task, records)]
        return [*drawn, _decisions(records)] if len(task.classes) == 2 else drawn
    if task.kind == "multilabel":
        return [_roc_of_labels(task, records)]
    if task.kind == "detection":
        return [_froc(task, records)]
    if task.kind == "segmentation":
        return _dices(records, roots)
    values = {
        model: [one.average_precision for one in cast(Sequence[NeighboursSample], samples)]
        for model, samples in records.items()
    }
    return [_spread("Average precision of the queries", "average precision", values)]


def _dices(records: Records, roots: Mapping[str, Path]) -> list[str]:
    """Spread Dice over all images, and over those with a lesion, where an empty mask has none."""
    found = {
        model: [measured(one, roots[model]) for one in cast(Sequence[MaskSample], samples)]
        for model, samples in records.items()
    }
    every = {model: [one.dice for one in some] for model, some in found.items()}
    shown = {m: [one.dice for one in some if not one.empty_truth] for m, some in found.items()}
    drawn = [_spread("Dice of the images", "Dice", every)]
    if any(0 < len(shown[model]) < len(every[model]) for model in every):
        drawn.append(_spread("Dice of the images with a lesion", "Dice", shown))
    return drawn


def roc(said: Floats, positive: Floats) -> tuple[Floats, Floats]:
    """Return false positive and true positive rates, at the corners of the curve."""
    ranking = Ranking(said, positive > 0, np.zeros(len(said), dtype=np.int64), 1)
    steps = ranking.at(np.ones((1, 1)))
    # level up to the negatives above a step, then up, aslant where its scores tie
    false = np.stack([steps.above[:, 0], steps.negatives[:, 0]], axis=1).ravel()
    before = steps.positives[:, 0] - steps.gained[:, 0]
    true = np.stack([before, steps.positives[:, 0]], axis=1).ravel()
    false /= max(1.0, float(steps.all_negatives[0]))
    true /= max(1.0, float(steps.all_positives[0]))
    return np.concatenate([[0], false, [1]]), np.concatenate([[0], true, [1]])


def _roc(task: TaskDescription, records: Records) -> str:
    lines = []
    for model, samples in records.items():
        truth, scores = class_arrays(cast(Sequence[ClassSample], samples))
        if len(task.classes) == 2:
            lines.append(Line(model, *roc(scores[:, 1], truth == 1)))
            continue
        held = [k for k in range(len(task.classes)) if 0 < (truth == k).sum() < len(truth)]
        lines += _mean_roc(model, [roc(scores[:, k], truth == k) for k in held])
    several = len(task.classes) > 2
    return _rates("ROC, mean of one against the rest" if several else "ROC", lines)


def _roc_of_labels(task: TaskDescription, records: Records) -> str:
    lines = []
    for model, samples in records.items():
        truth = np.array([one.truth for one in cast(Sequence[LabelsSample], samples)])
        scores = np.array([one.scores for one in cast(Sequence[LabelsSample], samples)])
        curves = []
        for k in range(len(task.classes)):
            known = np.isfinite(truth[:, k])
            if 0 < truth[known, k].sum() < known.sum():
                curves.append(roc(scores[known, k], truth[known, k]))
        lines += _mean_roc(model, curves)
    return _rates("ROC, mean over labels", lines)


def _mean_roc(model: str, curves: Sequence[tuple[Floats, Floats]]) -> list[Line]:
    """Average curves at equal false positive rates."""
    if not curves:
        return []
    grid = np.linspace(0, 1, 101)
    mean = np.mean([np.interp(grid, false, true) for false, true in curves], axis=0)
    return [Line(model, grid, mean)]


def _rates(title: str, lines: Sequence[Line]) -> str:
    x = Axis("false positive rate", 0, 1, SHARE)
    return plot(title, x, Axis("true positive rate", 0, 1, SHARE), lines, diagonal=True)


def _reliability(task: TaskDescription, records: Records) -> str:
    lines = []
    for model, samples in records.items():
        curve = reliability(*class_arrays(cast(Sequence[ClassSample], samples)))
        lines.append(Line(model, curve.said, curve.seen, marks=True))
    what = "probability" if len(task.classes) == 2 else "probability of the likeliest class"
    axes = Axis(what, 0, 1, SHARE), Axis("share that is true", 0, 1, SHARE)
    return plot("Reliability", *axes, lines, diagonal=True)


def net_benefit(said: Floats, positive: Floats, thresholds: Floats) -> Floats:
    """Return the net benefit of acting from each threshold on (Vickers and Elkin, 2006).

    Args:
        said: probabilities [N].
        positive: 1 or 0 for each [N].
        thresholds: below 1; at t a false alarm weighs t / (1 - t) of a hit.
    """
    acted = said[None] >= thresholds[:, None]
    hits, false = (acted * positive).mean(axis=1), (acted * (1 - positive)).mean(axis=1)
    benefit: Floats = hits - false * thresholds / (1 - thresholds)
    return benefit


def _decisions(records: Records) -> str:
    """Draw each model's net benefit, and that of acting on everybody; on nobody it is 0."""
    grid = np.linspace(0, 0.99, 100)
    found = {}
    for model, samples in records.items():
        truth, scores = class_arrays(cast(Sequence[ClassSample], samples))
        positive = (truth == 1).astype(float)
        found[model] = net_benefit(scores[:, 1], positive, grid)
    found["everybody"] = net_benefit(np.ones_like(positive), positive, grid)
    high = max(float(positive.mean()), 0.01)
    low = -high / 4
    lines = [Line(name, grid, np.where(some < low, np.nan, some)) for name, some in found.items()]
    y = Axis("net benefit", low, high, (0.0, round(high / 2, 2), round(high, 2)))
    x = Axis("probability from which one acts", 0, 1, SHARE)
    return plot("Decisions: net benefit", x, y, lines)


def _froc(task: TaskDescription, records: Records) -> str:
    lines = []
    for model, samples in records.items():
        boxes = cast(Sequence[BoxesSample], samples)
        patients = cluster([one.patient for one in boxes])
        false, found = froc_curve(boxes, len(task.classes), patients)
        false, found = np.append(false, FEW_FALSE.high), np.append(found, found[-1])
        lines.append(Line(model, false, found, steps=True))
    return plot("FROC", FEW_FALSE, Axis("sensitivity", 0, 1, SHARE), lines)


def _spread(title: str, what: str, values: Mapping[str, Sequence[float]]) -> str:
    lines = []
    for model, some in values.items():
        known = np.sort([value for value in some if np.isfinite(value)])
        share = np.arange(1, len(known) + 1) / max(1, len(known))
        across, up = (np.concatenate([[0.0], values, [1.0]]) for values in (known, share))
        lines.append(Line(model, across, up, steps=True))
    x = Axis(what, 0, 1, SHARE)
    return plot(title, x, Axis("share of images up to this", 0, 1, SHARE), lines)
