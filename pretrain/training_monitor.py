"""Between stage 2's steps: logs, validates each epoch, keeps the best encoder, says when to stop.

What it decides follows from the log alone, so that a run which goes on decides the same.
"""

from __future__ import annotations

import copy
import shlex
import sys
import time
from importlib.metadata import version

from pretrain.cards.student_card import student_card
from pretrain.export import LIBRARIES
from pretrain.monitoring.running_metrics import RunningMetrics
from pretrain.settings.stage1_schedules import ScheduleValues
from pretrain.settings.stage2_config import Stage2
from pretrain.student.student import Student
from pretrain.student.validation import FIGURE, Seen, Validation
from pretrain.views.crop_loader import Feeder
from pretrain.views.whole_breast_loader import WholeBatch
from versamammo.errors import InputError
from versamammo.files import settle, whole_folder
from versamammo.model.backbones import recompute_activations
from versamammo.model.configuration import Training
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import write_head_scores
from versamammo.model.onnx_graph import add_graph
from versamammo.training.run import Run

ENCODER = "encoder"


class TrainingMonitor:
    """Watches one run.

    Attributes:
        watch: figures of every step.
        stopped: whether the last epochs brought nothing better.
        encoder_folder: where the best encoder is.
    """

    def __init__(
        self, run: Run, config: Stage2, student: Student, validation: Validation, epoch: int
    ) -> None:
        """Go on from what the log holds.

        Args:
            run: of training.
            config: its settings.
            student: whose running mean is validated.
            validation: the images for it.
            epoch: steps per epoch.
        """
        self.run = run
        self.config = config
        self.student = student
        self.validation = validation
        self.epoch = epoch
        history = run.history()
        self.watch = RunningMetrics(config.collapse, history)
        self.figures = [line[FIGURE] for line in history if FIGURE in line]
        self.encoder_folder = run.folder / ENCODER
        if run.accelerator.is_main_process:
            settle(self.encoder_folder)

    def begin(self, first: int, feed: Feeder[WholeBatch]) -> None:
        """Validate a student that has not learnt yet, and start the clock."""
        self.feed = feed
        if first == 0:
            self._validate(0)
        self._restart_clock(first)

    @property
    def stopped(self) -> bool:
        """Whether the best figure is older than the patience allows."""
        patience = self.config.optim.patience
        since = len(self.figures) - 1 - self.figures.index(max(self.figures)) if patience else 0
        return patience > 0 and since >= patience

    def look(self, done: int, knobs: ScheduleValues) -> None:
        """Log and validate what is due after `done` steps.

        Raises:
            CollapsedError: if the run should not go on.
        """
        if self._due(done, self.config.run.log_every):
            metrics = self.watch.read(done, self.config.optim.gradient_accumulation_steps)
            metrics["learning_rate"] = knobs.learning_rate
            self.run.log(done, metrics, self._speed(done))
            self.watch.judge()
            self._restart_clock(done)
        if self._due(done, self.epoch):
            self._validate(done)
            self._restart_clock(done)

    def finish(self) -> None:
        """Write the best encoder as a graph beside its weights, which CPUs run twice as fast."""
        if not (self.config.graph and self.run.accelerator.is_main_process):
            return
        try:
            best = VersaMammoModel.from_pretrained(self.encoder_folder)
            add_graph(best, self.encoder_folder)
        except InputError as error:
            self.run.say(f"the encoder has no graph for CPUs: {error}")

    def saves(self, done: int) -> bool:
        """Return whether a checkpoint is due."""
        return self.stopped or self._due(done, self.config.run.checkpoint_every)

    def _due(self, done: int, every: int) -> bool:
        return done == self.config.optim.max_steps or done % every == 0

    def _validate(self, done: int) -> None:
        seen = self.validation.see(self.student.mean)
        answers = self.validation.ask(self.student.mean, seen)
        figure = answers.get(FIGURE)
        # without heads there is no figure: the last is kept
        if figure is None or not self.figures or figure > max(self.figures):
            self._keep(done, seen, answers)
        if figure is not None:
            self.figures.append(figure)
        self.run.log(done, answers, {})

    def _keep(self, done: int, seen: Seen, answers: dict[str, float]) -> None:
        """Write the running mean, calibrated, as an encoder's folder, whole or not at all."""
        if not self.run.accelerator.is_main_process:
            return
        best: VersaMammoModel = copy.deepcopy(self.student.mean)
        if self.config.student.checkpointing:
            recompute_activations(best.backbone, False)
        if best.heads is not None:
            self.validation.calibrate(best.heads.attributes, seen)
        best.config.training = self._training(done).to_dict()
        scores = self.validation.scores(best, seen)
        card = student_card(self.config, done, self.run.origin(), answers, scores)
        with whole_folder(self.encoder_folder) as made:
            best.save_pretrained(made)
            write_head_scores(made, scores)
            (made / "README.md").write_text(card)

    def _training(self, done: int) -> Training:
        settings = self.config
        steps = f"stage 2, {settings.objective}, {done} of {settings.optim.max_steps} steps"
        origin = self.run.origin()
        return Training(
            data=origin["data"],
            command=shlex.join(sys.argv),
            versions={name: version(name) for name in LIBRARIES},
            steps=(steps,),
            sources=tuple(sorted({*origin["sources"], *origin.get("inherited", ())})),
        )

    def _speed(self, done: int) -> dict[str, float]:
        seconds = time.perf_counter() - self.began
        images = (done - self.since) * self.config.optim.batch_size
        return {
            "speed/images_per_second": images / seconds,
            "speed/waiting_for_data": self.feed.waited / seconds,
        }

    def _restart_clock(self, done: int) -> None:
        self.feed.waited, self.since, self.began = 0.0, done, time.perf_counter()
