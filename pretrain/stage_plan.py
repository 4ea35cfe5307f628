"""`--plan` of the two stages: what a training is expected to take, from two of its own steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from accelerate import PartialState
from torch import Tensor, nn

from pretrain.views.crop_loader import PREFETCHED, Batch, Feeder
from versamammo.training.resource_plan import WORKER, PhasePlan, Plan, measured, resident
from versamammo.training.run import precision_of


def computing_device() -> torch.device:
    """Return the device that this process would train on."""
    device: torch.device = PartialState(cpu=not torch.cuda.is_available()).device
    return device


def stage_plan(
    name: str, model: nn.Module, feed: Feeder[Batch], learn: Callable[[Batch], Tensor], *,
    steps: int, parts: int, images: int, workers: int, precision: str,
) -> Plan:  # fmt: skip
    """Take two parts of a stage's steps, and add up.

    Args:
        name: of the stage.
        model: all that learns and teaches; its gradients are forgotten.
        feed: batches, loaded in this process.
        learn: returns the loss of a batch.
        steps: of the training.
        parts: of a step that this process takes.
        images: of a part.
        workers: that the training would load with.
        precision: as `RunSettings` has it.

    Returns:
        memory of one process, and hours with loading behind the steps where there are workers.
        Checks on the way are not in it.
    """
    device = computing_device()
    half = precision_of(precision) == "bf16"
    begun = resident()

    def work() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = learn(batch)
        loss.backward()
        model.zero_grad(set_to_none=True)

    batches = iter(feed)
    peaks = []
    for _ in range(2):  # the first also makes what is kept for all others
        began = time.perf_counter()
        batch = next(batches)
        loading = time.perf_counter() - began
        seconds, peak = measured(work, device)
        peaks.append(peak)
    learned = sum(one.nbytes for one in model.parameters() if one.requires_grad)
    own: tuple[tuple[str, float], ...] = (
        ("gradients and moments", 3 * learned),
        ("one part, at its peak", max(peaks)),
    )
    ways = max(1, workers * PREFETCHED) + 1
    host = (
        ("this process, with the model", begun),
        (f"{workers} workers", workers * WORKER),
        (f"{ways} parts on their way", ways * sum(one.nbytes for one in tensors(batch))),
    )
    weights = sum(one.nbytes for one in (*model.parameters(), *model.buffers()))
    each = max(seconds, loading / workers) if workers else seconds + loading
    text = f"{parts * images} images in {parts} part{'s' if parts > 1 else ''}"
    return Plan(
        (*host, *own) if device.type == "cpu" else host,
        (("weights", weights), *own),
        (PhasePlan(name, steps, text, parts * each),),
        str(device),
    )


def tensors(batch: Any) -> Iterator[Tensor]:
    """Find the tensors of a batch, however deep."""
    if isinstance(batch, Tensor):
        yield batch
    elif is_dataclass(batch):
        for one in fields(batch):
            yield from tensors(getattr(batch, one.name))
