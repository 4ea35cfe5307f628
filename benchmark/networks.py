"""Small networks on frozen features: a perceptron on pooled ones, attention over patches."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.task_rows import AdaptSettings

HIDDEN = 256
MOST_EPOCHS = 100
PATIENCE = 10  # epochs without gain
BATCH = 256
DECAYS = (0.1, 0.001)  # of AdamW; the better one by validation patients


class Sided(Protocol):
    """Features and truths of some patients."""

    @property
    def x(self) -> Tensor: ...  # noqa: D102
    @property
    def y(self) -> Tensor: ...  # noqa: D102


class AttentionPool(nn.Module):
    """Weighs patches by one learnt question each for several heads, then adds them up."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.question = nn.Linear(width, heads)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn patches [n, T, D] into [n, heads * D]."""
        weights = self.question(tokens).softmax(1)  # [n, T, heads]
        pooled: Tensor = torch.einsum("nth,ntd->nhd", weights, tokens)
        return pooled.flatten(1)


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network.

    Attributes:
        network: from standardised features to K scores.
        several: whether labels exclude each other not.
        mean: [D].
        std: [D].
    """

    network: nn.Module
    several: bool
    mean: Tensor
    std: Tensor

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """Return probabilities [n, K]."""
        scores = self._scores(x).double()
        return scores.sigmoid() if self.several else scores.softmax(-1)

    @torch.no_grad()
    def loss(self, x: Tensor, y: Tensor) -> float:
        """Return the mean log loss over what is known."""
        return float(_loss(self._scores(x), y))

    def scaled(self, x: Tensor) -> Tensor:
        """Standardise features, in float32; of patches only as many as one batch are kept so."""
        return (x.float() - self.mean) / self.std

    def _scores(self, x: Tensor) -> Tensor:
        return torch.cat([self.network(self.scaled(some)) for some in x.split(BATCH)])


def fit_network(
    kind: str, classes: int, train: Sided, val: Sided, settings: AdaptSettings
) -> Network:
    """Fit a network; epochs and weight decay are chosen by the validation side."""
    mean, std = moments(train.x.flatten(0, -2))
    best, least = None, float("inf")
    for decay in DECAYS:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            network = _build(settings.probe, len(mean), classes)
            made = Network(network, kind == "multilabel", mean, std)
            loss = _train(made, train, val, decay, settings)
        if best is None or loss < least:
            best, least = made, loss
    assert best is not None
    return best


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and spread of each feature of [n, D], float32; one that never varies has 1."""
    total, squares = (torch.zeros(x.shape[1], dtype=torch.float64) for _ in range(2))
    parts = x.split(1 << 14)
    for some in parts:
        total += some.double().sum(0)
    mean = total / len(x)
    for some in parts:
        squares += (some.double() - mean).square().sum(0)
    std = (squares / len(x)).sqrt().float()
    return mean.float(), torch.where(std > 1e-6, std, torch.ones_like(std))


def _build(probe: str, width: int, classes: int) -> nn.Module:
    if probe == "attention":
        return nn.Sequential(AttentionPool(width), nn.Linear(4 * width, classes))
    return nn.Sequential(
        nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(0.2), nn.Linear(HIDDEN, classes)
    )


def _train(made: Network, train: Sided, val: Sided, decay: float, settings: AdaptSettings) -> float:
    """Train until the validation loss stops falling; leaves the best weights in place."""
    network = made.network
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=decay)
    judged = val if len(val.y) else train
    best, least, since = copy.deepcopy(network.state_dict()), float("inf"), 0
    for _ in range(MOST_EPOCHS):
        network.train()
        for places in torch.randperm(len(train.y)).split(BATCH):
            optimiser.zero_grad()
            _loss(network(made.scaled(train.x[places])), train.y[places]).backward()
            optimiser.step()
        network.eval()
        loss = made.loss(judged.x, judged.y)
        if loss < least:
            best, least, since = copy.deepcopy(network.state_dict()), loss, 0
        else:
            since += 1
            if since >= PATIENCE:
                break
    network.load_state_dict(best)
    network.eval()
    return least


def _loss(scores: Tensor, y: Tensor) -> Tensor:
    if y.ndim == 1:
        return F.cross_entropy(scores, y)
    known = ~y.isnan()
    each = F.binary_cross_entropy_with_logits(
        scores, y.nan_to_num().to(scores.dtype), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp_min(1)
