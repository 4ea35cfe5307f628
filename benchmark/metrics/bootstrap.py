"""Patients drawn with replacement, and every figure's interval from them.

A figure is a function of how often each patient was drawn: counts [P, R], one column for each
resample. Its value is that same function of all ones, so a figure and its interval cannot differ
in definition. Most figures only need sums over patients or over runs of equal scores, which are
sparse matrices times the counts; nothing is computed resample by resample.

Patients are drawn within strata, so that a rare class is as frequent in every resample as in the
data. A figure that cannot be had in a resample, because a class was not drawn all the same, is
NaN there; it is left out of the interval and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Statistic = Callable[[Floats], Floats]  # counts [P, R] -> figures [F, R]
CHUNK = 100  # resamples held at once: memory stays below 100 x patients
LEAST_SHARE = 0.5  # of the resamples that a figure must exist in to be given an interval


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which patient each sample is of, and which patients are drawn from among each other.

    Attributes:
        of: patient of each sample [N].
        strata: stratum of each patient [P].
    """

    of: Ints
    strata: Ints

    @property
    def count(self) -> int:
        """How many patients there are."""
        return len(self.strata)

    def sums(self, values: Floats) -> Floats:
        """Add up values [N] per patient [P]."""
        return np.bincount(self.of, weights=values, minlength=self.count).astype(float)


def cluster(
    patients: Sequence[str], classes: Sequence[Sequence[Hashable]] | None = None
) -> Clusters:
    """Number the patients and put each into the stratum of its rarest class.

    Args:
        patients: one for each sample.
        classes: what each sample holds; nothing is stratified if None. A stratum of one patient
            would never vary, so that such a patient joins the largest.
    """
    number = {patient: row for row, patient in enumerate(dict.fromkeys(patients))}
    of = np.array([number[patient] for patient in patients], dtype=np.int64)
    if classes is None:
        return Clusters(of, np.zeros(len(number), dtype=np.int64))
    held: list[set[Hashable]] = [set() for _ in number]
    for row, some in zip(of, classes, strict=True):
        held[row].update(some)
    holders = Counter(one for some in held for one in some)
    order = {one: place for place, one in enumerate(sorted(holders, key=lambda c: holders[c]))}
    rarest = [min((order[one] for one in some), default=len(order)) for some in held]
    sizes = Counter(rarest)
    largest = max(sizes, key=lambda stratum: sizes[stratum])
    strata = [stratum if sizes[stratum] > 1 else largest for stratum in rarest]
    return Clusters(of, np.unique(strata, return_inverse=True)[1].astype(np.int64))


def draw(strata: Ints, resamples: int, seed: int) -> Iterator[Floats]:
    """Return how often each patient is drawn, in chunks [P, R]; a stratum keeps its size."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    for start in range(0, resamples, CHUNK):
        columns = min(CHUNK, resamples - start)
        counts = np.empty((len(strata), columns))
        for rows in members:
            counts[rows] = _drawn(rng, len(rows), columns)
        yield counts


def _drawn(rng: np.random.Generator, size: int, columns: int) -> Floats:
    """Draw `size` of `size` with replacement, `columns` times; counts [size, columns]."""
    picked = rng.integers(size, size=(columns, size))
    drawn = np.empty((columns, size))
    for row, some in zip(drawn, picked, strict=True):
        row[:] = np.bincount(some, minlength=size)
    return drawn.T


def evaluate(
    statistics: Sequence[Statistic], clusters: Clusters, *, resamples: int, seed: int
) -> tuple[list[Floats], list[Floats]]:
    """Compute figures of the data [F] and of each resample [F, R], for each statistic.

    All statistics see the same resamples, so figures of two models on the same patients are
    paired.
    """
    ones = np.ones((clusters.count, 1))
    values = [statistic(ones)[:, 0] for statistic in statistics]
    spread: list[list[Floats]] = [[] for _ in statistics]
    if clusters.count > 1:
        for counts in draw(clusters.strata, resamples, seed):
            for found, statistic in zip(spread, statistics, strict=True):
                found.append(statistic(counts))
    empty = [np.empty((len(value), 0)) for value in values]
    return values, [
        np.concatenate(found, axis=1) if found else none
        for found, none in zip(spread, empty, strict=True)
    ]


@dataclass(frozen=True)
class Interval:
    """Percentile interval of a figure, and how many resamples had no such figure.

    Attributes:
        low: NaN, as `high`, where one patient or too few resamples allow none.
        missing: resamples left out.
        resamples: drawn.
    """

    low: float
    high: float
    missing: int
    resamples: int

    @property
    def note(self) -> str:
        """What a reader has to know about it; nothing if all is well."""
        if not self.resamples:
            return "no interval: one patient"
        if not self.missing:
            return ""
        left_out = f"{self.missing} of {self.resamples} resamples lack a class and are left out"
        return left_out if np.isfinite(self.low) else f"no interval: {left_out}"


def interval(spread: Floats) -> Interval:
    """Return the 2.5 and 97.5 percentiles of a figure's resamples [R]."""
    there = spread[np.isfinite(spread)]
    missing = len(spread) - len(there)
    if not len(spread) or len(there) < LEAST_SHARE * len(spread):
        return Interval(float("nan"), float("nan"), missing, len(spread))
    low, high = np.percentile(there, [2.5, 97.5])
    return Interval(float(low), float(high), missing, len(spread))


def two_sided(difference: Floats, patients: int) -> float:
    """Return the p-value of no difference from its resamples [R]; NaN if none exists.

    The interval that just touches zero has this level (twice the smaller tail, the observed data
    counted as one resample), so p < 0.05 and an interval without zero say the same. It is never
    below 2 ** (1 - patients), the least that so many patients who all agree can show.
    """
    there = difference[np.isfinite(difference)]
    if len(there) < max(1, LEAST_SHARE * len(difference)):
        return float("nan")
    tail = min(int((there <= 0).sum()), int((there >= 0).sum()))
    return float(min(1.0, max(2 * (1 + tail) / (1 + len(there)), 2.0 ** (1 - patients))))
