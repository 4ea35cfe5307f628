from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from benchmark.exam_probing import (
    VIEWS,
    ExamProbe,
    exam_answers,
    exams_of,
    fit_exams,
    hang,
    place_of,
)
from benchmark.frozen_features import FeatureStore
from benchmark.samples import ClassSample, LabelsSample
from benchmark.task_rows import AdaptSettings, Row, TaskRows, Truth
from benchmark.tasks import Task
from versamammo.data.dataset import Picture
from versamammo.data.labels import Labels
from versamammo.errors import InputError
from versamammo.input.geometry import Crop

TASK = Task(
    id="cls.exams", version=1, set="internal", dataset="made", target="rule", kind="binary",
    sources=("made",), label="pathology", classes=("agree", "differ"), values=((1,), (2,)),
    level="exam",
)  # fmt: skip
CROP = Crop((4, 4), (0, 0, 4, 4), False, (4, 4), (4, 4))
SETTINGS = AdaptSettings(rate=3e-3)


class Shelf:
    """Features by key, as a store gives them."""

    def __init__(self) -> None:
        self.kept: dict[str, torch.Tensor] = {}

    def pooled(self, rows: Sequence[Row]) -> torch.Tensor:
        return torch.stack([self.kept[row.key] for row in rows])


def picture(side: str | None, view: str | None) -> Picture:
    return Picture("", Path(), CROP, None, "", side, view, Labels())


def image(shelf: Shelf, exam: str | None, place: str, truth: Truth, x: np.ndarray) -> Row:
    key = f"{exam} {place}"
    shelf.kept[key] = torch.tensor(x, dtype=torch.float32)
    side, view = place.split("-")
    return Row(key, picture(side, view), f"p {exam}", exam, truth, {"view": view}, key)


def made(shelf: Shelf, first: int, count: int, missing: float = 0.0) -> list[Row]:
    """Exams of four views; class 1 if the left CC and the left MLO differ in sign, else 0.

    Neither view alone tells anything, nor does any sum of the two.
    """
    rows = []
    for number in range(first, first + count):
        random = np.random.default_rng(number)
        signs = random.choice([-1, 1], 2)
        truth = int(signs[0] != signs[1])
        for place in VIEWS[:4]:
            x = random.normal(size=6) * 0.3
            if place.startswith("L"):
                x[0] += 1.5 * signs[int(place == "L-MLO")]
            if place.startswith("L") or random.random() >= missing:
                rows.append(image(shelf, f"exam {number}", place, truth, x))
    return rows


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(scope="module")
def rows(shelf: Shelf) -> TaskRows:
    return TaskRows(made(shelf, 0, 240), made(shelf, 1000, 60), made(shelf, 2000, 100, missing=0.5))


def store(shelf: Shelf) -> FeatureStore:
    return cast(FeatureStore, shelf)


@pytest.fixture(scope="module")
def probe(shelf: Shelf, rows: TaskRows) -> ExamProbe:
    train, val = (hang(exams_of(some), store(shelf)) for some in (rows.train, rows.val))
    return fit_exams(TASK, train, val, SETTINGS)


def test_a_rule_over_two_views_is_learnt_that_no_view_tells_alone(
    shelf: Shelf, rows: TaskRows, probe: ExamProbe
) -> None:
    test = hang(exams_of(rows.test), store(shelf))
    assert len(test.y) == 100
    assert test.absent.any()
    right = probe.probabilities(test).argmax(dim=1) == test.y
    assert right.double().mean() > 0.9
    # one view: chance, as a regression on it says
    for place in VIEWS[:2]:
        own = [row for row in rows.train if place_of(row) == VIEWS.index(place)]
        told = [row for row in rows.test if place_of(row) == VIEWS.index(place)]
        model = LogisticRegression().fit(shelf.pooled(own), [row.truth for row in own])
        assert model.score(shelf.pooled(told), [row.truth for row in told]) < 0.7


def test_order_and_padding_change_nothing_and_places_do(
    shelf: Shelf, rows: TaskRows, probe: ExamProbe
) -> None:
    one = hang(exams_of(rows.train)[3:4], store(shelf))
    order = torch.tensor([2, 0, 3, 1])
    shuffled = replace(
        one, x=one.x[:, order], views=one.views[:, order], absent=one.absent[:, order]
    )
    torch.testing.assert_close(probe.probabilities(one), probe.probabilities(shuffled))
    wider = replace(
        one,
        x=torch.cat([one.x, torch.full_like(one.x, 99.0)], dim=1),
        views=torch.cat([one.views, one.views], dim=1),
        absent=torch.cat([one.absent, torch.ones_like(one.absent)], dim=1),
    )
    torch.testing.assert_close(probe.probabilities(one), probe.probabilities(wider))
    elsewhere = replace(one, views=one.views.flip(1))
    assert (probe.probabilities(one) - probe.probabilities(elsewhere)).abs().max() > 1e-3


def test_an_exam_of_one_view_is_answered_without_being_sure(
    shelf: Shelf, rows: TaskRows, probe: ExamProbe
) -> None:
    alone = [row for row in rows.test if place_of(row) == 0]
    shown = probe.probabilities(hang(exams_of(alone), store(shelf)))
    assert shown.shape == (100, 2)
    assert shown.amax(dim=1).median() < 0.9  # half of the rule is hidden
    assert probe.probabilities(hang(exams_of(rows.test), store(shelf))).amax(dim=1).median() > 0.9


def test_records_are_one_per_exam(shelf: Shelf, rows: TaskRows) -> None:
    few = TaskRows(rows.train[:80], rows.val[:40], rows.test[:20])
    chosen, told = exam_answers(TASK, few, store(shelf), SETTINGS)
    samples = [one for one in told if isinstance(one, ClassSample)]
    assert [one.id for one in samples] == [exam.row.id for exam in exams_of(few.test)]
    assert len(chosen) == 10
    assert all(math.isclose(sum(one.scores), 1) for one in samples)


def test_exams_gather_views_and_keep_what_they_share(shelf: Shelf) -> None:
    zero = np.zeros(6)
    two = [image(shelf, "a", "L-CC", 0, zero), image(shelf, "a", "R-MLO", 1, zero)]
    lone = replace(image(shelf, None, "L-CC", 1, zero), exam=None)
    exams = exams_of([*two, lone])
    assert [exam.row.id for exam in exams] == ["a", lone.id]
    assert exams[0].row.truth == 1  # the highest of its views
    assert exams[0].row.groups == {}
    assert exams[1].row.groups == {"view": "CC"}
    assert place_of(replace(lone, picture=picture("L", "XCCL"))) == 4
    assert place_of(replace(lone, picture=picture(None, "CC"))) == 4


def test_several_labels_of_an_exam_are_those_of_any_view(shelf: Shelf) -> None:
    nan = float("nan")
    zero = np.zeros(6)
    views = [
        image(shelf, "b", "L-CC", (0.0, nan, nan), zero),
        image(shelf, "b", "L-MLO", (1.0, 0.0, nan), zero),
    ]
    (exam,) = exams_of(views)
    np.testing.assert_array_equal(cast(Any, exam.row.truth), (1.0, 0.0, nan))


def test_several_labels_are_told_one_by_one(shelf: Shelf, rows: TaskRows) -> None:
    def both(some: Sequence[Row]) -> list[Row]:
        return [replace(row, truth=(float(row.truth == 1), float("nan"))) for row in some[:40]]

    task = replace(TASK, kind="multilabel")
    sides = TaskRows(both(rows.train), both(rows.val), both(rows.test))
    _, told = exam_answers(task, sides, store(shelf), SETTINGS)
    samples = [one for one in told if isinstance(one, LabelsSample)]
    assert len(samples) == len(exams_of(sides.test))
    assert all(0 < score < 1 for one in samples for score in one.scores)
    assert all(math.isnan(one.truth[1]) for one in samples)


def test_one_class_is_nothing_to_learn_from(shelf: Shelf, rows: TaskRows) -> None:
    same = replace(rows, train=[row for row in rows.train if row.truth == 1])
    with pytest.raises(InputError) as refused:
        exam_answers(TASK, same, store(shelf), SETTINGS)
    assert refused.value.reason == "one-class"
