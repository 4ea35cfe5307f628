"""Figures of classification against scikit-learn, ECE against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from benchmark.metrics import score
from benchmark.metrics.calibration import fit_temperature, reliability, scaled
from benchmark.metrics.classification import class_arrays
from benchmark.samples import ClassSample
from tests.benchmark.metrics.made_up import (
    BINARY,
    DENSITY,
    FINDINGS,
    class_samples,
    label_samples,
    values_of,
)


def best_sensitivity(truth, said, specificity=0.9):
    false, hit, _ = oracle.roc_curve(truth, said, drop_intermediate=False)
    return hit[false <= 1 - specificity + 1e-12].max()


def best_specificity(truth, said, sensitivity=0.9):
    false, hit, _ = oracle.roc_curve(truth, said, drop_intermediate=False)
    return 1 - false[hit >= sensitivity - 1e-12].min()


def error_by_bins(said, true, bins=15):
    """Expected calibration error, bin after bin."""
    total = 0.0
    for number in range(bins):
        last = number == bins - 1
        inside = (said * bins >= number) & ((said * bins < number + 1) | last)
        if inside.any():
            total += inside.mean() * abs(said[inside].mean() - true[inside].mean())
    return total


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 2, 9])
def test_binary_figures_equal_scikit_learns(seed, digits):
    samples = class_samples(seed=seed, digits=digits, shares=(0.8, 0.2))
    truth, scores = class_arrays(samples)
    said = scores[:, 1]
    found = values_of(score(BINARY, samples, resamples=10))
    assert found["auroc"] == pytest.approx(oracle.roc_auc_score(truth, said))
    assert found["auprc"] == pytest.approx(oracle.average_precision_score(truth, said))
    assert found["sensitivity_at_90_specificity"] == pytest.approx(best_sensitivity(truth, said))
    assert found["specificity_at_90_sensitivity"] == pytest.approx(best_specificity(truth, said))
    assert found["brier"] == pytest.approx(oracle.brier_score_loss(truth, said))
    assert found["accuracy"] == pytest.approx(
        oracle.accuracy_score(truth, scores.argmax(axis=1))
    )  # fmt: skip
    assert found["ece"] == pytest.approx(error_by_bins(said, truth == 1))


def test_pf1_is_f1_of_certain_answers_and_follows_the_challenges_formula():
    samples = class_samples(seed=1)
    truth, scores = class_arrays(samples)
    said = scores[:, 1]
    hits = sum(p for p, t in zip(said, truth, strict=True) if t)
    precision, recall = hits / sum(said), hits / sum(truth)
    expected = 2 * precision * recall / (precision + recall)
    assert values_of(score(BINARY, samples, resamples=0))["pf1"] == pytest.approx(expected)
    certain = class_samples(seed=1, digits=0)
    truth, scores = class_arrays(certain)
    f1 = oracle.f1_score(truth, scores[:, 1])
    assert values_of(score(BINARY, certain, resamples=0))["pf1"] == pytest.approx(f1)


@pytest.mark.parametrize("seed", range(5))
def test_figures_of_several_classes_equal_scikit_learns(seed):
    samples = class_samples(classes=4, seed=seed, shares=(0.1, 0.5, 0.3, 0.1))
    truth, scores = class_arrays(samples)
    said = scores.argmax(axis=1)
    found = values_of(score(DENSITY, samples, resamples=10))
    macro = oracle.roc_auc_score(truth, scores, multi_class="ovr", average="macro")
    assert found["macro_auroc"] == pytest.approx(macro)
    assert found["balanced_accuracy"] == pytest.approx(oracle.balanced_accuracy_score(truth, said))
    assert found["macro_f1"] == pytest.approx(oracle.f1_score(truth, said, average="macro"))
    kappa = oracle.cohen_kappa_score(truth, said, weights="quadratic")
    assert found["quadratic_kappa"] == pytest.approx(kappa)
    brier = ((scores - np.eye(4)[truth]) ** 2).sum(axis=1).mean()
    assert found["brier"] == pytest.approx(brier)
    assert found["ece"] == pytest.approx(error_by_bins(scores.max(axis=1), said == truth))


def test_a_class_without_example_is_left_out_and_named():
    samples = class_samples(classes=4, shares=(0.5, 0.3, 0.2, 0.0))
    truth, scores = class_arrays(samples)
    figures = {figure.metric: figure for figure in score(DENSITY, samples, resamples=10)}
    each = [oracle.roc_auc_score(truth == k, scores[:, k]) for k in range(3)]
    assert figures["macro_auroc"].value == pytest.approx(np.mean(each))
    assert "without D" in figures["macro_auroc"].note
    said = scores.argmax(axis=1)
    over_true = oracle.f1_score(truth, said, labels=[0, 1, 2], average="macro")
    over_either = oracle.f1_score(truth, said, average="macro")
    assert figures["macro_f1"].value == pytest.approx(over_true)
    assert figures["legacy_macro_f1"].value == pytest.approx(over_either)


def test_one_class_only_gives_no_figure_instead_of_a_crash_or_a_number():
    samples = class_samples(shares=(1.0, 0.0))
    figures = {figure.metric: figure for figure in score(BINARY, samples, resamples=50)}
    assert np.isnan(figures["auroc"].value)
    assert np.isnan(figures["auroc"].low)
    assert "one class only" in figures["auroc"].note
    assert 0 <= figures["accuracy"].value <= 1


@pytest.mark.parametrize("seed", range(4))
def test_labels_that_are_unknown_count_nowhere(seed):
    samples = label_samples(seed=seed)
    truth = np.array([sample.truth for sample in samples])
    scores = np.array([sample.scores for sample in samples])
    found = values_of(score(FINDINGS, samples, resamples=10))
    area, precision = [], []
    for k in range(3):
        known = ~np.isnan(truth[:, k])
        area.append(oracle.roc_auc_score(truth[known, k], scores[known, k]))
        precision.append(oracle.average_precision_score(truth[known, k], scores[known, k]))
    assert found["macro_auroc"] == pytest.approx(np.mean(area))
    assert found["macro_ap"] == pytest.approx(np.mean(precision))
    whole = ~np.isnan(truth).any(axis=1)
    exact = oracle.accuracy_score(truth[whole].astype(int), (scores[whole] >= 0.5).astype(int))
    assert found["exact_match"] == found["legacy_exact_match"] == pytest.approx(exact)


def test_a_temperature_mends_validation_samples_that_are_too_sure_and_keeps_their_order():
    samples = class_samples(n=3000, classes=4, seed=2)
    sure = scaled(samples, 0.3)
    temperature = fit_temperature(sure)
    truth, scores = class_arrays(samples)

    def surprise(t):
        return oracle.log_loss(truth, class_arrays(scaled(sure, t))[1])

    around = [surprise(temperature * step) for step in (0.98, 1.0, 1.02)]
    assert around[1] == min(around)
    figures = values_of(score(DENSITY, sure, resamples=0, validation=sure))
    assert figures["ece_scaled"] < 0.3 * figures["ece"]
    mended = class_arrays(scaled(sure, temperature))[1]
    assert (mended.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_the_reliability_curve_is_the_bins_mean_and_share():
    samples = [
        ClassSample(str(k), str(k), truth=int(k % 4 == 0), scores=(0.75, 0.25)) for k in range(40)
    ] + [ClassSample(f"s{k}", str(k), truth=1, scores=(0.1, 0.9)) for k in range(10)]
    curve = reliability(*class_arrays(samples))
    assert curve.said.tolist() == pytest.approx([0.25, 0.9])
    assert curve.seen.tolist() == [0.25, 1.0]
    assert curve.n.tolist() == [40, 10]
