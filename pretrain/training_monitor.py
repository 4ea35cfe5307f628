"""Between the steps of a stage: log, judge, evaluate what is due, say when to save and to stop.

What it decides follows from the log alone, so that a run which goes on decides the same.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor

from pretrain.monitoring.collapse_detection import CollapseRule
from pretrain.monitoring.running_metrics import RunningMetrics
from pretrain.objectives.registry import StepLosses
from pretrain.settings.stage1_config import Stage1Optim
from pretrain.settings.stage1_schedules import ScheduleValues
from pretrain.settings.stage2_config import Stage2Optim
from pretrain.views.crop_loader import Feeder
from versamammo.training.run import Run


class TrainingMonitor(ABC):
    """Watches one run of a stage.

    Attributes:
        run: of training.
        running_metrics: figures of every step.
    """

    def __init__(self, run: Run, optim: Stage1Optim | Stage2Optim, rule: CollapseRule) -> None:
        """Go on from what the log holds.

        Args:
            run: of training.
            optim: how long it is, and how many images a step takes.
            rule: when the run counts as collapsed.
        """
        self.run = run
        self.optim = optim
        self.running_metrics = RunningMetrics(rule, run.history())

    @abstractmethod
    def start(self) -> None:
        """Evaluate a network that has not learnt yet."""

    @abstractmethod
    def scheduled(self, values: ScheduleValues) -> dict[str, float]:
        """Return the scheduled values that are logged."""

    @abstractmethod
    def evaluate(self, done: int) -> None:
        """Evaluate what is due after `done` steps, and has lines or files of its own."""

    def probe(self, done: int) -> dict[str, float]:
        """Return figures of probes that are due after `done` steps, for the line of the log."""
        return {}

    @property
    def stopped(self) -> bool:
        """Whether the run should end before its last step."""
        return False

    def begin(self, first: int, feed: Feeder[Any]) -> None:
        """Evaluate a network that has not learnt yet, and start the clock."""
        self.feed = feed
        if first == 0:
            self.start()
        self.restart_clock(first)

    def observe(self, outcome: StepLosses, gradient_norm: Tensor | None) -> None:
        """Take in one forward pass, without waiting for the device."""
        self.running_metrics.see(outcome, gradient_norm)

    def after_step(self, done: int, values: ScheduleValues) -> None:
        """Log and evaluate what is due after `done` steps.

        Raises:
            CollapsedError: if the run should not go on.
        """
        if self.due(done, self.run.settings.log_every):
            metrics = self.running_metrics.read(done, self.optim.gradient_accumulation_steps)
            metrics |= self.scheduled(values)
            speed = self._speed(done)
            metrics |= self.probe(done)
            self.run.log(done, metrics, speed)
            self.running_metrics.judge()
            self.restart_clock(done)
        self.evaluate(done)

    def saves(self, done: int) -> bool:
        """Return whether a checkpoint is due."""
        return self.stopped or self.due(done, self.run.settings.checkpoint_every)

    def finish(self) -> None:
        """Close what draws the curves."""
        self.run.accelerator.end_training()

    def due(self, done: int, every: int) -> bool:
        """Return whether `every` steps have gone by, or all; 0 is never."""
        return every > 0 and (done == self.optim.max_steps or done % every == 0)

    def restart_clock(self, done: int) -> None:
        """Measure from here on; probes, pictures and validation are no part of a step."""
        self.feed.waited, self.since, self.began = 0.0, done, time.perf_counter()

    def _speed(self, done: int) -> dict[str, float]:
        seconds = time.perf_counter() - self.began
        images = (done - self.since) * self.optim.batch_size
        return {
            "speed/images_per_second": images / seconds,
            "speed/waiting_for_data": self.feed.waited / seconds,
        }
