"""What is drawn is the curve whose area is told."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from benchmark.report.curves import plots, roc
from benchmark.report.svg import Axis, Line, critical_difference, plot
from tests.benchmark.metrics.made_up import BINARY, class_samples


@pytest.mark.parametrize("digits", [1, 6])
def test_the_roc_is_scikit_learns(digits):
    rng = np.random.default_rng(digits)
    truth = rng.random(300) < 0.2
    said = np.round(rng.random(300) * 0.7 + 0.3 * truth, digits)
    false, true = roc(said, truth)
    assert auc(false, true) == pytest.approx(roc_auc_score(truth, said))
    expected_false, expected_true, _ = roc_curve(truth, said)
    assert np.interp(0.37, false, true) == pytest.approx(
        np.interp(0.37, expected_false, expected_true)
    )


def test_a_model_without_records_is_left_out_of_the_plot():
    drawn = "".join(plots(BINARY, {"there": class_samples(), "none": []}, {}))
    assert "there" in drawn
    assert "none</span>" not in drawn


def test_a_point_is_placed_by_its_axes():
    axis = Axis("x", 0.1, 10, (1,), logarithmic=True)
    assert axis.place(np.array([0.1, 1.0, 10.0, 0.0])).tolist() == pytest.approx([0, 0.5, 1, 0])
    drawn = plot("t", axis, Axis("y", 0, 1, (0,)), [Line("a & b", np.array([1.0]), np.array([0]))])
    assert "M187.0,262.0" in drawn  # half of the way from 44 to 330, and the foot
    assert "a &amp; b" in drawn


def test_encoders_that_cannot_be_told_apart_are_joined():
    from benchmark.metrics.ranks import rank

    rng = np.random.default_rng(0)
    values = rng.random((40, 4)) + np.array([0.0, 0.0, 3.0, 3.0])
    drawn = critical_difference(rank(("a", "b", "c", "d"), values, [False] * 40))
    assert drawn.count('class="run"') == 3  # the scale's own, and two pairs
