"""Is it learning? Figures that show a collapsing encoder long before a probe would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pretrain.networks.distributed import sum_over_processes


@torch.no_grad()
def feature_std(features: Tensor) -> float:
    """Measure how differently images are encoded: 1 if spread over the sphere, 0 if all equal.

    Mean over dimensions of the standard deviation of L2-normalised features [B, D], times
    sqrt(D) (Chen and He 2021, SimSiam, section 4.1).
    """
    unit = F.normalize(features.double(), dim=-1)
    return float(unit.std(dim=0, correction=0).mean() * math.sqrt(features.shape[1]))


@torch.no_grad()
def effective_rank(features: Tensor) -> float:
    """Count the dimensions in use: RankMe (Garrido et al. 2023, eq. 1) of features [B, D].

    The exponential of the entropy of the singular values as shares of their sum; between 1 and
    min(B, D). Not centred, as published, so a common mean vector counts as one dimension.
    """
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp_min(torch.finfo(torch.float64).tiny) + 1e-7
    return float((-(shares * shares.log()).sum()).exp())


@dataclass(frozen=True)
class PrototypeUse:
    """How the prototypes share the images, all in 0..1.

    Attributes:
        evenness: entropy of the mean assignment over log K; 0 if one prototype takes all.
        sharpness: one minus the mean entropy of single assignments over log K.
        information: evenness + sharpness - 1, what an assignment tells about its image, over
            log K; 0 if all images are assigned alike, however even or sharp.
        used: share of prototypes that were some image's first choice, of those that could be.
    """

    evenness: float
    sharpness: float
    information: float
    used: float


class PrototypeTally:
    """Adds up assignments over steps and processes; nothing leaves the device until read.

    Feed it the plain softmax of the teacher's logits: targets after Sinkhorn-Knopp are even by
    construction and would hide a collapse.
    """

    def __init__(self, prototypes: int, device: torch.device | str = "cpu") -> None:
        self.total = torch.zeros(prototypes, dtype=torch.float64, device=device)
        self.chosen = torch.zeros(prototypes, dtype=torch.float64, device=device)
        self.entropy = torch.zeros((), dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.float64, device=device)

    @torch.no_grad()
    def add(self, probabilities: Tensor) -> None:
        """Count assignments [B, K]."""
        self.total += probabilities.sum(dim=0)
        self.chosen += torch.bincount(probabilities.argmax(dim=1), minlength=len(self.total))
        self.entropy += torch.special.entr(probabilities).sum()
        self.count += len(probabilities)

    def read(self) -> PrototypeUse:
        """Summarise what was added on all processes since the last reading, and start again.

        Raises:
            ValueError: if nothing was added.
        """
        parts = [self.total, self.chosen, self.entropy[None], self.count[None]]
        packed = sum_over_processes(torch.cat(parts))
        total, chosen = packed[: len(self.total)], packed[len(self.total) : -2]
        entropy, count = packed[-2:].tolist()
        if count == 0:
            raise ValueError("no assignments were added since the last reading")
        scale = math.log(len(total))
        evenness = float(torch.special.entr(total / count).sum()) / scale
        sharpness = 1 - entropy / count / scale
        used = float((chosen > 0).sum()) / min(len(total), count)
        for tally in (self.total, self.chosen, self.entropy, self.count):
            tally.zero_()
        return PrototypeUse(evenness, sharpness, evenness + sharpness - 1, used)


@dataclass(frozen=True)
class CollapseReading:
    """What the log holds of one moment; None where an objective has no such thing."""

    step: int
    loss: float
    feature_std: float
    effective_rank: float
    prototypes: PrototypeUse | None = None


@dataclass(frozen=True)
class CollapseRule:
    """When to stop a run that has stopped telling images apart.

    Attributes:
        lowest_std: of features; 1 is spread, 0 is collapsed.
        lowest_rank: effective rank of the same features.
        lowest_information: of prototype assignments.
        patience: how many readings in a row must be below before it counts.
        grace_steps: readings before this step are not judged, the encoder is still at its start.
    """

    lowest_std: float = 0.02
    lowest_rank: float = 1.5
    lowest_information: float = 0.001
    patience: int = 3
    grace_steps: int = 100

    def verdict(self, readings: Sequence[CollapseReading]) -> str | None:
        """Explain why the run should stop, in a sentence, or give None if it should go on."""
        if readings and not math.isfinite(readings[-1].loss):
            return (
                f"The loss became {readings[-1].loss} at step {readings[-1].step}: "
                "lower the learning rate or clip gradients harder."
            )
        judged = [reading for reading in readings if reading.step >= self.grace_steps]
        recent = judged[-self.patience :]
        if len(recent) < self.patience:
            return None
        problems = [self._problem(reading) for reading in recent]
        if not all(problems):
            return None
        return (
            f"The encoder has collapsed: in the last {self.patience} readings (steps "
            f"{recent[0].step} to {recent[-1].step}) {problems[-1]}. Usual causes: too few "
            "different images, too many prototypes for the batch, a teacher temperature or "
            "learning rate that is too high."
        )

    def _problem(self, reading: CollapseReading) -> str | None:
        if reading.feature_std < self.lowest_std:
            return f"all images got nearly the same features (spread {reading.feature_std:.4f})"
        if reading.effective_rank < self.lowest_rank:
            return f"features used {reading.effective_rank:.2f} dimensions"
        use = reading.prototypes
        if use is not None and use.information < self.lowest_information:
            return f"all images chose the same prototypes (information {use.information:.5f})"
        return None
