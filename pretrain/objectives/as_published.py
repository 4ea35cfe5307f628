"""The published stage 2's objective, formula by formula, for ablation only.

It compares two passes of one view, keeps each image's likeness to itself, takes the divergence
with the student first and without temperature, uses only images that know both labels, and weighs
cross-entropies tenfold. The teacher is seen online here; theirs was stored beforehand.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from versamammo.data.attributes import ATTRIBUTES, UNKNOWN_CLASS

TEMPERATURE = 0.07
SUPERVISED = 10.0
BIRADS_CLASSES, DENSITY_CLASSES = 6, 4
NAMES = ("self_similarity", "relational", "birads", "density")


class PublishedHeads(nn.Module):
    """Two linear layers: BI-RADS 0 to 5, density A to D."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.birads = nn.Linear(width, BIRADS_CLASSES)
        self.density = nn.Linear(width, DENSITY_CLASSES)


def self_similarity_loss(first: Tensor, second: Tensor) -> Tensor:
    """Cross-entropy between the batch's own similarities in two passes [B, D] each."""
    wanted = F.softmax(second @ second.T / TEMPERATURE, dim=1)
    found = F.log_softmax(first @ first.T / TEMPERATURE, dim=1)
    return -(wanted * found).sum(dim=1).mean()


def published_relational_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(student | teacher) of softmax rows of cosines, [B, D] and [B, D']."""
    theirs = F.log_softmax(_cosines(teacher.detach().float()), dim=1)
    ours = F.log_softmax(_cosines(student.float()), dim=1)
    return F.kl_div(theirs, ours, reduction="batchmean", log_target=True)


def published_loss(
    heads: PublishedHeads, first: Tensor, second: Tensor, teacher: Tensor, classes: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the published total and its parts.

    Args:
        heads: of the second pass.
        first: student features [B, D] of one pass.
        second: of the other.
        teacher: features [B, D'].
        classes: [B, A] of `ATTRIBUTES`, -1 where unknown.
    """
    names = list(ATTRIBUTES)
    density = classes[:, names.index("density")]
    # our BI-RADS counts from 1, theirs from 0, which is "incomplete"
    birads = classes[:, names.index("birads")] + 1
    incomplete = classes[:, names.index("incomplete")] == 1
    birads = torch.where((birads > 0) | incomplete, birads, UNKNOWN_CLASS)
    both = (birads != UNKNOWN_CLASS) & (density != UNKNOWN_CLASS)
    if not both.any():  # no mean of nothing, but every parameter takes part
        nothing = 0 * (first.sum() + heads.birads(second).sum() + heads.density(second).sum())
        return nothing, dict.fromkeys(NAMES, nothing.detach())
    losses = {
        "self_similarity": self_similarity_loss(first[both], second[both]),
        "relational": published_relational_loss(first[both], teacher[both]),
        "birads": F.cross_entropy(heads.birads(second[both]), birads[both]),
        "density": F.cross_entropy(heads.density(second[both]), density[both]),
    }
    supervised = SUPERVISED * (losses["birads"] + losses["density"])
    total = losses["self_similarity"] + losses["relational"] + supervised
    return total, {name: loss.detach() for name, loss in losses.items()}


def _cosines(features: Tensor) -> Tensor:
    unit = F.normalize(features, dim=1)
    return unit @ unit.T
