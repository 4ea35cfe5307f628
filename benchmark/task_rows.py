"""Which images and lesions a task is about, and what is true of them.

Splits come from the manifest and part patients, never images; a patient on two sides stops the
task. What is unknown is left out and counted: every row of the archives is accounted for.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.archives import Archives
from benchmark.samples import BoxSides
from benchmark.targets import truth_of
from benchmark.tasks import Task
from versamammo.data.dataset import Picture
from versamammo.data.labels import DENSITIES
from versamammo.data.sources.masks import read_mask
from versamammo.data.splits.draw import SPLITS, chance
from versamammo.errors import InputError

SHOWN = 5  # names of patients in a message
CHOOSING = 1 / 8  # of the training patients, where an archive has no validation part
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Places:
    """Where findings lie, in pixels of the file as stored; no box means a normal image.

    Attributes:
        boxes: [N] of (x1, y1, x2, y2).
        classes: [N], indices into the task's classes.
    """

    boxes: tuple[BoxSides, ...] = ()
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class FindingMasks:
    """The mask of all findings of one image; no finding means an empty mask.

    Attributes:
        root: of the raw source.
        masks: as the manifest names them.
    """

    root: Path
    masks: tuple[str, ...] = ()

    def read(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Read the union of the masks [H, W], in pixels of the file as stored.

        Raises:
            InputError: a mask is missing, or not of this size.
        """
        whole = np.zeros(size, np.bool_)
        for mask in self.masks:
            whole |= read_mask(self.root, mask, size)
        return whole


# index of a class | [K] of 1, 0, NaN | boxes | mask
Truth = int | tuple[float, ...] | Places | FindingMasks


@dataclass(frozen=True)
class Row:
    """One image or lesion of a task.

    Attributes:
        id: unique within the task.
        picture: the prepared mammogram, or the close-up of a lesion.
        patient: who it is of, unique over archives.
        exam: None if unknown.
        truth: as the task's kind needs it.
        groups: for subgroup tables; unknown ones absent.
        key: of the picture's content, for caches.
    """

    id: str
    picture: Picture
    patient: str
    exam: str | None
    truth: Truth
    groups: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    @property
    def about(self) -> tuple[str, str, str | None, Mapping[str, str]]:
        """Return what every record of this row begins with, as `Sample` has it."""
        return self.id, self.patient, self.exam, self.groups


@dataclass(frozen=True)
class TaskRows:
    """What a task learns from, chooses by and is scored on; no patient stands on two sides.

    Attributes:
        train: for fitting; the gallery's first part in retrieval.
        val: for choosing settings; the gallery's second part.
        test: for scoring, once; the queries.
        counts: what became of every image or lesion of the archives: word -> how many.
        digest: hash of ids, truths, contents and splits.
    """

    train: Sequence[Row]
    val: Sequence[Row]
    test: Sequence[Row]
    counts: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class AdaptSettings:
    """How heads are fitted; the same for every encoder that is compared.

    Attributes:
        seed: of order, initial weights and resampling.
        probe: what is fitted for classification: a linear or an MLP probe on pooled features,
            attention over patches, or the whole encoder.
        size: (H, W) of the input; the encoder's own if None.
        crop: side of a lesion's close-up, at most; never more than the encoder's shorter side.
        batch: images at a time.
        steps: most steps of detection, segmentation and fine-tuning.
        check_every: steps between looks at the validation patients.
        patience: looks without gain until fitting ends.
        rate: learning rate of heads that are trained by steps.
        device: `auto` takes a GPU if there is one.
    """

    seed: int = 0
    probe: Literal["linear", "mlp", "attention", "finetune"] = "linear"
    size: tuple[int, int] | None = None
    crop: int = 512
    batch: int = 8
    steps: int = 2000
    check_every: int = 100
    patience: int = 5
    rate: float = 1e-3
    device: str = "auto"


def select(task: Task, archives: Archives) -> TaskRows:
    """Find the rows of a task.

    A task that is fitted on another archive is scored on all images of its own.

    Raises:
        InputError: a patient stands on two sides (`leak`), a mask's archive is gone, or nothing
            is left to fit or to score (`empty-split`).
    """
    asked = _Sides(task, archives)
    if task.fitted_on is None:
        fitted = asked
        test = asked.sides["test"]
    else:
        fitted = _Sides(task.as_fitted, archives)
        test = [row for split in SPLITS for row in asked.sides[split]]
    train, val = fitted.sides["train"], fitted.sides["val"]
    if not val and task.kind != "retrieval":
        train, val = _share_out(train)
    refuse_leak(task.id, {"train": train, "val": val, "test": test})
    for name, rows in (("train", train), ("test", test)):
        if not rows:
            message = f"{task.id}: no {name} image has a known label: {dict(asked.counts)}"
            raise InputError(message, field="split", reason="empty-split")
    return TaskRows(train, val, test, _counts(task, asked, fitted, val), _digest(train, val, test))


class _Sides:
    """The rows of a task's own archives, by split, and what became of the others."""

    def __init__(self, task: Task, archives: Archives) -> None:
        self.counts: Counter[str] = Counter()
        self.sides: dict[str, list[Row]] = {split: [] for split in SPLITS}
        for source in task.sources:
            records = (
                archives.lesions(source) if task.level == "lesion" else archives.images(source)
            )
            if task.level == "lesion":
                self.counts.update(archives.without_place(source))
            for record in records:
                self._take(task, source, record, archives)

    def _take(self, task: Task, source: str, record: Record, archives: Archives) -> None:
        truth = truth_of(task, record)
        if record["split"] is None:
            self.counts["no split"] += 1
        elif isinstance(truth, str):
            self.counts[truth] += 1
        else:
            self.counts[record["split"]] += 1
            made = _truth(truth, source, archives)
            self.sides[record["split"]].append(_row(source, record, made, archives))


def _truth(found: Any, source: str, archives: Archives) -> Truth:
    if not isinstance(found, dict):
        return found  # type: ignore[no-any-return]
    if "masks" in found:
        return FindingMasks(archives.root(source), found["masks"])
    return Places(found["boxes"], found["classes"])


def _row(source: str, record: Record, truth: Truth, archives: Archives) -> Row:
    picture = archives.picture(source, record)
    exam = record["exam_id"]
    return Row(
        id=f"{source}/{record['image_id']}",
        picture=picture,
        patient=f"{source}/{picture.patient}",
        exam=None if exam is None else f"{source}/{exam}",
        truth=truth,
        groups=groups_of(source, record),
        key=record["content_key"],
    )


def groups_of(source: str, record: Record) -> dict[str, str]:
    """Name the groups an image belongs to; unknown ones are absent."""
    groups = {"source": source, "view": record["view"], "vendor": record["vendor"]}
    density, age = record["density"], record["age"]
    if not math.isnan(density):
        groups["density"] = DENSITIES[int(density) - 1]
    if not math.isnan(age):
        decade = int(age) // 10 * 10
        groups["age"] = f"{decade}-{decade + 9}"
    return {name: word for name, word in groups.items() if word is not None}


def refuse_leak(task: str, sides: Mapping[str, Sequence[Row]]) -> None:
    """Stop at a patient, or an exam, that stands on two sides.

    Raises:
        InputError: with the names (`leak`).
    """
    for what in ("patient", "exam"):
        where: dict[str, set[str]] = {}
        for side, rows in sides.items():
            for row in rows:
                name = getattr(row, what)
                if name is not None:
                    where.setdefault(name, set()).add(side)
        parted = sorted(name for name, found in where.items() if len(found) > 1)
        if parted:
            shown = ", ".join(
                f"{name} ({' and '.join(sorted(where[name]))})" for name in parted[:SHOWN]
            )
            message = (
                f"{task}: {len(parted)} {what}s stand on two sides: {shown}"
                f"{', ...' if len(parted) > SHOWN else ''}; prepare the archive with other splits"
            )
            raise InputError(message, field="split", reason="leak")


def _share_out(train: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Draw validation patients from the training part, the same for every encoder."""
    patients = sorted({row.patient for row in train}, key=lambda name: (chance(0, name), name))
    held = set(patients[: math.ceil(len(patients) * CHOOSING)] if len(patients) > 1 else ())
    return (
        [row for row in train if row.patient not in held],
        [row for row in train if row.patient in held],
    )


def _counts(task: Task, asked: _Sides, fitted: _Sides, val: Sequence[Row]) -> dict[str, int]:
    counts = {**asked.counts}
    if task.fitted_on is not None:
        counts |= {f"{task.fitted_on}: {word}": n for word, n in fitted.counts.items()}
    if len(val) != len(fitted.sides["val"]):
        counts["of train, drawn for validation"] = len(val)
    return dict(sorted(counts.items()))


def _digest(*sides: Sequence[Row]) -> str:
    text = hashlib.sha256()
    for number, rows in enumerate(sides):
        for row in rows:
            truth = row.truth.masks if isinstance(row.truth, FindingMasks) else row.truth
            text.update(f"{number}\0{row.id}\0{row.key}\0{row.patient}\0{truth}\n".encode())
    return text.hexdigest()[:16]
