from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from benchmark.vqa.intervals import compare, draw, estimate, tabulate

PART = ("Set", "single choice")


def crafted(seed: int = 1) -> tuple[list[str], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    patients = [f"p{n}" for n in rng.integers(30, size=200)]
    truth = rng.choice(3, size=200, p=[0.7, 0.2, 0.1])
    said = np.where(rng.random(200) < 0.6, truth, rng.integers(3, size=200))
    return patients, truth, said


def cells_of(truth: np.ndarray) -> list:
    return [(PART, "ACR", int(klass)) for klass in truth]


def test_the_interval_is_that_of_scikit_learns_figure_on_the_same_resampled_rows():
    patients, truth, said = crafted()
    table = tabulate(patients, cells_of(truth), list(truth == said))
    made = estimate(table, [range(3)], resamples=300, seed=5)[0]

    order = list(dict.fromkeys(patients))
    row_of = np.array([order.index(patient) for patient in patients])
    drawn = []
    for weights in np.concatenate(list(draw(len(order), 300, 5))):
        rows = np.repeat(np.arange(200), weights[row_of].astype(int))
        drawn.append(balanced_accuracy_score(truth[rows], said[rows]))
    assert made.value == pytest.approx(balanced_accuracy_score(truth, said))
    assert (made.low, made.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    assert (made.n, made.patients) == (200, 30)


def test_all_right_is_one_without_spread_and_one_patient_has_no_interval():
    _, truth, _ = crafted()
    right = [True] * 200
    many = estimate(tabulate([str(n) for n in range(200)], cells_of(truth), right), [range(3)])[0]
    assert (many.value, many.low, many.high) == (1, 1, 1)
    one = estimate(tabulate(["p"] * 200, cells_of(truth), right), [range(3)])[0]
    assert np.isnan(one.low)


def test_questions_of_one_patient_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    right = list(rng.random(60) < 0.5)
    cells = [(PART, "ACR", "A")] * 60
    people = [str(n) for n in range(60)]
    once = estimate(tabulate(people, cells, right), [[0]])[0]
    often = estimate(tabulate(people * 9, cells * 9, right * 9), [[0]])[0]
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_two_models_are_told_apart_only_when_they_differ():
    patients, truth, said = crafted()
    first = tabulate(patients, cells_of(truth), list(truth == said))
    worse = tabulate(patients, cells_of(truth), [False] * 200)
    same = compare(first, first, range(3), resamples=500)
    far = compare(first, worse, range(3), resamples=500)
    assert (same.value, same.p) == (0, 1)
    assert far.p < 0.01
    assert far.low > 0.4
    assert far.value == pytest.approx(balanced_accuracy_score(truth, said))


def test_the_paired_test_keeps_its_level_where_nothing_differs():
    rng = np.random.default_rng(4)
    values = []
    for seed in range(200):
        patients, truth, _ = crafted(seed)
        tables = [tabulate(patients, cells_of(truth), list(rng.random(200) < 0.5)) for _ in "ab"]
        values.append(compare(*tables, range(3), resamples=200, seed=seed).p)
    assert 0.01 <= np.mean(np.array(values) < 0.05) <= 0.11
