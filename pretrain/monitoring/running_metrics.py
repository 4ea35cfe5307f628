"""Figures of every step, added up on the device and read every N steps; stops a collapsed run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from pretrain.monitoring.collapse_detection import (
    CollapseReading,
    CollapseRule,
    PrototypeTally,
    PrototypeUse,
    effective_rank,
    feature_std,
)
from pretrain.networks.distributed import all_rows, sum_over_processes, world_size
from pretrain.objectives.registry import StepLosses

ROWS = 1024  # features kept between two readings, all processes together


class CollapsedError(RuntimeError):
    """Training was stopped because it no longer tells images apart; the message says how."""


class RunningMetrics:
    """What happened since the last reading, and all readings so far."""

    def __init__(self, rule: CollapseRule, history: Sequence[Mapping[str, Any]] = ()) -> None:
        self.rule = rule
        self.readings = [reading_of(line) for line in history if "loss" in line]
        self.tally: PrototypeTally | None = None
        self._start_again()

    def _start_again(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.seen = 0
        self.features: list[Tensor] = []

    @torch.no_grad()
    def see(self, outcome: StepLosses, gradient_norm: Tensor | None) -> None:
        """Take in one forward pass, without waiting for the device."""
        self.seen += 1
        figures = {"loss": outcome.total.detach()}
        figures |= {f"loss/{name}": loss for name, loss in outcome.losses.items()}
        if gradient_norm is not None:
            figures["gradient_norm"] = gradient_norm.detach()
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, torch.zeros_like(value)) + value.double()
        self.features.append(outcome.features.float())
        del self.features[: -max(1, ROWS // (len(outcome.features) * world_size()))]
        if outcome.assignments is not None:
            if self.tally is None:
                prototypes = outcome.assignments.shape[1]
                self.tally = PrototypeTally(prototypes, outcome.assignments.device)
            self.tally.add(outcome.assignments)

    def read(self, step: int, parts: int) -> dict[str, float]:
        """Summarise all processes since the last reading.

        Args:
            step: steps done.
            parts: forward passes per step.
        """
        names = sorted(self.sums)
        counts = {"gradient_norm": self.seen / parts}
        sums = torch.stack([self.sums[name] for name in names])
        totals = (sum_over_processes(sums) / world_size()).tolist()
        metrics = {
            name: total / counts.get(name, self.seen)
            for name, total in zip(names, totals, strict=True)
        }
        features = all_rows(torch.cat(self.features))
        use = None if self.tally is None else self.tally.read()
        finite = bool(features.isfinite().all())
        metrics["features/std"] = feature_std(features) if finite else float("nan")
        metrics["features/rank"] = effective_rank(features) if finite else float("nan")
        if use is not None:
            metrics |= {f"prototypes/{name}": value for name, value in asdict(use).items()}
        self._start_again()
        self.readings.append(reading_of({"step": step, **metrics}))
        return metrics

    def judge(self) -> None:
        """Stop a run that has collapsed.

        Raises:
            CollapsedError: with the reason.
        """
        verdict = self.rule.verdict(self.readings)
        if verdict is not None:
            raise CollapsedError(verdict)


def reading_of(line: Mapping[str, Any]) -> CollapseReading:
    """Take what the collapse rule needs from a line of the log."""
    use = {
        name: line[f"prototypes/{name}"]
        for name in PrototypeUse.__dataclass_fields__
        if f"prototypes/{name}" in line
    }
    return CollapseReading(
        line["step"],
        line["loss"],
        line["features/std"],
        line["features/rank"],
        PrototypeUse(**use) if use else None,
    )
