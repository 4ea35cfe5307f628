"""Records of which nothing can be said: no crash, no number, and the reason in the note."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmark.metrics import score
from benchmark.metrics.subgroups import subgroups
from benchmark.samples import BoxesSample, ClassSample, LabelsSample, NeighboursSample
from tests.benchmark.metrics.made_up import (
    BINARY,
    DENSITY,
    FINDINGS,
    LESIONS,
    SEARCH,
    boxes_samples,
    class_samples,
)

NAN = math.nan
UNKNOWN = [LabelsSample(f"i{k}", f"p{k}", truth=(NAN,) * 3, scores=(0.5,) * 3) for k in range(20)]
ALONE = [NeighboursSample(f"q{k}", f"p{k}", truth=(k % 5,), ranked=(False,) * 10)
         for k in range(20)]  # fmt: skip
NORMAL = [BoxesSample(f"i{k}", f"p{k}", size=(9, 9)) for k in range(20)]
ALIKE = [ClassSample(f"i{k}", f"p{k}", truth=1, scores=(0.4, 0.6)) for k in range(20)]


@pytest.mark.parametrize(
    ("task", "samples", "note"),
    [
        (FINDINGS, UNKNOWN, "never both present and absent"),
        (SEARCH, ALONE, "20 queries without any relevant image"),
        (LESIONS, NORMAL, "0 lesions, 20 normal images"),
        (BINARY, ALIKE, "one class only"),
    ],
    ids=["labels", "retrieval", "detection", "one class"],
)
def test_no_figure_is_invented(task, samples, note):
    figure = score(task, samples, resamples=50)[0]
    assert np.isnan([figure.value, figure.low, figure.high]).all()
    assert note in figure.note
    assert figure.primary


def test_one_record_has_values_without_intervals():
    for task, sample in ((BINARY, ALIKE[0]), (LESIONS, boxes_samples(images=2)[1])):
        figures = score(task, [sample], resamples=50)
        assert figures
        for figure in figures:
            assert np.isnan(figure.low)
            assert figure.n in (0, 1)


def test_all_scores_equal_is_a_coin():
    coin = [replace(sample, scores=(0.5, 0.5)) for sample in class_samples()]
    found = {figure.metric: figure for figure in score(BINARY, coin, resamples=50)}
    assert (found["auroc"].value, found["auroc"].low, found["auroc"].high) == (0.5, 0.5, 0.5)
    share = np.mean([sample.truth for sample in coin])
    assert found["auprc"].value == pytest.approx(share)
    assert found["sensitivity_at_90_specificity"].value == 0
    assert found["specificity_at_90_sensitivity"].value == 0


def test_a_perfect_and_a_reversed_answer_are_the_ends_of_every_scale():
    for task, classes in ((BINARY, 2), (DENSITY, 4)):
        base = class_samples(classes=classes)
        eye = np.eye(classes)
        right = [replace(one, scores=tuple(map(float, eye[one.truth]))) for one in base]
        wrong = [replace(one, scores=tuple(map(float, eye[(one.truth + 1) % classes])))
                 for one in base]  # fmt: skip
        best = {figure.metric: figure.value for figure in score(task, right, resamples=0)}
        worst = {figure.metric: figure.value for figure in score(task, wrong, resamples=0)}
        lower = {"brier", "ece"}
        assert all(best[name] == pytest.approx(float(name not in lower)) for name in best)
        for name in ("balanced_accuracy", "accuracy", "macro_f1"):
            assert worst[name] == 0


def test_scores_shifted_or_stretched_keep_the_ranking_figures():
    base = class_samples(seed=8)
    said = [one.scores[1] ** 3 / 2 for one in base]
    bent = [replace(one, scores=(1 - p, p)) for one, p in zip(base, said, strict=True)]
    first, second = (score(BINARY, some, resamples=100) for some in (base, bent))
    for name in (
        "auroc", "auprc", "sensitivity_at_90_specificity", "specificity_at_90_sensitivity",
    ):  # fmt: skip
        pair = [next(f for f in some if f.metric == name) for some in (first, second)]
        assert (pair[0].value, pair[0].low) == pytest.approx((pair[1].value, pair[1].low))


def test_records_without_groups_have_no_subgroups():
    assert subgroups(BINARY, class_samples()) == []
    same = [replace(sample, groups={"vendor": "one"}) for sample in class_samples()]
    assert subgroups(BINARY, same) == []
