"""Cutpoints between ordered classes, fitted on patients that were not learned from.

Within a short training cutpoints hardly move, and a class between two others may never be the
likeliest although the score tells it well. They are a handful of numbers, which validation patients
settle, as they settle temperatures: those under which their labels are most probable, all classes
counting alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from versamammo.model.heads import SMALLEST_GAP, OrdinalHead

LEAST = 5  # images of each class that occurs, below which nothing is fitted
FAR = 8.0  # logits between the images at either end and the cutpoints of classes beyond them
CLOSEST = 0.05  # logits between two cutpoints at the start of the search
SEARCHES = 200


def fit_cutpoints(head: OrdinalHead, features: Tensor, truth: Tensor) -> bool:
    """Set the scale of a head's score and its cutpoints to what fits labels best.

    Classes that do not occur keep no room: they are never the likeliest.

    Args:
        head: changed in place.
        features: that it reads, [n, D].
        truth: classes [n].

    Returns:
        whether it was fitted: at least three classes occur, each often enough.
    """
    counts = torch.bincount(truth, minlength=len(head.gaps) + 2)
    occur = counts.nonzero().flatten()
    if len(occur) < 3 or int(counts[occur].min()) < LEAST:
        return False
    with torch.no_grad():
        score = head.linear(features.to(head.linear.weight)).double().cpu()[:, 0]
    place = torch.searchsorted(occur, truth)  # among the classes that occur
    scale, cuts = _search(score, place, counts[occur])
    with torch.no_grad():
        head.linear.weight.mul_(scale)
        head.linear.bias.mul_(scale)
        ends = float(scale * score.min()) - FAR, float(scale * score.max()) + FAR
        _set(head, _all_cuts(cuts, occur, len(counts), ends))
    return True


def cross_fitted(
    head: OrdinalHead, features: Tensor, truth: Tensor, patients: Sequence[str], parts: int = 10
) -> NDArray[np.int64]:
    """Return the class [n] that is told of each image by cutpoints of other patients."""
    names, whose = np.unique(np.asarray(patients), return_inverse=True)
    part = np.random.default_rng(0).permutation(len(names))[whose] % parts
    told = np.full(len(truth), -1, np.int64)
    for number in range(parts):
        asked = torch.from_numpy(part == number)
        fitted = deepcopy(head)
        fit_cutpoints(fitted, features[~asked], truth[~asked])
        with torch.no_grad():
            told[asked.numpy()] = fitted(features[asked]).argmax(dim=1).numpy()
    return told


def _search(score: Tensor, place: Tensor, counts: Tensor) -> tuple[float, Tensor]:
    """Return the scale, and the cutpoints between the classes that occur."""
    weights = 1 / counts.double()[place] / len(counts)
    shares = torch.linspace(0, 1, len(counts) + 1, dtype=score.dtype)[1:-1]
    start = torch.quantile(score, shares)
    first = start[0].clone().requires_grad_()
    gaps = torch.expm1((start[1:] - start[:-1]).clamp_min(CLOSEST)).log().requires_grad_()
    log_scale = score.new_zeros(()).requires_grad_()

    def cuts() -> Tensor:
        steps = F.softplus(gaps) + SMALLEST_GAP
        return torch.cat([first[None], first + steps.cumsum(0)])

    def paid() -> Tensor:
        above = (score[:, None] - cuts()) * log_scale.exp()
        reached = torch.cat(
            [score.new_ones(len(score), 1), above.sigmoid(), score.new_zeros(len(score), 1)], dim=1
        )
        shares = (reached[:, :-1] - reached[:, 1:]).clamp_min(1e-9)
        return -(shares.gather(1, place[:, None])[:, 0].log() * weights).sum()

    search = torch.optim.LBFGS(
        [first, gaps, log_scale], max_iter=SEARCHES, line_search_fn="strong_wolfe"
    )

    def step() -> Tensor:
        search.zero_grad()
        loss = paid()
        loss.backward()
        return loss

    search.step(step)
    scale = float(log_scale.detach().exp())
    return scale, (cuts() * log_scale.exp()).detach()


def _all_cuts(found: Tensor, occur: Tensor, classes: int, ends: tuple[float, float]) -> Tensor:
    """Return all K - 1 cutpoints; classes that do not occur lie beyond the ends or get no room."""
    cuts = torch.empty(classes - 1, dtype=found.dtype)
    for k in range(classes - 1):
        below = int((occur <= k).sum())  # classes that occur up to k
        if below == 0:
            cuts[k] = min(ends[0], float(found[0]) - FAR)
        elif below == len(occur):
            cuts[k] = max(ends[1], float(found[-1]) + FAR)
        else:
            cuts[k] = found[below - 1]
    return cuts


def _set(head: OrdinalHead, cuts: Tensor) -> None:
    gaps = (cuts[1:] - cuts[:-1] - SMALLEST_GAP).clamp_min(SMALLEST_GAP)
    head.first.fill_(float(cuts[0]))
    head.gaps.copy_(torch.log(torch.expm1(gaps)))
    assert not math.isnan(float(head.gaps.sum())), "gaps are positive"
