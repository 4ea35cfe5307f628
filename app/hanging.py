"""Four views as readers hang them: R CC | L CC over R MLO | L MLO, chest walls back to back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.viewer import Panel
from versamammo.imaging.mammogram import Box, Laterality, View

PLACES = {  # (row, column) of the hanging; a right breast shows its chest wall on the right
    (Laterality.RIGHT, View.CC): (0, 0),
    (Laterality.LEFT, View.CC): (0, 1),
    (Laterality.RIGHT, View.MLO): (1, 0),
    (Laterality.LEFT, View.MLO): (1, 1),
}


@dataclass(frozen=True)
class HangingView:
    """One view ready to hang, in canonical orientation (chest wall left).

    Attributes:
        pixels: float32 [H, W] in 0..1.
        spacing_mm: (between rows, between columns), or None if unknown.
        boxes: rectangles in pixels of this picture, with a word for each.
    """

    laterality: Laterality
    view: View
    pixels: NDArray[np.float32]
    spacing_mm: tuple[float, float] | None
    boxes: tuple[tuple[Box, str], ...] = ()


def hang(views: Sequence[HangingView], *, height: int, caption: tuple[str, ...] = ()) -> Panel:
    """Hang up to four views on one panel of 2 x 2 cells, each `height` pixels high.

    All views are drawn at one scale if every spacing is known, otherwise each fills its cell;
    an empty cell is left dark. Of two pictures of the same view the first is shown.
    """
    chosen: dict[tuple[int, int], HangingView] = {}
    for view in views:
        place = PLACES.get((view.laterality, view.view))
        if place is not None:
            chosen.setdefault(place, view)
    scale = pixels_per_mm(list(chosen.values()), height)
    sizes = {place: drawn_size(view, scale) for place, view in chosen.items()}
    width = max((w for _, w in sizes.values()), default=height // 2)
    canvas = np.zeros((2 * height, 2 * width), np.float32)
    boxes: list[tuple[Box, str]] = []
    for place, view in chosen.items():
        boxes += paste(canvas, view, place, sizes[place], (height, width))
    return Panel(canvas, caption, None, tuple(boxes))


def pixels_per_mm(views: Sequence[HangingView], height: int) -> float | None:
    """Return picture pixels per millimetre so that the tallest view fills its cell."""
    if not views or any(view.spacing_mm is None for view in views):
        return None
    tallest: float = max(v.pixels.shape[0] * v.spacing_mm[0] for v in views if v.spacing_mm)
    return height / tallest


def drawn_size(view: HangingView, per_mm: float | None) -> tuple[int, int]:
    """Return (rows, columns) of a view on the panel; its own height where no scale is known."""
    rows, columns = view.pixels.shape
    if per_mm is None or view.spacing_mm is None:
        return rows, columns
    return (
        max(1, round(rows * view.spacing_mm[0] * per_mm)),
        max(1, round(columns * view.spacing_mm[1] * per_mm)),
    )


def paste(
    canvas: NDArray[np.float32],
    view: HangingView,
    place: tuple[int, int],
    size: tuple[int, int],
    cell: tuple[int, int],
) -> list[tuple[Box, str]]:
    """Draw one view into its cell, chest wall to the middle; gives its boxes on the canvas."""
    rows, columns = min(size[0], cell[0]), min(size[1], cell[1])
    picture = cv2.resize(view.pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    right_breast = place[1] == 0
    top = place[0] * cell[0] + (cell[0] - rows) // 2
    left = cell[1] - columns if right_breast else cell[1]
    canvas[top : top + rows, left : left + columns] = picture[:, ::-1] if right_breast else picture
    scale = np.array([columns / view.pixels.shape[1], rows / view.pixels.shape[0]])
    moved = []
    for box, word in view.boxes:
        x1, y1, x2, y2 = np.array(box.as_tuple()) * np.tile(scale, 2)
        if right_breast:
            x1, x2 = columns - x2, columns - x1
        moved.append((Box(left + x1, top + y1, left + x2, top + y2), word))
    return moved
