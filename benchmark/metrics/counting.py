"""Figures that are made of sums over patients: means, and whatever follows from a confusion table.

A panel is one computation that gives several figures, named in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from benchmark.metrics.bootstrap import Clusters, Floats, Ints, Statistic


@dataclass(frozen=True)
class Measure:
    """What is said of a figure beside its value.

    Attributes:
        metric: key of `figures.TITLES`.
        n: samples that count in it.
        note: rule or reservation.
        legacy: reproduces the published definition.
        mean_of_resamples: the value told is the resamples' mean, as was published.
        patients: that the samples which count are of; None if all are.
    """

    metric: str
    n: int
    note: str = ""
    legacy: bool = False
    mean_of_resamples: bool = False
    patients: int | None = None


@dataclass(frozen=True)
class MeasurePanel:
    """A statistic that gives one row for each measure."""

    measures: tuple[Measure, ...]
    statistic: Statistic


def count_at(rows: Ints, columns: Ints, shape: tuple[int, int]) -> csr_array:
    """Count pairs of row and patient, as a sparse matrix [rows, P]."""
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)


def divide(above: Floats, below: Floats, otherwise: float = np.nan) -> Floats:
    """Divide, and give `otherwise` where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    blank = np.full(shape, otherwise)
    quotient: Floats = np.divide(above, below, out=blank, where=np.asarray(below) != 0)
    return quotient


def means(measures: Sequence[Measure], values: Floats, clusters: Clusters) -> MeasurePanel:
    """Build a panel of means of values [N, F] over samples; NaN is left out of its own mean."""
    known = np.isfinite(values)
    sums = np.stack([clusters.sums(column) for column in np.where(known, values, 0.0).T])
    sizes = np.stack([clusters.sums(column) for column in known.T.astype(float)])

    def statistic(counts: Floats) -> Floats:
        return divide(sums @ counts, sizes @ counts)

    patients = (sizes > 0).sum(axis=1)
    pairs = zip(measures, patients.tolist(), strict=True)
    return MeasurePanel(tuple(replace(one, patients=count) for one, count in pairs), statistic)


class Confusion:
    """How often a class was taken for another, per patient.

    Args:
        truth: class of each sample [N].
        said: class that was given [N].
        classes: K.
        clusters: of the samples.
    """

    def __init__(self, truth: Ints, said: Ints, classes: int, clusters: Clusters) -> None:
        self.classes = classes
        self._table = count_at(truth * classes + said, clusters.of, (classes**2, clusters.count))
        self._present = np.unique(truth)

    def statistic(self, counts: Floats) -> Floats:
        """Compute balanced accuracy, accuracy, macro F1 and quadratic kappa [4, R].

        The first and the third are means over the classes that the data hold; NaN in a resample
        that lacks one of them.
        """
        table = (self._table @ counts).reshape(self.classes, self.classes, -1)  # [truth, said, R]
        right = np.einsum("kkr->kr", table)
        asked, given = table.sum(axis=1), table.sum(axis=0)
        f1 = divide(2 * right, asked + given)
        there = asked[self._present] > 0
        return np.stack([
            divide(right, asked)[self._present].mean(axis=0),
            divide(right.sum(axis=0), asked.sum(axis=0)),
            np.where(there, f1[self._present], np.nan).mean(axis=0),
            self._kappa(table, asked, given),
        ])  # fmt: skip

    def published_f1(self, counts: Floats) -> Floats:
        """Macro F1 over classes that are true or said in the resample, as published [1, R]."""
        table = (self._table @ counts).reshape(self.classes, self.classes, -1)
        right = np.einsum("kkr->kr", table)
        either = table.sum(axis=0) + table.sum(axis=1)
        total = divide(2 * right, either, 0.0).sum(axis=0)
        return divide(total, (either > 0).sum(axis=0))[None]

    def linear_kappa(self, counts: Floats) -> Floats:
        """Cohen's kappa with linear weights of the distance in classes [1, R]."""
        table = (self._table @ counts).reshape(self.classes, self.classes, -1)
        return self._kappa(table, table.sum(axis=1), table.sum(axis=0), power=1.0)[None]

    def _kappa(self, table: Floats, asked: Floats, given: Floats, power: float = 2.0) -> Floats:
        """Cohen's kappa with weights of the distance in classes, to a power [R]."""
        place = np.arange(self.classes)
        weight = np.abs(place[:, None] - place[None]) ** power
        seen = np.einsum("ij,ijr->r", weight, table)
        chance = np.einsum("ij,ir,jr->r", weight, asked, given, optimize=True)
        return 1 - divide(seen * asked.sum(axis=0), chance)
