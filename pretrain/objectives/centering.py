"""Teacher logits turned into targets that cannot all fall on one prototype."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pretrain.networks.distributed import max_over_processes, sum_over_processes

CenteringKind = Literal["sinkhorn", "softmax"]


def widen(values: Tensor) -> Tensor:
    """Return at least float32: exponentials at temperature 0.04 need its range."""
    return values if values.dtype == torch.float64 else values.float()


@torch.no_grad()
def sinkhorn_knopp(logits: Tensor, temperature: float, iterations: int = 3) -> Tensor:
    """Assign samples to prototypes so that each prototype receives an equal share.

    Alternately scales prototypes and samples to equal sums (Cuturi 2013; Caron et al. 2020,
    SwAV, section 3.1); the last step makes every row a distribution. All sums run over all
    processes, and processes may hold different numbers of rows, even none.

    Args:
        logits: teacher scores [B, K].
        temperature: divides the logits; lower is sharper.
        iterations: how often prototypes and samples are scaled in turn.

    Returns:
        Targets [B, K], each row summing to one.
    """
    scaled = widen(logits) / temperature
    highest = scaled.max() if len(scaled) else scaled.new_full((), -torch.inf)
    # one common factor cancels out below; it only keeps the exponential finite
    mass = (scaled - max_over_processes(highest)).exp()
    smallest = torch.finfo(mass.dtype).tiny
    for _ in range(iterations):
        per_prototype = sum_over_processes(mass.sum(dim=0, keepdim=True))  # [1, K]
        # a prototype nobody comes near would otherwise divide zero by zero
        mass /= per_prototype.clamp_min_(smallest)
        mass /= mass.sum(dim=1, keepdim=True).clamp_min_(smallest)  # [B, 1]
    return mass


class SinkhornTargets(nn.Module):
    """Targets by Sinkhorn-Knopp over the whole batch of all processes; keeps no state."""

    def __init__(self, iterations: int = 3) -> None:
        super().__init__()
        self.iterations = iterations

    def forward(self, logits: Tensor, temperature: float) -> Tensor:
        """Turn teacher logits [B, K] into targets [B, K]."""
        return sinkhorn_knopp(logits, temperature, self.iterations)


class CenteredTargets(nn.Module):
    """Targets by a softmax around a running mean of the logits (DINO, Caron et al. 2021).

    The targets use the centre of the steps before; the step's own logits then move it.
    """

    def __init__(self, prototypes: int, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.center: Tensor
        self.register_buffer("center", torch.zeros(1, prototypes))

    @torch.no_grad()
    def forward(self, logits: Tensor, temperature: float) -> Tensor:
        """Turn teacher logits [B, K] into targets [B, K] and move the centre."""
        scores = widen(logits)
        targets = ((scores - self.center) / temperature).softmax(dim=-1)
        self._follow(scores)
        return targets

    def _follow(self, scores: Tensor) -> None:
        total = scores.sum(dim=0, keepdim=True)  # [1, K]
        count = total.new_full((1, 1), scores.shape[0])
        # one message for both, since rows per process may differ
        both = sum_over_processes(torch.cat([total, count], dim=1))
        mean = both[:, :-1] / both[:, -1:]
        self.center.lerp_(mean.to(self.center.dtype), 1 - self.momentum)


def targets_for(kind: CenteringKind, prototypes: int) -> SinkhornTargets | CenteredTargets:
    """Build the centring that a config names."""
    return SinkhornTargets() if kind == "sinkhorn" else CenteredTargets(prototypes)
