"""The published code's objective, DINOv2: a student that predicts its own running mean.

Oquab et al. 2024: image-level self-distillation over crops (DINO), patch-level distillation
behind masks (iBOT), and a spreading term (KoLeo).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.networks.momentum_teacher import follow, teacher_of
from pretrain.networks.parameter_groups import ParameterGroup, backbone_groups, head_groups
from pretrain.networks.projection_heads import PrototypeHead
from pretrain.networks.vit import Vit
from pretrain.objectives.centering import CenteringKind, targets_for, widen
from pretrain.objectives.registry import Objective, StepLosses, weighted_sum
from pretrain.objectives.self_supervised_losses import image_distillation, koleo, patch_distillation
from pretrain.views.batches import CropBatch


@dataclass(frozen=True)
class SelfDistillationSettings:
    """Heads, centring and weights.

    Attributes:
        prototypes: K of each head; `pretrain.settings.sizing` recommends one for an archive.
        hidden: width of the heads' hidden layers.
        bottleneck: width in which features are compared with prototypes.
        separate_patch_head: give patches a head of their own, as DINOv2 does; False shares the
            image head, as iBOT does, which suits small archives and saves its memory.
        centering: what keeps targets from collapsing.
        student_temperature: divides the student's scores.
        patch_weight: of the patch loss; 0 leaves it out.
        koleo_weight: of the spreading term; 0 leaves it out.
        koleo_over_processes: whether neighbours are sought on all processes.
    """

    prototypes: int = 4096
    hidden: int = 2048
    bottleneck: int = 256
    separate_patch_head: bool = True
    centering: CenteringKind = "sinkhorn"
    student_temperature: float = 0.1
    patch_weight: float = 1.0
    koleo_weight: float = 0.1
    koleo_over_processes: bool = True


class _Network(nn.Module):
    """An encoder and its heads; student and teacher are one of these each."""

    def __init__(self, vit: Vit, settings: SelfDistillationSettings) -> None:
        super().__init__()
        self.vit = vit
        self.image_head = self._head(settings)
        own = settings.separate_patch_head and settings.patch_weight > 0
        self.patch_head = self._head(settings) if own else None

    def _head(self, settings: SelfDistillationSettings) -> PrototypeHead:
        return PrototypeHead(
            self.vit.width, settings.prototypes, settings.hidden, settings.bottleneck
        )

    def score(self, cls: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Score images [C, D] and hidden patches [M, D], in one pass if they share a head."""
        if self.patch_head is not None:
            return self.image_head(cls), self.patch_head(hidden)
        images, patches = self.image_head(torch.cat([cls, hidden])).split([len(cls), len(hidden)])
        return images, patches


@dataclass(frozen=True)
class _Lesson:
    """What the teacher says of a batch."""

    images: Tensor  # targets [G, B, K]
    patches: Tensor  # targets [M, K]
    features: Tensor  # [B, D]
    assignments: Tensor  # [G * B, K]


class SelfDistillation(Objective):
    """DINOv2 for a timm ViT."""

    def __init__(self, vit: Vit, settings: SelfDistillationSettings) -> None:
        super().__init__()
        self.settings = settings
        self.student = _Network(vit, settings)
        self.teacher = teacher_of(self.student)
        self.image_targets = targets_for(settings.centering, settings.prototypes)
        self.patch_targets = targets_for(settings.centering, settings.prototypes)
        self.weights = {"image": 1.0, "patch": settings.patch_weight}
        self.weights["koleo"] = settings.koleo_weight

    def train(self, mode: bool = True) -> SelfDistillation:
        """Switch the student; the teacher always stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: CropBatch, teacher_temperature: float) -> StepLosses:
        """Compute the losses: teacher, student, image, patch, spread."""
        lesson = self._teach(batch, teacher_temperature)
        hidden = batch.hidden
        overview = self.student.vit(batch.overview, hidden.masks)
        cls = overview.cls
        if len(batch.detail):
            cls = torch.cat([cls, self.student.vit(batch.detail).cls])  # [(G + L) * B, D]
        images, patches = self.student.score(cls, self._hidden(overview.patches, batch))

        temperature = self.settings.student_temperature
        views = by_crop(images, batch)  # [G + L, B, K]
        losses = {"image": image_distillation(views, lesson.images, temperature)}
        if self.settings.patch_weight > 0:
            losses["patch"] = patch_distillation(
                patches, lesson.patches, hidden.weights, len(batch.overview), temperature
            )
        if self.settings.koleo_weight > 0:
            losses["koleo"] = self._spread(overview.cls, batch)
        return StepLosses(
            total=weighted_sum(losses, self.weights),
            losses={name: loss.detach() for name, loss in losses.items()},
            features=lesson.features,
            assignments=lesson.assignments,
        )

    @torch.no_grad()
    def _teach(self, batch: CropBatch, temperature: float) -> _Lesson:
        tokens = self.teacher.vit(batch.overview)
        scores, patch_scores = self.teacher.score(tokens.cls, self._hidden(tokens.patches, batch))
        targets = self.image_targets(scores, temperature)
        return _Lesson(
            images=by_crop(targets, batch),
            patches=self.patch_targets(patch_scores, temperature),
            features=tokens.cls[: batch.images],
            assignments=(widen(scores) / temperature).softmax(dim=-1),
        )

    def _hidden(self, patches: Tensor, batch: CropBatch) -> Tensor:
        """Gather the hidden patches [M, D] of all crops [C, N, D]; none if they are not used."""
        places = batch.hidden.places if self.settings.patch_weight > 0 else slice(0)
        return patches.flatten(0, 1)[places]

    def _spread(self, cls: Tensor, batch: CropBatch) -> Tensor:
        crops = by_crop(cls, batch)  # [G, B, D]
        everywhere = self.settings.koleo_over_processes
        return torch.stack([koleo(crop, over_processes=everywhere) for crop in crops]).sum()

    def update_teacher(self, momentum: float) -> None:
        """Move the teacher's encoder and heads towards the student's."""
        follow(self.teacher, self.student, momentum)

    def hold_prototypes(self) -> None:
        """Drop the prototypes' gradients of this step (DINO holds them for the first epoch)."""
        for module in self.student.modules():
            if isinstance(module, PrototypeHead):
                module.prototypes.grad = None

    def parameter_groups(
        self, layer_decay: float, patch_embed_scale: float
    ) -> list[ParameterGroup]:
        """Group the student's parameters."""
        heads = [self.student.image_head, self.student.patch_head]
        return [
            *backbone_groups(self.student.vit, layer_decay, patch_embed_scale),
            *head_groups(head for head in heads if head is not None),
        ]

    def encoder(self) -> Vit:
        """Return the teacher's encoder."""
        return self.teacher.vit


def by_crop(rows: Tensor, batch: CropBatch) -> Tensor:
    """Turn rows of all crops [C * B, D] into [C, B, D]."""
    return rows.reshape(-1, batch.images, rows.shape[-1])
