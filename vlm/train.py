"""Teach a language model to answer from mammograms: projector first, then LoRA beside it.

    accelerate launch vlm/train.py --encoder FOLDER --data PREPARED  # configs/vlm/smollm2_135m.yaml
    accelerate launch vlm/train.py --config configs/vlm/smoke.yaml   # a tiny language model
    accelerate launch vlm/train.py --config configs/vlm/qwen3_0.6b.yaml --data PREPARED
    python vlm/train.py --plan --encoder FOLDER --data PREPARED      # memory, steps and hours

A tiny language model that begins from nothing first learns its language from descriptions of the
images. Every phase is a run of its own within the folder; the same command goes on with what was
stopped, and `model/` is the whole that can be loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import PartialState
from accelerate.utils import tqdm

from versamammo import NOTICE
from versamammo.config import load
from versamammo.data.dataset import Archive
from versamammo.data.joined_archives import open_archive
from versamammo.data.licence_filter import check_lineage
from versamammo.data.sampling import Share
from versamammo.files import whole_folder
from versamammo.model.weights import read_config
from versamammo.phantoms.default_phantoms import data_to_plan, phantom_archive
from versamammo.training.launching import start_all_processes
from versamammo.training.resource_plan import PLAN
from versamammo.training.run import Run, opened, sole_run
from versamammo.training.schedules import warm_cosine
from versamammo.training.stopping import run_command
from vlm.adapter import ADAPTER, add_adapter, start_adapter, start_projector
from vlm.assembly import assemble, save
from vlm.feature_memory import FeatureMemory
from vlm.feeding import StepDataset, feed
from vlm.instructions import LessonPool
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import PackedBatch
from vlm.phase_monitor import Checks, PhaseMonitor
from vlm.processor import VersaMammoVlmProcessor
from vlm.sharding import check_launch, sharded_copy, take_back
from vlm.shared_pictures import SharedPictures
from vlm.trained_topics import calibrate, write_competence
from vlm.training_config import (
    PhaseName,
    VlmTraining,
    build_encoder,
    build_language,
    with_default_recipe,
)
from vlm.training_plan import plan_of
from vlm.word_alignment import align_to_words

# What may change when a run goes on; `data` may have moved, its content is compared elsewhere.
FREE = ("workers", "data", "phantoms.folder", "features_gb", "pictures_gb")


def train(config: VlmTraining) -> Path:
    """Train, or go on training; returns the folder of the finished model.

    Raises:
        InputError: the archive, the parts or the settings cannot be trained with, or another run
            is at work in the folder.
    """
    with sole_run(config.run.output):
        return _train(config)


def _train(config: VlmTraining) -> Path:
    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        data = config.data or phantom_archive(config.phantoms)
    archive, pool, model, processor = open_parts(config, data)
    taught = model.config.vision_config.training
    if config.shareable:
        check_lineage(taught, "encoder")
    begun = sources_of(config.start)
    if config.shareable:
        check_lineage({"sources": begun}, "start")
    model.config.sources = sorted({*archive.sources, *taught.get("sources", ()), *begun})
    model.config.counts = [count.to_dict() for count in archive.counts]
    held_out = open_archive(data, config.check_splits, shareable=config.shareable)
    checks = Checks(held_out, config, processor)
    pictures = SharedPictures(len(archive), checks.shelf.contract, config.pictures_gb)
    known = config.start is not None and start_projector(model, config.start / ADAPTER)
    for phase in config.phases():
        if phase == "adapter":
            begin_adapter(config, model)
        Phase(config, phase, archive, aligns=not known).learn(
            model, processor, pool, checks, pictures
        )
    model.train(False)
    out = config.run.output / "model"
    if PartialState().is_main_process:
        _finish(model, processor, pool, checks, out)
    PartialState().wait_for_everyone()
    return out


def open_parts(
    config: VlmTraining, data: tuple[str, ...] | Path
) -> tuple[Archive, LessonPool, VersaMammoForImageTextToText, VersaMammoVlmProcessor]:
    """Open what is learned from, and put the model together.

    Raises:
        InputError: the archive or a part cannot be used.
    """
    archive = open_archive(data, config.splits, shareable=config.shareable)
    bench = config.items(archive)
    if bench is not None:
        PartialState().print(f"learning from {config.bench}: {bench}")
    pool = LessonPool(archive, config.mixture, config.recorded(), bench)
    torch.manual_seed(config.run.seed)
    model, processor = assemble(
        build_encoder(config), build_language(config, pool), config.shown_projector
    )
    model.model.memory = FeatureMemory(config.features_gb)
    return archive, pool, model, processor


def sources_of(start: Path | None) -> tuple[str, ...]:
    """Return the archives that the model which is gone on from has learned from."""
    return () if start is None else tuple(read_config(start / "config.json").get("sources", ()))


def begin_adapter(config: VlmTraining, model: VersaMammoForImageTextToText) -> None:
    """Put a new adapter beside the language model, or the one that is gone on from.

    Raises:
        InputError: the latter does not fit.
    """
    torch.manual_seed(config.run.seed)
    if config.start is None:
        add_adapter(model, config.lora)
    else:
        start_adapter(model, config.start / ADAPTER, config.lora)


def _finish(
    model: VersaMammoForImageTextToText,
    processor: VersaMammoVlmProcessor,
    pool: LessonPool,
    checks: Checks,
    out: Path,
) -> None:
    """Save the model, what it was trained for, and how sure it may be."""
    topics = (*pool.topics, *(["Place"] if pool.placed else []), "Report")
    competence = calibrate(model, processor, checks.trial(), checks.shelf, topics)
    with whole_folder(out) as made:
        save(model, processor, made)
        write_competence(made, competence)


class Phase:
    """One phase of training: what learns, how fast, and for how long."""

    def __init__(
        self, config: VlmTraining, phase: PhaseName, archive: Archive, *, aligns: bool
    ) -> None:
        self.aligns = aligns and phase == "projector"
        self.config = config
        self.phase = phase
        self.steps = config.steps(phase)
        number = config.phases().index(phase) + 1
        settings = replace(config.run, output=config.run.output / f"{number}_{phase}")
        parts = config.optim.gradient_accumulation_steps
        self.run = Run(settings, replace(config, run=settings), parts, FREE)
        self.archive = archive
        accelerator = self.run.accelerator
        check_launch(config.shard, accelerator.num_processes)
        self.share = Share(
            config.optim.batch_size, parts, accelerator.num_processes, accelerator.process_index
        )

    def learn(
        self,
        vlm: VersaMammoForImageTextToText,
        processor: VersaMammoVlmProcessor,
        pool: LessonPool,
        checks: Checks,
        pictures: SharedPictures,
    ) -> None:
        """Take the steps that are left."""
        config, optim, accelerator = self.config, self.config.optim, self.run.accelerator
        seed = config.run.seed
        dataset = StepDataset(
            pool, processor, self.share, self.phase,
            max_length=config.max_length, row=config.row, seed=seed,
            mixture=config.lessons(self.phase), pictures=pictures,
        )  # fmt: skip
        if self.aligns and not self.run.has_checkpoint:
            self._align(vlm, processor, dataset)
        whole = Learner(vlm, self.phase, config.teaches_encoder)
        if config.checkpointing:
            vlm.model.language_model.gradient_checkpointing_enable({"use_reentrant": False})
        learner = sharded_copy(whole, accelerator.device) if config.shard else whole
        optimizer = torch.optim.AdamW(
            [
                {"params": found, "lr": 0.0, "peak": config.learning_rate(self.phase, part)}
                for part, found in learner.groups().items()
            ],
            betas=(0.9, 0.98),
            weight_decay=0.0,
        )
        model = learner if config.shard else accelerator.prepare(learner)
        optimizer = accelerator.prepare(optimizer)
        first = self.run.resume(model, optimizer)
        batches = opened(feed(dataset, range(first, self.steps), config.workers))
        self.run.claim(self.archive, first)
        monitor = PhaseMonitor(self.run, config, self.phase, learner, checks)
        monitor.begin(first)
        for step in tqdm(
            range(first, self.steps), initial=first, total=self.steps, desc=self.phase
        ):
            apply_schedule(optimizer, step, self.steps, optim.warmup_steps)
            parts = [part.to(accelerator.device) for part in next(batches)]
            tokens = self._answer_tokens(parts)
            for part, rows in enumerate(parts):
                self.run.seed(step, part)
                with accelerator.accumulate(model):
                    with accelerator.autocast():
                        loss = model(rows) / tokens  # each answer token of the step weighs alike
                    # accelerate divides by the parts, and DDP by the processes
                    accelerator.backward(loss * len(parts) * accelerator.num_processes)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(model.parameters(), optim.max_grad_norm)
                    optimizer.step()
                    optimizer.zero_grad()
                monitor.observe(loss, rows)
            monitor.after_step(step + 1)
            if monitor.saves(step + 1):
                self.run.save(step + 1, model, optimizer)
        monitor.finish()
        if config.shard:
            take_back(whole, learner)

    def _align(
        self,
        vlm: VersaMammoForImageTextToText,
        processor: VersaMammoVlmProcessor,
        lessons: StepDataset,
    ) -> None:
        """Bring the projector to the words of the labels, before it learns to be read."""
        cast(Any, vlm).to(self.run.accelerator.device)
        torch.manual_seed(self.config.run.seed)
        explained = align_to_words(
            vlm, processor, lessons.pool, lambda image: lessons.picture(image).pixels,
            self.config.align,
        )  # fmt: skip
        if explained is not None:
            share = f"{100 * explained:.0f} %"
            self.run.say(f"the projector explains {share} of where the words of labels lie")

    def _answer_tokens(self, parts: Sequence[PackedBatch]) -> torch.Tensor:
        """Count the answer tokens that all processes learn in one step."""
        device = self.run.accelerator.device
        own = torch.tensor(float(sum(part.answer_words for part in parts)), device=device)
        return self.run.accelerator.reduce(own, "sum")  # type: ignore[no-any-return]


def apply_schedule(optimizer: torch.optim.Optimizer, step: int, steps: int, warmup: int) -> None:
    """Set this step's learning rate in every group."""
    for group in optimizer.param_groups:
        group["lr"] = warm_cosine(step, steps, warmup, group["peak"], 0.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0, or 2 for a bad input."""
    start_all_processes()

    def work() -> int:
        words = list(sys.argv[1:] if argv is None else argv)
        config = load(VlmTraining, with_default_recipe([one for one in words if one != PLAN]))
        _say_parts(config)
        if PLAN in words:
            data = data_to_plan(config.data, config.phantoms)
            PartialState().print(plan_of(config, open_parts(config, data)).text())
            return 0
        PartialState().print(f"{train(config)}\n{NOTICE}")
        return 0

    return run_command("vlm", work, resumes=True)


def _say_parts(config: VlmTraining) -> None:
    say = PartialState(cpu=not torch.cuda.is_available()).print
    if config.encoder is None:
        say("no --encoder folder: a small one begins from nothing and learns in the last phase")
    if config.language is None:
        say("no --language: a tiny one begins from nothing and knows only these questions")
    if config.data is None:
        say("no --data: phantoms, which are not real data")


if __name__ == "__main__":
    sys.exit(main())
