"""Whether probabilities mean what they say: ECE, Brier score, reliability, temperature.

Of a binary task the probability of the positive class is compared with how often it is true; of
several classes, the highest probability with how often that class is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from benchmark.metrics.bootstrap import Clusters, Floats, Ints, Statistic
from benchmark.metrics.counting import divide
from benchmark.samples import ClassSample
from versamammo.errors import InputError

BINS = 15  # of equal width over 0..1
LEAST = 1e-12  # probabilities below are raised to it before a logarithm is taken


@dataclass(frozen=True, eq=False)
class Reliability:
    """What a reliability curve shows, for each bin that holds a sample.

    Attributes:
        said: mean probability [b].
        seen: share that was true [b].
        n: samples [b].
    """

    said: Floats
    seen: Floats
    n: Ints


def confidence(truth: Ints, scores: Floats) -> tuple[Floats, Floats]:
    """Return the probability that is judged, and whether what it speaks of is true [N] each."""
    if scores.shape[1] == 2:
        return scores[:, 1], (truth == 1).astype(float)
    return scores.max(axis=1), (scores.argmax(axis=1) == truth).astype(float)


def reliability(truth: Ints, scores: Floats, bins: int = BINS) -> Reliability:
    """Compute the reliability curve of probabilities [N, K]."""
    said, true = confidence(truth, scores)
    place = _bin(said, bins)
    n = np.bincount(place, minlength=bins)
    held = n > 0
    sums = [np.bincount(place, weights=values, minlength=bins)[held] for values in (said, true)]
    return Reliability(sums[0] / n[held], sums[1] / n[held], n[held])


def calibration_error(
    truth: Ints, scores: Floats, clusters: Clusters, bins: int = BINS
) -> Statistic:
    """Expected calibration error [1, R]: mean gap of the bins, each by its share of samples."""
    said, true = confidence(truth, scores)
    gaps = csr_array((said - true, (_bin(said, bins), clusters.of)), shape=(bins, clusters.count))
    sizes = np.bincount(clusters.of, minlength=clusters.count).astype(float)

    def statistic(counts: Floats) -> Floats:
        return divide(np.abs(gaps @ counts).sum(axis=0), sizes @ counts)[None]

    return statistic


def brier(truth: Ints, scores: Floats) -> Floats:
    """Squared error of probabilities [N], over classes; of a binary task, of the positive."""
    true = np.eye(scores.shape[1])[truth]
    kept = slice(1, None) if scores.shape[1] == 2 else slice(None)
    squared: Floats = ((scores - true)[:, kept] ** 2).sum(axis=1)
    return squared


def fit_temperature(validation: Sequence[ClassSample]) -> float:
    """Find the temperature that makes validation samples most likely (Guo et al. 2017).

    Raises:
        InputError: there is no validation sample.
    """
    if not validation:
        message = "a temperature is fitted on validation samples, and there are none"
        raise InputError(message, field="validation", reason="no-samples")
    truth = np.array([sample.truth for sample in validation])
    logits = np.log(np.clip([sample.scores for sample in validation], LEAST, None))

    def surprise(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        likely = scaled[np.arange(len(truth)), truth] - np.log(np.exp(scaled).sum(axis=1))
        return -float(likely.mean())

    found = minimize_scalar(surprise, bounds=(np.log(0.01), np.log(100.0)), method="bounded")
    return float(np.exp(found.x))


def scaled(samples: Sequence[ClassSample], temperature: float) -> list[ClassSample]:
    """Divide the logits of every sample by a temperature."""
    logits = np.log(np.clip([sample.scores for sample in samples], LEAST, None)) / temperature
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return [
        replace(sample, scores=tuple(map(float, row)))
        for sample, row in zip(samples, odds, strict=True)
    ]


def _bin(said: Floats, bins: int) -> Ints:
    return np.clip((said * bins).astype(np.int64), 0, bins - 1)
