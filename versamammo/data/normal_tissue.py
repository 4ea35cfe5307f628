"""Close-ups of normal tissue, to be told from lesions: of the same images and of the same size.

A window shows breast, not air, and touches no lesion. Where a lesion's place is not known, nothing
on its image can be called normal. (The published normal patches kept only their top left corner out
of lesions, might show air alone, and were drawn anew at every run.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from versamammo.data.cache import read_levels
from versamammo.data.labels import FINDINGS, UNKNOWN
from versamammo.data.lesion_rows import CloseUpSettings, Window, lesion_rows
from versamammo.data.splits.draw import chance
from versamammo.input.geometry import Crop

AIR = 0.05 * 65535  # levels up to this are no tissue
LEAST_TISSUE = 0.9  # of a window


def normal_rows(
    manifest: pa.Table,
    folder: Path,
    settings: CloseUpSettings | None = None,
    seed: int = 0,
) -> tuple[pa.Table, dict[str, int]]:
    """Return each lesion a row of normal tissue beside it, to be joined to those of `lesion_rows`.

    Args:
        manifest: rows with at least the columns `dataset.COLUMNS`.
        folder: with the cache.
        settings: those of the lesions' close-ups.
        seed: another seed, other places.

    Returns:
        the rows, and why lesions have none -> how many: "no-place" if a lesion of the image might
        be anywhere, "no-room" if no window of that size is free.

    Raises:
        InputError: a cached picture is missing or damaged.
    """
    lesions, _ = lesion_rows(manifest, settings or CloseUpSettings())
    marked = manifest.filter(pc.is_in(manifest["image_id"], lesions["whole_id"].combine_chunks()))
    images = {row["image_id"]: row for row in marked.to_pylist()}
    rows, left_out = [], {"no-place": 0, "no-room": 0}
    for lesion in lesions.to_pylist():
        image = images[lesion["whole_id"]]
        if any(finding["box"] is None for finding in image["findings"]):
            left_out["no-place"] += 1
            continue
        window = beside(lesion, image, folder, seed)
        if window is None:
            left_out["no-room"] += 1
        else:
            rows.append(_row(lesion, window))
    counted = {why: number for why, number in left_out.items() if number}
    return pa.Table.from_pylist(rows, schema=lesions.schema), counted


def beside(
    lesion: Mapping[str, Any], image: Mapping[str, Any], folder: Path, seed: int
) -> Window | None:
    """Choose a window as large as a lesion's, on its image; None if there is no room."""
    levels = read_levels(folder / image["cache_path"])
    places = [list(finding["box"].values()) for finding in image["findings"]]
    boxes = Crop.from_dict(image["crop"]).boxes_to_input(places)
    x1, y1, x2, y2 = lesion["window"]
    share = chance(seed, lesion["image_id"])
    return normal_window(levels, boxes[~np.isnan(boxes).any(axis=1)], (y2 - y1, x2 - x1), share)


def normal_window(
    levels: NDArray[np.uint16],
    lesions: Iterable[NDArray[np.float64]],
    size: tuple[int, int],
    share: float,
) -> Window | None:
    """Choose one of all windows that show tissue and touch no lesion.

    Args:
        levels: [h, w].
        lesions: boxes (x1, y1, x2, y2).
        size: (H, W) of the window.
        share: 0..1, which of them.
    """
    high, wide = size
    if high > levels.shape[0] or wide > levels.shape[1]:
        return None
    sums = cv2.integral((levels > AIR).astype(np.uint8))
    inside = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    free = inside >= LEAST_TISSUE * high * wide  # [h', w'], by the window's top left corner
    for x1, y1, x2, y2 in lesions:
        top, left = max(0, int(np.floor(y1)) - high + 1), max(0, int(np.floor(x1)) - wide + 1)
        free[top : int(np.ceil(y2)), left : int(np.ceil(x2))] = False
    corners = np.flatnonzero(free)
    if not len(corners):
        return None
    y, x = divmod(int(corners[int(share * len(corners))]), free.shape[1])
    return x, y, x + wide, y + high


def _row(lesion: Mapping[str, Any], window: Window) -> dict[str, Any]:
    key = lesion["content_key"].rpartition("#")[0]
    return {
        **lesion,
        **dict.fromkeys(FINDINGS, 0.0),
        "pathology": 0.0,
        "birads": UNKNOWN,
        "subtlety": UNKNOWN,
        "image_id": f"{lesion['image_id']}n",
        "content_key": f"{key}#{','.join(map(str, window))}",
        "lesion_id": f"{lesion['lesion_id']}_normal",
        "findings": [],
        "window": window,
    }
