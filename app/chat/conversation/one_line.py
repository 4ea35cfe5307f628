"""The record in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.report_findings import marked_places
from app.chat.conversation.verdict_words import kinds_judged, topic_words
from app.chat.evidence.contracts import Findings
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo.vocabulary import BY_NAME


def one_line(exam: Exam, seen: Findings, images: Sequence[int]) -> str:
    """Return what is judged of some pictures in one sentence, and that it is no diagnosis."""
    judged, there = kinds_judged(seen, images)
    told = ["phantoms, nobody's breast"] if exam.phantom else []
    for name, place in marked_places(exam, seen, images):
        lies = place.location.words or place.marks[0].where
        what = (
            "if there is a lesion, it most likely lies" if place.marks[0] in seen.suspects
            else f"{place.marks[0].word} marked"
        )  # fmt: skip
        told.append(f"{name.lower()}: {what} {lies}")
    if judged and not there:
        told.append(f"no {', '.join(name.lower() for name in judged)} marked")
    if not judged:
        told.append("whether there is one is not judged")
    for name in ("Pathology", "Bi-Rads", "ACR"):
        verdict = of_several(exam, seen, name, images)
        told += [f"{BY_NAME[name].title} {topic_words(verdict)}"] if verdict is not None else []
    said = "; ".join(told)
    return f"{said[:1].upper()}{said[1:]}; research software, no diagnosis."
