"""What the teacher is trained for: a batch in, named losses out, so that one loop serves all.

`dinov2` is what the published code does; `contrastive_mim` what the paper's text says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.networks.parameter_groups import ParameterGroup
from pretrain.networks.vit import Vit
from pretrain.views.batches import CropBatch


@dataclass(frozen=True)
class StepLosses:
    """What one step gives.

    Attributes:
        total: weighted sum, to be differentiated.
        losses: each loss by name, detached and not weighted, for the log.
        features: [B, D], detached, one per image, for the monitors.
        assignments: plain softmax [G * B, K] of the teacher's scores, if it has prototypes.
    """

    total: Tensor
    losses: dict[str, Tensor]
    features: Tensor
    assignments: Tensor | None = None


class Objective(nn.Module, ABC):
    """A student, the running mean of it, and what the student is asked to do."""

    @abstractmethod
    def forward(self, batch: CropBatch, teacher_temperature: float) -> StepLosses:
        """Compute the losses of one batch."""

    @abstractmethod
    def update_teacher(self, momentum: float) -> None:
        """Move the teacher towards the student, after the optimiser's step."""

    @abstractmethod
    def parameter_groups(
        self, layer_decay: float, patch_embed_scale: float
    ) -> list[ParameterGroup]:
        """Group everything that is trained, for the optimiser."""

    @abstractmethod
    def encoder(self) -> Vit:
        """Return the teacher's encoder: what is probed, drawn and exported."""

    def hold_prototypes(self) -> None:
        """Keep the prototypes where they are this step, if there are any."""


def weighted_sum(losses: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Add up losses by their weights."""
    return torch.stack([losses[name] * weights[name] for name in losses]).sum()
