"""Reads the masks of a COCO file: polygons, and runs of pixels, column by column.

Corners of polygons are continuous, as everywhere here: a pixel is marked if its centre is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.files import parse_json

OFFSET, BITS, MORE = 48, 5, 0x20  # of the text that run lengths may be packed in


def coco_mask(path: Path, number: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read the mask [H, W] of one annotation, counted from 0 in the file's order.

    Args:
        path: the COCO file.
        number: of the annotation.
        size: (H, W) of the image.

    Raises:
        InputError: there is no such mask ("missing-mask"), it is none ("bad-outlines"), or it is of
            another size ("mask-size").
    """
    found = _segmentations(path, changed(path))
    if number >= len(found) or not found[number]:
        raise InputError(f"no mask {number}", file=path, field="mask", reason="missing-mask")
    try:
        if isinstance(found[number], dict):
            return from_runs(path, found[number], size)
        parts = [np.array(polygon, np.float64).reshape(-1, 2) for polygon in found[number]]
        marked: NDArray[np.bool_] = np.any([filled(points, size) for points in parts], axis=0)
        return marked
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"annotation {number} is no mask: {error}", file=path, field="mask",
            reason="bad-outlines",
        ) from error  # fmt: skip


def changed(path: Path) -> int:
    """Return when a file last changed, 0 if it is not there."""
    return path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=2)
def _segmentations(path: Path, _changed: int) -> list[Any]:
    """Read what every annotation has; remembered until the file changes."""
    try:
        annotations = parse_json(path.read_text(encoding="utf-8"))["annotations"]
        return [annotation.get("segmentation") for annotation in annotations]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"no COCO file: {error}", file=path, field="mask", reason="bad-outlines"
        ) from error


def filled(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Mark the pixels [H, W] whose centres lie inside a polygon [P, 2] of (x, y).

    Crossings of each row's middle are taken in pairs; those of a shape that crosses itself cancel.
    """
    marked = np.zeros(size, np.bool_)
    ends = np.roll(points, -1, axis=0)
    for row in range(size[0]):
        y = row + 0.5
        crosses = (points[:, 1] <= y) != (ends[:, 1] <= y)
        (x1, y1), (x2, y2) = points[crosses].T, ends[crosses].T
        at = np.sort(x1 + (y - y1) / (y2 - y1) * (x2 - x1))
        for left, right in zip(at[::2], at[1::2], strict=True):
            first, last = np.ceil(np.clip([left - 0.5, right - 0.5], 0, size[1])).astype(int)
            marked[row, first:last] = True
    return marked


def from_runs(path: Path, runs: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Lay out runs of unmarked and marked pixels in turn, down the columns."""
    if tuple(runs["size"]) != size:
        raise InputError(
            f"the mask has {tuple(runs['size'])} pixels (H, W), its image {size}",
            file=path, field="mask", reason="mask-size",
        )  # fmt: skip
    counts = runs["counts"]
    lengths = unpacked(counts) if isinstance(counts, str) else [int(count) for count in counts]
    marked = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return marked.reshape(size[1], size[0]).T.copy()


def unpacked(text: str) -> Sequence[int]:
    """Read run lengths from COCO's text: five bits a sign, each less that of the one before last.

    Raises:
        ValueError: the text ends within a number.
    """
    lengths: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - OFFSET
        value |= (bits & (MORE - 1)) << shift
        shift += BITS
        if bits & MORE:
            continue
        if bits & (MORE >> 1):  # negative
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("the run lengths end within a number")
    return lengths
