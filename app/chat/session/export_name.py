"""How files are called that a visitor takes away: by exam and time, and never by a person."""

from __future__ import annotations

import re
from datetime import datetime

from app.chat.evidence.exam import Exam

FEW = 2  # pictures that are named one by one


def export_name(exam: Exam, now: datetime) -> str:
    """Return the name without its ending, such as `mammogram_R-MLO_2026-11-29_14-03-59`.

    The names of dropped files are left out: they may be those of a person.
    """
    kind = "phantom" if exam.phantom else "mammogram"
    count = len(exam.images)
    words = [re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") for name in exam.names]
    what = "_".join(filter(None, words)) if count <= FEW else f"{count}-pictures"
    return f"{kind}_{what or 'picture'}_{now:%Y-%m-%d_%H-%M-%S}"
