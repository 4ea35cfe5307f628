"""Stage 1: a teacher that learns mammograms from mammograms alone.

    accelerate launch pretrain/stage1.py                       # phantoms, a small teacher
    accelerate launch pretrain/stage1.py --config configs/pretrain/stage1_vitb.yaml --data PREPARED
    python pretrain/stage1.py --plan --data PREPARED           # memory, steps and hours

The same command goes on with a run that was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import tqdm

from pretrain.monitoring.probes import Probes
from pretrain.networks.starting_weights import inherited_from
from pretrain.networks.vit import RowDropBlock
from pretrain.objectives.registry import Objective
from pretrain.settings.stage1_config import FREE, Stage1, build_objective, check_together, fitted
from pretrain.settings.stage1_schedules import apply_schedule
from pretrain.stage_command import run_stage
from pretrain.stage_plan import computing_device, stage_plan
from pretrain.teacher_monitor import TeacherMonitor
from pretrain.views.crop_loader import CropDataset, Feed
from pretrain.views.tissue_maps import TissueMaps, find_tissue
from versamammo.data.dataset import Archive
from versamammo.data.joined_archives import open_archive
from versamammo.data.sampling import Share, StepSampler
from versamammo.phantoms.default_phantoms import data_to_plan, phantom_archive
from versamammo.training.resource_plan import Plan
from versamammo.training.run import Run, opened, sole_run


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

    sampler = StepSampler(archive.stretches, share, range(first, optim.max_steps), config.run.seed)
    patch = objective.encoder().patch
    dataset = _crops(config, archive, tissue, patch)
    feed = Feed(dataset, sampler, accelerator.device, config.workers)
    probes = _probes(config, patch)
    batches = opened(iter(feed))
    begun = inherited_from(config.vit.weights, "vit.weights", config.shareable)
    run.claim(archive, first, begun)
    monitor = TeacherMonitor(run, config, objective, probes, sampler.steps_per_epoch)
    schedules = optim.schedules()
    monitor.begin(first, feed)

    for step in tqdm(
        range(first, optim.max_steps), initial=first, total=optim.max_steps, desc="stage 1"
    ):
        if monitor.stopped:
            break
        values = schedules.at(step)
        apply_schedule(optimizer, values)
        for part in range(parts):
            views = next(batches)
            run.seed(step, part)
            norm = None
            with accelerator.accumulate(model):
                outcome = model(views, values.teacher_temperature)  # teacher, student, losses
                accelerator.backward(outcome.total)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(model.parameters(), optim.max_grad_norm)
                if values.prototypes_frozen:
                    objective.hold_prototypes()
                optimizer.step()
                optimizer.zero_grad()
            monitor.observe(outcome, norm)
        objective.update_teacher(values.momentum)

        monitor.after_step(step + 1, values)
        if monitor.saves(step + 1):
            run.save(step + 1, model, optimizer)
    monitor.finish()
    return run.last_checkpoint


def plan(config: Stage1) -> Plan:
    """Plan a training; no run is begun.

    Raises:
        InputError: the archive or the settings cannot be trained with.
    """
    config = replace(config, data=data_to_plan(config.data, config.phantoms))
    config, archive, tissue = _open_data(config)
    device, optim, processes = computing_device(), config.optim, PartialState().num_processes
    share = Share(optim.batch_size, optim.gradient_accumulation_steps, processes, 0)
    check_together(config, share.together)
    torch.manual_seed(config.run.seed)
    objective = build_objective(config).to(device)
    sampler = StepSampler(archive.stretches, share, range(optim.max_steps), config.run.seed)
    dataset = _crops(config, archive, tissue, objective.encoder().patch)
    temperature = optim.schedules().at(0).teacher_temperature
    return stage_plan(
        "stage 1", objective, Feed(dataset, sampler, device, 0),
        lambda views: objective(views, temperature).total,
        steps=optim.max_steps, parts=share.parts, images=share.together, workers=config.workers,
        precision=config.run.precision,
    )  # fmt: skip


def _crops(config: Stage1, archive: Archive, tissue: TissueMaps, patch: int) -> CropDataset:
    return CropDataset(
        archive, tissue, config.views, config.masks, patch=patch, seed=config.run.seed
    )


def _archive(config: Stage1, splits: Sequence[str]) -> Archive:
    data = config.data or phantom_archive(config.phantoms)
    return open_archive(data, splits, shareable=config.shareable)


def _open_data(config: Stage1) -> tuple[Stage1, Archive, TissueMaps]:
    """Open the archive and find its tissue; one process does so first, the others find it done."""
    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        archive = _archive(config, config.splits)
        tissue = find_tissue(archive, config.tissue, max(1, config.workers))
    return fitted(config, len(archive)), archive, tissue


def _probes(config: Stage1, patch: int) -> Probes:
    return Probes(_archive(config, config.probes.splits), config.contract, config.probes, patch)


def _compile_blocks(objective: Objective) -> None:
    """Compile each transformer block in place; all have one shape, so one compilation serves."""
    for module in objective.modules():
        if isinstance(module, RowDropBlock):
            module.compile()


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 1 for a collapsed run, or 2 for a bad input."""
    return run_stage("stage 1", Stage1, train, plan, argv)


if __name__ == "__main__":
    sys.exit(main())
