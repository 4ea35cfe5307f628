"""Everything that only depends on how positives and negatives are ranked by a score.

AUROC, average precision, sensitivity at a specificity, COCO's AP and FROC all follow from two
running sums at the places where a positive stands: positives so far and negatives so far. Runs of
negatives between such places are one row of a sparse matrix, so that all resamples are one product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import Floats, Ints
from benchmark.metrics.counting import count_at, divide


class Ranking:
    """Positives and negatives by falling score; equal scores make one step.

    Args:
        scores: [N].
        positive: whether each is one [N].
        clusters: patient of each [N].
        count: how many patients there are.
    """

    def __init__(
        self, scores: Floats, positive: NDArray[np.bool_], clusters: Ints, count: int
    ) -> None:
        order = np.argsort(-scores, kind="stable")
        scores, positive, clusters = scores[order], positive[order], clusters[order]
        run = np.cumsum(np.diff(scores, prepend=scores[:1]) != 0)
        steps, first = np.unique(run[positive], return_index=True)
        place = np.searchsorted(steps, run)  # steps with a positive before this run
        tied = np.isin(run, steps)
        self.thresholds: Floats = scores[positive][first]
        self._positives = count_at(place[positive], clusters[positive], (len(steps), count))
        # even rows are negatives between steps, odd ones those tied with a step's positives
        rows = 2 * place[~positive] + tied[~positive]
        self._negatives = count_at(rows, clusters[~positive], (2 * len(steps) + 1, count))

    def at(self, counts: Floats) -> Steps:
        """Count what lies at or above each step, of resamples with counts [P, R]."""
        hits = self._positives @ counts  # [S, R]
        misses = np.cumsum(self._negatives @ counts, axis=0)  # [2 S + 1, R]
        return Steps(hits, np.cumsum(hits, axis=0), misses)


class Steps:
    """Running sums at the S steps that hold a positive, for R resamples.

    Attributes:
        gained: positives of each step [S, R].
        positives: at or above it.
        above: negatives strictly above it.
        negatives: negatives at or above it.
        all_negatives: [R].
    """

    def __init__(self, gained: Floats, positives: Floats, misses: Floats) -> None:
        self.gained = gained
        self.positives = positives
        self.above: Floats = misses[0:-1:2]
        self.negatives: Floats = misses[1::2]
        self.all_negatives: Floats = misses[-1]

    @property
    def all_positives(self) -> Floats:
        """Positives in all [R]."""
        if not len(self.positives):
            return np.zeros(self.positives.shape[1])
        last: Floats = self.positives[-1]
        return last

    def auroc(self) -> Floats:
        """Share of pairs ranked rightly, ties as one half [R]; NaN without both classes."""
        wrong = np.einsum("sr,sr->r", self.gained, self.above + self.negatives) / 2
        return 1 - divide(wrong, self.all_positives * self.all_negatives)

    def average_precision(self) -> Floats:
        """Precision weighted by the recall each step adds [R]; NaN without positives."""
        precision = divide(self.positives, self.positives + self.negatives, 0.0)
        return divide(np.einsum("sr,sr->r", self.gained, precision), self.all_positives)

    def most_positives(self, negatives: Floats) -> Floats:
        """Return the positives [R] at the lowest threshold with at most so many negatives."""
        allowed = self.negatives <= negatives * (1 + 1e-12)
        most: Floats = np.where(allowed, self.positives, 0.0).max(axis=0, initial=0.0)
        return most

    def sensitivity_at(self, specificity: float) -> Floats:
        """Highest sensitivity of thresholds with at least this specificity [R]."""
        hits = self.most_positives((1 - specificity) * self.all_negatives)
        return divide(np.where(self.all_negatives > 0, hits, np.nan), self.all_positives)

    def specificity_at(self, sensitivity: float) -> Floats:
        """Highest specificity of thresholds with at least this sensitivity [R]."""
        enough = self.positives >= sensitivity * self.all_positives * (1 - 1e-12)
        fewest = np.where(enough, self.negatives, np.inf).min(axis=0, initial=np.inf)
        known = (self.all_positives > 0) & np.isfinite(fewest)
        return 1 - divide(np.where(known, fewest, np.nan), self.all_negatives)
