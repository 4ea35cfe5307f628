"""From the records of a run to its table of figures, whole or not.

`scores.parquet` and `scores.csv` hold a row for each figure. A task whose records are not all
there is scored on those that are, says so, and is never ranked.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.learnt_from import LearntFrom, Standing, standing
from benchmark.metrics import MetricResult, score
from benchmark.samples import Sample
from benchmark.store import SAMPLES, VALIDATION, TaskFolder, task_folders
from benchmark.tasks import Task, load_tasks
from versamammo.errors import InputError
from versamammo.files import parse_json, plain_cell, write_atomically

NOT_EXTERNAL = {"internal": "internal, learnt from", "unknown": "not known to be external"}
FIGURES, SCORES, RUN = "figures.json", "scores", "run.json"


@dataclass(frozen=True)
class ScoredTask:
    """One model on one task.

    Attributes:
        model: name of its folder.
        task: what was asked.
        folder: with its records.
        records: how many there are.
        expected: how many there would be.
        figures: the primary one first; none if nothing could be scored.
        trouble: why there is no figure, or nothing.
        standing: whether the model has learnt from the dataset that is asked about.
    """

    model: str
    task: Task
    folder: Path
    records: int
    expected: int
    figures: tuple[MetricResult, ...]
    trouble: str = ""
    standing: Standing = "unknown"

    @property
    def set(self) -> str:
        """Internal, external or unknown, for this model.

        What it has learnt from is internal; only what it has certainly not learnt from, of the
        tasks that are listed as external, is external.
        """
        if self.standing == "learnt" or self.task.set == "internal":
            return "internal"
        return "external" if self.standing == "not learnt" else "unknown"

    @property
    def refused_external(self) -> bool:
        """Whether the task is listed as external, and is not for this model."""
        return self.task.set == "external" and self.set != "external"

    @property
    def complete(self) -> bool:
        """Whether every record is there."""
        return self.records == self.expected and not self.trouble

    @property
    def state(self) -> str:
        """Return in words how far it is."""
        if self.trouble:
            return f"not run: {self.trouble}"
        return "complete" if self.complete else f"incomplete {self.records}/{self.expected}"


def read_run(out: Path) -> dict[str, Any]:
    """Read how a run was made: models, settings, command, versions.

    Raises:
        InputError: there is no run.
    """
    try:
        found: dict[str, Any] = parse_json((out / RUN).read_text())
    except (OSError, ValueError) as error:
        message = "holds no run of `versamammo bench run`"
        raise InputError(message, file=out, field="out", reason="no-run") from error
    return found


def gather(out: Path) -> list[ScoredTask]:
    """Score every task of every model of a run; figures that were made before are read.

    Raises:
        InputError: there is no run, or a record cannot be scored.
    """
    run = read_run(out)
    tasks = {task.id: task for task in load_tasks()}
    drawn = {"seed": run["seed"], "resamples": run["resamples"]}
    found = []
    for model in run["models"]:
        says = LearntFrom.from_dict(run.get("learnt_from", {}).get(model, {}))
        there = dict(task_folders(out, model))
        troubles = run["troubles"].get(model, {})
        for name, task in tasks.items():
            stands = standing(task, says, run.get("archives", {}))
            made = scored(model, task, there[name], **drawn) if name in there else None
            if made is not None and (made.records or name not in troubles):
                found.append(replace(made, standing=stands))
            elif name in troubles:
                folder = out / model / name
                found.append(ScoredTask(model, task, folder, 0, 0, (), troubles[name], stands))
    return found


def scored(model: str, task: Task, folder: TaskFolder, *, seed: int, resamples: int) -> ScoredTask:
    """Score one task of one model."""
    if task.kind == "vqa":
        records, figures = _of_questions(folder.folder)
    else:
        records, figures = _of_records(task, folder, seed, resamples)
    return ScoredTask(model, task, folder.folder, records, folder.expected, figures)


def _of_records(
    task: Task, folder: TaskFolder, seed: int, resamples: int
) -> tuple[int, tuple[MetricResult, ...]]:
    records = folder.whole_lines()
    asked = {"key": folder.described().get("key"), "records": records, "seed": seed,
             "resamples": resamples}  # fmt: skip
    path = folder.folder / FIGURES
    known = _known(path, asked)
    if known is not None:
        return records, known
    samples = folder.samples(task.kind)
    if not samples:
        return 0, ()
    validation: Sequence[Sample] = folder.samples(task.kind, VALIDATION)
    figures = tuple(
        score(
            task, samples, seed=seed, resamples=resamples, root=folder.folder,
            validation=validation,
        )
    )  # fmt: skip
    text = json.dumps({**asked, "figures": [asdict(figure) for figure in figures]}, indent=1)
    write_atomically(path, (text + "\n").encode())
    return records, figures


def _of_questions(folder: Path) -> tuple[int, tuple[MetricResult, ...]]:
    """Read what `benchmark.questions` scored."""
    try:
        made = parse_json((folder / FIGURES).read_text())
    except (OSError, ValueError):
        return 0, ()
    return int(made["records"]), tuple(MetricResult(**figure) for figure in made["figures"])


def _known(path: Path, asked: Mapping[str, Any]) -> tuple[MetricResult, ...] | None:
    try:
        made = parse_json(path.read_text())
    except (OSError, ValueError):
        return None
    if {key: made.get(key) for key in asked} != asked:
        return None
    return tuple(MetricResult(**figure) for figure in made["figures"])


def table(found: Sequence[ScoredTask]) -> list[dict[str, Any]]:
    """Lay figures out, one row each."""
    return [
        {
            "model": one.model, "set": one.set, "category": one.task.category,
            "version": one.task.version, **asdict(figure), "state": one.state,
            "learnt_from": one.standing,
        }
        for one in found
        for figure in one.figures
    ]  # fmt: skip


def write_scores(out: Path, found: Sequence[ScoredTask]) -> None:
    """Write the table as parquet and as CSV; nothing if there is no figure."""
    rows = table(found)
    if not rows:
        return
    stream, text = io.BytesIO(), io.StringIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    write_atomically(out / f"{SCORES}.parquet", stream.getvalue())
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: plain_cell(cell) for name, cell in row.items()} for row in rows)
    write_atomically(out / f"{SCORES}.csv", text.getvalue().encode())


def of_externals(found: Sequence[ScoredTask], says: Mapping[str, LearntFrom]) -> list[str]:
    """Return which tasks that are listed as external are not, for which model and why."""
    lines = []
    for model, said in says.items():
        own = [one for one in found if one.model == model and one.task.set == "external"]
        for name, words in NOT_EXTERNAL.items():
            tasks = ", ".join(one.task.id for one in own if one.set == name)
            lines += [f"  {model}, learnt from {said}: {words}: {tasks}"] if tasks else []
    return lines


__all__ = [
    "SAMPLES",
    "ScoredTask",
    "gather",
    "of_externals",
    "read_run",
    "scored",
    "table",
    "write_scores",
]
