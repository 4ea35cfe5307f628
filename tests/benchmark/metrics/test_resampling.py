"""Intervals against the same figure computed row by row on the same resampled rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as oracle

from benchmark.metrics import score
from benchmark.metrics.bootstrap import cluster, draw, interval, two_sided
from benchmark.metrics.classification import class_arrays
from benchmark.metrics.task_figures import prepare
from benchmark.samples import ClassSample
from tests.benchmark.metrics.made_up import (
    BINARY,
    DENSITY,
    FINDINGS,
    LESIONS,
    SEARCH,
    boxes_samples,
    class_samples,
    label_samples,
    neighbours_samples,
    values_of,
)


def rows_of(samples, counts, clusters):
    """Write out which rows one resample holds."""
    return np.repeat(np.arange(len(samples)), counts[clusters.of].astype(int))


def test_the_interval_is_that_of_scikit_learns_figure_on_the_same_rows():
    samples = class_samples(seed=3, shares=(0.8, 0.2))
    truth, scores = class_arrays(samples)
    clusters = prepare(BINARY, samples).clusters
    drawn = []
    for chunk in draw(clusters.strata, 250, 7):
        for counts in chunk.T:
            rows = rows_of(samples, counts, clusters)
            drawn.append((
                oracle.roc_auc_score(truth[rows], scores[rows, 1]),
                oracle.average_precision_score(truth[rows], scores[rows, 1]),
                oracle.balanced_accuracy_score(truth[rows], scores[rows].argmax(axis=1)),
                oracle.brier_score_loss(truth[rows], scores[rows, 1]),
            ))  # fmt: skip
    expected = np.percentile(drawn, [2.5, 97.5], axis=0).T
    found = {figure.metric: figure for figure in score(BINARY, samples, seed=7, resamples=250)}
    for metric, ends in zip(
        ("auroc", "auprc", "balanced_accuracy", "brier"), expected, strict=True
    ):
        assert (found[metric].low, found[metric].high) == pytest.approx(tuple(ends))
    assert (found["auroc"].n, found["auroc"].clusters) == (200, clusters.count)


@pytest.mark.parametrize(
    ("task", "samples"),
    [
        (BINARY, class_samples(seed=1)),
        (DENSITY, class_samples(classes=4, seed=1)),
        (FINDINGS, label_samples(seed=1)),
        (LESIONS, boxes_samples(seed=1)),
        (SEARCH, neighbours_samples(seed=1)[0]),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_count_means_as_many_copies_in_every_figure(task, samples):
    """Any figure with counts equals the figure of the records written out that often."""
    prepared = prepare(task, samples)
    counts = next(draw(prepared.clusters.strata, 4, 5))
    for column in counts.T:
        copies = [
            replace(samples[row], id=f"{samples[row].id}.{copy}")
            for copy, row in enumerate(rows_of(samples, column, prepared.clusters))
        ]
        expected = values_of(score(task, copies, resamples=0))
        panels = prepare(task, samples).panels
        assert panels
        for panel in panels:
            found = panel.statistic(column[:, None])[:, 0]
            for measure, value in zip(panel.measures, found, strict=True):
                assert value == pytest.approx(expected[measure.metric], nan_ok=True), measure


def test_images_of_one_patient_do_not_narrow_the_interval():
    samples = class_samples(n=60, patients=10**9)
    copies = [
        ClassSample(f"{one.id}.{k}", one.patient, truth=one.truth, scores=one.scores)
        for one in samples
        for k in range(9)
    ]
    once, often = (score(BINARY, some, resamples=200)[0] for some in (samples, copies))
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    assert often.clusters == once.clusters


def test_rare_classes_are_as_frequent_in_every_resample():
    patients = [f"p{k}" for k in range(50)] + ["p0", "p1"]
    classes = [("none",)] * 50 + [("cancer",)] * 2
    clusters = cluster(patients, classes)
    ill = clusters.of[[0, 1]]
    drawn = np.concatenate(list(draw(clusters.strata, 300, 0)), axis=1)
    assert (drawn[ill].sum(axis=0) == 2).all()
    assert (drawn.sum(axis=0) == 50).all()
    assert drawn.std(axis=1).min() > 0


def test_a_class_of_one_patient_is_missing_from_some_resamples_which_are_counted():
    samples = [
        ClassSample(f"i{k}", f"p{k}", truth=int(k == 0), scores=(1 - k / 50, k / 50))
        for k in range(40)
    ]
    figure = next(f for f in score(BINARY, samples, resamples=400) if f.metric == "auroc")
    # with every patient but those of one stratum alike, 1 / e of the resamples lack the one
    assert "of 400 resamples lack a class" in figure.note
    assert 100 < int(figure.note.split("; ")[-1].split()[0]) < 190


def test_one_patient_has_a_value_and_no_interval():
    samples = class_samples(patients=1)
    figure = score(BINARY, samples, resamples=100)[0]
    assert np.isfinite(figure.value)
    assert np.isnan(figure.low)
    assert "one patient" in figure.note


def test_the_same_seed_gives_the_same_interval_and_another_another():
    samples = class_samples()
    first, again, other = (score(BINARY, samples, seed=seed)[0] for seed in (0, 0, 1))
    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Coverage over 150 made-up studies whose true accuracy is known."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(150):
        right = rng.random(120) < 0.8
        truth = rng.integers(2, size=120)
        said = np.where(right, truth, 1 - truth)
        samples = [
            ClassSample(str(k), f"p{k}", truth=int(truth[k]),
                        scores=(1.0 - said[k], float(said[k])))
            for k in range(120)
        ]  # fmt: skip
        figures = score(BINARY, samples, seed=seed, resamples=200)
        found = next(f for f in figures if f.metric == "accuracy")
        held += found.low <= 0.8 <= found.high
    assert 0.88 <= held / 150 <= 0.99


def test_the_p_value_says_what_the_interval_says():
    rng = np.random.default_rng(2)
    for shift in np.linspace(-3.5, 3.5, 41):
        drawn = rng.normal(shift, 1, size=999)
        ends = interval(drawn)
        excluded = ends.low > 0 or ends.high < 0
        p = two_sided(drawn, patients=100)
        assert (p < 0.05) == excluded or abs(p - 0.05) < 0.006
    assert two_sided(np.zeros(99), patients=100) == 1


def test_few_patients_who_all_agree_prove_no_more_than_they_can():
    always_better = np.ones(9999)
    assert two_sided(always_better, patients=100) == pytest.approx(2 / 10_000)
    assert two_sided(always_better, patients=5) == 1 / 16
    assert two_sided(always_better, patients=2) == 1 / 2
