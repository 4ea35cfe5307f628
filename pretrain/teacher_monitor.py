"""What stage 1 does between its steps: probe the teacher, and draw what its patches see."""

from __future__ import annotations

import torch

from pretrain.monitoring.pca_visualisation import draw, save_picture
from pretrain.monitoring.probes import Probes
from pretrain.objectives.registry import Objective
from pretrain.settings.stage1_config import Stage1
from pretrain.settings.stage1_schedules import ScheduleValues
from pretrain.training_monitor import TrainingMonitor
from versamammo.training.run import Run

SHOWN = 6  # mammograms on a picture


class TeacherMonitor(TrainingMonitor):
    """Watches a teacher's training."""

    def __init__(
        self, run: Run, config: Stage1, objective: Objective, probes: Probes, epoch: int
    ) -> None:
        """Go on from what the log holds.

        Args:
            run: of training.
            config: its settings.
            objective: whose teacher is probed.
            probes: what it is asked.
            epoch: steps per epoch.
        """
        super().__init__(run, config.optim, config.collapse)
        self.config = config
        self.objective = objective
        self.device = run.accelerator.device
        self.picture_steps = config.picture_epochs * epoch
        self.probes = probes

    def start(self) -> None:
        """Probe a teacher that has not learnt yet."""
        self.run.log(0, self._ask(), {})

    def scheduled(self, values: ScheduleValues) -> dict[str, float]:
        """Return all scheduled values."""
        return {name: float(value) for name, value in values._asdict().items()}

    def probe(self, done: int) -> dict[str, float]:
        """Return figures of the probes, where they are due or training ends."""
        last = done == self.optim.max_steps
        return self._ask() if last or self.due(done, self.config.probes.every) else {}

    def evaluate(self, done: int) -> None:
        """Draw patch tokens, where a picture is due or training ends."""
        if done == self.optim.max_steps or self.due(done, self.picture_steps):
            self._draw(done)

    def _ask(self) -> dict[str, float]:
        return self.probes.ask(self.objective.encoder(), self.device)

    def _draw(self, done: int) -> None:
        held_out = self.probes.images
        places = range(0, len(held_out), max(1, len(held_out) // SHOWN))[:SHOWN]
        images = torch.stack([held_out[place] for place in places])
        vit, contract = self.objective.encoder(), self.config.contract
        picture = draw(vit, images, contract, self.device)
        if self.run.accelerator.is_main_process:
            save_picture(self.run.folder / "pictures" / f"step_{done:08d}.png", picture)
