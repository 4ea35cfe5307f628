"""Conversations from a file, whose answers are written from a record of evidence.

Each line is one JSON object: `views`, what the images are shown as (`["R CC", "R MLO"]`), and
`turns`, a list of `question`, `facts` (lines of the record) and `answer`. Such files are written by
`versamammo conversations`;
anyone's own are read the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from versamammo.errors import InputError
from versamammo.imaging.mammogram import Laterality, View
from vlm.prompts import MOST_VIEWS, Turn

VIEWS = frozenset(f"{side} {view}" for side in Laterality for view in (View.CC, View.MLO))


@dataclass(frozen=True)
class Recorded:
    """One conversation: what its images are shown as, and its turns, one at least."""

    views: tuple[str, ...]
    turns: tuple[Turn, ...]


def read_recorded(file: Path) -> tuple[Recorded, ...]:
    """Return the conversations of a JSONL file.

    Raises:
        InputError: it cannot be read, holds none, or a line is not as described above.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file, reason="bad-file") from error
    found = tuple(_read(line, file, number) for number, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise InputError("holds no conversation", file=file, reason="empty")
    return found


def _read(line: str, file: Path, number: int) -> Recorded:
    where = f"line {number}"
    try:
        told: Any = json.loads(line)
    except ValueError as error:
        raise InputError(
            f"is no JSON: {error}", file=file, field=where, reason="bad-line"
        ) from error
    try:
        views = tuple(told["views"])
        turns = tuple(
            Turn(_text(one["question"]), _text(one["answer"]), tuple(map(_text, one["facts"])))
            for one in told["turns"]
        )
        good = set(told) == {"views", "turns"} and set(views) <= VIEWS and turns
        if not good or not 1 <= len(views) <= MOST_VIEWS:
            raise ValueError("has other keys, other views or no turn")
    except (KeyError, TypeError, ValueError) as error:
        message = (
            f"{error}; expected views, one to {MOST_VIEWS} of {', '.join(sorted(VIEWS))}, and "
            "turns of question, facts and answer"
        )
        raise InputError(message, file=file, field=where, reason="bad-line") from error
    return Recorded(views, turns)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text")
    return value
