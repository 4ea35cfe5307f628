"""What labels teach: attributes of the image and places of findings; unknown enters no loss.

Every loss is divided by what a student would pay who knows nothing but how frequent the classes
are, the entropy of those frequencies, and attributes known in a step count alike. A loss of one
is chance for every attribute of every archive, so that no weights have to be tuned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pretrain.networks.distributed import sum_over_processes, world_size
from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS
from versamammo.model.heads import AttributeHeads, FindingHead

# A class in a thousand has an entropy of 0.008: divided by that, one image would drown a batch.
LEAST_ENTROPY = 0.1


@dataclass(frozen=True, eq=False)
class Frequencies:
    """How frequent the classes of an attribute are among the training images that know it.

    Attributes:
        name: of the attribute.
        shares: [K], adding up to 1; every class counts one image more than was seen.
        known: images that know the attribute.
    """

    name: str
    shares: NDArray[np.float64]
    known: int

    @property
    def entropy(self) -> float:
        """Loss in nats of a student that knows only these shares, not below `LEAST_ENTROPY`."""
        return max(LEAST_ENTROPY, float(-(self.shares * np.log(self.shares)).sum()))


def frequencies_of(
    classes: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> list[Frequencies]:
    """Count classes [n, A]; attributes of which fewer than two classes were seen are left out.

    Args:
        classes: of the images, -1 where unknown.
        weights: how often each image is drawn [n]; alike by default.
    """
    found = []
    often = np.ones(len(classes)) if weights is None else weights
    for column, attribute in zip(classes.T, ATTRIBUTES.values(), strict=True):
        known = column != UNKNOWN_CLASS
        counts = np.bincount(column[known], often[known], len(attribute.classes))
        if (counts > 0).sum() > 1:
            shares = (counts + 1) / (counts + 1).sum()
            found.append(Frequencies(attribute.name, shares, int(known.sum())))
    return found


@torch.no_grad()
def set_priors(heads: AttributeHeads, frequencies: Sequence[Frequencies]) -> None:
    """Shift the heads by how frequent the classes are (logit adjustment, Menon et al. 2021)."""
    for found in frequencies:
        heads.log_prior[found.name].copy_(torch.from_numpy(np.log(found.shares)))


def attribute_loss(
    heads: AttributeHeads, pooled: Tensor, classes: Tensor, entropies: Sequence[float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean over the attributes known in this step, 1 at chance, and each by name.

    Args:
        heads: of A' attributes.
        pooled: features [B, D].
        classes: [B, A'], -1 where unknown.
        entropies: chance loss of each attribute, in nats.
    """
    known = classes != UNKNOWN_CLASS
    counts = sum_over_processes(known.sum(dim=0).double())
    shares = world_size() / counts.clamp_min(1)
    losses = {}
    for i, (name, log_shares) in enumerate(heads.adjusted(pooled).items()):
        right = log_shares.gather(1, classes[:, i : i + 1].clamp_min(0))[:, 0]
        # not by choosing rows: every head has to take part in every step of every process
        paid = torch.where(known[:, i], -right, torch.zeros_like(right)).sum()
        losses[name] = paid * shares[i].to(paid.dtype) / entropies[i]
    asked = (counts > 0).sum().clamp_min(1)
    total = torch.stack(list(losses.values())).sum() / asked
    return total, {name: loss.detach() for name, loss in losses.items()}


def finding_loss(log_odds: Tensor, cover: Tensor, known: Tensor, rates: Tensor) -> Tensor:
    """Return the cells' cross-entropy over what chance pays for the kinds known in this step.

    Each kind weighs by its chance loss, so by how much of it there is: weighed alike, two images
    of a rare kind would teach as much as a thousand masses, and noisily.

    Args:
        log_odds: [B, K, h, w].
        cover: share of each cell that findings of a kind cover, [B, K, h, w] in 0..1.
        known: [B, K], whether it is known where findings of a kind lie.
        rates: [K], share of all cells that are covered.
    """
    paid = F.binary_cross_entropy_with_logits(log_odds.float(), cover, reduction="none")
    per_kind = torch.where(known, paid.mean(dim=(2, 3)), 0.0).sum(dim=0)
    counts = sum_over_processes(known.sum(dim=0).double()).to(paid.dtype)
    chance = -(torch.xlogy(rates, rates) + torch.xlogy(1 - rates, 1 - rates))
    known_chance = torch.where(counts > 0, chance, 0.0).sum()
    per_kind = per_kind * world_size() / counts.clamp_min(1)
    return per_kind.sum() / known_chance.clamp_min(torch.finfo(paid.dtype).tiny)


def lesion_loss(log_odds: Tensor, grades: Tensor, malignant: float) -> Tensor:
    """Return the cross-entropy of malignant against benign in findings, 1 at chance.

    Every image counts alike, whatever its findings cover; cells outside findings of known
    pathology teach nothing, so that the map tells how a finding looks and not where one lies.

    Args:
        log_odds: [B, 1, h, w].
        grades: share of each cell that benign and malignant findings cover, [B, 2, h, w].
        malignant: share of the archive's findings that are malignant.
    """
    odds = log_odds[:, 0].float()
    paid = grades[:, 0] * F.softplus(odds) + grades[:, 1] * F.softplus(-odds)
    area = grades.sum(dim=(1, 2, 3))
    known = area > 0
    each = torch.where(known, paid.sum(dim=(1, 2)) / area.clamp_min(1e-6), 0.0)
    count = sum_over_processes(known.sum().double()[None])[0].to(paid.dtype).clamp_min(1)
    entropy = -(malignant * np.log(malignant) + (1 - malignant) * np.log(1 - malignant))
    return each.sum() * world_size() / count / max(LEAST_ENTROPY, float(entropy))


@torch.no_grad()
def start_at_rates(head: FindingHead, rates: Tensor) -> None:
    """Let a finding head begin with the share of cells that each kind covers."""
    cast(Tensor, head.score.bias).copy_(torch.logit(rates))
