"""Areas under the ROC curve equal scikit-learn's, as they are and of patients drawn again."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from versamammo.scoring.roc import auroc, drawn_aurocs, patient_draws


def test_areas_equal_scikit_learns_with_and_without_draws() -> None:
    random = np.random.default_rng(0)
    truth = random.random(90) < 0.4
    scores = np.round(0.4 * truth + random.random(90), 1)  # some are equal
    assert auroc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
    whose, drawn = patient_draws([f"p{i // 3}" for i in range(90)], 20, seed=0)
    weights = drawn[:, whose]
    expected = [roc_auc_score(truth, scores, sample_weight=one) for one in weights]
    np.testing.assert_allclose(drawn_aurocs(scores, truth, weights), expected)


def test_every_draw_is_of_as_many_patients_as_there_are() -> None:
    whose, drawn = patient_draws(["b", "a", "b"], 50, seed=0)
    assert whose.tolist() == [1, 0, 1]
    assert drawn.shape == (50, 2)
    assert set(drawn.sum(axis=1)) == {2}


def test_a_draw_without_cases_has_no_area() -> None:
    areas = drawn_aurocs(np.array([1.0, 0.0]), np.array([True, False]), np.array([[0, 2], [1, 1]]))
    assert np.isnan(areas[0])
    assert areas[1] == 1
