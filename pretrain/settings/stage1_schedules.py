"""Every value that changes over stage 1, as one function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from torch.optim import Optimizer

from versamammo.training.schedules import cosine, linear, warm_cosine


def scaled_learning_rate(base: float, batch: int, reference: int = 1024) -> float:
    """Scale a learning rate to the total batch by the square root rule, as suits AdamW.

    The total batch is images per process x processes x accumulated steps.
    """
    return base * math.sqrt(batch / reference)


class ScheduleValues(NamedTuple):
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

    def at(self, step: int) -> ScheduleValues:
        """Return every value for one step, counted from 0."""
        return ScheduleValues(
            learning_rate=warm_cosine(
                step, self.steps, self.warmup_steps, self.learning_rate, self.final_learning_rate
            ),
            weight_decay=cosine(step, self.steps, *self.weight_decay),
            momentum=cosine(step, self.steps, *self.momentum),
            teacher_temperature=linear(step, self.temperature_steps, *self.teacher_temperature),
            prototypes_frozen=step < self.frozen_steps,
        )


def apply_schedule(optimizer: Optimizer, values: ScheduleValues) -> None:
    """Set this step's learning rate and weight decay in every group."""
    for group in optimizer.param_groups:
        group["lr"] = values.learning_rate * group["lr_scale"]
        group["weight_decay"] = values.weight_decay if group["decays"] else 0.0
