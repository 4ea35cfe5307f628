"""`versamammo bench compare A B`: two models on the same records, task by task.

A and B are models' folders of one run or of two, `OUT/student`, or a run's folder that holds one
model. Tasks that either did not finish are named and never compared.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.metrics.metric_results import title
from benchmark.metrics.pairing import RESAMPLES, MetricDifference, contrast, corrected
from benchmark.scores import RUN, read_run
from benchmark.store import TaskFolder, task_folders
from benchmark.tasks import Task, load_tasks
from versamammo.errors import InputError
from versamammo.files import plain_cell


@dataclass(frozen=True)
class Comparison:
    """Two models over tasks.

    Attributes:
        first: name of the first model.
        second: of the second.
        rows: tasks that both finished, p-values corrected over them.
        skipped: task and why it was not compared.
        resamples: of each test.
        notice: what either run says of its data, such as that they are phantoms.
    """

    first: str
    second: str
    rows: tuple[MetricDifference, ...]
    skipped: tuple[tuple[str, str], ...]
    resamples: int
    notice: str = ""


def compare(first: Path, second: Path, *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare two models on every task that both finished.

    Raises:
        InputError: a folder holds no model's records, or none or several of a run, or nothing can
            be compared.
    """
    (out_a, model_a), (out_b, model_b) = find_model(first), find_model(second)
    there = [dict(task_folders(out, name)) for out, name in ((out_a, model_a), (out_b, model_b))]
    rows, skipped = [], []
    for task in load_tasks():
        pair = [folders.get(task.id) for folders in there]
        if pair == [None, None]:
            continue
        why = _refused(task, pair)
        if why:
            skipped.append((task.id, why))
            continue
        one, other = (folder for folder in pair if folder is not None)
        rows.append(
            contrast(
                task, one.samples(task.kind), other.samples(task.kind), resamples=resamples,
                seed=seed, roots=(one.folder, other.folder),
            )
        )  # fmt: skip
    if not rows:
        message = f"no task of {first} can be compared with {second}: {dict(skipped)}"
        raise InputError(message, field="compare", reason="nothing-to-compare")
    notices = dict.fromkeys(str(read_run(out)["notice"]) for out in (out_a, out_b))
    return Comparison(
        model_a, model_b, tuple(corrected(rows)), tuple(skipped), resamples,
        "; ".join(filter(None, notices)),
    )  # fmt: skip


def find_model(folder: Path) -> tuple[Path, str]:
    """Return the run's folder and the model's name.

    Raises:
        InputError: there is no such run, or it is not clear which model is meant.
    """
    if (folder.parent / RUN).is_file() and folder.name in read_run(folder.parent)["models"]:
        return folder.parent, folder.name
    models = read_run(folder)["models"]
    if len(models) != 1:
        message = f"holds {', '.join(models) or 'no model'}; name one, such as OUT/MODEL"
        raise InputError(message, file=folder, field="compare", reason="which-model")
    return folder, models[0]


def _refused(task: Task, pair: Sequence[TaskFolder | None]) -> str:
    """Return why a task is not compared, or nothing."""
    if task.kind == "vqa":
        return "answers to questions are compared by `versamammo score --against`"
    for place, folder in zip(("first", "second"), pair, strict=True):
        if folder is None:
            return f"not in the {place} run"
        records = folder.whole_lines()
        if not folder.done or records != folder.expected:
            return f"incomplete {records}/{folder.expected} in the {place} run"
    return ""


def lines(made: Comparison) -> list[str]:
    """Lay a comparison out for a terminal."""
    told = [f"A {made.first}, B {made.second}: A - B, 95 % interval, p after Holm over "
            f"{len(made.rows)} tasks, {made.resamples} resamples of patients"]  # fmt: skip
    told += [made.notice] if made.notice else []
    width = max(len(row.task) for row in made.rows)
    for row in made.rows:
        better = {"first": "A better", "second": "B better", "neither": ""}[row.better]
        told.append(
            f"  {row.task:<{width}}  {title(row.metric):<12} {row.first:.3f} {row.second:.3f}  "
            f"{row.value:+.3f} [{row.low:+.3f}, {row.high:+.3f}]  p {row.p_holm:.2g}  "
            f"n {row.n}, {row.clusters} patients  {better}".rstrip()
        )
    counts = [sum(row.better == side for row in made.rows) for side in ("first", "second")]
    told.append(f"A better in {counts[0]}, B in {counts[1]} of {len(made.rows)} tasks")
    return told + [f"  {task}: not compared, {why}" for task, why in made.skipped]


def as_csv(made: Comparison) -> str:
    """Return a row for each task."""
    stream = io.StringIO()
    rows = [
        {"model_a": made.first, "model_b": made.second, **asdict(row), "better": row.better}
        for row in made.rows
    ]
    writer = csv.DictWriter(stream, list(rows[0]) if rows else ["model_a"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: plain_cell(cell) for name, cell in row.items()} for row in rows)
    return stream.getvalue()
