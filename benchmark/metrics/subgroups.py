"""A task's primary figure by density, view, vendor, age and source, small groups said to be so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.metrics.bootstrap import evaluate, interval
from benchmark.metrics.metric_results import MetricResult
from benchmark.metrics.task_figures import RESAMPLES, TaskDescription, prepare, primary
from benchmark.samples import Sample

LEAST_PATIENTS = 10
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Subgroup:
    """One level of one grouping, such as density C.

    Attributes:
        by: what the records are grouped by.
        level: of it; `unknown` for records that do not say.
        figure: NaN, with the reason, if the group is too small.
    """

    by: str
    level: str
    figure: MetricResult


def subgroups(
    task: TaskDescription,
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    root: Path = Path(),
    least: int = LEAST_PATIENTS,
) -> list[Subgroup]:
    """Compute the primary figure of every level of every grouping, by name.

    A grouping with one level only says nothing and is left out.
    """
    found = []
    for by in sorted({name for sample in samples for name in sample.groups}):
        levels: dict[str, list[Sample]] = {}
        for sample in samples:
            levels.setdefault(sample.groups.get(by, UNKNOWN), []).append(sample)
        if len(levels) == 1:
            continue
        for level in sorted(levels, key=lambda name: (name == UNKNOWN, name)):
            figure = _figure(task, levels[level], seed, resamples, root, least)
            found.append(Subgroup(by, level, figure))
    return found


def _figure(
    task: TaskDescription, samples: list[Sample], seed: int, resamples: int, root: Path, least: int
) -> MetricResult:
    patients = len({sample.patient for sample in samples})
    blank = MetricResult(
        task.id, primary(task), float("nan"), float("nan"), float("nan"), len(samples), patients,
        primary=True,
    )  # fmt: skip
    if patients < least:
        return replace(blank, note=f"too few patients: {patients} of {least}")
    prepared = prepare(task, samples, root=root)
    for panel in prepared.panels:
        for row, measure in enumerate(panel.measures):
            if measure.metric == blank.metric:
                values, spread = evaluate(
                    [panel.statistic], prepared.clusters, resamples=resamples, seed=seed
                )
                ends = interval(spread[0][row])
                note = "; ".join(filter(None, (measure.note, ends.note)))
                return replace(
                    blank, value=float(values[0][row]), low=ends.low, high=ends.high, n=measure.n,
                    note=note,
                )  # fmt: skip
    return replace(blank, note=f"no {blank.metric} in this group")
