"""The boxes on pictures: findings, where a lesion would lie, what an answer points to."""

from __future__ import annotations

from typing import Any

from app.chat.evidence.contracts import Evidence, Findings
from app.chat.evidence.exam import Exam
from versamammo.imaging.mammogram import Box
from vlm.option_words import figure


def box_id(image: int, box: Box) -> str:
    """Return the name of a place: `data-box-id` of what the page says about it."""
    return "-".join(["box", str(image), *(f"{side:.0f}" for side in box.as_tuple())])


def boxes(
    exam: Exam, findings: Findings | None, pointed: tuple[Evidence, ...]
) -> list[dict[str, Any]]:
    """Return all boxes, each place once: what the last answer points to is the answer's."""
    answered = {(one.image, one.box) for one in pointed if one.box is not None}
    listed = [
        _box(exam, one.image, one.box, one.word or "place", one.confidence, "answer")
        for one in pointed
        if one.box is not None
    ]
    for region in findings.regions if findings is not None else ():
        if (region.image, region.box) not in answered:
            listed.append(
                _box(exam, region.image, region.box, region.word, region.score, "finding")
            )
    for region in findings.suspects if findings is not None else ():
        if (region.image, region.box) not in answered:
            listed.append(_box(exam, region.image, region.box, "if any, here", None, "suspect"))
    return listed


def _box(
    exam: Exam, image: int, box: Box, word: str, probability: float | None, role: str
) -> dict[str, Any]:
    millimetres = exam.images[image].millimetres(box)
    sure = "" if probability is None else f" {figure(probability)}"
    size = "" if millimetres is None else f", {millimetres[0]:.0f} x {millimetres[1]:.0f} mm"
    return {
        "id": box_id(image, box),
        "picture": image,
        "box": box.as_tuple(),
        "word": word,
        "probability": probability,
        "millimetres": millimetres,
        "text": f"{word}{sure}{size}",
        "role": role,
    }
