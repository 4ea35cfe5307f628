"""Retrieval figures against scikit-learn and plain counting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmark.metrics import score
from tests.benchmark.metrics.made_up import SEARCH, neighbours_samples


@pytest.mark.parametrize("seed", range(3))
def test_figures_equal_scikit_learns_and_counts(seed):
    samples, relevant = neighbours_samples(seed=seed)
    figures = {figure.metric: figure for figure in score(SEARCH, samples, resamples=20)}
    answerable = relevant[relevant.any(axis=1)]
    closeness = np.linspace(1, 0, relevant.shape[1])
    expected = np.mean([average_precision_score(row, closeness) for row in answerable])
    assert figures["map"].value == pytest.approx(expected)
    for k in (1, 3, 5, 10):
        precision = np.mean([list(row[:k]).count(True) / k for row in answerable])
        recall = np.mean([list(row[:k]).count(True) / list(row).count(True) for row in answerable])
        assert figures[f"precision_at_{k}"].value == pytest.approx(precision)
        assert figures[f"recall_at_{k}"].value == pytest.approx(recall)
    assert figures["map"].n == len(answerable) < len(samples)
    assert "left out" in figures["map"].note


def test_the_published_figure_counts_any_hit_and_tells_the_resamples_mean():
    samples, relevant = neighbours_samples(seed=4)
    figures = {figure.metric: figure for figure in score(SEARCH, samples, resamples=2000)}
    for k in (1, 2, 3):
        plain = relevant[:, :k].any(axis=1).mean()
        assert figures[f"legacy_acc_at_{k}"].value == pytest.approx(plain, abs=0.01)
        assert figures[f"legacy_acc_at_{k}"].value != plain
        assert figures[f"legacy_acc_at_{k}"].legacy
    assert figures["legacy_acc_at_3"].n == len(samples)
