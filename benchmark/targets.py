"""What a manifest says of one image or lesion, as a task asks it: the answer, or why there is none.

A reason is a word that is counted: "unknown" where nothing is said, "other class" where something
is said that is none of the task's classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.tasks import WORDS, Task
from versamammo.data.sources.label_parsing import plain

Record = Mapping[str, Any]
UNKNOWN, OTHER, SEVERAL, NO_PLACE = "unknown", "other class", "several classes", "no place"
NORMAL = "normal"
Found = int | tuple[float, ...] | dict[str, Any] | str


def truth_of(task: Task, record: Record) -> Found:
    """Return what is true, as an index, [K] of 1, 0 and NaN, places or masks; else a reason."""
    if task.label in ("boxes", "masks"):
        return _places(task, record)
    if task.label == "presence":
        return _presence(task, record)
    if task.label in WORDS:
        return _words(task, record)
    value = record[task.label]
    if math.isnan(value):
        return UNKNOWN
    return next((k for k, among in enumerate(task.values) if value in among), OTHER)


def _presence(task: Task, record: Record) -> Found:
    """Return 1, 0 or NaN for each kind; normal is what shows none of the others."""
    kinds = [str(values[0]) for values in task.values]
    told = [record[kind] for kind in kinds if kind != NORMAL]
    none = 0.0 if 1.0 in told else (1.0 if all(value == 0 for value in told) else math.nan)
    found = tuple(none if kind == NORMAL else float(record[kind]) for kind in kinds)
    return UNKNOWN if all(map(math.isnan, found)) else found


def _words(task: Task, record: Record) -> Found:
    """Find the classes whose word is said of a lesion."""
    said = [_said(task.label, finding) for finding in record["findings"]]
    texts = [f" {plain(text)} " for text in said if text]
    if not texts:
        return UNKNOWN
    shown = [
        any(f" {plain(str(value))} " in text for value in values for text in texts)
        for values in task.values
    ]
    if not any(shown):
        return OTHER
    if task.kind in ("multilabel", "retrieval"):
        return tuple(map(float, shown))
    return shown.index(True) if sum(shown) == 1 else SEVERAL


def _said(label: str, finding: Record) -> str:
    # a kind may be told together with its margin: "mass circumscribed"
    if label == "kind":
        return " ".join(filter(None, (finding["kind"], finding["margin"])))
    return str(finding[label] or "")


def _places(task: Task, record: Record) -> Found:
    """Find boxes or masks; where one of several is missing, the image is left out."""
    index = {str(kind): k for k, kinds in enumerate(task.values) for kind in kinds}
    findings = [finding for finding in record["findings"] or () if finding["kind"] in index]
    key = "box" if task.label == "boxes" else "mask"
    if any(finding[key] is None for finding in findings):
        return NO_PLACE
    if not findings:
        if any(record[kind] == 1 for kind in index):
            return NO_PLACE
        if not _without(record, list(index)):
            return UNKNOWN
    if key == "mask":
        return {"masks": tuple(finding["mask"] for finding in findings)}
    return {
        "boxes": tuple(tuple(finding["box"].values()) for finding in findings),
        "classes": tuple(index[finding["kind"]] for finding in findings),
    }


def _without(record: Record, kinds: Sequence[str]) -> bool:
    """Return whether an image is known to show none of some kinds."""
    return record["pathology"] == 0 or all(record[kind] == 0 for kind in kinds)
