"""Between the steps of a phase: log what was learned and how fast, ask what is held out."""

from __future__ import annotations

import time

import torch

from versamammo.data.dataset import Archive
from versamammo.input.contract import InputContract
from versamammo.training.run import Run
from versamammo.vqa import Item
from vlm.checking import check_answers
from vlm.image_cache import ImageCache
from vlm.instructions import items_of
from vlm.instructions.bench_items import some_of
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import PackedBatch
from vlm.processor import VersaMammoVlmProcessor
from vlm.sharding import answering
from vlm.trained_topics import TRIED, choose_trial
from vlm.training_config import PhaseName, VlmTraining


class Checks:
    """Questions about patients who are not learned from."""

    def __init__(
        self, held_out: Archive, config: VlmTraining, processor: VersaMammoVlmProcessor
    ) -> None:
        contract = InputContract.from_dict(processor.image_processor.contract)
        self.held_out = held_out
        self.config = config
        self.shelf = ImageCache(held_out.folder, contract, held_out, config.pictures_gb)
        self.processor = processor
        self.bench = config.items(held_out)
        self.items = self._make(config.check_items)

    def _make(self, per_answer: int) -> tuple[Item, ...]:
        seed, mixture = self.config.run.seed, self.config.mixture
        own = () if self.bench is None else some_of(self.bench.items, per_answer, seed)
        if mixture.bench == 1:
            return own
        known = items_of(self.held_out, seed=seed, per_answer=per_answer, topics=mixture.topics)
        return (*known, *own)

    def trial(self) -> tuple[Item, ...]:
        """Return enough questions to tell each topic from guessing, where there are so many."""
        return choose_trial(self._make(TRIED), self.config.run.seed, self.config.trial_items)

    def ask(self, model: VersaMammoForImageTextToText) -> dict[str, float]:
        """Answer them all."""
        return check_answers(model, self.processor, self.items, self.shelf)


class PhaseMonitor:
    """Watches one phase of training."""

    def __init__(
        self,
        run: Run,
        config: VlmTraining,
        phase: PhaseName,
        learner: Learner,
        checks: Checks,
    ) -> None:
        """Start with nothing observed.

        Args:
            run: of the phase.
            config: settings of the training.
            phase: its name.
            learner: whose model is asked.
            checks: what it is asked.
        """
        self.run = run
        self.config = config
        self.phase = phase
        self.max_steps = config.steps(phase)
        self.learner = learner
        self.checks = checks
        self.loss = torch.zeros(())
        self.tokens = self.filled = 0

    def begin(self, first: int) -> None:
        """Start the clock."""
        self._restart_clock(first)

    def observe(self, loss: torch.Tensor, rows: PackedBatch) -> None:
        """Take in one forward pass, without waiting for the device."""
        self.loss = self.loss.to(loss.device) + loss.detach()
        self.tokens += rows.samples.numel()
        self.filled += int((rows.samples > 0).sum())

    def after_step(self, done: int) -> None:
        """Log and ask what is due after `done` steps."""
        if not self._due(done, self.run.settings.log_every):
            return
        total = self.run.accelerator.reduce(self.loss, "sum")
        metrics, speed = {"loss": float(total) / max(1, done - self.since)}, self._speed()
        # every process answers: with sharded weights one alone would wait for the others
        if self.phase != "words" and self._due(done, self.config.check_every):
            with answering(self.learner) as vlm:
                metrics |= self.checks.ask(vlm)
        self.run.log(done, metrics, speed)
        self._restart_clock(done)

    def saves(self, done: int) -> bool:
        """Return whether a checkpoint is due."""
        return self._due(done, self.run.settings.checkpoint_every)

    def finish(self) -> None:
        """Close what draws the curves, without parting the processes before the next phase."""
        for tracker in self.run.accelerator.trackers:
            tracker.finish()
        self.run.accelerator.free_memory()

    def _due(self, done: int, every: int) -> bool:
        return done == self.max_steps or done % every == 0

    def _speed(self) -> dict[str, float]:
        """Return tokens a second on this process, and the share of rows that is no padding."""
        seconds = time.perf_counter() - self.began
        return {
            "speed/tokens_per_second": self.filled / seconds,
            "speed/filled": self.filled / max(1, self.tokens),
        }

    def _restart_clock(self, done: int) -> None:
        """Measure from here on; checks are no part of a step."""
        self.loss = torch.zeros(())
        self.since, self.tokens, self.filled = done, 0, 0
        self.began = time.perf_counter()
