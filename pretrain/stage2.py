"""Stage 2: the encoder, a student that learns labels and what a teacher sees.

    accelerate launch pretrain/stage2.py                       # phantoms, a small teacher first
    accelerate launch pretrain/stage2.py --config configs/pretrain/stage2_b5.yaml \
        --data PREPARED --teacher runs/stage1_vitb
    python pretrain/stage2.py --plan --data PREPARED --teacher TEACHER   # memory, steps and hours

The same command goes on with a run that was stopped.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import tqdm
from timm.layers.norm_act import convert_sync_batchnorm
from torch import Tensor, nn

from pretrain import stage1
from pretrain.export import open_teacher
from pretrain.networks.frozen_teacher import FrozenTeacher
from pretrain.networks.starting_weights import inherited_from
from pretrain.settings.stage1_config import Stage1
from pretrain.settings.stage1_schedules import apply_schedule
from pretrain.settings.stage2_config import FREE, Stage2
from pretrain.stage_command import run_stage
from pretrain.stage_plan import computing_device, stage_plan
from pretrain.student.label_statistics import label_statistics
from pretrain.student.student import LabelStatistics, Student, tissue_cell
from pretrain.student.validation import Validation
from pretrain.student_monitor import StudentMonitor
from pretrain.views.crop_loader import Feeder
from pretrain.views.whole_breast_loader import WholeBatch, WholeDataset, collate_wholes
from versamammo.config import load
from versamammo.data.dataset import Archive
from versamammo.data.joined_archives import open_archive
from versamammo.data.licence_filter import check_lineage
from versamammo.data.sampling import Share, StepSampler
from versamammo.errors import InputError
from versamammo.input.preprocess import to_input
from versamammo.model.encoder import VersaMammoModel
from versamammo.phantoms.default_phantoms import data_to_plan, phantom_archive
from versamammo.training.origin import NOTHING
from versamammo.training.resource_plan import Plan
from versamammo.training.run import Run, opened, sole_run

# A stage 1 run's teacher, as it was when this run began; the second until the folder is claimed.
TEACHER, NEW_TEACHER = "teacher", "teacher.new"
MEASURED = 64  # images on which the teacher's mean and spread are taken


def train(config: Stage2) -> Path:
    """Train a student, or go on training; returns the folder of the best encoder.

    Raises:
        InputError: the archive, the teacher or the settings cannot be trained with, or another
            run is at work in the folder.
        CollapsedError: the student stopped telling images apart.
    """
    with sole_run(config.run.output):
        return _train(config)


def _train(config: Stage2) -> Path:
    teacher = _teacher_folder(config)
    archive = _open_data(config, config.splits)
    run = Run(config.run, config, config.optim.gradient_accumulation_steps, FREE)
    accelerator, optim = run.accelerator, config.optim
    parts = optim.gradient_accumulation_steps
    share = Share(optim.batch_size, parts, accelerator.num_processes, accelerator.process_index)
    frozen = None if teacher is None else _open_frozen(run, config, archive, teacher)

    known = label_statistics(archive, config)
    student = _student(config, known, frozen, accelerator.device, accelerator.num_processes)
    optimizer = torch.optim.AdamW(student.parameter_groups(), betas=optim.betas)
    model, optimizer = accelerator.prepare(student, optimizer)
    first = run.resume(model, optimizer)

    sampler = StepSampler(archive.stretches, share, range(first, optim.max_steps), config.run.seed)
    feed = _feed(config, archive, known, student, sampler, accelerator.device)
    validation, batches = _validation(config), opened(iter(feed))
    taught = NOTHING if frozen is None else frozen.inherited
    begun = inherited_from(config.student.weights, "student.weights", config.shareable)
    run.claim(archive, first, taught + begun)
    _keep_teacher(run)
    monitor = StudentMonitor(run, config, student, validation, sampler.steps_per_epoch)
    schedules = optim.schedules()
    monitor.begin(first, feed)

    close_first = optim.close_first if student.learns_close_up and len(known.showing) else 0
    for step in tqdm(
        range(first, optim.max_steps), initial=first, total=optim.max_steps, desc="stage 2"
    ):
        if monitor.stopped:
            break
        values = schedules.at(step)
        apply_schedule(optimizer, values)
        for part in range(parts):
            views = next(batches)
            run.seed(step, part)
            norm = None
            close = step < close_first
            guidance = frozen(views.high) if frozen is not None and not close else None  # teacher
            with accelerator.accumulate(model):
                outcome = model(views, guidance, close)  # student, losses
                accelerator.backward(outcome.total)
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(model.parameters(), optim.max_grad_norm)
                optimizer.step()
                optimizer.zero_grad()
            monitor.observe(outcome, norm)
        student.update_mean(values.momentum)

        monitor.after_step(step + 1, values)
        if monitor.saves(step + 1):
            run.save(step + 1, model, optimizer)
    monitor.finish()
    return monitor.encoder_folder


def plan(config: Stage2) -> Plan:
    """Plan a training; no run is begun.

    Raises:
        InputError: the archive, the teacher or the settings cannot be trained with.
    """
    config = replace(config, data=data_to_plan(config.data, config.phantoms))
    if config.needs_teacher and config.teacher is None:
        message = "a plan needs a teacher: none is named, and none is trained for a plan"
        raise InputError(message, field="teacher", reason="no-teacher")
    archive = _open_data(config, config.splits)
    device, optim, processes = computing_device(), config.optim, PartialState().num_processes
    share = Share(optim.batch_size, optim.gradient_accumulation_steps, processes, 0)
    frozen = None
    if config.needs_teacher and config.teacher is not None:
        with tempfile.TemporaryDirectory() as scratch:
            model = open_teacher(config.teacher, Path(scratch, TEACHER), lambda: True)
        frozen = _frozen(config, archive, model, device, config.teacher.name)
    known = label_statistics(archive, config)
    student = _student(config, known, frozen, device, processes).to(device)
    sampler = StepSampler(archive.stretches, share, range(optim.max_steps), config.run.seed)
    feed = _feed(replace(config, workers=0), archive, known, student, sampler, device)

    def learn(views: WholeBatch) -> Tensor:
        guidance = None if frozen is None else frozen(views.high)
        loss: Tensor = student(views, guidance, False).total
        return loss

    both = nn.ModuleList([student] if frozen is None else [student, frozen.teacher])
    return stage_plan(
        "stage 2", both, feed, learn, steps=optim.max_steps, parts=share.parts,
        images=share.together, workers=config.workers, precision=config.run.precision,
    )  # fmt: skip


def _teacher_folder(config: Stage2) -> Path | None:
    """Return the teacher's folder, after training a small one if none was named."""
    if not config.needs_teacher:
        return None
    if config.teacher is not None:
        return config.teacher
    settings = ["--config", str(config.stage1_config), "--run.output", "runs/stage1_for_stage2"]
    first: Stage1 = load(Stage1, settings)
    PartialState().print("no teacher is named: training a small one by stage 1 on phantoms")
    stage1.train(first)
    return first.run.output


def _student(
    config: Stage2,
    known: LabelStatistics,
    frozen: FrozenTeacher | None,
    device: torch.device,
    processes: int,
) -> Student:
    torch.manual_seed(config.run.seed)
    student = Student(config, known, frozen.width if frozen else 0)
    if processes > 1 and device.type == "cuda":
        student.encoder.backbone = convert_sync_batchnorm(student.encoder.backbone)
    return student


def _open_data(config: Stage2, splits: Sequence[str]) -> Archive:
    """Open the archive; one process makes phantoms first, the others find them made."""
    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        data = config.data or phantom_archive(config.phantoms)
    return open_archive(data, splits, shareable=config.shareable)


def _feed(
    config: Stage2, archive: Archive, known: LabelStatistics, student: Student,
    sampler: StepSampler, device: torch.device,
) -> Feeder[WholeBatch]:  # fmt: skip
    dataset = WholeDataset(
        archive, config.views,
        cell=tissue_cell(student.encoder), seed=config.run.seed, hidden=config.hide_labels,
        showing=known.showing if student.learns_close_up else known.showing[:0],
    )  # fmt: skip
    return Feeder(dataset, collate_wholes, sampler, device, config.workers)


def _validation(config: Stage2) -> Validation:
    held_out = _open_data(config, config.validation)
    return Validation(held_out, config.views, config.validation_images)


def _open_frozen(run: Run, config: Stage2, archive: Archive, teacher: Path) -> FrozenTeacher:
    kept = run.folder / TEACHER
    if not run.claimed and kept.exists():
        message = "is not this run's, but lies where its teacher is to be kept"
        raise InputError(message, file=kept, field="run.output", reason="bad-output")
    with run.accelerator.main_process_first():
        if run.accelerator.is_main_process:
            shutil.rmtree(run.folder / NEW_TEACHER, ignore_errors=True)
        scratch = kept if run.claimed else run.folder / NEW_TEACHER
        model = open_teacher(teacher, scratch, lambda: run.accelerator.is_main_process)
    return _frozen(config, archive, model, run.accelerator.device, teacher.name)


def _frozen(
    config: Stage2, archive: Archive, model: VersaMammoModel, device: torch.device, name: str
) -> FrozenTeacher:
    """Measure how a teacher sees some images, and freeze it."""
    if config.shareable:
        check_lineage(model.config.training, "teacher")
    every = max(1, len(archive) // MEASURED)
    contract = config.views.contract
    some = [archive[i] for i in range(0, len(archive), every)][:MEASURED]
    images = torch.stack([to_input(one.levels(), contract) for one in some])
    teaching = model.to(device)  # type: ignore[arg-type]
    return FrozenTeacher(teaching, contract, images, config.teacher_shrink, name=name)


def _keep_teacher(run: Run) -> None:
    """Move an exported teacher to its lasting place, now that the folder is this run's."""
    if run.accelerator.is_main_process and (run.folder / NEW_TEACHER).is_dir():
        (run.folder / NEW_TEACHER).rename(run.folder / TEACHER)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 1 for a collapsed run, or 2 for a bad input."""
    return run_stage("stage 2", Stage2, train, plan, argv)


if __name__ == "__main__":
    sys.exit(main())
