"""Lesions against tissue of the same film: patches of the same size, at the same depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.cbis_report.boxes import heat_of, marked
from scripts.cbis_report.figures import Figure, area, asked
from scripts.cbis_report.seeing import Seen
from versamammo.data.dataset import Picture
from versamammo.data.lesion_rows import Window
from versamammo.data.splits.draw import chance
from versamammo.input.geometry import Crop

DEPTH = 0.15  # of the breast's width: how far apart two depths may be
PER_LESION = 5  # patches of tissue
AIR = 0.05 * 65535  # levels up to this are no tissue
LEAST_TISSUE = 0.9  # of a patch


@dataclass(frozen=True)
class Patch:
    """A lesion or a piece of tissue.

    Attributes:
        row: of the film.
        box: (x1, y1, x2, y2) in whole pixels of the cached levels.
        lesion: whether it is one.
    """

    row: int
    box: Window
    lesion: bool


def matched_patches(
    levels: NDArray[np.uint16],
    lesions: NDArray[np.float64],
    others: NDArray[np.float64],
    row: int,
    name: str,
) -> list[Patch]:
    """Return the lesions of one film and for each some tissue of its size and depth.

    A lesion beside which there is no room is left out. The chest wall is the left side.

    Args:
        levels: [h, w], chest wall left.
        lesions: boxes [n, 4] in pixels of the levels.
        others: boxes [m, 4] that tissue may not touch either.
        row: of the film.
        name: of the film, from which the places are drawn.
    """
    tissue = (levels > AIR).any(axis=0).nonzero()[0]
    width = float(np.ptp(tissue) + 1) if len(tissue) else 0.0
    found: list[Patch] = []
    for number, (x1, y1, x2, y2) in enumerate(lesions):
        left, top = int(np.floor(x1)), int(np.floor(y1))
        size = (max(1, int(np.ceil(y2)) - top), max(1, int(np.ceil(x2)) - left))
        near = (left - DEPTH * width, left + DEPTH * width)
        windows = {
            normal_window(levels, [*lesions, *others], size, share, near)
            for share in (chance(k, f"{name} {number}") for k in range(PER_LESION))
        } - {None}
        if windows:
            found.append(Patch(row, (left, top, left + size[1], top + size[0]), True))
            found += [Patch(row, one, False) for one in sorted(filter(None, windows))]
    return found


def normal_window(
    levels: NDArray[np.uint16],
    lesions: Iterable[NDArray[np.float64]],
    size: tuple[int, int],
    share: float,
    lefts: tuple[float, float],
) -> Window | None:
    """Return one of all windows that show tissue and touch no lesion; None if there is none.

    Args:
        levels: [h, w].
        lesions: boxes (x1, y1, x2, y2).
        size: (H, W) of the window.
        share: 0..1, which of them.
        lefts: lowest and highest left side that it may have.
    """
    high, wide = size
    if high > levels.shape[0] or wide > levels.shape[1]:
        return None
    sums = cv2.integral((levels > AIR).astype(np.uint8))
    inside = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    # [h', w'], by the window's top left corner
    free = inside >= LEAST_TISSUE * high * wide
    for x1, y1, x2, y2 in lesions:
        top, left = max(0, int(np.floor(y1)) - high + 1), max(0, int(np.floor(x1)) - wide + 1)
        free[top : int(np.ceil(y2)), left : int(np.ceil(x2))] = False
    columns = np.arange(free.shape[1])
    corners = np.flatnonzero(free & (columns >= lefts[0]) & (columns <= lefts[1]))
    if not len(corners):
        return None
    y, x = divmod(int(corners[int(share * len(corners))]), free.shape[1])
    return x, y, x + wide, y + high


def all_patches(pictures: Sequence[Picture], kind: str) -> list[Patch]:
    """Return the patches of all films on which that kind of finding is marked."""
    found: list[Patch] = []
    for row, one in enumerate(pictures):
        if marked(one, kind):
            lesions, every = (_placed(one.crop, marked(one, k)) for k in (kind, None))
            found += matched_patches(one.levels(), lesions, every, row, one.image_id)
    return found


def _placed(crop: Crop, boxes: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """Map boxes of the stored film to its levels, without those that lie outside."""
    placed = crop.boxes_to_input(list(boxes))
    return placed[~np.isnan(placed).any(axis=1)]


def patch_figure(
    seen: Seen, pictures: Sequence[Picture], patches: Sequence[Patch], kind: str
) -> Figure:
    """Return the area under the ROC curve of the patches' warmest pixel."""
    heats = {one.row: None for one in patches}
    scores = []
    for one in patches:
        picture = pictures[one.row]
        crop = picture.crop.within(seen.size)
        if heats[one.row] is None:
            heats = dict.fromkeys(heats) | {one.row: heat_of(seen, one.row, kind, crop)}
        scores.append(warmest(heats[one.row], one.box, picture.crop, crop))
    question = asked(
        np.array(scores), np.array([int(one.lesion) for one in patches]),
        [pictures[one.row].patient for one in patches],
    )  # fmt: skip
    note = f"tissue of the same film, size and depth (within {DEPTH:.0%} of the breast's width)"
    return area(f"{kind} patches against tissue, AUROC", question, note)


def warmest(heat: NDArray[np.float32], box: Window, levels: Crop, own: Crop) -> float:
    """Return the greatest heat [H', W'] in a box of the levels, given both crops of the film."""
    down, across = (a / b for a, b in zip(own.content_size, levels.content_size, strict=True))
    x1, y1, x2, y2 = box
    left, top = int(x1 * across), int(y1 * down)
    part = heat[top : max(top + 1, round(y2 * down)), left : max(left + 1, round(x2 * across))]
    return float(part.max())
