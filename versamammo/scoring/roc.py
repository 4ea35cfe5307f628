"""Areas under the ROC curve, and draws of patients for their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

PERCENTILES = (2.5, 97.5)  # of resampled figures, for a 95 % interval


def auroc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the chance that a true case scores higher than a false one; ties count half."""
    ranks = rankdata(scores)
    positives = int(truth.sum())
    above = ranks[truth].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(truth) - positives)))


def patient_draws(
    patients: Sequence[str], resamples: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which patient each row is of [N], and how often each is drawn [R, P]."""
    names, whose = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), shares, size=resamples)
    return whose.astype(np.int64), drawn.astype(np.int64)


def drawn_aurocs(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the area [R] with every row counted as often as `weights` [R, N] says.

    It is NaN where the rows drawn are all true or all false.
    """
    order = np.argsort(scores, kind="stable")
    _, starts = np.unique(scores[order], return_index=True)
    counted = weights[:, order].astype(np.float64)
    cases = np.add.reduceat(counted * truth[order], starts, axis=1)
    controls = np.add.reduceat(counted * ~truth[order], starts, axis=1)
    below = np.cumsum(controls, axis=1) - controls / 2
    pairs = cases.sum(axis=1) * controls.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: NDArray[np.float64] = (cases * below).sum(axis=1) / pairs
    return areas
