"""Paired differences, Holm's correction, ranks and critical differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from benchmark.metrics.bootstrap import draw
from benchmark.metrics.classification import class_arrays
from benchmark.metrics.pairing import contrast, corrected, holm
from benchmark.metrics.ranks import critical_difference, rank
from benchmark.metrics.subgroups import subgroups
from benchmark.metrics.task_figures import prepare
from tests.benchmark.metrics.made_up import (
    BINARY,
    LESIONS,
    boxes_samples,
    class_samples,
    label_samples,
)
from versamammo.errors import InputError


def blurred(samples, amount, seed=9):
    rng = np.random.default_rng(seed)
    made = []
    for sample in samples:
        said = float(np.clip(sample.scores[1] + rng.normal(scale=amount), 0, 1))
        made.append(replace(sample, scores=(1 - said, said)))
    return made


def test_the_difference_is_paired_row_by_row():
    first = class_samples(seed=2)
    second = blurred(first, 0.3)
    found = contrast(BINARY, first, second[::-1], resamples=200, seed=3)
    truth, one = class_arrays(first)
    other = class_arrays(second)[1]
    clusters = prepare(BINARY, first).clusters
    gaps = []
    for counts in np.concatenate(list(draw(clusters.strata, 200, 3)), axis=1).T:
        rows = np.repeat(np.arange(200), counts[clusters.of].astype(int))
        gaps.append(
            roc_auc_score(truth[rows], one[rows, 1]) - roc_auc_score(truth[rows], other[rows, 1])
        )
    expected = roc_auc_score(truth, one[:, 1]) - roc_auc_score(truth, other[:, 1])
    assert found.value == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(gaps, [2.5, 97.5])))
    tail = min(np.sum(np.array(gaps) <= 0), np.sum(np.array(gaps) >= 0))
    assert found.p == pytest.approx(min(1, 2 * (1 + tail) / 201))


def test_a_model_does_not_differ_from_itself_and_a_blind_one_is_found_worse():
    first = class_samples(seed=4)
    same = contrast(BINARY, first, first, resamples=300)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    blind = [replace(sample, scores=(0.5, 0.5)) for sample in first]
    worse, better = corrected([
        contrast(BINARY, first, blind, resamples=300), contrast(BINARY, blind, first, resamples=300)
    ])  # fmt: skip
    assert (worse.better, better.better) == ("first", "second")
    assert worse.p_holm == pytest.approx(2 * 2 / 301)


def test_the_test_keeps_its_level_where_two_models_are_equally_good():
    values = []
    for seed in range(120):
        base = class_samples(seed=seed, patients=10**6, n=120, digits=6)
        pair = [blurred(base, 0.2, seed=seed * 2 + k) for k in (0, 1)]
        values.append(contrast(BINARY, *pair, resamples=200, seed=seed).p)
    assert 0.0 <= np.mean(np.array(values) < 0.05) <= 0.11
    assert 0.3 <= np.mean(np.array(values) < 0.5) <= 0.7


def test_boxes_are_compared_too_and_records_of_other_images_are_refused():
    first = boxes_samples(seed=1)
    silent = [replace(sample, boxes=(), classes=(), scores=()) for sample in first]
    assert contrast(LESIONS, first, silent, resamples=200).p < 0.02
    with pytest.raises(InputError, match="records are in one run only"):
        contrast(LESIONS, first, silent[1:])
    moved = [*silent[1:], replace(silent[0], patient="another")]
    with pytest.raises(InputError, match="another patient or truth"):
        contrast(LESIONS, first, moved)


def test_unknown_labels_are_the_same_truth():
    from tests.benchmark.metrics.made_up import FINDINGS

    samples = label_samples()
    assert contrast(FINDINGS, samples, [replace(one) for one in samples], resamples=50).value == 0


def test_holm_equals_its_definition():
    # step down by hand: 0.01 x 4, 0.013 x 3 raised to 0.04, 0.03 x 2, 0.04 raised to 0.06
    found = holm(np.array([0.03, 0.01, np.nan, 0.04, 0.013]))
    assert found[[0, 1, 3, 4]] == pytest.approx([0.06, 0.04, 0.06, 0.04])
    assert np.isnan(found[2])
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(9) ** 3
        order = np.argsort(p)
        expected = [
            min(1, max((9 - j) * p[order[j]] for j in range(np.flatnonzero(order == k)[0] + 1)))
            for k in range(9)
        ]
        assert holm(p) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("encoders", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_the_critical_difference_is_that_of_the_published_table(encoders, quantile):
    expected = quantile * np.sqrt(encoders * (encoders + 1) / (6 * 14))
    assert critical_difference(encoders, 14) == pytest.approx(expected, abs=1e-3)


def test_ranks_are_means_over_tasks_that_every_encoder_finished():
    rng = np.random.default_rng(1)
    values = rng.random((30, 4)) + np.array([0, 0.02, 0.6, 1.2])
    values[3, 1] = np.nan
    values[5] = -values[5]
    lower = [k == 5 for k in range(30)]
    found = rank(("random", "natural", "teacher", "student"), values, lower)
    kept = np.delete(-values, 3, axis=0)
    kept[4] = -kept[4]
    expected = np.array([rankdata(row) for row in kept]).mean(axis=0)
    assert found.tasks == 29
    assert [one.name for one in found.encoders[:2]] == ["student", "teacher"]
    by_name = {one.name: one for one in found.encoders}
    assert [by_name[n].rank for n in ("random", "natural", "teacher", "student")] == pytest.approx(
        expected.tolist()
    )
    for one in found.encoders:
        assert one.low <= one.rank <= one.high
    assert found.friedman < 1e-6
    assert (2, 3) in found.alike
    assert (0, 1) not in found.alike


def test_nothing_is_ranked_without_a_task_that_all_finished():
    with pytest.raises(InputError, match="none can be ranked"):
        rank(("a", "b"), np.array([[np.nan, 1.0], [1.0, np.nan]]), [False, False])


def test_subgroups_are_the_figure_of_their_records_and_small_ones_say_so():
    samples = [
        replace(sample, groups={"density": "AB"[k % 2], **({"vendor": "V1"} if k < 8 else {})})
        for k, sample in enumerate(class_samples(patients=10**6))
    ]
    found = {(one.by, one.level): one.figure for one in subgroups(BINARY, samples, resamples=50)}
    truth, scores = class_arrays(samples[::2])
    assert found["density", "A"].value == pytest.approx(roc_auc_score(truth, scores[:, 1]))
    assert found["density", "A"].n == 100
    assert np.isnan(found["vendor", "V1"].value)
    assert found["vendor", "V1"].note == "too few patients: 8 of 10"
    assert found["vendor", "unknown"].n == 192
