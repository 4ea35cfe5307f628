"""The teacher beside the student: it sees the same fine view and says what it sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from versamammo.input.contract import InputContract
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features
from versamammo.training.origin import Inherited

LEAST_STD = 1e-4


@dataclass(frozen=True)
class Guidance:
    """What the teacher says of a batch; nothing here carries a gradient.

    Attributes:
        pooled: [B, D], standardised.
        patches: [B, D, h, w], standardised.
        patch: side of a patch in pixels of the fine view.
    """

    pooled: Tensor
    patches: Tensor
    patch: int


class FrozenTeacher:
    """A frozen teacher whose features are standardised, dimension by dimension.

    What all mammograms have in common fills most of a teacher's features; once it is taken away
    a student that answers every image alike is as bad as chance.
    """

    def __init__(
        self,
        teacher: VersaMammoModel,
        taught: InputContract,
        images: Tensor,
        shrink: int = 1,
        name: str = "a teacher",
    ) -> None:
        """Measure the teacher's mean and spread.

        Args:
            teacher: any encoder.
            taught: how the student's images are prepared.
            images: [n, 1, H, W], prepared so, not varied.
            shrink: pixels of the student's view in one of the teacher's, along each side.
            name: what it is called where it does not say what it has learnt from.
        """
        self.shrink = shrink
        self.name = name
        self.teacher = teacher.requires_grad_(False)
        self.teacher.train(False)
        own = teacher.config.input_contract
        self.factor = taught.std / own.std
        self.offset = (taught.mean - own.mean) / own.std
        seen = [self._look(some) for some in images.split(8)]
        self.pooled_at = _moments(torch.cat([one.pooled for one in seen]))
        self.patches_at = _moments(torch.cat([one.patches.flatten(0, 1) for one in seen]))

    @property
    def width(self) -> int:
        """The teacher's D."""
        return len(self.pooled_at[0])

    @property
    def inherited(self) -> Inherited:
        """What the teacher has learnt from."""
        return Inherited.of(self.teacher.config.training, self.name)

    @torch.no_grad()
    def __call__(self, views: Tensor) -> Guidance:
        """Look at fine views [B, 1, H, W], normalised for the student."""
        seen = self._look(views)
        patches = (seen.patches.float() - self.patches_at[0]) / self.patches_at[1]
        pooled = (seen.pooled.float() - self.pooled_at[0]) / self.pooled_at[1]
        laid_out = patches.transpose(1, 2).unflatten(2, seen.grid)
        return Guidance(pooled, laid_out, self.teacher.stride * self.shrink)

    @torch.no_grad()
    def _look(self, views: Tensor) -> Features:
        parameter = next(self.teacher.parameters())
        shown = F.avg_pool2d(views.to(parameter.device), self.shrink)
        shown = shown * self.factor + self.offset
        on_gpu = parameter.device.type == "cuda"
        with torch.autocast(parameter.device.type, torch.bfloat16, enabled=on_gpu):
            seen: Features = self.teacher.encode(shown)
        return seen


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    wide = rows.double()
    std = wide.std(dim=0, correction=0).clamp_min(LEAST_STD)
    return wide.mean(dim=0).float(), std.float()
