"""What stage 2 does between its steps: validate each epoch, keep the best encoder, stop early."""

from __future__ import annotations

import copy
import shlex
import sys
from importlib.metadata import version

from pretrain.cards.student_card import student_card
from pretrain.export import LIBRARIES
from pretrain.settings.stage1_schedules import ScheduleValues
from pretrain.settings.stage2_config import Stage2
from pretrain.student.student import Student
from pretrain.student.validation import FIGURE, Validation, ValidationFeatures
from pretrain.training_monitor import TrainingMonitor
from versamammo.errors import InputError
from versamammo.files import settle, whole_folder
from versamammo.model.backbones import recompute_activations
from versamammo.model.configuration import Training
from versamammo.model.encoder import VersaMammoModel
from versamammo.model.head_scores import write_head_scores
from versamammo.model.onnx_graph import add_graph
from versamammo.training.origin import images_in
from versamammo.training.run import Run

ENCODER = "encoder"


class StudentMonitor(TrainingMonitor):
    """Watches a student's training.

    Attributes:
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
        super().__init__(run, config.optim, config.collapse)
        self.config = config
        self.student = student
        self.validation = validation
        self.epoch = epoch
        self.figures = [line[FIGURE] for line in run.history() if FIGURE in line]
        self.encoder_folder = run.folder / ENCODER
        if run.accelerator.is_main_process:
            settle(self.encoder_folder)

    def start(self) -> None:
        """Validate a student that has not learnt yet."""
        self._validate(0)

    def scheduled(self, values: ScheduleValues) -> dict[str, float]:
        """Return the learning rate, the only value that changes."""
        return {"learning_rate": values.learning_rate}

    @property
    def stopped(self) -> bool:
        """Whether the best figure is older than the patience allows."""
        patience = self.config.optim.patience
        since = len(self.figures) - 1 - self.figures.index(max(self.figures)) if patience else 0
        return patience > 0 and since >= patience

    def evaluate(self, done: int) -> None:
        """Validate, where an epoch or training ends."""
        if self.due(done, self.epoch):
            self._validate(done)
            self.restart_clock(done)

    def finish(self) -> None:
        """Write the best encoder as a graph beside its weights, which CPUs run twice as fast."""
        if self.config.graph and self.run.accelerator.is_main_process:
            try:
                best = VersaMammoModel.from_pretrained(self.encoder_folder)
                add_graph(best, self.encoder_folder)
            except InputError as error:
                self.run.say(f"the encoder has no graph for CPUs: {error}")
        super().finish()

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

    def _keep(self, done: int, seen: ValidationFeatures, answers: dict[str, float]) -> None:
        """Write the running mean, calibrated, as an encoder's folder, whole or not at all."""
        if not self.run.accelerator.is_main_process:
            return
        best: VersaMammoModel = copy.deepcopy(self.student.mean)
        if self.config.student.checkpointing:
            recompute_activations(best.backbone, False)
        if best.heads is not None:
            self.validation.calibrate(best.heads.attributes, seen, self.config.alike)
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
            images=images_in(origin),
            foreign=tuple(origin.get("foreign", ())),
        )
