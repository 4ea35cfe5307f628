"""What a report shows of a run: figures by category, ranks, pairs, and where the records lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.comparing import Comparison, compare
from benchmark.learnt_from import LearntFrom
from benchmark.metrics.metric_results import LOWER_IS_BETTER, MetricResult
from benchmark.metrics.ranks import Ranks, rank
from benchmark.samples import Sample
from benchmark.scores import ScoredTask, gather, read_run
from benchmark.store import TaskFolder
from benchmark.tasks import ORDER, Task
from versamammo.errors import InputError

SCORED_ELSEWHERE = "vqa"


@dataclass(frozen=True)
class ReportView:
    """A run, ready to be shown.

    Attributes:
        out: its folder.
        run: what run.json says.
        found: every model's every task.
    """

    out: Path
    run: Mapping[str, Any]
    found: tuple[ScoredTask, ...]

    @classmethod
    def of(cls, out: Path) -> ReportView:
        """Score a run where it is not scored yet.

        Raises:
            InputError: there is no run.
        """
        return cls(out, read_run(out), tuple(gather(out)))

    @property
    def models(self) -> list[str]:
        """Names, in the order they were asked."""
        return list(self.run["models"])

    def says(self, model: str) -> LearntFrom:
        """Return what a model says that it has learnt from."""
        return LearntFrom.from_dict(self.run.get("learnt_from", {}).get(model, {}))

    @property
    def tasks(self) -> dict[str, list[Task]]:
        """Tasks by category, in the benchmark's order."""
        named = {one.task.id: one.task for one in self.found}
        grouped = {name: [t for t in named.values() if t.category == name] for name in ORDER}
        return {name: tasks for name, tasks in grouped.items() if tasks}

    @property
    def encoders(self) -> list[str]:
        """Models that were asked anything but questions."""
        asked = {one.model for one in self.found
                 if one.task.kind != SCORED_ELSEWHERE and one.figures}  # fmt: skip
        return [model for model in self.models if model in asked]

    def cell(self, model: str, task: Task) -> ScoredTask | None:
        """Find one model on one task."""
        return next((o for o in self.found if o.model == model and o.task.id == task.id), None)

    def of_task(self, task: Task) -> list[ScoredTask]:
        """Find all models on one task, those with figures."""
        cells = [self.cell(model, task) for model in self.models]
        return [one for one in cells if one is not None and one.figures]

    def records(self, task: Task) -> dict[str, list[Sample]]:
        """Read all models' records of one task."""
        if task.kind == SCORED_ELSEWHERE:
            return {}
        return {one.model: TaskFolder(one.folder).samples(task.kind) for one in self.of_task(task)}

    @property
    def states(self) -> dict[str, list[ScoredTask]]:
        """Model -> tasks that are not complete."""
        return {
            model: [one for one in self.found if one.model == model and not one.complete]
            for model in self.models
        }

    def ranks(self, part: str = "") -> Ranks | None:
        """Rank the encoders over tasks that all completed; None if there is nothing to rank.

        Args:
            part: only tasks that are of this set for every encoder, `mixed` for those that are
                not of one set; all by default.
        """
        names = self.encoders
        if len(names) < 2:
            return None
        values, lower = [], []
        for tasks in self.tasks.values():
            for task in tasks:
                cells = [self.cell(name, task) for name in names]
                if task.kind == SCORED_ELSEWHERE or part not in ("", set_of(cells)):
                    continue
                values.append([_value(one) for one in cells])
                lower.append(task.metric in LOWER_IS_BETTER)
        try:
            return rank(names, np.array(values, dtype=float).reshape(-1, len(names)), lower)
        except InputError:
            return None

    def pairs(self, resamples: int) -> list[Comparison]:
        """Compare the first encoder with every other."""
        first, *others = self.encoders or [""]
        made = []
        for other in others:
            try:
                made.append(compare(self.out / first, self.out / other, resamples=resamples))
            except InputError:
                continue
        return made


def set_of(cells: Sequence[ScoredTask | None]) -> str:
    """Return of which set a task is for several models, `mixed` if not of one for all."""
    sets = {one.set for one in cells if one is not None}
    return sets.pop() if len(sets) == 1 else "mixed"


def primary(figures: Sequence[MetricResult]) -> MetricResult | None:
    """Find the figure that a task is ranked by."""
    return next((figure for figure in figures if figure.primary), None)


def _value(one: ScoredTask | None) -> float:
    """Return the primary value of a complete task, NaN otherwise."""
    found = primary(one.figures) if one is not None and one.complete else None
    return float("nan") if found is None else found.value
