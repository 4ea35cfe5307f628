"""Stage 1's settings as one dataclass, and what follows from them and the archive's size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pretrain.monitoring.collapse_detection import CollapseRule
from pretrain.monitoring.probes import ProbeSettings
from pretrain.networks.vit import VitSettings, build_vit
from pretrain.objectives.contrastive_mim import ContrastiveMim, ContrastiveMimSettings
from pretrain.objectives.dinov2 import SelfDistillation, SelfDistillationSettings
from pretrain.objectives.registry import Objective
from pretrain.settings.sizing import recommended_sizing
from pretrain.settings.stage1_schedules import Schedules, scaled_learning_rate
from pretrain.views.augmentations import ViewSettings
from pretrain.views.patch_masks import MaskSettings
from pretrain.views.tissue_maps import TissueSettings
from versamammo.errors import InputError
from versamammo.input.contract import InputContract
from versamammo.phantoms.default_phantoms import PhantomArchive
from versamammo.training.run import RunSettings


@dataclass(frozen=True)
class Stage1Optim:
    """How long and how fast is learnt; DINOv2's values where nothing is said.

    Attributes:
        max_steps: optimiser steps.
        batch_size: images per step, on all processes and in all parts together.
        gradient_accumulation_steps: how many parts a process takes one after the other, adding up
            gradients.
        base_learning_rate: for 1,024 images per step; scaled by the square root of the batch.
        final_learning_rate: at the last step.
        warmup_steps: in which the learning rate rises.
        weight_decay: at the first and the last step.
        momentum: of the teacher, at the first and the last step.
        teacher_temperature: at the first step and after `temperature_steps`.
        temperature_steps: in which targets grow softer.
        frozen_steps: in which prototypes stay where they began.
        betas: of AdamW.
        max_grad_norm: largest norm of the gradient.
        layer_decay: each layer learns this factor slower than the one after it.
        patch_embed_scale: further factor for the patch embedding.
    """

    max_steps: int = 200
    batch_size: int = 16
    gradient_accumulation_steps: int = 1
    base_learning_rate: float = 4e-3
    final_learning_rate: float = 1e-6
    warmup_steps: int = 20
    weight_decay: tuple[float, float] = (0.04, 0.2)
    momentum: tuple[float, float] = (0.994, 1.0)
    teacher_temperature: tuple[float, float] = (0.04, 0.07)
    temperature_steps: int = 60
    frozen_steps: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float = 3.0
    layer_decay: float = 1.0
    patch_embed_scale: float = 0.2

    def schedules(self) -> Schedules:
        """Return every scheduled value as a function of the step."""
        return Schedules(
            steps=self.max_steps,
            learning_rate=scaled_learning_rate(self.base_learning_rate, self.batch_size),
            final_learning_rate=self.final_learning_rate,
            warmup_steps=self.warmup_steps,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            teacher_temperature=self.teacher_temperature,
            temperature_steps=self.temperature_steps,
            frozen_steps=self.frozen_steps,
        )


@dataclass(frozen=True)
class Stage1:
    """Train a mammogram teacher without labels, or say what that takes (`--plan`).

    Attributes:
        run: folder, seed, precision, log.
        data: folder that `versamammo prepare` wrote, or several, each as FOLDER or FOLDER:WEIGHT,
            where the weight says how often each image is drawn; None trains on phantoms.
        phantoms: which, if no data are given.
        splits: that are trained on.
        shareable: learn only from sources whose terms let the weights be passed on.
        workers: processes that make views, for each training process.
        tissue: what counts as breast.
        objective: the published code's (`dinov2`) or the paper's words (`contrastive_mim`).
        sizing: `recommended` sets prototypes, bottleneck and teacher temperature by the archive's
            size.
        dinov2: heads and losses of that objective.
        contrastive: heads and losses of the other.
        vit: the teacher's architecture.
        whole_size: (H, W) in which whole breasts are probed, and the exported encoder's input.
        views: crops and how they vary.
        masks: hidden patches.
        optim: how long and how fast.
        compile: compile each transformer block.
        probes: when the teacher is asked what it knows.
        picture_epochs: epochs between two pictures of patch tokens; 0 draws only at the end.
        collapse: when the run is stopped.
    """

    run: RunSettings = field(default_factory=lambda: RunSettings(output=Path("runs/stage1")))
    data: tuple[str, ...] | Path | None = None
    phantoms: PhantomArchive = field(default_factory=PhantomArchive)
    splits: tuple[str, ...] = ("train",)
    shareable: bool = False
    workers: int = 1
    tissue: TissueSettings = field(default_factory=TissueSettings)
    objective: Literal["dinov2", "contrastive_mim"] = "dinov2"
    sizing: Literal["recommended", "given"] = "recommended"
    dinov2: SelfDistillationSettings = field(default_factory=SelfDistillationSettings)
    contrastive: ContrastiveMimSettings = field(default_factory=ContrastiveMimSettings)
    vit: VitSettings = field(default_factory=VitSettings)
    whole_size: tuple[int, int] = (336, 224)
    views: ViewSettings = field(default_factory=ViewSettings)
    masks: MaskSettings = field(default_factory=MaskSettings)
    optim: Stage1Optim = Stage1Optim()
    compile: bool = False
    probes: ProbeSettings = field(default_factory=ProbeSettings)
    picture_epochs: int = 0
    collapse: CollapseRule = field(default_factory=CollapseRule)

    def __post_init__(self) -> None:
        if self.optim.batch_size < 2:
            message = (
                "telling images apart takes at least two of them in a step, got a batch of one"
            )
            raise InputError(message, field="optim.batch_size", reason="batch-of-one")
        if self.probes.every % self.run.log_every:
            raise ValueError(
                f"probes.every needs to be a multiple of run.log_every, got {self.probes.every} "
                f"and {self.run.log_every}"
            )
        self.optim.schedules()

    @property
    def contract(self) -> InputContract:
        """How whole breasts are prepared for the teacher."""
        return InputContract(size=self.whole_size, mean=self.views.mean, std=self.views.std)


# What may change when a run goes on; `data` may have moved, its content is compared elsewhere.
FREE = ("workers", "data", "phantoms.folder")


def fitted(config: Stage1, images: int) -> Stage1:
    """Fill in what the size of the archive decides."""
    if config.sizing == "given" or config.objective != "dinov2":
        return config
    size = recommended_sizing(images, config.optim.batch_size)
    return replace(
        config,
        sizing="given",
        dinov2=replace(config.dinov2, prototypes=size.prototypes, bottleneck=size.bottleneck),
        optim=replace(config.optim, teacher_temperature=size.teacher_temperature),
    )


def build_objective(config: Stage1) -> Objective:
    """Build student, teacher and heads."""
    vit = build_vit(config.vit)
    if config.objective == "dinov2":
        return SelfDistillation(vit, config.dinov2)
    return ContrastiveMim(vit, config.contrastive)


def check_together(config: Stage1, images_at_once: int) -> None:
    """Make sure that masks divide evenly and that there are others to compare with.

    Raises:
        InputError: a process handles too few images at once.
    """
    if images_at_once % config.masks.images_per_group:
        message = (
            f"a process handles {images_at_once} image(s) at once, which is no multiple of "
            f"masks.images_per_group, {config.masks.images_per_group}"
        )
        raise InputError(message, field="optim.batch_size", reason="bad-batch")
