"""The record as a table: a row for each picture, a column for each thing that is judged."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.asked import KINDS
from app.chat.conversation.report_findings import NO_PIXEL_SIZE, size_words
from app.chat.conversation.verdict_words import WHY_NOT, in_thirds, title, verdict_words
from app.chat.evidence.contracts import Findings
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import NOT_JUDGED

BETWEEN = " | "
NOTHING = "-"


def as_table(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    """Return a header, a row for each picture, and which findings are not judged."""
    topics = [name for name in seen.topics if any(seen.verdict(name, i) for i in images)]
    suspects = {one.image: one for one in seen.suspects if one.image in images}
    place = ["likeliest place of a lesion", "its size"] if suspects else []
    rows = [["view", *place, *(_heading(seen, name) for name in topics)]]
    for image in images:
        row = [exam.names[image]]
        if suspects:
            one = suspects.get(image)
            row += [NOTHING, NOTHING] if one is None else [
                in_thirds(exam, one),
                size_words(exam.images[image], one.box).replace(NO_PIXEL_SIZE, ""),
            ]  # fmt: skip
        for name in topics:
            verdict = seen.verdict(name, image)
            row.append(NOTHING if verdict is None else verdict_words(verdict))
        rows.append(row)
    silent = [name.lower() for name in KINDS if name not in seen.topics]
    below = [f"{NOT_JUDGED}: {', '.join(silent)}."] if silent else []
    if silent and len(silent) == len(KINDS):
        below.append(f"{WHY_NOT}{seen.why_silent('Mass')}.")
    return "\n".join([*(BETWEEN.join(row) for row in rows), *below])


def _heading(seen: Findings, name: str) -> str:
    held = next((one.condition for one in seen.verdicts if one.topic == name and one.condition), "")
    return f"{title(name)}, {held}" if held else title(name)
