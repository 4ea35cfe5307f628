"""Classification with the whole encoder trained: a linear head, and a slower rate beneath it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.fitting import FIRST, Batch, Fitting, batches, fit, own_copy
from benchmark.frozen_features import as_input, device_of
from benchmark.probing import records
from benchmark.samples import Sample
from benchmark.task_rows import AdaptSettings, Row, TaskRows
from benchmark.tasks import Task
from versamammo.errors import InputError
from versamammo.model.encoder import VersaMammoModel

BRIGHTER = 0.1  # most that a training picture's contrast is raised or lowered


class FineTuning:
    """An encoder and its head for one task.

    Attributes:
        encoder: a copy of the caller's.
        head: from pooled features to K scores.
        fitting: how they were fitted.
    """

    def __init__(
        self, task: Task, encoder: VersaMammoModel, rows: TaskRows, settings: AdaptSettings
    ) -> None:
        _check_classes(task, rows.train)
        self.settings = settings
        self.device = device_of(settings)
        self.several = task.kind == "multilabel"
        self.rows = list(rows.train)
        self.val = list(rows.val)
        self._brightness = np.random.default_rng(settings.seed)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            own = own_copy(encoder, lambda: self._first_inputs(encoder))
            self.encoder = own.to(self.device)  # type: ignore[arg-type]
            self.encoder.eval()
            width = cast(int, encoder.config.hidden_size)
            # the norm makes one learning rate right for encoders of any scale
            norm = nn.LayerNorm(width, elementwise_affine=False)
            self.head = nn.Sequential(norm, nn.Linear(width, len(task.classes))).to(self.device)
            drawn = batches(np.ones(len(self.rows), np.bool_), settings.batch, settings.seed)
            self.fitting: Fitting = fit(
                self.head, self.encoder, self._loss, self._judge, drawn, settings
            )

    @torch.no_grad()
    def probabilities(self, rows: Sequence[Row]) -> Tensor:
        """Return probabilities [n, K], float64.

        Raises:
            InputError: a prepared picture is missing or damaged.
        """
        scores = self._scores(rows)
        return scores.sigmoid() if self.several else scores.softmax(-1)

    def _scores(self, rows: Sequence[Row]) -> Tensor:
        found = []
        for row in rows:  # one by one: a row's answer must not depend on its neighbours
            image = as_input(row, self.encoder.config.input_contract, self.settings)[None]
            found.append(self.head(self.encoder.encode_by_torch(image.to(self.device)).pooled))
        return torch.cat(found).double().cpu()

    def _first_inputs(self, encoder: VersaMammoModel) -> Tensor:
        """Return inputs of one size: close-ups have another than whole images."""
        contract = encoder.config.input_contract
        images = [as_input(row, contract, self.settings) for row in self.rows[:FIRST]]
        return torch.stack([image for image in images if image.shape == images[0].shape])

    def _loss(self, batch: Batch) -> Tensor:
        numbers, flips = batch
        contract = self.encoder.config.input_contract
        gains = self._brightness.uniform(1 - BRIGHTER, 1 + BRIGHTER, len(numbers))
        images = torch.stack(
            [
                varied(as_input(self.rows[number], contract, self.settings), flip, gain)
                for number, flip, gain in zip(numbers, flips, gains.tolist(), strict=True)
            ]
        )
        scores = self.head(self.encoder.encode_by_torch(images.to(self.device)).pooled)
        return log_loss(scores, truths([self.rows[number] for number in numbers]).to(self.device))

    def _judge(self) -> float:
        if not self.val:
            return float("nan")
        return -float(log_loss(self._scores(self.val), truths(self.val)))


def answers(
    task: Task, rows: TaskRows, encoder: VersaMammoModel, settings: AdaptSettings
) -> tuple[list[Sample], Iterator[Sample]]:
    """Return the records of validation patients, and those of test patients one by one.

    Args:
        task: of a kind of classification.
        rows: no patient stands on two sides.
        encoder: left as it is; a copy is trained.
        settings: steps, rate of the head (the encoder's is a tenth of it), patience, seed.

    Raises:
        InputError: the training patients show one class only (`one-class`), or a picture cannot
            be read.
    """
    tuned = FineTuning(task, encoder, rows, settings)
    chosen = records(task, rows.val, tuned.probabilities(rows.val)) if rows.val else []

    def test() -> Iterator[Sample]:
        for row in rows.test:
            yield from records(task, [row], tuned.probabilities([row]))

    return chosen, test()


def varied(image: Tensor, flipped: bool, gain: float) -> Tensor:
    """Vary an input [1, H, W]: top to bottom, where the padding stays, and in contrast."""
    if flipped:
        shown = (image != image[:, -1:, -1:]).any(dim=2)[0].nonzero()  # rows that are no padding
        h = int(shown.max()) + 1 if len(shown) else image.shape[1]
        image = torch.cat([image[:, :h].flip(1), image[:, h:]], dim=1)
    low = image.amin()
    return low + (image - low) * gain


def truths(rows: Sequence[Row]) -> Tensor:
    """Return classes [n], or [n, K] of 1, 0 and NaN."""
    found = [row.truth for row in rows]
    many = bool(found) and isinstance(found[0], tuple)
    return torch.tensor(np.array(found, np.float64 if many else np.int64))


def log_loss(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the mean log loss of scores [n, K], given classes [n] or labels [n, K] with gaps."""
    if truth.ndim == 1:
        return F.cross_entropy(scores, truth)
    known = ~truth.isnan()
    each = F.binary_cross_entropy_with_logits(
        scores, truth.nan_to_num().to(scores.dtype), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp_min(1)


def _check_classes(task: Task, rows: Sequence[Row]) -> None:
    y = truths(rows)
    told_apart = len(y.unique()) > 1 if y.ndim == 1 else ((y == 1).any(0) & (y == 0).any(0)).any()
    if not told_apart:
        message = f"{task.id}: the training patients show one class only, so nothing can be learnt"
        raise InputError(message, field="label", reason="one-class")
