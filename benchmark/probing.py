"""Probes on frozen features: fitted on training patients, chosen by validation patients.

What fits a probe never receives a test row: `fit` takes two sides and gives a function, and only
`answers` shows that function what is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from benchmark.frozen_features import FeatureStore
from benchmark.logistic import LINKS, Linear, fit_path
from benchmark.networks import fit_network
from benchmark.samples import ClassSample, LabelsSample, Sample
from benchmark.task_rows import AdaptSettings, Row, TaskRows
from benchmark.tasks import Task
from versamammo.errors import InputError


@dataclass(frozen=True, eq=False)
class Side:
    """Features of some patients and what is true of them.

    Attributes:
        x: [n, D], or [n, T, D] for attention over patches.
        y: classes [n], or [n, K] of 1, 0 and NaN.
    """

    x: Tensor
    y: Tensor


def side_of(rows: Sequence[Row], store: FeatureStore, settings: AdaptSettings) -> Side:
    """Look features and truths of some rows up."""
    seen = store.tokens if settings.probe == "attention" else store.pooled
    truths = [row.truth for row in rows]
    many = bool(truths) and isinstance(truths[0], tuple)
    y = torch.tensor(np.array(truths, np.float64) if many else np.array(truths, np.int64))
    return Side(seen(rows), y)


def fit(task: Task, train: Side, val: Side, settings: AdaptSettings) -> Linear:
    """Fit a probe on one side and choose its settings by the other.

    Raises:
        InputError: the training patients show one class only (`one-class`).
    """
    _check_classes(task, train.y)
    classes = len(task.classes)
    if settings.probe != "linear":
        return cast(Linear, fit_network(task.kind, classes, train, val, settings))
    links = LINKS[task.kind]
    tried = [found for link in links for found in fit_path(link, train.x, train.y, classes)]
    if not len(val.y):
        return tried[len(tried) // 2]
    # the first of equals is the most strongly regularised
    return min(tried, key=lambda probe: round(probe.loss(val.x, val.y), 9))


def answers(
    task: Task, rows: TaskRows, store: FeatureStore, settings: AdaptSettings
) -> tuple[list[Sample], Iterator[Sample]]:
    """Return the records of validation patients, and those of test patients one by one.

    Raises:
        InputError: as `fit`.
    """
    store.ready([*rows.train, *rows.val, *rows.test])
    train, val = (side_of(some, store, settings) for some in (rows.train, rows.val))
    probe = fit(task, train, val, settings)
    chosen = records(task, rows.val, probe.probabilities(val.x)) if rows.val else []

    def test() -> Iterator[Sample]:
        yield from records(
            task, rows.test, probe.probabilities(side_of(rows.test, store, settings).x)
        )

    return chosen, test()


def records(task: Task, rows: Sequence[Row], scores: Tensor) -> list[Sample]:
    """Put rows and probabilities [n, K] together."""
    made: list[Sample] = []
    for row, found in zip(rows, scores.tolist(), strict=True):
        if task.kind == "multilabel":
            truth = cast(tuple[float, ...], row.truth)
            made.append(LabelsSample(*row.about, truth=truth, scores=tuple(found)))
        else:
            made.append(ClassSample(*row.about, truth=cast(int, row.truth), scores=tuple(found)))
    return made


def _check_classes(task: Task, y: Tensor) -> None:
    """Stop where there is nothing to tell apart."""
    if (y.ndim == 1 and len(y.unique()) < 2) or (y.ndim == 2 and not _varies(y).any()):
        message = f"{task.id}: the training patients show one class only, so nothing can be learnt"
        raise InputError(message, field="label", reason="one-class")


def _varies(y: Tensor) -> Tensor:
    return (y == 1).any(0) & (y == 0).any(0)
