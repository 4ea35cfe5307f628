"""The benchmark's tasks as data: one YAML file per dataset, checked when it is read.

A task says what is asked of which images and how an answer is scored; how a model answers is
written elsewhere. An id and a version name what was measured, so either changes when it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from benchmark.samples import Kind
from versamammo.errors import InputError, naming
from versamammo.labels import FINDINGS, Labels

FOLDER = Path(__file__).with_name("tasks")
SETS = ("internal", "external")
LEVELS = ("image", "lesion", "exam")
KINDS: tuple[str, ...] = get_args(Kind)
LABELS_OF: dict[str, str] = {  # kind -> what its label may be
    "detection": "boxes", "segmentation": "masks", "vqa": "question",
}  # fmt: skip
# facts of a lesion that a label may name, as `lesion.FACT`
LESION_FACTS = ("kind", "shape", "margin", "morphology", "pathology", "subtlety", "birads")
Value = float | str


@dataclass(frozen=True)
class Task:
    """One question put to an encoder, and how its answers are scored.

    Attributes:
        id: of the published list of 92, kept for ever.
        version: raised when the same id starts to mean something else.
        set: internal, or external if the archive is never learnt from.
        category: detection, segmentation, classification, retrieval or vqa.
        dataset: title for tables.
        target: what is asked, in words.
        kind: which records it leaves and which metrics it has.
        level: whether one row is an image, a lesion or an exam.
        sources: prepared archives whose images are asked about.
        fitted_on: archive that the head is fitted on or that is searched; `sources` if None.
        label: manifest column, `lesion.FACT`, `presence`, `boxes`, `masks` or `question`.
        classes: names of the answers, in rising order where ordinal.
        values: for each class what the label is: numbers, kinds of finding, or words.
        metric: primary metric of the kind, by its name in `benchmark.metrics`.
        topics: of a question.
        note: what a reader has to know, in one sentence.
    """

    id: str
    version: int
    set: str
    category: str
    dataset: str
    target: str
    kind: Kind
    level: str
    sources: tuple[str, ...]
    label: str
    classes: tuple[str, ...]
    values: tuple[tuple[Value, ...], ...]
    metric: str
    fitted_on: str | None = None
    topics: tuple[str, ...] = ()
    note: str = ""

    @property
    def transfer(self) -> bool:
        """Whether the head is fitted on another archive than the one that is asked about."""
        return self.fitted_on is not None

    @property
    def archives(self) -> tuple[str, ...]:
        """Every prepared archive that the task needs."""
        return tuple(dict.fromkeys((*self.sources, *filter(None, (self.fitted_on,)))))


@cache
def load_tasks(folder: Path = FOLDER) -> tuple[Task, ...]:
    """Read and check every task, in the order of files and of tasks within them.

    Raises:
        InputError: a key, a class or an id that cannot be; the file and the task are named.
    """
    found = [task for path in sorted(folder.glob("*.yaml")) for task in read_tasks(path)]
    twice = [name for name, times in Counter(task.id for task in found).items() if times > 1]
    if twice or not found:
        what = f"{', '.join(twice)} occur twice" if twice else "there are no tasks"
        raise InputError(what, file=folder, field="id", reason="bad-tasks")
    return tuple(found)


def read_tasks(path: Path) -> list[Task]:
    """Read the tasks of one dataset.

    Raises:
        InputError: the file does not describe tasks as it should.
    """
    with naming(path):
        try:
            whole = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise InputError(f"is no YAML: {error}", reason="bad-tasks") from error
        if not isinstance(whole, dict) or set(whole) != {"common", "tasks"}:
            raise InputError("expected `common` and `tasks`", reason="bad-tasks")
        return [task_from({**whole["common"], **one}) for one in whole["tasks"]]


def chosen(patterns: Sequence[str], tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Give the tasks whose id fits one of the patterns, such as `cls.*`; all if there are none.

    Raises:
        InputError: a pattern fits no task.
    """
    for pattern in patterns:
        if not any(fnmatchcase(task.id, pattern) for task in tasks):
            message = (
                f"{pattern!r} fits none of the {len(tasks)} tasks; see `versamammo bench list`"
            )
            raise InputError(message, field="tasks", reason="unknown-task")
    return tuple(
        task
        for task in tasks
        if not patterns or any(fnmatchcase(task.id, pattern) for pattern in patterns)
    )


def task_from(record: Mapping[str, Any]) -> Task:
    """Build one task from its keys.

    Raises:
        InputError: a key is unknown or missing, or keys contradict each other.
    """
    name = str(record.get("id", "a task without id"))
    known = {field.name for field in fields(Task)}
    needed = known - {"fitted_on", "topics", "note"}
    if odd := sorted((record.keys() - known) | (needed - record.keys())):
        message = f"{name}: {', '.join(odd)} unknown or missing"
        raise InputError(message, field=odd[0], reason="bad-tasks")
    values = tuple(tuple(one) if isinstance(one, list) else (one,) for one in record["values"])
    task = Task(
        **{
            **record,
            "values": values,
            **{key: tuple(record.get(key, ())) for key in ("sources", "classes", "topics")},
        }
    )
    for field, wrong, expected in faults(task):
        if wrong:
            message = f"{name}: {getattr(task, field)!r}; expected {expected}"
            raise InputError(message, field=field, reason="bad-tasks")
    return task


def faults(task: Task) -> list[tuple[str, bool, str]]:
    """List what could be wrong: field, whether it is, and what was expected."""
    many, kind = len(task.classes), task.kind
    counted = {"binary": many == 2, "multiclass": many > 2, "ordinal": many > 2}
    words = (*Labels.names(), "presence", *LABELS_OF.values())
    facts = tuple(f"lesion.{fact}" for fact in LESION_FACTS)
    finding = kind in LABELS_OF or task.label == "presence"
    kinds = {value for values in task.values for value in values} - {"normal"}
    return [
        ("id", not task.id.strip() or task.id != task.id.lower(), "lower case"),
        ("version", task.version < 1, "1 or more"),
        ("set", task.set not in SETS, f"one of {SETS}"),
        ("kind", kind not in KINDS, f"one of {KINDS}"),
        ("level", task.level not in LEVELS, f"one of {LEVELS}"),
        ("classes", not counted.get(kind, many >= 1), f"as many as a {kind} task has"),
        ("classes", len(set(task.classes)) < many, "each class once"),
        ("label", task.label not in words + facts, f"one of {', '.join(words + facts)}"),
        ("label", LABELS_OF.get(kind, task.label) != task.label, f"{LABELS_OF.get(kind)}"),
        ("label", task.label.startswith("lesion.") != (task.level == "lesion"), "a lesion's fact"),
        ("values", kind != "vqa" and len(task.values) != many, "one entry for each class"),
        ("values", finding and kind != "vqa" and not kinds <= set(FINDINGS), "kinds of finding"),
        ("sources", not task.sources, "at least one archive"),
        ("topics", (kind == "vqa") != bool(task.topics), "topics of a question, of no other kind"),
    ]
