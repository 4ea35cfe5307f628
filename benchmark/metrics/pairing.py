"""Two models on the same records: how far apart, with interval and p-value, corrected over tasks.

Both see the same resampled patients, so what is hard for both cancels. With R resamples no p-value
is below 2 / (R + 1); 10,000 leave room for Holm's correction over 92 tasks, 1,000 do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.metrics.bootstrap import Floats, Statistic, evaluate, interval, two_sided
from benchmark.metrics.metric_results import LOWER_IS_BETTER
from benchmark.metrics.task_figures import (
    ResamplingInput,
    TaskDescription,
    few_patients,
    prepare,
    primary,
)
from benchmark.samples import MaskSample, Sample
from versamammo.errors import InputError

RESAMPLES = 10_000


@dataclass(frozen=True)
class MetricDifference:
    """How far the first model is above the second in a task's primary metric.

    Attributes:
        task: id.
        metric: key of `figures.TITLES`.
        first: figure of the first model.
        second: figure of the second.
        value: first minus second.
        low: lower end of its 95 % interval.
        high: upper end.
        p: of no difference, two-sided.
        p_holm: corrected for all tasks compared; NaN until `corrected`.
        n: records.
        clusters: patients.
        note: resamples left out and the like.
    """

    task: str
    metric: str
    first: float
    second: float
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    clusters: int
    note: str = ""

    @property
    def better(self) -> str:
        """Which model is better beyond doubt after correction: first, second or neither."""
        if not self.p_holm < 0.05:
            return "neither"
        above = (self.value > 0) != (self.metric in LOWER_IS_BETTER)
        return "first" if above else "second"


def contrast(
    task: TaskDescription,
    first: Sequence[Sample],
    second: Sequence[Sample],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    roots: tuple[Path, Path] = (Path(), Path()),
) -> MetricDifference:
    """Compare two models' records of one task, patient by patient.

    Raises:
        InputError: they are not of the same images, patients and truths.
    """
    matched = same_records(task, first, second)
    one = prepare(task, first, root=roots[0])
    other = prepare(task, matched, root=roots[1])
    rows = [_row(prepared, primary(task)) for prepared in (one, other)]
    values, spread = evaluate(rows, one.clusters, resamples=resamples, seed=seed)
    (value,), (difference,) = values[0] - values[1], spread[0] - spread[1]
    ends, patients = interval(difference), one.clusters.count
    return MetricDifference(
        task.id, primary(task), float(values[0][0]), float(values[1][0]), float(value),
        ends.low, ends.high, two_sided(difference, patients), float("nan"), len(first), patients,
        "; ".join(filter(None, (ends.note, few_patients(patients)))),
    )  # fmt: skip


def same_records(
    task: TaskDescription, first: Sequence[Sample], second: Sequence[Sample]
) -> list[Sample]:
    """Bring the second model's records into the order of the first.

    Raises:
        InputError: an image is missing from one, or its patient or truth differs.
    """
    by_id = {sample.id: sample for sample in second}
    odd = {sample.id for sample in first} ^ by_id.keys()
    if odd:
        message = f"{task.id}: {len(odd)} records are in one run only, such as {min(odd)}"
        raise InputError(message, field="samples", reason="not-paired")
    for sample in first:
        if asked(sample) != asked(by_id[sample.id]):
            message = f"{task.id}: {sample.id} has another patient or truth in the second run"
            raise InputError(message, field="samples", reason="not-paired")
    return [by_id[sample.id] for sample in first]


def asked(sample: Sample) -> tuple[str, ...]:
    """Return what both models were asked, for comparison: the patient and the truth."""
    if isinstance(sample, MaskSample):
        return (sample.patient,)  # each run has its own file of the truth
    truth, kinds = getattr(sample, "truth", ()), getattr(sample, "truth_classes", ())
    return sample.patient, str(truth), str(kinds)


def corrected(differences: Sequence[MetricDifference]) -> list[MetricDifference]:
    """Correct the p-values for how many tasks were tested."""
    adjusted = holm(np.array([one.p for one in differences]))
    return [
        replace(one, p_holm=float(p)) for one, p in zip(differences, adjusted, strict=True)
    ]  # fmt: skip


def holm(p: Floats) -> Floats:
    """Adjust p-values by Holm's step-down rule; NaN is no test and stays so."""
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]
    stepped = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted


def _row(prepared: ResamplingInput, metric: str) -> Statistic:
    """Find the statistic of one metric [1, R]."""
    for panel in prepared.panels:
        for row, measure in enumerate(panel.measures):
            if measure.metric == metric:
                return lambda counts: panel.statistic(counts)[row : row + 1]
    message = f"{prepared.task.id}: there is no {metric}"
    raise InputError(message, field="metric", reason="unknown-metric")
