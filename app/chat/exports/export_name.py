"""How what is taken away is called: by exam and time, and never by a person."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from blake3 import blake3

from app.chat.evidence.exam import Exam

STEP = 16  # every so many rows and columns of a picture go into its exam's name
DIGITS = 8


def exam_key(exam: Exam) -> str:
    """Return a word for an exam that its pixels alone decide: the same pictures, the same word."""
    seen = blake3()
    for image in exam.images:
        levels = image.levels
        seen.update(f"{levels.shape} {image.name} ".encode())
        seen.update(np.ascontiguousarray(levels[::STEP, ::STEP]).tobytes())
    kind = "phantom" if exam.phantom else "exam"
    return f"{kind}-{seen.hexdigest()[:DIGITS]}"


def export_name(exam: Exam, now: datetime) -> str:
    """Return a file's name without its ending, such as `vm_exam-1f0c4a2b_20261129-140359`."""
    return f"vm_{exam_key(exam)}_{now:%Y%m%d-%H%M%S}"
