"""What is drawn is the curve whose area is told."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from benchmark.report.charts import Axis, Line, critical_difference, plot
from benchmark.report.curves import net_benefit, plots, roc
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


def test_net_benefit_weighs_false_alarms_by_the_odds_of_the_threshold():
    rng = np.random.default_rng(3)
    truth = (rng.random(200) < 0.3).astype(float)
    said = np.clip(0.3 * truth + rng.random(200) * 0.6, 0, 1)
    for t in (0.1, 0.5, 0.8):
        hits = sum(p >= t and y == 1 for p, y in zip(said, truth, strict=True))
        false = sum(p >= t and y == 0 for p, y in zip(said, truth, strict=True))
        expected = (hits - false * t / (1 - t)) / 200
        (found,) = net_benefit(said, truth, np.array([t]))
        assert found == pytest.approx(expected)
    # a threshold at the prevalence: acting on everybody is worth nothing
    (everybody,) = net_benefit(np.ones(200), truth, np.array([truth.mean()]))
    assert everybody == pytest.approx(0)


def test_two_classes_have_a_plot_of_decisions_beside_everybody():
    *_, drawn = plots(BINARY, {"one": class_samples()}, {})
    assert "Decisions: net benefit" in drawn
    assert "everybody" in drawn


def test_a_model_without_records_is_left_out_of_the_plot():
    drawn = "".join(plots(BINARY, {"there": class_samples(), "none": []}, {}))
    assert "there" in drawn
    assert "none</span>" not in drawn


def drawn_points(drawn: str) -> list[tuple[float, float]]:
    """Return the corners of the only curve, in the drawing's units."""
    (path,) = re.findall(r'<g class="curve">\s*<path d="([^"]*)"', drawn)
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_point_is_placed_by_its_axes():
    x, y = Axis("x", 0.1, 10, (1,), logarithmic=True), Axis("y", 0, 1, (0,))
    line = Line("a", np.array([0.0, 1.0, 99.0]), np.array([0.0, 1.0, 0.25]))
    low, middle, high = drawn_points(plot("t", x, y, [line]))
    assert low[0] < middle[0] < high[0]
    assert middle[0] == pytest.approx((low[0] + high[0]) / 2)
    assert high[1] == pytest.approx(low[1] + 0.25 * (middle[1] - low[1]))


def test_steps_go_level_and_then_up():
    x, y = Axis("x", 0, 1, (0,)), Axis("y", 0, 1, (0,))
    line = Line("a", np.array([0.0, 0.5, 1.0]), np.array([0.2, 0.6, 1.0]), steps=True)
    points = drawn_points(plot("t", x, y, [line]))
    assert len(points) == 5
    assert points[0][1] == points[1][1] > points[2][1] == points[3][1] > points[4][1]


def test_axes_ticks_and_curves_can_be_read_as_text_and_counted():
    x, y = Axis("false rate", 0, 1, (0, 0.5)), Axis("true rate", 0, 1, (0.25,))
    curves = [Line("a & b", np.array([0, 1.0]), np.array([0, 1.0])) for _ in range(3)]
    drawn = plot("R & C", x, y, curves, diagonal=True)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert texts == ["0", "0.5", "false rate", "0.25", "true rate"]
    assert drawn.count('<g class="curve">') == 3
    assert drawn.count("<span>") == 3
    assert "a &amp; b" in drawn
    assert 'aria-label="R &amp; C"' in drawn
    assert plot("R & C", x, y, curves, diagonal=True) == drawn


def test_encoders_that_cannot_be_told_apart_are_joined():
    from benchmark.metrics.ranks import rank

    rng = np.random.default_rng(0)
    values = rng.random((40, 4)) + np.array([0.0, 0.0, 3.0, 3.0])
    drawn = critical_difference(rank(("a", "b", "c", "d"), values, [False] * 40))
    assert drawn.count('class="run"') == 3  # the scale's own, and two pairs
