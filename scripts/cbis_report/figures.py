"""Figures with patient-clustered intervals, alone and as differences of two on the same films."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import (
    Clusters,
    Statistic,
    cluster,
    evaluate,
    interval,
    two_sided,
)
from benchmark.metrics.counting import Confusion, MeasurePanel
from benchmark.metrics.ranking import Ranking

RESAMPLES = 2000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Figure:
    """A figure as the report tells it.

    Attributes:
        name: what was measured.
        value: NaN where it cannot be computed.
        low: lower end of the 95 % interval over resampled patients.
        high: upper end.
        n: films, breasts, lesions or patches that count.
        patients: that they are of.
        p: of no difference, two-sided; None for what is no difference.
        note: what a reader has to know.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    patients: int
    p: float | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, for JSON; what cannot be computed is None."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, eq=False)
class Asked:
    """What is ranked or classified: scores or classes of some samples, and their truth.

    Attributes:
        said: scores [n] where the truth is yes or no, classes [n] else.
        truth: [n].
        clusters: patients of the samples.
        classes: how many there are; 0 where `said` are scores.
    """

    said: Floats
    truth: Ints
    clusters: Clusters
    classes: int = 0

    def statistic(self) -> Statistic:
        """Return the area under the ROC curve, or balanced accuracy, as a statistic [1, R]."""
        if self.classes:
            return lambda counts: self.confusion().statistic(counts)[:1]
        ranking = Ranking(self.said, self.truth == 1, self.clusters.of, self.clusters.count)
        return lambda counts: ranking.at(counts).auroc()[None]

    def confusion(self) -> Confusion:
        """Return the table of true and given classes."""
        return Confusion(self.truth, self.said.astype(np.int64), self.classes, self.clusters)


def asked(
    said: Floats, truth: Ints, patients: Sequence[str], classes: int = 0
) -> Asked:  # fmt: skip
    """Put samples to the question, patients drawn within the stratum of their rarest class."""
    held: list[list[Hashable]] = [[int(one)] for one in truth]
    return Asked(said.astype(float), truth.astype(np.int64), cluster(patients, held), classes)


def figure(name: str, statistic: Statistic, clusters: Clusters, n: int, note: str = "") -> Figure:
    """Compute one figure [1, R] with its interval."""
    return figures([name], statistic, clusters, n, note)[0]


def figures(
    names: Sequence[str], statistic: Statistic, clusters: Clusters, n: int, note: str = ""
) -> list[Figure]:
    """Compute the figures [F, R] of one statistic with their intervals."""
    (values,), (spread,) = evaluate([statistic], clusters, resamples=RESAMPLES, seed=0)
    found = []
    for name, value, row in zip(names, values, spread, strict=True):
        ends = interval(row)
        remark = "; ".join(filter(None, (note, ends.note)))
        found.append(
            Figure(name, float(value), ends.low, ends.high, n, clusters.count, note=remark)
        )
    return found


def of_panel(panel: MeasurePanel, clusters: Clusters, prefix: str) -> list[Figure]:
    """Compute the figures of one of the benchmark's panels."""
    names = [f"{prefix}{one.metric}" for one in panel.measures]
    first = panel.measures[0]
    return figures(names, panel.statistic, clusters, first.n, first.note)


def area(name: str, question: Asked, note: str = "") -> Figure:
    """Return the area under the ROC curve with its interval."""
    positive = f"{int(question.truth.sum())} positive"
    remark = "; ".join(filter(None, (positive, note)))
    return figure(name, question.statistic(), question.clusters, len(question.truth), remark)


def class_figures(name: str, question: Asked, *, ordinal: bool) -> list[Figure]:
    """Return balanced accuracy, and both kappas of classes in order."""
    table = question.confusion()

    def statistic(counts: Floats) -> Floats:
        all_of = table.statistic(counts)
        kappas = [all_of[3:], table.linear_kappa(counts)] if ordinal else []
        return np.concatenate([all_of[:2], *kappas])

    names = ["balanced accuracy", "accuracy"]
    names += ["quadratic kappa", "linear kappa"] if ordinal else []
    held = f"over {len(np.unique(question.truth))} classes"
    full = [f"{name}: {one}" for one in names]
    return figures(full, statistic, question.clusters, len(question.truth), held)


def difference(name: str, first: Asked, second: Asked, note: str = "") -> Figure:
    """Return how far the first is above the second on the same patients, with a paired test.

    Both may have other samples, such as breasts and films, as long as the patients are the same
    and in the same order.
    """
    assert first.clusters.count == second.clusters.count, "other patients"
    values, spread = evaluate(
        [first.statistic(), second.statistic()], first.clusters, resamples=RESAMPLES, seed=0
    )
    apart, resampled = values[0] - values[1], spread[0][0] - spread[1][0]
    ends = interval(resampled)
    patients = first.clusters.count
    both = f"{values[0][0]:.3f} against {values[1][0]:.3f}"
    remark = "; ".join(filter(None, (both, note, ends.note)))
    return Figure(
        name, float(apart[0]), ends.low, ends.high, len(first.truth), patients,
        two_sided(resampled, patients), remark,
    )  # fmt: skip
