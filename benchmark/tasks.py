"""The benchmark's tasks as data: one YAML file per dataset, checked when it is read.

A task says what is asked of which images and how an answer is scored; how a model answers is
written elsewhere. An id and a version name what was measured, so either changes when it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from benchmark.metrics.metric_results import PRIMARY
from benchmark.samples import Kind
from versamammo.data.labels import FINDINGS, Labels
from versamammo.errors import InputError, naming

FOLDER = Path(__file__).with_name("tasks")
SETS = ("internal", "external")
ORDER = ("detection", "segmentation", "classification", "retrieval", "vqa")
LEVELS = ("image", "lesion", "exam")
KINDS: tuple[str, ...] = get_args(Kind)
LABELS_OF: dict[str, str] = {  # kind -> what its label may be
    "detection": "boxes", "segmentation": "masks", "vqa": "question",
}  # fmt: skip
WORDS = ("kind", "shape", "margin", "morphology")  # what is said of a lesion
Value = float | str
Values = tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Task:
    """One question put to an encoder, and how its answers are scored.

    Attributes:
        id: of the published list of 92, kept for ever.
        version: raised when the same id starts to mean something else.
        set: internal, or external if the archive is never learnt from.
        dataset: title for tables.
        target: what is asked, in words.
        kind: which records it leaves and which metrics it has.
        sources: prepared archives whose images are asked about.
        label: a number of the manifest, a word said of a lesion (`WORDS`), `presence` of kinds of
            finding, `boxes`, `masks`, or `question`.
        classes: names of the answers, in rising order where ordinal.
        values: for each class what the label is then: numbers, kinds of finding, or words.
        level: whether one row is an image, a lesion or an exam.
        fitted_on: archive that the head is fitted on, or that is searched; `sources` if None.
        fitted_label: its label there, if another.
        fitted_values: its values there, if others.
        topics: of a question.
        note: what a reader has to know, in one sentence.
    """

    id: str
    version: int
    set: str
    dataset: str
    target: str
    kind: Kind
    sources: tuple[str, ...]
    label: str
    classes: tuple[str, ...]
    values: Values
    level: str = "image"
    fitted_on: str | None = None
    fitted_label: str | None = None
    fitted_values: Values = ()
    topics: tuple[str, ...] = ()
    note: str = ""

    @property
    def category(self) -> str:
        """Detection, segmentation, retrieval, vqa, or else classification."""
        return self.kind if self.kind in (*LABELS_OF, "retrieval") else "classification"

    @property
    def metric(self) -> str:
        """The metric that the task is ranked by, as `benchmark.metrics` names it."""
        return PRIMARY[self.kind]

    @property
    def archives(self) -> tuple[str, ...]:
        """Every prepared archive that the task needs."""
        return tuple(dict.fromkeys((*self.sources, *filter(None, (self.fitted_on,)))))

    @property
    def as_fitted(self) -> Task:
        """The same question put to the archive that the head is fitted on."""
        if self.fitted_on is None:
            return self
        return replace(
            self, sources=(self.fitted_on,), fitted_on=None,
            label=self.fitted_label or self.label, values=self.fitted_values or self.values,
            fitted_label=None, fitted_values=(),
        )  # fmt: skip


@cache
def load_tasks(folder: Path = FOLDER) -> tuple[Task, ...]:
    """Read and check every task: internal ones first, by category.

    Raises:
        InputError: a key, a class or an id that cannot be; the file and the task are named.
    """
    found = [task for path in sorted(folder.glob("*.yaml")) for task in read_tasks(path)]
    twice = [name for name, times in Counter(task.id for task in found).items() if times > 1]
    if twice or not found:
        what = f"{', '.join(twice)} occur twice" if twice else "there are no tasks"
        raise InputError(what, file=folder, field="id", reason="bad-tasks")
    return tuple(sorted(found, key=lambda task: (SETS.index(task.set), ORDER.index(task.category))))


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
    """Return the tasks whose id fits one of the patterns, such as `cls.*`; all if there are none.

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
    known = {field.name: field.default is MISSING for field in fields(Task)}
    needed = {key for key, required in known.items() if required} - {"values"}
    if odd := sorted((record.keys() - known) | (needed - record.keys())):
        message = f"{name}: {', '.join(odd)} unknown or missing"
        raise InputError(message, field=odd[0], reason="bad-tasks")
    texts = {key: tuple(map(str, record.get(key, ()))) for key in ("sources", "classes", "topics")}
    values = [] if record["kind"] == "vqa" else record.get("values", record["classes"])
    spelt = {
        "values": _values(values),
        "fitted_values": _values(record.get("fitted_values", [])),
    }
    task = Task(**{**record, **texts, **spelt})
    for field, wrong, expected in faults(task):
        if wrong:
            message = f"{name}: {getattr(task, field)!r}; expected {expected}"
            raise InputError(message, field=field, reason="bad-tasks")
    return task


def _values(listed: Sequence[Value | list[Value]]) -> Values:
    return tuple(tuple(one) if isinstance(one, list) else (one,) for one in listed)


def faults(task: Task) -> list[tuple[str, bool, str]]:
    """List what could be wrong: field, whether it is, and what was expected."""
    many, kind, label = len(task.classes), task.kind, task.label
    counted = {"binary": many == 2, "multiclass": many > 2, "ordinal": many > 2}
    labels = (*Labels.names(), *WORDS, "presence", *LABELS_OF.values())
    values = {value for values in task.values for value in values} - {"normal"}
    first = {str(value).partition(" ")[0] for value in values}
    of_kinds = label in ("boxes", "masks", "presence", "kind")
    numbers = all(isinstance(value, int | float) for value in values)
    return [
        ("id", not task.id.strip() or task.id != task.id.lower(), "lower case"),
        ("version", task.version < 1, "1 or more"),
        ("set", task.set not in SETS, f"one of {SETS}"),
        ("kind", kind not in KINDS, f"one of {KINDS}"),
        ("level", task.level not in LEVELS, f"one of {LEVELS}"),
        ("classes", not counted.get(kind, many >= 1), f"as many as a {kind} task has"),
        ("classes", len(set(task.classes)) < many, "each class once"),
        ("label", label not in labels, f"one of {', '.join(labels)}"),
        ("label", LABELS_OF.get(kind, label) != label, f"{LABELS_OF.get(kind)!r}"),
        ("label", label in WORDS and task.level != "lesion", "an image's label"),
        ("values", kind != "vqa" and len(task.values) != many, "one entry for each class"),
        ("values", of_kinds and not first <= set(FINDINGS), "kinds of finding"),
        ("values", label in Labels.names() and not numbers, "numbers"),
        ("fitted_values", len(task.fitted_values) not in (0, many), "one for each class"),
        ("sources", not task.sources, "at least one archive"),
        ("topics", (kind == "vqa") != bool(task.topics), "topics of a question, and of no other"),
    ]
