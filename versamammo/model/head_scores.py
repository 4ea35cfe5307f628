"""How well an encoder's heads tell each attribute: `head_scores.json` beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from versamammo.errors import InputError
from versamammo.files import write_atomically
from versamammo.scoring.topic_scores import bad_score, is_count, is_share
from versamammo.vqa import read_object

FILE = "head_scores.json"


@dataclass(frozen=True)
class HeadScore:
    """What was measured of one attribute on patients that were not learned from.

    Attributes:
        attribute: its name; `lesion` for findings, cell by cell.
        auroc: area under the ROC curve, a mean over the classes where there are more than two.
        low: lower end of its 95 % interval over resampled patients; None if it was not measured.
        high: upper end.
        images: number of images whose label is known; None if nobody wrote it down.
        patients: number of patients that they are of.
        classes: number of images of each class.
    """

    attribute: str
    auroc: float
    low: float | None = None
    high: float | None = None
    images: int | None = None
    patients: int | None = None
    classes: tuple[tuple[str, int], ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `read_head_scores` reads."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        return record | {"classes": None if self.classes is None else dict(self.classes)}


def write_head_scores(folder: Path, scores: Sequence[HeadScore]) -> None:
    """Write scores beside an encoder's weights."""
    made = {"scores": [score.to_dict() for score in scores]}
    text = json.dumps(made, indent=1, allow_nan=False) + "\n"
    write_atomically(folder / FILE, text.encode())


def read_head_scores(folder: Path) -> tuple[HeadScore, ...]:
    """Return the scores beside an encoder's weights; none if there is no such file.

    Raises:
        InputError: the file is damaged.
    """
    file = folder / FILE
    if not file.is_file():
        return ()
    record = read_object(file)
    if set(record) != {"scores"}:
        message = f"found the keys {sorted(record)}; expected scores"
        raise InputError(message, file=file, reason="bad-score")
    if not isinstance(record["scores"], list):
        raise bad_score(file, "scores", record["scores"], "a list")
    scores = tuple(_score(file, one) for one in record["scores"])
    names = [score.attribute for score in scores]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise bad_score(file, "attribute", twice, "each attribute once")
    return scores


def _score(file: Path, record: object) -> HeadScore:
    names = [field.name for field in fields(HeadScore)]
    if not isinstance(record, Mapping) or set(record) != set(names):
        found = sorted(record) if isinstance(record, Mapping) else record
        raise bad_score(file, "scores", found, f"objects of {', '.join(names)}")
    name = record["attribute"]
    if not isinstance(name, str) or not name.strip():
        raise bad_score(file, "attribute", name, "a text")
    for key in ("auroc", "low", "high"):
        value = record[key]
        if not (is_share(value) or (value is None and key != "auroc")):
            raise bad_score(file, f"{name}: {key}", value, "a number from 0 to 1")
    for key in ("images", "patients"):
        if record[key] is not None and not is_count(record[key]):
            raise bad_score(file, f"{name}: {key}", record[key], "a number, or null")
    classes = record["classes"]
    if classes is not None:
        if not isinstance(classes, Mapping) or not all(map(is_count, classes.values())):
            raise bad_score(file, f"{name}: classes", classes, "a number of images per class")
        classes = tuple(classes.items())
    return HeadScore(**{**record, "classes": classes})
