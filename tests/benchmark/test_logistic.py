from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from benchmark.logistic import fit_path

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "width"), [(200, 12), (30, 64)])
def test_one_of_several_classes_equals_scikit_learn(n: int, width: int) -> None:
    x = RANDOM.normal(2, 3, (n, width))
    y = (x[:, :3] @ RANDOM.normal(size=(3, 4)) + RANDOM.normal(size=(n, 4))).argmax(1)
    scaled = (x - x.mean(0)) / x.std(0)
    fitted = list(fit_path("softmax", torch.tensor(x), torch.tensor(y), 4, (1.0, 0.01)))
    assert len(fitted) == 2
    for ours in fitted:
        theirs = LogisticRegression(C=1 / (ours.strength * n), max_iter=9999, tol=1e-10)
        wanted = theirs.fit(scaled, y).predict_proba(scaled)
        np.testing.assert_allclose(ours.probabilities(torch.tensor(x)), wanted, atol=1e-4)


def test_each_label_equals_scikit_learn_on_what_is_known_of_it() -> None:
    x = RANDOM.normal(size=(150, 5))
    y = (x[:, :2] + RANDOM.normal(size=(150, 2)) > 0).astype(float)
    y[:40, 0] = np.nan
    # the mean is over all that is known, so a label's own strength is larger by its share
    known = (~np.isnan(y)).sum(0)
    (ours,) = fit_path("sigmoid", torch.tensor(x), torch.tensor(y), 2, (0.05,))
    found = ours.probabilities(torch.tensor(x)).numpy()
    scaled = (x - x.mean(0)) / x.std(0)
    for k in range(2):
        rows = ~np.isnan(y[:, k])
        theirs = LogisticRegression(C=1 / (0.05 * known.sum()), max_iter=9999, tol=1e-10)
        wanted = theirs.fit(scaled[rows], y[rows, k]).predict_proba(scaled)[:, 1]
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-4)


def test_ordered_classes_equal_the_proportional_odds_that_scipy_finds() -> None:
    x = RANDOM.normal(size=(120, 3))
    y = np.digitize(x[:, 0] - x[:, 1] + RANDOM.logistic(size=120), [-1.0, 0.5])
    scaled, strength = (x - x.mean(0)) / x.std(0), 0.02

    def chances(free: np.ndarray) -> np.ndarray:
        cuts = np.array([free[3], free[3] + np.exp(free[4])])
        above = 1 / (1 + np.exp(-(scaled @ free[:3])[:, None] + cuts))
        return -np.diff(np.pad(above, ((0, 0), (1, 1)), constant_values=(1, 0)), axis=1)

    def loss(free: np.ndarray) -> float:
        own = chances(free)[np.arange(120), y]
        return float(-np.log(own).mean() + strength / 2 * (free[:3] ** 2).sum())

    (ours,) = fit_path("ordered", torch.tensor(x), torch.tensor(y), 3, (strength,))
    theirs = minimize(loss, np.zeros(5), tol=1e-12)
    found = ours.probabilities(torch.tensor(x)).numpy()
    np.testing.assert_allclose(found, chances(theirs.x), atol=1e-4)
    np.testing.assert_allclose(found.sum(1), 1)


def test_a_column_that_never_changes_does_no_harm() -> None:
    x = torch.cat([torch.randn(50, 2, generator=torch.Generator().manual_seed(0)),
                   torch.ones(50, 1)], 1)  # fmt: skip
    fitted = list(fit_path("softmax", x, (x[:, 0] > 0).long(), 2))
    assert fitted
    for probe in fitted:
        assert probe.probabilities(x).isfinite().all()
