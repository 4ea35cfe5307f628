"""`vlm/train.py --plan`: what a training is expected to take, from a few of its own steps."""

from __future__ import annotations

import torch
from accelerate import PartialState

from versamammo.data.bounded_cache import bytes_of
from versamammo.data.dataset import Archive
from versamammo.data.sampling import Share
from versamammo.training.resource_plan import WORKER, PhasePlan, Plan, measured, resident
from versamammo.training.run import precision_of
from vlm.adapter import add_adapter
from vlm.feature_memory import FeatureMemory
from vlm.feeding import PREFETCHED, StepDataset
from vlm.instructions import LessonPool
from vlm.learner import Learner
from vlm.model import VersaMammoForImageTextToText
from vlm.packing import PackedBatch
from vlm.processor import VersaMammoVlmProcessor
from vlm.shared_pictures import SharedPictures
from vlm.training_config import PhaseName, VlmTraining

Parts = tuple[Archive, LessonPool, VersaMammoForImageTextToText, VersaMammoVlmProcessor]
DRAWN = 64  # parts whose pictures are counted


class Planner:
    """Takes a few steps of each phase, and adds up."""

    def __init__(
        self,
        config: VlmTraining,
        model: VersaMammoForImageTextToText,
        steps: StepDataset,
    ) -> None:
        self.config = config
        self.model = model
        self.steps = steps
        self.device = PartialState().device
        self.images = len(steps.pool.pictures)
        self.begun = resident()
        self.peak = 0.0
        self.learned = 0
        self.seen = 0.0  # bytes of an image's features

    def phase(self, name: PhaseName) -> PhasePlan:
        """Take two parts of a phase, the second of images that were seen before."""
        config = self.config
        self.steps.phase, self.steps.mixture = name, config.lessons(name)
        self.learner = Learner(self.model, name, config.teaches_encoder)
        learned = [one for found in self.learner.groups().values() for one in found]
        self.learned = max(self.learned, sum(one.nbytes for one in learned))
        part = self.steps[0].to(self.device)
        memory = FeatureMemory(config.features_gb)
        self.model.model.memory = memory
        times = []
        for _ in range(2):
            seconds, peak = measured(lambda: self.learn(part), self.device)
            self.peak = max(self.peak, peak)
            times.append(seconds)
        pictures = 0 if part.pixel_values is None else len(part.pixel_values)
        if len(memory):
            self.seen = memory.taken / len(memory)
        parts = self.steps.share.parts
        rows = f"{parts * int((part.samples > 0).sum()):,} tokens"
        text = f"{config.optim.batch_size} conversations, {parts * pictures} pictures and {rows}"
        new, old = times
        misses = self._misses(parts * pictures * config.steps(name))
        return PhasePlan(
            name, config.steps(name), text, parts * (old + misses * max(0.0, new - old))
        )

    def learn(self, part: PackedBatch) -> None:
        """Find the gradients of a part, and forget them."""
        half = precision_of(self.config.run.precision) == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            loss = self.learner(part) / max(1, part.answer_words)
        loss.backward()
        self.learner.zero_grad(set_to_none=True)

    def _misses(self, shown: int) -> float:
        """Return the share of pictures shown whose features are not remembered."""
        kept = bytes_of(self.config.features_gb, "features_gb") / self.seen if self.seen else 0
        if kept >= self.images:
            return min(1.0, self.images / max(1, shown))
        return 1 - kept / self.images

    def plan(self, phases: tuple[PhasePlan, ...]) -> Plan:
        """Add up."""
        config, workers = self.config, self.config.workers
        h, w = self.steps.contract.size
        bound = bytes_of(config.pictures_gb, "pictures_gb")
        kept = min(bound, 2 * h * w * self.images)
        ways = max(1, workers * PREFETCHED) + 2 * self.steps.share.parts
        weights = sum(one.nbytes for one in (*self.model.parameters(), *self.model.buffers()))
        device = (
            ("weights", weights),
            ("gradients and moments", 3 * self.learned),
            ("features that are kept", min(
                bytes_of(config.features_gb, "features_gb"), self.seen * self.images)),
            ("one part, at its peak", self.peak),
        )  # fmt: skip
        host = (
            ("this process, with the model", self.begun),
            (f"{workers} workers", workers * WORKER),
            ("pictures to learn from, shared", kept),
            ("pictures to ask about, at most", bound),
            (f"{ways} parts on their way", ways * self._most_pictures() * 4 * h * w),
        )
        on_cpu = self.device.type != "cuda"
        return Plan((*host, *device[1:]) if on_cpu else host, device, phases, str(self.device))

    def _most_pictures(self) -> int:
        """Return the pictures of the part that shows most, of a few."""
        share, seed = self.steps.share, self.steps.seed
        places = range(share.batch)[share.of(0)]
        return max(
            sum(
                len(self.steps.pool.draw((seed, 3, step, place), self.config.mixture).images)
                for place in places
            )
            for step in range(DRAWN)
        )


def plan_of(config: VlmTraining, parts: Parts) -> Plan:
    """Plan a training; nothing is written.

    Args:
        config: of the training.
        parts: what `vlm.train.open_parts` returned; the model is changed.

    Raises:
        InputError: it could not be trained so.
    """
    _, pool, model, processor = parts
    optim, processes = config.optim, PartialState().num_processes
    share = Share(
        optim.batch_size, optim.gradient_accumulation_steps, processes,
        PartialState().process_index,
    )  # fmt: skip
    contract = model.config.vision_config.input_contract
    steps = StepDataset(
        pool, processor, share, "projector",
        max_length=config.max_length, row=config.row, seed=config.run.seed,
        pictures=SharedPictures(len(pool.pictures), contract, config.pictures_gb),
    )  # fmt: skip
    model.to(PartialState().device)
    if config.checkpointing:
        model.model.language_model.gradient_checkpointing_enable({"use_reentrant": False})
    planner = Planner(config, model, steps)
    phases = []
    for name in config.phases():
        if name == "adapter":
            add_adapter(model, config.lora)
        phases.append(planner.phase(name))
    return planner.plan(tuple(phases))
