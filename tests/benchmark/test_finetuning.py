from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss as sklearn_log_loss

from benchmark.finetuning import FineTuning, answers, log_loss, varied
from benchmark.samples import ClassSample, LabelsSample
from benchmark.task_rows import AdaptSettings, Places, Row, TaskRows, Truth
from benchmark.tasks import Task
from tests.benchmark.dense.discs import discs, tiny
from versamammo.errors import InputError

SETTINGS = AdaptSettings(steps=40, check_every=20, batch=8, rate=1e-2, probe="finetune")
BLOB = Task(
    id="cls.discs", version=1, set="internal", dataset="discs", target="blob", kind="binary",
    sources=("discs",), label="mass", classes=("none", "blob"), values=((0,), (1,)),
)  # fmt: skip


def asked(rows: TaskRows, answer: dict[bool, Truth]) -> TaskRows:
    """Ask whether a blob is there."""

    def of(some: list[Row]) -> list[Row]:
        return [
            replace(row, truth=answer[bool(row.truth.boxes)])
            for row in some
            if isinstance(row.truth, Places)
        ]

    return TaskRows(of(list(rows.train)), of(list(rows.val)), of(list(rows.test)))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> TaskRows:
    folder = tmp_path_factory.mktemp("discs")
    made = discs(folder, "detection", train=40, val=12, test=24, sizes=(22, 30))
    return asked(made, {False: 0, True: 1})


def test_a_random_encoder_learns_and_the_callers_stays_as_it_was(rows: TaskRows) -> None:
    encoder = tiny("test_efficientnet", size=(96, 64))
    before = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}
    chosen, test = answers(BLOB, rows, encoder, SETTINGS)
    samples = [one for one in test if isinstance(one, ClassSample)]
    assert [one.id for one in chosen] == [row.id for row in rows.val]
    assert [one.id for one in samples] == [row.id for row in rows.test]
    right = [int(np.argmax(one.scores)) == one.truth for one in samples]
    assert sum(right) >= 20  # of 24; chance gives as many in one of 1,300 cases
    assert all(math.isclose(sum(one.scores), 1) for one in samples)
    assert all(torch.equal(before[key], now) for key, now in encoder.state_dict().items())


def test_the_loss_falls_and_the_seed_decides(rows: TaskRows) -> None:
    short = replace(SETTINGS, steps=12, check_every=4)
    encoder = tiny("test_vit", size=(96, 64))
    once, again, other = (
        FineTuning(BLOB, encoder, rows, replace(short, seed=seed)).fitting for seed in (0, 0, 1)
    )
    assert once == again
    assert once != other
    assert once.kept.score == max(look.score for look in once.looks)


def test_several_labels_with_gaps_are_told_one_by_one(rows: TaskRows) -> None:
    gaps = {False: (0.0, float("nan")), True: (1.0, 1.0)}
    several = TaskRows(
        *(
            [replace(row, truth=gaps[row.truth == 1]) for row in side]
            for side in (rows.train, rows.val, rows.test)
        )
    )
    # a label that is 1 or unknown tells nothing; the other does
    task = replace(BLOB, kind="multilabel", classes=("a", "b"))
    short = replace(SETTINGS, steps=2, check_every=2)
    _, test = answers(task, several, tiny(size=(96, 64)), short)
    sample = next(test)
    assert isinstance(sample, LabelsSample)
    assert all(0 < score < 1 for score in sample.scores)


def test_one_class_is_nothing_to_learn_from(rows: TaskRows) -> None:
    same = replace(rows, train=[row for row in rows.train if row.truth == 1])
    with pytest.raises(InputError) as refused:
        answers(BLOB, same, tiny(), SETTINGS)
    assert refused.value.reason == "one-class"


def test_what_no_validation_patient_can_choose_is_kept_last(rows: TaskRows) -> None:
    short = replace(SETTINGS, steps=4, check_every=2)
    chosen, test = answers(BLOB, replace(rows, val=[]), tiny(size=(96, 64)), short)
    assert chosen == []
    assert len(list(test)) == len(rows.test)


def test_variations_keep_the_padding_where_it_is() -> None:
    image = torch.full((1, 6, 4), -1.0)
    image[0, :4, :3] = torch.arange(12.0).reshape(4, 3)
    flipped = varied(image, True, 1.0)
    assert torch.equal(flipped[0, :4], image[0, :4].flip(0))
    assert torch.equal(flipped[0, 4:], image[0, 4:])
    brighter = varied(image, False, 1.1)
    assert brighter[0, 5, 3] == -1
    assert brighter[0, 3, 2] == pytest.approx(-1 + 12 * 1.1)


def test_the_log_loss_is_that_of_sklearn() -> None:
    random = np.random.default_rng(0)
    scores, truth = random.normal(size=(20, 3)), random.integers(0, 3, 20)
    shown = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    ours = float(log_loss(torch.tensor(scores), torch.tensor(truth)))
    assert ours == pytest.approx(sklearn_log_loss(truth, shown, labels=[0, 1, 2]))
    labels = random.integers(0, 2, (20, 3)).astype(float)
    labels[random.random((20, 3)) < 0.3] = np.nan
    known = ~np.isnan(labels)
    due = sklearn_log_loss(labels[known], 1 / (1 + np.exp(-scores[known])), labels=[0, 1])
    assert float(log_loss(torch.tensor(scores), torch.tensor(labels))) == pytest.approx(due)
