"""Several encoders over several tasks: mean ranks, and which of them cannot be told apart.

Friedman's test asks whether the encoders differ at all; Nemenyi's critical difference says how far
two mean ranks have to be apart (Demsar 2006, JMLR 7). Intervals of mean ranks draw tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from benchmark.metrics.bootstrap import Floats
from versamammo.errors import InputError


@dataclass(frozen=True)
class MeanRank:
    """One encoder's mean rank over tasks, 1 being best."""

    name: str
    rank: float
    low: float
    high: float
    first_places: int


@dataclass(frozen=True)
class Ranks:
    """All encoders' mean ranks, best first.

    Attributes:
        encoders: their ranks.
        tasks: how many tasks all of them finished.
        friedman: p-value of no difference at all; NaN below three encoders or two tasks.
        critical: Nemenyi's difference at 5 %; NaN where Friedman's is.
    """

    encoders: tuple[MeanRank, ...]
    tasks: int
    friedman: float
    critical: float

    @property
    def alike(self) -> list[tuple[int, int]]:
        """Largest runs of encoders (first, last) closer together than the critical difference."""
        ranks = [one.rank for one in self.encoders]
        runs: list[tuple[int, int]] = []
        for start in range(len(ranks)):
            near = [end for end in range(len(ranks)) if ranks[end] - ranks[start] < self.critical]
            end = max(near, default=start)
            if end > start and not any(a <= start and end <= b for a, b in runs):
                runs.append((start, end))
        return runs


def rank(
    names: Sequence[str],
    values: Floats,
    lower_is_better: Sequence[bool],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Ranks:
    """Rank encoders in each task and average.

    Args:
        names: of the encoders [M].
        values: primary figures [T, M]; a task without one for every encoder ranks nobody.
        lower_is_better: for each task.
        resamples: of tasks.
        seed: of these.

    Raises:
        InputError: no task has a figure of every encoder.
    """
    turned = np.where(np.asarray(lower_is_better)[:, None], values, -values)
    turned = turned[np.isfinite(turned).all(axis=1)]
    if not len(turned):
        message = "no task has a figure of every encoder, so that none can be ranked"
        raise InputError(message, field="encoder", reason="nothing-to-rank")
    ranks = rankdata(turned, axis=1)  # [T, M], ties share the mean
    rng = np.random.default_rng(seed)
    drawn = ranks[rng.integers(len(ranks), size=(resamples, len(ranks)))].mean(axis=1)
    ends = np.percentile(drawn, [2.5, 97.5], axis=0) if len(ranks) > 1 else np.full((2, 1), np.nan)
    low, high = np.broadcast_to(ends, (2, len(names)))
    mean, firsts = ranks.mean(axis=0), (ranks == ranks.min(axis=1, keepdims=True)).sum(axis=0)
    found = [
        MeanRank(name, float(mean[m]), float(low[m]), float(high[m]), int(firsts[m]))
        for m, name in enumerate(names)
    ]
    enough = len(names) > 2 and len(ranks) > 1
    return Ranks(
        tuple(sorted(found, key=lambda one: one.rank)),
        len(ranks),
        float(friedmanchisquare(*ranks.T).pvalue) if enough else float("nan"),
        critical_difference(len(names), len(ranks)) if enough else float("nan"),
    )


def critical_difference(encoders: int, tasks: int, level: float = 0.05) -> float:
    """Return Nemenyi's critical difference of mean ranks."""
    quantile = studentized_range.ppf(1 - level, encoders, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(encoders * (encoders + 1) / (6 * tasks)))
