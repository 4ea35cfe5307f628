"""Which pictures stand beside which: all, left beside right, the prior beside the current one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.chat.evidence.exam import Exam, ExamImage
from app.chat.viewer.exam_layout import cells_of
from versamammo.imaging.mammogram import Laterality

Cells = list[dict[str, int]]
MOST_IN_ONE_ROW = 3  # pictures


def hangings(exam: Exam) -> dict[str, list[Cells]]:
    """Return the pages of each hanging; a page lists (picture, row, column).

    `four` holds the current pictures (all, if none has a date; those of one breast alone stand in
    one row), `one` each picture alone, `pairs` right and left of each projection, `priors` the
    prior and the current picture of each view.
    """
    current = exam.current
    places = cells_of(replace(exam, images=tuple(exam.images[number] for number in current)))
    if len({column for _, column in places}) == 1 and len(places) <= MOST_IN_ONE_ROW:
        places = [(0, row) for row, _ in places]
    four = [_cell(n, *place) for n, place in zip(current, places, strict=True)]
    return {
        "four": [four],
        "one": [[_cell(number, 0, 0)] for number in range(len(exam.images))],
        "pairs": _pairs(exam, current),
        "priors": _priors(exam, current),
    }


def _cell(picture: int, row: int, column: int) -> dict[str, int]:
    return {"picture": picture, "row": row, "column": column}


def _pairs(exam: Exam, current: Sequence[int]) -> list[Cells]:
    pages = []
    for number in current:
        image = exam.images[number]
        others = [
            other
            for other in current
            if exam.images[other].told.view == image.told.view
            and exam.images[other].side is Laterality.LEFT
        ]
        if image.side is Laterality.RIGHT and image.told.view is not None and others:
            pages.append([_cell(number, 0, 0), _cell(others[0], 0, 1)])
    return pages


def _priors(exam: Exam, current: Sequence[int]) -> list[Cells]:
    """Pair each current picture with the latest prior of the same side and view, prior left."""
    pages = []
    for number in current:
        earlier = [
            other
            for other, image in enumerate(exam.images)
            if image.days_before and _same_view(image, exam.images[number])
        ]
        if earlier:
            latest = min(earlier, key=lambda other: exam.images[other].days_before or 0)
            pages.append([_cell(latest, 0, 0), _cell(number, 0, 1)])
    return pages


def _same_view(one: ExamImage, other: ExamImage) -> bool:
    return one.side is other.side and one.told.view is not None and one.told.view == other.told.view
