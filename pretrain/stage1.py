"""Stage 1: a teacher that learns mammograms from mammograms alone.

    accelerate launch pretrain/stage1.py                       # phantoms, a small teacher
    accelerate launch pretrain/stage1.py --config configs/pretrain/stage1_vitb.yaml --data PREPARED

The same command goes on with a run that was stopped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import tqdm

from pretrain.monitoring.pca_visualisation import draw, save_picture
from pretrain.monitoring.probes import Probes
from pretrain.monitoring.running_metrics import RunningMetrics
from pretrain.networks.vit import RowDropBlock
from pretrain.objectives.registry import Objective
from pretrain.settings.stage1_config import FREE, Stage1, build_objective, check_together, fitted
from pretrain.settings.stage1_schedules import ScheduleValues, apply_schedule
from pretrain.stage_command import run_stage
from pretrain.views.crop_loader import CropDataset, Feed
from pretrain.views.tissue_maps import TissueMaps, find_tissue
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Share, StepSampler
from versamammo.phantoms.default_phantoms import phantom_archive
from versamammo.training.run import Run, opened, sole_run

SHOWN = 6  # mammograms on a picture


def train(config: Stage1) -> Path:
    """Train a teacher, or go on training; returns the last checkpoint.

    Raises:
        InputError: the archive or the settings cannot be trained with, or another run is at work
            in the folder.
        CollapsedError: the teacher stopped telling images apart.
    """
    with sole_run(config.run.output):
        return _train(config)


def _train(config: Stage1) -> Path:
    config, archive, tissue = _open_data(config)
    run = Run(config.run, config, config.optim.gradient_accumulation_steps, FREE)
    accelerator, optim = run.accelerator, config.optim
    parts = optim.gradient_accumulation_steps
    share = Share(optim.batch_size, parts, accelerator.num_processes, accelerator.process_index)
    check_together(config, share.together)

    torch.manual_seed(config.run.seed)
    objective = build_objective(config)
    groups = objective.parameter_groups(optim.layer_decay, optim.patch_embed_scale)
    optimizer = torch.optim.AdamW(groups, betas=optim.betas)
    if config.compile:
        _compile_blocks(objective)
    model, optimizer = accelerator.prepare(objective, optimizer)
    first = run.resume(model, optimizer)

    sampler = StepSampler(len(archive), share, range(first, optim.max_steps), config.run.seed)
    patch = objective.encoder().patch
    dataset = CropDataset(
        archive, tissue, config.views, config.masks, patch=patch, seed=config.run.seed
    )
    feed = Feed(dataset, sampler, accelerator.device, config.workers)
    probes = _probes(config, patch)
    batches = opened(iter(feed))
    run.claim(archive, first)
    watcher = Watcher(run, config, objective, probes, sampler.steps_per_epoch)
    schedules = optim.schedules()
    watcher.begin(first, feed)

    for step in tqdm(
        range(first, optim.max_steps), initial=first, total=optim.max_steps, desc="stage 1"
    ):
        knobs = schedules.at(step)
        apply_schedule(optimizer, knobs)
        for part in range(parts):
            views = next(batches)
            run.seed(step, part)
            norm = None
            with accelerator.accumulate(model):
                outcome = model(views, knobs.teacher_temperature)  # teacher, student, losses
                accelerator.backward(outcome.total)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(model.parameters(), optim.max_grad_norm)
                if knobs.prototypes_frozen:
                    objective.hold_prototypes()
                optimizer.step()
                optimizer.zero_grad()
            watcher.watch.see(outcome, norm)
        objective.update_teacher(knobs.momentum)

        watcher.look(step + 1, knobs)
        if watcher.saves(step + 1):
            run.save(step + 1, model, optimizer)
    accelerator.end_training()
    return run.last_checkpoint


class Watcher:
    """Logs, probes, draws and judges between the steps."""

    def __init__(
        self, run: Run, config: Stage1, objective: Objective, probes: Probes, epoch: int
    ) -> None:
        self.run = run
        self.config = config
        self.objective = objective
        self.device = run.accelerator.device
        self.watch = RunningMetrics(config.collapse, run.history())
        self.picture_steps = config.picture_epochs * epoch
        self.probes = probes

    def begin(self, first: int, feed: Feed) -> None:
        """Probe a teacher that has not learnt yet, and start the clock."""
        if first == 0:
            self.run.log(0, self.probes.ask(self.objective.encoder(), self.device), {})
        self.feed = feed
        self._restart_clock(first)

    def look(self, done: int, knobs: ScheduleValues) -> None:
        """Log what is due after `done` steps.

        Raises:
            CollapsedError: if the run should not go on.
        """
        last = done == self.config.optim.max_steps
        if self._due(done, self.config.run.log_every):
            metrics = self.watch.read(done, self.config.optim.gradient_accumulation_steps)
            metrics |= {name: float(value) for name, value in knobs._asdict().items()}
            speed = self._speed(done)
            if last or self._due(done, self.config.probes.every):
                metrics |= self.probes.ask(self.objective.encoder(), self.device)
            self.run.log(done, metrics, speed)
            self.watch.judge()
            self._restart_clock(done)
        if last or self._due(done, self.picture_steps):
            self._draw(done)

    def saves(self, done: int) -> bool:
        """Return whether a checkpoint is due."""
        return self._due(done, self.config.run.checkpoint_every)

    def _due(self, done: int, every: int) -> bool:
        """Return whether `every` steps have gone by, or all; 0 is never."""
        last = done == self.config.optim.max_steps
        return every > 0 and (last or done % every == 0)

    def _speed(self, done: int) -> dict[str, float]:
        seconds = time.perf_counter() - self.began
        images = (done - self.since) * self.config.optim.batch_size
        return {
            "speed/images_per_second": images / seconds,
            "speed/waiting_for_data": self.feed.waited / seconds,
        }

    def _restart_clock(self, done: int) -> None:
        """Measure from here on; probes and pictures are no part of a step."""
        self.feed.waited, self.since, self.began = 0.0, done, time.perf_counter()

    def _draw(self, done: int) -> None:
        images = self.probes.images[:: max(1, len(self.probes.images) // SHOWN)][:SHOWN]
        vit, contract = self.objective.encoder(), self.config.contract
        picture = draw(vit, images, contract, self.device)
        if self.run.accelerator.is_main_process:
            save_picture(self.run.folder / "pictures" / f"step_{done:08d}.png", picture)


def _folder(config: Stage1) -> Path:
    return config.data or phantom_archive(config.phantoms)


def _open_data(config: Stage1) -> tuple[Stage1, Archive, TissueMaps]:
    """Open the archive and find its tissue; one process does so first, the others find it done."""
    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        archive = Archive.open(_folder(config), config.splits, shareable=config.shareable)
        tissue = find_tissue(archive, config.tissue, max(1, config.workers))
    return fitted(config, len(archive)), archive, tissue


def _probes(config: Stage1, patch: int) -> Probes:
    held_out = Archive.open(_folder(config), config.probes.splits, shareable=config.shareable)
    return Probes(held_out, config.contract, config.probes, patch)


def _compile_blocks(objective: Objective) -> None:
    """Compile each transformer block in place; all have one shape, so one compilation serves."""
    for module in objective.modules():
        if isinstance(module, RowDropBlock):
            module.compile()


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 1 for a collapsed run, or 2 for a bad input."""
    return run_stage("stage 1", Stage1, train, argv)


if __name__ == "__main__":
    sys.exit(main())
