"""Trains heads by steps and keeps what the validation patients liked best.

Half of each batch shows a finding where findings are rarer than that, the other images are
negatives. Nothing here can see a test image.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.task_rows import AdaptSettings, Row
from versamammo.files import write_atomically
from versamammo.model.encoder import VersaMammoModel
from versamammo.training.schedules import warm_cosine

WARMUP = 0.05  # share of the steps
ENCODER_RATE = 0.1  # of the heads' learning rate, where the encoder learns too
DECAY = 0.01
FIRST = 16  # training images that an untrained encoder takes its first moments from
MOST_LOOKED_AT = 400  # validation images at each look
STEEPEST = 5.0  # norm that gradients are clipped to

Batch = tuple[list[int], list[bool]]  # numbers of training images, and whether each is flipped


@dataclass(frozen=True)
class ValidationPoint:
    """One look at the validation patients.

    Attributes:
        step: steps taken by then.
        loss: mean of the training steps since the last look.
        score: what is chosen by, the higher the better; NaN if these patients cannot tell.
    """

    step: int
    loss: float
    score: float


@dataclass(frozen=True)
class Fitting:
    """How a head was fitted.

    Attributes:
        looks: in order.
        kept: the look whose weights were kept.
    """

    looks: tuple[ValidationPoint, ...]
    kept: ValidationPoint

    def write(self, path: Path) -> None:
        """Write the looks as JSON; NaN becomes null."""

        def plain(look: ValidationPoint) -> dict[str, float | None]:
            return {k: None if isnan(v) else v for k, v in asdict(look).items()}

        record = {"looks": [plain(look) for look in self.looks], "kept": plain(self.kept)}
        write_atomically(path, (json.dumps(record, indent=1) + "\n").encode())


def batches(shows: NDArray[np.bool_], batch: int, seed: int) -> Iterator[Batch]:
    """Draw batches for ever: at least half with findings, if there are any, and flips at random.

    Args:
        shows: [n], which training images show a finding.
        batch: images at a time.
        seed: of the order.
    """
    random = np.random.default_rng(seed)
    numbers = np.arange(len(shows))
    share = max(0.5, shows.mean()) if shows.any() else 0.0
    pools = (_endless(numbers[shows], random), _endless(numbers[~shows], random))
    while True:
        wanted = random.random(batch) < share if 0 < share < 1 else np.full(batch, share > 0)
        yield (
            [next(pools[0] if one else pools[1]) for one in wanted],
            [bool(flip) for flip in random.random(batch) < 0.5],
        )


def choosers(rows: Sequence[Row], shows: NDArray[np.bool_]) -> list[Row]:
    """Keep the validation rows that a fit is looked at with; of very many, half with findings.

    Args:
        rows: of validation patients.
        shows: [n], which of them show a finding.
    """
    if len(rows) <= MOST_LOOKED_AT:
        return list(rows)
    marked, others = np.flatnonzero(shows), np.flatnonzero(~shows)
    half = MOST_LOOKED_AT // 2
    marked = marked[: max(half, MOST_LOOKED_AT - len(others))]
    kept = np.sort(np.concatenate([marked, others[: MOST_LOOKED_AT - len(marked)]]))
    return [rows[place] for place in kept]


def _endless(numbers: NDArray[np.int64], random: np.random.Generator) -> Iterator[int]:
    while len(numbers):
        yield from (int(number) for number in random.permutation(numbers))


def fit(
    heads: nn.Module,
    tuned: nn.Module | None,
    loss_of: Callable[[Batch], Tensor],
    judge: Callable[[], float],
    drawn: Iterator[Batch],
    settings: AdaptSettings,
) -> Fitting:
    """Train heads, and an encoder beneath them; they end with the weights that scored best.

    Args:
        heads: what is trained.
        tuned: an encoder that is trained too, more slowly; it stays in evaluation mode, since
            moments of batches as small as these would blur those of its batch norms.
        loss_of: the loss of one batch.
        judge: the score on the validation patients.
        drawn: batches of training images.
        settings: steps, patience and learning rate.
    """
    whole = nn.ModuleList([heads] if tuned is None else [heads, tuned])
    optimizer = torch.optim.AdamW(_groups(heads, tuned, settings.rate), weight_decay=DECAY)
    peaks = [group["lr"] for group in optimizer.param_groups]
    looks: list[ValidationPoint] = []
    losses: list[float] = []
    kept, weights = (
        ValidationPoint(0, float("nan"), float("nan")),
        copy.deepcopy(whole.state_dict()),
    )
    since = 0
    for step in range(settings.steps):
        heads.train()
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            warmup = max(1, int(WARMUP * settings.steps))
            group["lr"] = warm_cosine(step, settings.steps, warmup, peak, 0.01 * peak)
        loss = loss_of(next(drawn))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(whole.parameters(), STEEPEST)
        optimizer.step()
        losses.append(float(loss.detach()))
        last = step + 1 == settings.steps
        if not last and (step + 1) % settings.check_every:
            continue
        heads.eval()
        with torch.no_grad():
            look = ValidationPoint(step + 1, float(np.mean(losses)), judge())
        looks.append(look)
        losses, since = [], since + 1
        gain = isnan(kept.score) or look.score > kept.score
        # equal scores, and patients without a finding, cannot choose: then the later weights stay
        if gain or isnan(look.score) or look.score == kept.score:
            kept, weights = look, copy.deepcopy(whole.state_dict())
        # patience begins where something is found and half of the cosine's fall is done
        since = 0 if gain or kept.score == 0 or step < settings.steps // 2 else since
        if since >= settings.patience:
            break
    whole.load_state_dict(weights)
    heads.eval()
    return Fitting(tuple(looks), kept)


def _groups(heads: nn.Module, tuned: nn.Module | None, rate: float) -> list[dict[str, object]]:
    groups: list[dict[str, object]] = [{"params": list(heads.parameters()), "lr": rate}]
    if tuned is not None:
        groups.append({"params": list(tuned.parameters()), "lr": rate * ENCODER_RATE})
    return groups


def own_copy(encoder: VersaMammoModel, images: Callable[[], Tensor]) -> VersaMammoModel:
    """Copy an encoder, so that tuning one task leaves the caller's as it was.

    Args:
        encoder: to be copied.
        images: some training images [B, 1, H, W], asked for if the encoder was never trained: its
            batch norms have no moments yet, and without them a deep network passes nothing on.
    """
    own = VersaMammoModel.from_backbone(
        copy.deepcopy(encoder.config), encoder.backbone.state_dict()
    )
    norms = [part for part in own.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if norms and not any(int(cast(Tensor, norm.num_batches_tracked)) for norm in norms):
        _take_moments(own, norms, images())
    return own


@torch.no_grad()
def _take_moments(
    encoder: VersaMammoModel, norms: Sequence[nn.modules.batchnorm._BatchNorm], images: Tensor
) -> None:
    """Fill the batch norms' moments with those of some images."""
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    encoder.encode_by_torch(images)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.eval()
        norm.momentum = momentum
