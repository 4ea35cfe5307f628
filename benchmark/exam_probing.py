"""One answer per exam: attention over its views, as a reader hangs four beside each other.

Views are told apart by side and projection. Any may be missing, and any order gives the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.finetuning import log_loss, truths
from benchmark.frozen_features import FeatureStore
from benchmark.probing import records
from benchmark.samples import Sample
from benchmark.task_rows import AdaptSettings, Row, TaskRows, Truth
from benchmark.tasks import Task
from versamammo.errors import InputError

VIEWS = ("L-CC", "L-MLO", "R-CC", "R-MLO", "other")
WIDTH, HEADS = 64, 4
MOST_EPOCHS, PATIENCE, BATCH = 200, 20, 32
MISSING = 0.2  # chance that a view is hidden in training, so that its absence is nothing new
DECAY = 0.05


@dataclass(frozen=True)
class ExamImages:
    """One exam of one patient.

    Attributes:
        row: stands for the exam: its id, patient, groups and truth.
        views: its images.
    """

    row: Row
    views: tuple[Row, ...]


@dataclass(frozen=True, eq=False)
class ExamFeatures:
    """Features of exams, padded to the same number of views.

    Attributes:
        x: [n, V, D].
        views: [n, V], indices into `VIEWS`.
        absent: [n, V], True where there is no image.
        y: classes [n], or [n, K] of 1, 0 and NaN.
    """

    x: Tensor
    views: Tensor
    absent: Tensor
    y: Tensor

    def some(self, places: Tensor) -> ExamFeatures:
        """Return some of the exams."""
        return ExamFeatures(self.x[places], self.views[places], self.absent[places], self.y[places])


class ExamHead(nn.Module):
    """Views look at each other, then one learnt question is put to all of them."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(width, WIDTH)
        self.place = nn.Embedding(len(VIEWS), WIDTH)
        self.compare = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0.1, batch_first=True, norm_first=True
        )
        self.question = nn.Parameter(torch.randn(1, 1, WIDTH) * WIDTH**-0.5)
        self.ask = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.score = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, classes)
        )

    def forward(self, x: Tensor, views: Tensor, absent: Tensor) -> Tensor:
        """Return scores [B, K] of features [B, V, D], their places [B, V] and gaps [B, V]."""
        tokens = self.narrow(x) + self.place(views)
        tokens = self.compare(tokens, src_key_padding_mask=absent)
        question = self.question.expand(len(x), -1, -1)
        pooled, _ = self.ask(question, tokens, tokens, key_padding_mask=absent, need_weights=False)
        scores: Tensor = self.score(pooled[:, 0])
        return scores


@dataclass(frozen=True, eq=False)
class ExamProbe:
    """A fitted head.

    Attributes:
        head: on standardised features.
        several: whether labels exclude each other not.
        mean: [D] of the training views.
        std: [D] of the training views.
    """

    head: ExamHead
    several: bool
    mean: Tensor
    std: Tensor

    def scores(self, exams: ExamFeatures) -> Tensor:
        """Return scores [n, K]."""
        scaled = (exams.x - self.mean) / self.std
        found: Tensor = self.head(scaled, exams.views, exams.absent)
        return found

    @torch.no_grad()
    def probabilities(self, exams: ExamFeatures) -> Tensor:
        """Return probabilities [n, K], float64."""
        scores = self.scores(exams).double()
        return scores.sigmoid() if self.several else scores.softmax(-1)


def exams_of(rows: Sequence[Row]) -> list[ExamImages]:
    """Gather images into exams; an image without a known exam is one by itself."""
    gathered: dict[str, list[Row]] = {}
    for row in rows:
        gathered.setdefault(row.exam or row.id, []).append(row)
    return [
        ExamImages(
            replace(views[0], id=name, groups=_shared(views), truth=_truth(views)), tuple(views)
        )
        for name, views in gathered.items()
    ]


def place_of(row: Row) -> int:
    """Return which of `VIEWS` an image is."""
    name = f"{row.picture.laterality}-{row.picture.view}"
    return VIEWS.index(name) if name in VIEWS else len(VIEWS) - 1


def hang(exams: Sequence[ExamImages], store: FeatureStore) -> ExamFeatures:
    """Look the exams' features up, each image's once.

    Raises:
        InputError: a prepared picture is missing or damaged.
    """
    pooled = store.pooled([row for exam in exams for row in exam.views])
    most = max((len(exam.views) for exam in exams), default=1)
    x = torch.zeros(len(exams), most, pooled.shape[1])
    views = torch.full((len(exams), most), len(VIEWS) - 1)
    absent = torch.ones(len(exams), most, dtype=torch.bool)
    start = 0
    for number, exam in enumerate(exams):
        count = len(exam.views)
        x[number, :count] = pooled[start : start + count]
        views[number, :count] = torch.tensor([place_of(row) for row in exam.views])
        absent[number, :count] = False
        start += count
    return ExamFeatures(x, views, absent, truths([exam.row for exam in exams]))


def fit_exams(
    task: Task, train: ExamFeatures, val: ExamFeatures, settings: AdaptSettings
) -> ExamProbe:
    """Fit the head; the epoch is chosen by the validation exams.

    Raises:
        InputError: the training exams show one class only (`one-class`).
    """
    if len(train.y.unique(dim=0)) < 2:
        message = f"{task.id}: the training exams show one class only, so nothing can be learnt"
        raise InputError(message, field="label", reason="one-class")
    shown = train.x[~train.absent]
    spread = shown.std(0, correction=0)
    std = torch.where(spread > 1e-6, spread, torch.ones_like(spread))
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        head = ExamHead(train.x.shape[-1], len(task.classes))
        probe = ExamProbe(head, task.kind == "multilabel", shown.mean(0), std)
        _train(probe, train, val, settings.rate)
    return probe


def exam_answers(
    task: Task, rows: TaskRows, store: FeatureStore, settings: AdaptSettings
) -> tuple[list[Sample], Iterator[Sample]]:
    """Return the records of validation exams, and those of test exams one by one.

    Raises:
        InputError: as `fit_exams`, or a prepared picture cannot be read.
    """
    train, val, test = (exams_of(some) for some in (rows.train, rows.val, rows.test))
    shown = hang(val, store)
    probe = fit_exams(task, hang(train, store), shown, settings)
    chosen = records(task, [exam.row for exam in val], probe.probabilities(shown)) if val else []

    def told() -> Iterator[Sample]:
        yield from records(
            task, [exam.row for exam in test], probe.probabilities(hang(test, store))
        )

    return chosen, told()


def _train(probe: ExamProbe, train: ExamFeatures, val: ExamFeatures, rate: float) -> None:
    """Train until the validation loss stops falling; leaves the best weights in place."""
    head, judged = probe.head, val if len(val.y) else train
    optimizer = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=DECAY)
    best, least, since = copy.deepcopy(head.state_dict()), float("inf"), 0
    for _ in range(MOST_EPOCHS):
        head.train()
        for places in torch.randperm(len(train.y)).split(BATCH):
            some = _with_gaps(train.some(places))
            optimizer.zero_grad()
            log_loss(probe.scores(some), some.y).backward()
            optimizer.step()
        head.eval()
        with torch.no_grad():
            loss = float(log_loss(probe.scores(judged), judged.y))
        since += 1
        if loss < least:
            best, least, since = copy.deepcopy(head.state_dict()), loss, 0
        if since >= PATIENCE:
            break
    head.load_state_dict(best)
    head.eval()


def _with_gaps(exams: ExamFeatures) -> ExamFeatures:
    """Hide some views, never all of an exam."""
    hidden = exams.absent | (torch.rand(exams.absent.shape) < MISSING)
    absent = torch.where(hidden.all(dim=1, keepdim=True), exams.absent, hidden)
    return replace(exams, absent=absent)


def _truth(views: Sequence[Row]) -> Truth:
    """Return what is true of an exam: the highest class of its views, or any view's label."""
    found = [row.truth for row in views]
    if isinstance(found[0], tuple):
        each = np.array(found, np.float64)
        known = ~np.isnan(each)
        highest = np.where(known, each, -1).max(axis=0)
        return tuple(float(one) if one >= 0 else float("nan") for one in highest)
    return max(one for one in found if isinstance(one, int))


def _shared(views: Sequence[Row]) -> dict[str, str]:
    """Keep the groups that all views of an exam agree on."""
    first = views[0].groups
    return {k: v for k, v in first.items() if all(row.groups.get(k) == v for row in views)}
