"""The student: an encoder with heads, what it projects for the teacher, and its losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.networks.distributed import sum_over_processes, world_size
from pretrain.networks.frozen_teacher import Guidance
from pretrain.networks.momentum_teacher import follow, teacher_of
from pretrain.networks.parameter_groups import ParameterGroup, head_groups
from pretrain.networks.starting_weights import start_from
from pretrain.objectives.as_published import PublishedHeads, published_loss
from pretrain.objectives.distillation_losses import (
    at_patches,
    consistency_loss,
    dense_loss,
    pooled_loss,
    relational_loss,
)
from pretrain.objectives.registry import StepLosses
from pretrain.objectives.supervised_losses import (
    Frequencies,
    attribute_loss,
    finding_loss,
    lesion_loss,
    set_priors,
    start_at_rates,
)
from pretrain.settings.stage2_config import Stage2
from pretrain.views.lesion_patches import fixed_statistics, settled_statistics
from pretrain.views.whole_breast_loader import WholeBatch
from versamammo.data.attributes import ATTRIBUTES
from versamammo.data.labels import FINDINGS
from versamammo.model.backbones import recompute_activations
from versamammo.model.configuration import VersaMammoConfig
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.features import Features
from versamammo.model.heads import FindingHead, Heads, describe_heads


@dataclass(frozen=True, eq=False)
class LabelStatistics:
    """What the training images' labels allow to learn.

    Attributes:
        attributes: that have at least two classes.
        kinds: of findings whose places are known somewhere.
        rates: [K'], share of all cells that findings of these kinds cover.
        showing: indices of the images with a finding whose place is known.
        close_rates: [K'], as `rates`, of close-ups; None if there are none.
        malignant: share of the findings with a box and a known pathology that are malignant; None
            unless there are of both.
    """

    attributes: Sequence[Frequencies]
    kinds: tuple[str, ...]
    rates: NDArray[np.float64]
    showing: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    close_rates: NDArray[np.float64] | None = None
    malignant: float | None = None


class Student(nn.Module):
    """A student in training, and its running mean, which is what is validated and exported.

    Attributes:
        encoder: in training.
        mean: its running mean, in evaluation mode.
    """

    def __init__(self, config: Stage2, known: LabelStatistics, teacher_width: int) -> None:
        super().__init__()
        self.terms = config.terms
        self.published = config.objective == "as_published"
        self.encoder = build_encoder(config, known)
        width = cast(int, self.encoder.config.hidden_size)
        self.published_heads = PublishedHeads(width) if self.published else None
        ours = not self.published
        self.to_pooled = nn.Linear(width, teacher_width) if ours and self.terms.pooled else None
        self.to_patches = nn.Conv2d(width, teacher_width, 1) if ours and self.terms.dense else None
        names = list(ATTRIBUTES)
        self.columns = [names.index(one.name) for one in known.attributes]
        self.entropies = [one.entropy for one in known.attributes]
        self.kinds = [FINDINGS.index(kind) for kind in known.kinds]
        self.register_buffer("rates", torch.from_numpy(known.rates).float(), persistent=False)
        self.rates: Tensor
        close = known.rates if known.close_rates is None else known.close_rates
        self.register_buffer("close_rates", torch.from_numpy(close).float(), persistent=False)
        self.close_rates: Tensor
        self.malignant = known.malignant
        self.recomputes = config.student.checkpointing
        self.learns_close_up = self.terms.supervised and self.terms.closeups and ours
        # close-ups come first and alone, if there are any, and set the moments of batch norms
        self.settles = (
            self.learns_close_up and len(known.showing) > 0 and config.optim.close_first > 0
        )
        self.mean = teacher_of(self.encoder)

    def forward(
        self, batch: WholeBatch, guidance: Guidance | None, only_close: bool = False
    ) -> StepLosses:
        """Compute the losses of one batch, or of its close-ups alone."""
        if only_close:
            return self._only_close(batch)
        with fixed_statistics(self.encoder) if self.settles else nullcontext():
            return self._whole(batch, guidance)

    def _whole(self, batch: WholeBatch, guidance: Guidance | None) -> StepLosses:
        high = self.encoder.encode(batch.high)
        if self.published:
            return self._as_published(batch, high, guidance)
        losses: dict[str, Tensor] = {}
        details: dict[str, Tensor] = {}
        terms = self.terms
        if terms.supervised:
            losses, details = self._supervised(batch, high)
        if guidance is not None:
            losses |= self._distilled(batch, high, guidance)
        if terms.consistency:
            low = self.encoder.encode(batch.low)
            losses["consistency"] = consistency_loss(low.pooled, high.pooled, terms.temperature)
        total = torch.stack(list(losses.values())).sum()
        named = {name: loss.detach() for name, loss in losses.items()}
        return StepLosses(total, named | details, high.pooled.detach())

    def _supervised(
        self, batch: WholeBatch, high: Features
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        heads = cast(Heads, self.encoder.heads)
        classes = batch.classes[:, self.columns]
        heat = heads.heat(high)
        whole = heads.whole(high, heat)
        total, details = attribute_loss(heads.attributes, whole, classes, self.entropies)
        losses = {"attributes": total}
        if heat is not None:
            cover = at_cells(batch.cover[:, self.kinds], heat)
            losses["findings"] = finding_loss(heat, cover, batch.placed[:, self.kinds], self.rates)
        if heads.lesions is not None:
            losses["lesions"] = self._lesion_loss(heads.lesions(high.pyramid), batch.grades)
        if heat is not None and self.learns_close_up and batch.close.shape[1]:
            losses |= self._close_up(batch)
        return losses, details

    def _lesion_loss(self, odds: Tensor, grades: Tensor) -> Tensor:
        assert self.malignant is not None, "there is a head for it"
        return lesion_loss(odds, at_cells(grades, odds), self.malignant)

    def _only_close(self, batch: WholeBatch) -> StepLosses:
        with self._kept_activations():
            seen = self.encoder.encode(batch.close.flatten(0, 1))
        loss = self._close_loss(batch, self._finding_head()(seen.pyramid))
        # every weight has to take part in every step of every process
        nothing = torch.stack([one.sum() for one in self.parameters() if one.requires_grad]).sum()
        total, pooled = loss + 0 * nothing, seen.pooled.detach()
        return StepLosses(total, {"closeups": loss.detach()}, pooled)

    def _close_up(self, batch: WholeBatch) -> dict[str, Tensor]:
        """Ask for places in close-ups, where findings are far more frequent than in breasts."""
        head = self._finding_head()
        settled = nullcontext() if self.settles else settled_statistics(self.encoder)
        with settled, self._kept_activations():
            # what lies behind the maps that the head reads would be computed for nothing
            maps = self.encoder.maps(batch.close.flatten(0, 1), head.reads)
        losses = {"closeups": self._close_loss(batch, head(maps))}
        lesions = cast(Heads, self.encoder.heads).lesions
        if lesions is not None:
            grades = batch.close_grades.flatten(0, 1)
            losses["close_lesions"] = self._lesion_loss(lesions(maps), grades)
        return losses

    def _close_loss(self, batch: WholeBatch, heat: Tensor) -> Tensor:
        # told how much more frequent, so that the head alone gives the odds of whole breasts
        more = torch.logit(self.close_rates) - torch.logit(self.rates)
        cover = at_cells(batch.close_cover.flatten(0, 1)[:, self.kinds], heat)
        placed = batch.close_placed.flatten(0, 1)[:, self.kinds]
        odds = heat.float() + more[:, None, None]
        return finding_loss(odds, cover, placed, self.close_rates)

    def _finding_head(self) -> FindingHead:
        head = cast(Heads, self.encoder.heads).findings
        assert head is not None, "whole breasts have one"
        return head

    @contextmanager
    def _kept_activations(self) -> Iterator[None]:
        """Recompute nothing: windows need little memory, and would shift running moments twice."""
        if self.recomputes:
            recompute_activations(self.encoder.backbone, False)
        try:
            yield
        finally:
            if self.recomputes:
                recompute_activations(self.encoder.backbone, True)

    def _distilled(
        self, batch: WholeBatch, high: Features, guidance: Guidance
    ) -> dict[str, Tensor]:
        losses = {}
        if self.to_pooled is not None:
            losses["pooled"] = pooled_loss(self.to_pooled(high.pooled), guidance.pooled)
        if self.terms.relational:
            losses["relational"] = relational_loss(
                high.pooled, guidance.pooled, self.terms.temperature
            )
        if self.to_patches is not None:
            grid = guidance.patches.shape[-2], guidance.patches.shape[-1]
            maps = self.to_patches(high.as_map())
            found = at_patches(maps, self.encoder.stride, grid, guidance.patch)
            cell = tissue_cell(self.encoder)
            tissue = at_patches(batch.tissue[:, None], cell, grid, guidance.patch)[:, 0]
            losses["dense"] = dense_loss(found, guidance.patches, tissue)
        return losses

    def _as_published(
        self, batch: WholeBatch, high: Features, guidance: Guidance | None
    ) -> StepLosses:
        if guidance is None or self.published_heads is None:
            raise ValueError("the published objective needs a teacher and its own heads")
        again = self.encoder.encode(batch.high)
        total, losses = published_loss(
            self.published_heads, high.pooled, again.pooled, guidance.pooled, batch.classes
        )
        return StepLosses(total, losses, high.pooled.detach())

    @torch.no_grad()
    def update_mean(self, momentum: float) -> None:
        """Move the running mean towards the student, after the optimiser's step."""
        _share_statistics(self.encoder)
        follow(self.mean, self.encoder, momentum)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Group everything that is trained, for the optimiser."""
        trained = [self.encoder, self.to_pooled, self.to_patches, self.published_heads]
        groups = head_groups(module for module in trained if module is not None)
        return [group for group in groups if group["params"]]


def build_encoder(config: Stage2, known: LabelStatistics) -> VersaMammoModel:
    """Build the student's network with the heads that the labels allow; as published has none."""
    heads = {}
    if config.objective == "ours" and config.terms.supervised:
        names = [one.name for one in known.attributes]
        graded = config.terms.lesion_pathology and known.malignant is not None
        heads = describe_heads(
            names, known.kinds, config.student.head_width, config.student.head_coarsest,
            lesion_pathology=graded,
        )  # fmt: skip
    described = VersaMammoConfig(
        backbone=config.student.backbone,
        backbone_args=config.student.arguments,
        contract=config.views.contract.to_dict(),
        heads=heads,
    )
    encoder = VersaMammoModel(described)
    if config.student.weights is not None:
        start_from(encoder.backbone, config.student.weights)
    if encoder.heads is not None:
        set_priors(encoder.heads.attributes, known.attributes)
        if encoder.heads.findings is not None:
            start_at_rates(encoder.heads.findings, torch.from_numpy(known.rates).float())
    if config.student.checkpointing:
        recompute_activations(encoder.backbone, True)
    if config.student.channels_last:
        encoder.backbone.to(memory_format=torch.channels_last)
    encoder.train()
    return encoder


def tissue_cell(encoder: VersaMammoModel) -> int:
    """Return the side of the cells on which tissue and findings are counted."""
    return min(level.stride for level in encoder.levels if level.stride >= 8)


def at_cells(cover: Tensor, heat: Tensor) -> Tensor:
    """Cut or fill cells [B, K, gh, gw] up to the heat map's, which covers whole patches."""
    h, w = heat.shape[-2:]
    padding = (0, w - cover.shape[-1], 0, h - cover.shape[-2])
    return nn.functional.pad(cover, padding)


def _share_statistics(network: nn.Module) -> None:
    """Let every process hold the mean of all processes' batch statistics."""
    if world_size() == 1:
        return
    buffers = [one for one in network.buffers() if one.is_floating_point()]
    if not buffers:
        return
    flat = sum_over_processes(torch.cat([one.flatten() for one in buffers])) / world_size()
    for one, shared in zip(buffers, flat.split([one.numel() for one in buffers]), strict=True):
        one.copy_(shared.view_as(one))
