"""What a run is expected to take of memory and time, before it begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from versamammo.data.bounded_cache import GIGABYTE

Amounts = tuple[tuple[str, float], ...]  # what, and its bytes
PLAN = "--plan"  # on the command line of a training
WORKER = 0.5 * GIGABYTE  # a worker's own memory; docs/experiments.md has what was measured


@dataclass(frozen=True)
class PhasePlan:
    """One phase of a run.

    Attributes:
        name: of the phase.
        steps: optimiser steps.
        step: what one step learns from, in words.
        seconds: of one step, on average.
    """

    name: str
    steps: int
    step: str
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What one process of a run is expected to take.

    Attributes:
        host: host memory, part by part.
        device: memory of the device that computes, part by part.
        phases: in turn.
        where: on what device steps were timed.
    """

    host: Amounts
    device: Amounts
    phases: tuple[PhasePlan, ...]
    where: str

    @property
    def hours(self) -> float:
        """How long all steps take, without the checks on the way."""
        return sum(phase.steps * phase.seconds for phase in self.phases) / 3600

    def text(self) -> str:
        """Write it as lines."""
        steps = [
            f"  {one.name}: {one.steps:,} steps of {one.step}; {one.seconds:.3g} s a step"
            for one in self.phases
        ]
        return "\n".join(
            [
                *_table("host memory", self.host),
                *_table("device memory", self.device),
                "steps",
                *steps,
                f"about {self.hours:.2g} hours, from a few steps taken here on {self.where}",
                "no run was begun",
            ]
        )


def total(amounts: Amounts) -> float:
    """Add up, in bytes."""
    return sum(amount for _, amount in amounts)


def _table(name: str, amounts: Amounts) -> list[str]:
    rows = [f"  {amount / GIGABYTE:7.2f} GB  {what}" for what, amount in amounts]
    return [name, *rows, f"  {total(amounts) / GIGABYTE:7.2f} GB  together"]


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return _status("VmRSS")


def measured(work: Callable[[], None], device: torch.device) -> tuple[float, int]:
    """Do some work; return its seconds, and the bytes that it needed at its peak.

    On a GPU the bytes are those of its memory, on a CPU those of this process.
    """
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    else:
        Path("/proc/self/clear_refs").write_text("5")  # begins a new peak
    before = torch.cuda.memory_allocated(device) if on_gpu else resident()
    began = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - began
    peak = torch.cuda.max_memory_allocated(device) if on_gpu else _status("VmHWM")
    return seconds, max(0, peak - before)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
