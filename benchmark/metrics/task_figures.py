"""From a task's records to its figures: the metrics of its kind, each with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from benchmark.metrics.bootstrap import Clusters, Floats, cluster, evaluate, interval
from benchmark.metrics.classification import class_panels, label_panels
from benchmark.metrics.counting import MeasurePanel
from benchmark.metrics.detection import detection_panels
from benchmark.metrics.metric_results import PRIMARY, MetricResult
from benchmark.metrics.retrieval import retrieval_panels
from benchmark.metrics.segmentation import measured, segmentation_panels
from benchmark.samples import (
    BoxesSample,
    ClassSample,
    LabelsSample,
    MaskSample,
    NeighboursSample,
    Sample,
)
from versamammo.errors import InputError

RESAMPLES = 1000
FEW_PATIENTS = 10
SAMPLE_OF: dict[str, type[Sample]] = {
    "binary": ClassSample,
    "multiclass": ClassSample,
    "ordinal": ClassSample,
    "multilabel": LabelsSample,
    "detection": BoxesSample,
    "segmentation": MaskSample,
    "retrieval": NeighboursSample,
}
ONE_OF_K = ("binary", "multiclass", "ordinal")


class TaskDescription(Protocol):
    """What scoring has to know of a task."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def classes(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def metric(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class ResamplingInput:
    """A task's records turned into what resampling needs."""

    task: TaskDescription
    clusters: Clusters
    panels: tuple[MeasurePanel, ...]


def score(
    task: TaskDescription,
    samples: Sequence[Sample],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    root: Path = Path(),
    validation: Sequence[Sample] = (),
) -> list[MetricResult]:
    """Score a task's records, the primary metric first.

    Args:
        task: its id, kind, classes and primary metric.
        samples: one record for each image, lesion or query.
        seed: of the resamples.
        resamples: how often patients are drawn.
        root: the run's folder, where masks lie.
        validation: records of validation patients, to fit a temperature on.

    Raises:
        InputError: there is no record, one is of another kind or a number in it cannot be.
    """
    prepared = prepare(task, samples, root=root, validation=validation)
    statistics = [panel.statistic for panel in prepared.panels]
    values, spread = evaluate(statistics, prepared.clusters, resamples=resamples, seed=seed)
    found = [
        figure
        for panel, some, drawn in zip(prepared.panels, values, spread, strict=True)
        for figure in _figures(prepared, panel, some, drawn)
    ]
    return sorted(found, key=lambda figure: (not figure.primary, figure.legacy))


def prepare(
    task: TaskDescription,
    samples: Sequence[Sample],
    *,
    root: Path = Path(),
    validation: Sequence[Sample] = (),
) -> ResamplingInput:
    """Check a task's records and build the panels of its kind.

    Raises:
        InputError: as `score`.
    """
    check(task, samples)
    clusters = cluster(
        [sample.patient for sample in samples], [held(sample, root) for sample in samples]
    )
    return ResamplingInput(
        task, clusters, tuple(_panels(task, samples, clusters, root, validation))
    )


def check(task: TaskDescription, samples: Sequence[Sample]) -> None:
    """Refuse records that cannot be scored.

    Raises:
        InputError: naming the record and what is wrong with it.
    """
    if task.kind not in SAMPLE_OF:
        message = f"{task.id}: {task.kind} tasks are scored elsewhere"
        raise InputError(message, field="kind", reason="not-scored-here")
    if not samples:
        raise InputError(f"{task.id}: there is no record", field="samples", reason="no-samples")
    if len({sample.id for sample in samples}) < len(samples):
        message = f"{task.id}: a record occurs twice"
        raise InputError(message, field="id", reason="twice")
    for sample in samples:
        if fault := _fault(task, sample):
            message = f"{task.id}: {sample.id}: {fault}"
            raise InputError(message, field="samples", reason="bad-sample")


def _fault(task: TaskDescription, sample: Sample) -> str:
    """Return what is wrong with one record, or nothing."""
    many = len(task.classes)
    if not isinstance(sample, SAMPLE_OF[task.kind]):
        return f"is a {type(sample).__name__}; expected {SAMPLE_OF[task.kind].__name__}"
    if isinstance(sample, BoxesSample):
        pairs = (len(sample.truth), len(sample.truth_classes)), (len(sample.boxes),
            len(sample.classes))  # fmt: skip
        if any(first != second for first, second in pairs) or len(sample.scores) != pairs[1][0]:
            return "boxes, classes and scores are not of equal number"
        if not np.isfinite(sample.scores).all():
            return "a score is not finite"
        for x1, y1, x2, y2 in (*sample.truth, *sample.boxes):
            if not (x1 <= x2 and y1 <= y2):
                return f"a box of ({x1}, {y1}, {x2}, {y2}); expected x1 <= x2 and y1 <= y2"
    if isinstance(sample, ClassSample | LabelsSample):
        if len(sample.scores) != many or not np.isfinite(sample.scores).all():
            return f"scores {sample.scores}; expected {many} finite numbers"
        if isinstance(sample, ClassSample) and not 0 <= sample.truth < many:
            return f"truth {sample.truth}; expected one of {many} classes"
        if isinstance(sample, LabelsSample) and len(sample.truth) != many:
            return f"{len(sample.truth)} labels; expected {many}"
    return ""


def held(sample: Sample, root: Path) -> tuple[Hashable, ...]:
    """Return a record's classes, for strata: a lesion or none where classes are no label."""
    if isinstance(sample, ClassSample):
        return (sample.truth,)
    if isinstance(sample, LabelsSample):
        return tuple(k for k, value in enumerate(sample.truth) if value == 1) or ("none",)
    if isinstance(sample, BoxesSample):
        return tuple(set(sample.truth_classes)) or ("none",)
    if isinstance(sample, MaskSample):
        return ("none" if measured(sample, root).empty_truth else "lesion",)
    return tuple(cast(NeighboursSample, sample).truth) or ("none",)


def _panels(
    task: TaskDescription,
    samples: Sequence[Sample],
    clusters: Clusters,
    root: Path,
    validation: Sequence[Sample],
) -> list[MeasurePanel]:
    if task.kind in ONE_OF_K:
        return class_panels(
            cast(Sequence[ClassSample], samples), clusters, task.classes,
            ordinal=task.kind == "ordinal", validation=cast(Sequence[ClassSample], validation),
        )  # fmt: skip
    if task.kind == "multilabel":
        return label_panels(cast(Sequence[LabelsSample], samples), clusters, task.classes)
    if task.kind == "detection":
        return detection_panels(cast(Sequence[BoxesSample], samples), clusters, task.classes)
    if task.kind == "segmentation":
        return segmentation_panels(cast(Sequence[MaskSample], samples), clusters, root)
    return retrieval_panels(cast(Sequence[NeighboursSample], samples), clusters)


def few_patients(count: int) -> str:
    """Warn of an interval of too few patients, or say nothing."""
    return f"an interval of {count} patients is too narrow" if count < FEW_PATIENTS else ""


def primary(task: TaskDescription) -> str:
    """Name the metric that a task is ranked by."""
    return task.metric or PRIMARY[task.kind]


def _figures(
    prepared: ResamplingInput, panel: MeasurePanel, values: Floats, spread: Floats
) -> list[MetricResult]:
    task, made = prepared.task, []
    for measure, value, drawn in zip(panel.measures, values, spread, strict=True):
        found = interval(drawn)
        known = drawn[np.isfinite(drawn)]
        told = float(known.mean()) if measure.mean_of_resamples and len(known) else float(value)
        patients = prepared.clusters.count if measure.patients is None else measure.patients
        narrow = few_patients(patients) if np.isfinite(found.low) else ""
        note = "; ".join(filter(None, (measure.note, found.note, narrow)))
        made.append(
            MetricResult(
                task.id, measure.metric, told, found.low, found.high, measure.n,
                patients, note, measure.legacy, measure.metric == primary(task),
            )
        )  # fmt: skip
    return made
