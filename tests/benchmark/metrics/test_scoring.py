"""What is refused, and what every figure carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.metrics import TITLES, score
from benchmark.metrics.metric_results import PRIMARY
from benchmark.samples import BoxesSample, ClassSample
from tests.benchmark.metrics.made_up import (
    BINARY,
    DENSITY,
    FINDINGS,
    LESIONS,
    SEARCH,
    AskedTask,
    boxes_samples,
    class_samples,
    label_samples,
    neighbours_samples,
)
from versamammo.errors import InputError

GOOD = ClassSample("a", "p", truth=0, scores=(0.5, 0.5))


@pytest.mark.parametrize(
    ("task", "samples", "said"),
    [
        (BINARY, [], "no record"),
        (BINARY, [GOOD, GOOD], "twice"),
        (BINARY, [replace(GOOD, truth=2)], "a: truth 2"),
        (BINARY, [replace(GOOD, scores=(float("nan"), 1.0))], "finite"),
        (BINARY, [replace(GOOD, scores=(1.0,))], "expected 2"),
        (LESIONS, [GOOD], "expected BoxesSample"),
        (LESIONS, [BoxesSample("a", "p", boxes=((0, 0, 1, 1),))], "equal number"),
        (LESIONS, [BoxesSample("a", "p", truth=((9, 0, 1, 1),), truth_classes=(0,))], "x1 <= x2"),
        (AskedTask("vqa.x", "vqa", ("A",)), [GOOD], "elsewhere"),
    ],
)
def test_records_that_cannot_be_scored_are_refused_by_name(task, samples, said):
    with pytest.raises(InputError, match=said):
        score(task, samples)


@pytest.mark.parametrize(
    ("task", "samples"),
    [
        (BINARY, class_samples()),
        (DENSITY, class_samples(classes=4)),
        (FINDINGS, label_samples()),
        (LESIONS, boxes_samples()),
        (SEARCH, neighbours_samples()[0]),
    ],
    ids=["binary", "ordinal", "multilabel", "detection", "retrieval"],
)
def test_every_figure_has_a_title_an_n_and_lies_in_its_interval_and_one_is_primary(task, samples):
    figures = score(task, samples, resamples=200)
    assert [figure.metric for figure in figures if figure.primary] == [PRIMARY[task.kind]]
    assert figures[0].primary
    assert len({figure.metric for figure in figures}) == len(figures)
    for figure in figures:
        assert figure.metric in TITLES
        assert figure.low <= figure.high
        assert figure.low - 0.05 <= figure.value <= figure.high + 0.05
        assert 0 < figure.clusters <= figure.n
        assert figure.legacy == figure.metric.startswith("legacy_")


def test_a_task_may_be_ranked_by_another_metric():
    figures = score(replace(DENSITY, metric="quadratic_kappa"), class_samples(classes=4))
    assert figures[0].metric == "quadratic_kappa"
    assert [figure.primary for figure in figures].count(True) == 1
