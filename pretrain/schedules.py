"""What changes over training, as plain functions of the step: there is no state to resume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


def cosine(step: int, steps: int, start: float, end: float) -> float:
    """Go from `start` at step 0 to `end` at the last step along half a cosine.

    Written here rather than taken from transformers or timm, whose schedules live in an
    optimiser and its saved state.
    """
    progress = min(1.0, step / max(1, steps - 1))
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * progress))


def linear(step: int, steps: int, start: float, end: float) -> float:
    """Go from `start` at step 0 to `end` at step `steps`, then stay."""
    return end if step >= steps else start + (end - start) * step / steps


def warm_cosine(step: int, steps: int, warmup: int, peak: float, end: float) -> float:
    """Rise linearly from nearly 0 to `peak` over `warmup` steps, then fall along a cosine."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return cosine(step - warmup, steps - warmup, peak, end)


def scaled_learning_rate(base: float, batch: int, reference: int = 1024) -> float:
    """Scale a learning rate to the total batch by the square root rule, as suits AdamW.

    The total batch is images per process x processes x accumulated steps.
    """
    return base * math.sqrt(batch / reference)


class Knobs(NamedTuple):
    """Every scheduled value of one step."""

    learning_rate: float
    weight_decay: float
    momentum: float  # of the teacher's running mean
    teacher_temperature: float
    prototypes_frozen: bool


@dataclass(frozen=True)
class Schedules:
    """Start, end and shape of every scheduled value; the defaults are DINOv2's.

    Attributes:
        steps: optimiser steps of the whole run.
        learning_rate: peak, already scaled to the batch.
        final_learning_rate: at the last step.
        warmup_steps: of the learning rate.
        weight_decay: start and end, cosine.
        momentum: of the teacher, start and end, cosine.
        teacher_temperature: start and end, linear over `temperature_steps`.
        temperature_steps: how long the targets grow softer.
        frozen_steps: for how long the prototypes stay where they began (DINO).
    """

    steps: int
    learning_rate: float
    final_learning_rate: float = 1e-6
    warmup_steps: int = 0
    weight_decay: tuple[float, float] = (0.04, 0.2)
    momentum: tuple[float, float] = (0.994, 1.0)
    teacher_temperature: tuple[float, float] = (0.04, 0.07)
    temperature_steps: int = 0
    frozen_steps: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.warmup_steps >= self.steps:
            raise ValueError(f"{self.warmup_steps} warm-up steps do not fit in {self.steps} steps")

    def at(self, step: int) -> Knobs:
        """Give every value for one step, counted from 0."""
        return Knobs(
            learning_rate=warm_cosine(
                step, self.steps, self.warmup_steps, self.learning_rate, self.final_learning_rate
            ),
            weight_decay=cosine(step, self.steps, *self.weight_decay),
            momentum=cosine(step, self.steps, *self.momentum),
            teacher_temperature=linear(step, self.temperature_steps, *self.teacher_temperature),
            prototypes_frozen=step < self.frozen_steps,
        )
