"""Logistic regression by L-BFGS: one of K, ordered, or several labels; a path of strengths.

Minimises the mean log loss plus strength / 2 times the squared weights; thresholds are free.
Features are standardised by the training side. The ordered model is that of proportional odds
(McCullagh 1980): one direction, rising thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTHS = (1.0, 0.1, 0.01, 0.001, 0.0001)  # strong to weak, each started from the one before
ROUNDS = 200
SMALL = 2_000_000  # numbers
LARGE = 50_000_000  # numbers; beyond that single precision has to do
LINKS: dict[str, Sequence[str]] = {
    "binary": ("softmax",),
    "multiclass": ("softmax",),
    # BI-RADS 0 is no lower degree than 1: let validation patients say whether order helps
    "ordinal": ("ordered", "softmax"),
    "multilabel": ("sigmoid",),
}


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted model.

    Attributes:
        link: `softmax`, `ordered` or `sigmoid`.
        strength: of the penalty.
        weight: [D, K], of the ordered model [D, 1].
        bias: [K], of the ordered model rising thresholds [K - 1].
        mean: [D] of the training side.
        std: [D] of the training side.
    """

    link: str
    strength: float
    weight: Tensor
    bias: Tensor
    mean: Tensor
    std: Tensor

    def probabilities(self, x: Tensor) -> Tensor:
        """Return probabilities [n, K] of features [n, D]."""
        return _log_odds_to(self.link, self._scores(x), self.bias)

    def loss(self, x: Tensor, y: Tensor) -> float:
        """Return the mean log loss over what is known."""
        return float(_loss(self.link, self._scores(x), self.bias, y))

    def _scores(self, x: Tensor) -> Tensor:
        return ((x.to(self.weight.dtype) - self.mean) / self.std) @ self.weight


def fit_path(
    link: str, x: Tensor, y: Tensor, classes: int, strengths: Sequence[float] = STRENGTHS
) -> list[Linear]:
    """Fit a model for each strength.

    Args:
        link: `softmax`, `ordered` or `sigmoid`.
        x: features [n, D].
        y: classes [n], or [n, K] of 1, 0 and NaN.
        classes: K.
        strengths: from strong to weak.
    """
    x = x.to(torch.float64 if x.numel() < LARGE else torch.float32)
    mean, std = x.mean(0), x.std(0, correction=0)
    std = torch.where(std > 1e-6, std, torch.ones_like(std))
    scaled = (x - mean) / std
    # weights that the penalty leaves lie in the span of the rows: with few rows, fit in there
    span = torch.linalg.qr(scaled.T).Q if len(x) < x.shape[1] else None
    scaled = scaled if span is None else scaled @ span
    width = 1 if link == "ordered" else classes
    weight = torch.zeros(scaled.shape[1], width, dtype=x.dtype)
    raw = torch.zeros(classes - 1 if link == "ordered" else classes, dtype=x.dtype)
    found = []
    for strength in strengths:
        with threads(1 if scaled.numel() < SMALL else torch.get_num_threads()):
            weight, raw = _fit(link, scaled, y, strength, weight, raw)
        bias = _thresholds(raw) if link == "ordered" else raw
        whole = weight if span is None else span @ weight
        found.append(Linear(link, strength, whole, bias, mean, std))
    return found


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads; for small matrices several only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(
    link: str, x: Tensor, y: Tensor, strength: float, weight: Tensor, raw: Tensor
) -> tuple[Tensor, Tensor]:
    w, b = (start.clone().requires_grad_() for start in (weight, raw))
    optimiser = torch.optim.LBFGS(
        [w, b], max_iter=ROUNDS, tolerance_grad=1e-6, tolerance_change=1e-10, history_size=20,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        bias = _thresholds(b) if link == "ordered" else b
        loss = _loss(link, x @ w, bias, y) + strength / 2 * w.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return w.detach(), b.detach()


def _thresholds(raw: Tensor) -> Tensor:
    """Make rising thresholds [K - 1] of free numbers."""
    return torch.cat([raw[:1], raw[:1] + F.softplus(raw[1:] + 0.5413).cumsum(0)])


def _loss(link: str, scores: Tensor, bias: Tensor, y: Tensor) -> Tensor:
    if link == "softmax":
        return F.cross_entropy(scores + bias, y)
    if link == "ordered":
        chances = _log_odds_to(link, scores, bias).clamp_min(1e-12)
        return F.nll_loss(chances.log(), y)
    known = ~y.isnan()
    each = F.binary_cross_entropy_with_logits(
        scores + bias, y.nan_to_num().to(scores.dtype), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp_min(1)


def _log_odds_to(link: str, scores: Tensor, bias: Tensor) -> Tensor:
    """Turn scores [n, K or 1] into probabilities [n, K]."""
    if link == "softmax":
        return (scores + bias).softmax(-1)
    if link == "sigmoid":
        return (scores + bias).sigmoid()
    above = (scores - bias).sigmoid()  # [n, K - 1], chance of a higher class than each
    edges = F.pad(F.pad(above, (1, 0), value=1.0), (0, 1), value=0.0)
    return edges[:, :-1] - edges[:, 1:]
