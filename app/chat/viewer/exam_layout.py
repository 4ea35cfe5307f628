"""Where each picture of an exam goes: chest walls back to back, one scale, outer corners free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.chat.evidence.exam import Exam, ExamImage
from app.hanging import PLACES
from versamammo.imaging.mammogram import Laterality
from versamammo.input.preprocess import plan_crop

Ints = tuple[int, int, int, int]
GAP = 2  # pixels between the cells


@dataclass(frozen=True, eq=False)
class PicturePlace:
    """One picture's place on the drawing.

    Attributes:
        number: of the picture in its exam.
        cut: (x1, y1, x2, y2) of what is shown, in pixels of the file.
        size: (rows, columns) it is drawn at.
        mirrored: True if turned round so that its chest wall faces the middle.
        cell: (x1, y1, x2, y2) of its cell on the drawing.
        per_mm: drawn pixels per millimetre, or None if unknown.
    """

    number: int
    image: ExamImage
    cut: Ints
    size: tuple[int, int]
    left: int
    top: int
    mirrored: bool
    outer: Literal["left", "right"]
    cell: Ints
    per_mm: float | None

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points [P, 2] of (x, y) from pixels of the file to the drawing."""
        x1, y1, x2, y2 = self.cut
        rows, columns = self.size
        x = (points[:, 0] - x1) * columns / (x2 - x1)
        y = (points[:, 1] - y1) * rows / (y2 - y1)
        return np.stack([self.left + (columns - x if self.mirrored else x), self.top + y], axis=1)


def cells_of(exam: Exam) -> list[tuple[int, int]]:
    """Return each picture's (row, column): its place in the hanging, or the next free one below."""
    taken: dict[tuple[int, int], int] = {}
    places: list[tuple[int, int]] = []
    for number, image in enumerate(exam.images):
        column = 0 if image.side is Laterality.RIGHT else 1
        view = image.told.view
        place = PLACES.get((image.side, view)) if view is not None else None
        if place is None or place in taken:
            row = 0 if place is None and not _has_four(exam) else 2
            while (row, column) in taken:
                row += 1
            place = (row, column)
        taken[place] = number
        places.append(place)
    used = sorted({row for row, _ in places})
    return [(used.index(row), column) for row, column in places]


def _has_four(exam: Exam) -> bool:
    return any(image.told.view is not None for image in exam.images)


def place_all(exam: Exam, height: int) -> tuple[list[PicturePlace], tuple[int, int]]:
    """Hang all pictures in cells `height` high; gives places and the drawing's (W, H).

    All are drawn at one scale if every pixel size is known, otherwise each fills its cell.
    """
    cuts = [cut_of(image) for image in exam.images]
    scales = _scales(exam, cuts, height)
    sizes = [_drawn(cut, scale) for cut, scale in zip(cuts, scales, strict=True)]
    width = max(height // 2, *(columns for _, columns in sizes), 1)
    cells = cells_of(exam)
    placed = []
    for number, (image, cut, size, (row, column)) in enumerate(
        zip(exam.images, cuts, sizes, cells, strict=True)
    ):
        x, y = column * (width + GAP), row * (height + GAP)
        placed.append(
            PicturePlace(
                number, image, cut, size,
                left=x + width - size[1] if column == 0 else x,
                top=y + (height - size[0]) // 2,
                mirrored=image.chest_wall == ("left" if column == 0 else "right"),
                outer="left" if column == 0 else "right",
                cell=(x, y, x + width, y + height),
                per_mm=_per_mm(image, cut, size),
            )
        )  # fmt: skip
    rows = 1 + max(row for row, _ in cells)
    return placed, (2 * width + GAP, rows * (height + GAP) - GAP)


def place_one(
    exam: Exam, number: int, height: int | None
) -> tuple[list[PicturePlace], tuple[int, int]]:
    """Show one picture `height` high, or at the file's own pixels if None."""
    image = exam.images[number]
    cut = cut_of(image)
    scale = 1.0 if height is None else height / (cut[3] - cut[1])
    rows, columns = _drawn(cut, (scale, scale))
    right = image.side is Laterality.RIGHT
    placed = PicturePlace(
        number, image, cut, (rows, columns), 0, 0,
        mirrored=image.chest_wall == ("left" if right else "right"),
        outer="left" if right else "right",
        cell=(0, 0, columns, rows),
        per_mm=_per_mm(image, cut, (rows, columns)),
    )  # fmt: skip
    return [placed], (columns, rows)


def cut_of(image: ExamImage) -> Ints:
    """Return what of a picture is shown: the breast with a margin, or all of it."""
    rows, columns = image.size
    if image.breast is None:
        return (0, 0, columns, rows)
    return plan_crop(image.size, image.breast, margin=0.03).box


def _scales(exam: Exam, cuts: list[Ints], height: int) -> list[tuple[float, float]]:
    """Return drawn pixels per file pixel, (rows, columns), for each picture."""
    spacings = [image.told.spacing_mm for image in exam.images]
    known = [spacing for spacing in spacings if spacing is not None]
    if len(known) < len(spacings):
        return [(height / (cut[3] - cut[1]),) * 2 for cut in cuts]
    tallest = max((cut[3] - cut[1]) * mm[0] for cut, mm in zip(cuts, known, strict=True))
    per_mm = height / tallest
    return [(mm[0] * per_mm, mm[1] * per_mm) for mm in known]


def _drawn(cut: Ints, scale: tuple[float, float]) -> tuple[int, int]:
    x1, y1, x2, y2 = cut
    return max(1, round((y2 - y1) * scale[0])), max(1, round((x2 - x1) * scale[1]))


def _per_mm(image: ExamImage, cut: Ints, size: tuple[int, int]) -> float | None:
    spacing = image.told.spacing_mm
    return None if spacing is None else size[0] / ((cut[3] - cut[1]) * spacing[0])
