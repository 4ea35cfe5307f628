"""Figures of segmentation, computed per image and averaged over images.

Empty masks: two empty ones agree (Dice and IoU 1, HD95 0); where only one is empty nothing agrees
(Dice and IoU 0, HD95 the image's diagonal), so that drawing nothing is never rewarded.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from benchmark.metrics.bootstrap import Clusters, Floats
from benchmark.metrics.counting import Measure, MeasurePanel, means
from benchmark.metrics.published_definitions import THRESHOLD, dice_at_threshold
from benchmark.samples import MaskSample
from versamammo.errors import InputError

Mask = NDArray[np.bool_]
_KEPT = 100_000  # pairs of masks whose figures are remembered


class Measured(NamedTuple):
    """One image's figures; `hd95_mm` is NaN where the spacing is unknown."""

    dice: float
    iou: float
    hd95_mm: float
    hd95_px: float
    empty_truth: bool
    empty_mask: bool
    published_dice: float


def segmentation_panels(
    samples: Sequence[MaskSample], clusters: Clusters, root: Path
) -> list[MeasurePanel]:
    """Build the panels of a segmentation task.

    Raises:
        InputError: a mask cannot be read, or two are of different sizes.
    """
    figures = np.array([measured(sample, root) for sample in samples], dtype=float).reshape(-1, 7)
    dice, iou, millimetres, pixels, empty_truth, empty_mask, old = figures.T
    n, mm = len(samples), all(sample.spacing_mm for sample in samples)
    rule = (
        f"{int(empty_truth.sum())} images without lesion, {int(empty_mask.sum())} empty masks; "
        "both empty 1, one empty 0"
    )
    far = f"{int((empty_truth != empty_mask).sum())} images have one empty mask: their diagonal"
    distance = Measure("hd95_mm" if mm else "hd95_px", n, far)
    published = Measure("legacy_dice", n, "mean per image, cut at 127 of 255", legacy=True)
    lesions = Measure("dice_of_lesions", n - int(empty_truth.sum()), "images with a lesion only")
    measures = [Measure("dice", n, rule), lesions, Measure("iou", n, rule), distance, published]
    of_lesions = np.where(empty_truth > 0, np.nan, dice)
    values = np.stack([dice, of_lesions, iou, millimetres if mm else pixels, old], axis=1)
    return [means(measures, values, clusters)]


def measured(sample: MaskSample, root: Path) -> Measured:
    """Measure one sample; a pair of files that did not change is read once.

    Raises:
        InputError: a mask cannot be read, or the two are of different sizes.
    """
    paths = root / sample.truth, root / sample.mask
    try:
        times = tuple(path.stat().st_mtime_ns for path in paths)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InputError(message, file=error.filename, reason="no-mask") from error
    return _measured(*paths, times, sample.spacing_mm)


@lru_cache(_KEPT)
def _measured(
    truth_file: Path, mask_file: Path, _times: tuple[int, ...], spacing: tuple[float, float] | None
) -> Measured:
    greys = read_grey(truth_file), read_grey(mask_file)
    truth, mask = (grey > THRESHOLD for grey in greys)
    if truth.shape != mask.shape:
        message = f"is {mask.shape}, and the true mask {truth.shape}; expected the same size"
        raise InputError(message, file=mask_file, field="mask", reason="mask-size")
    millimetres = hd95(truth, mask, spacing) if spacing else float("nan")
    pixels = hd95(truth, mask)
    empty = not truth.any(), not mask.any()
    return Measured(*overlap(truth, mask), millimetres, pixels, *empty, dice_at_threshold(*greys))


def read_mask(path: Path) -> Mask:
    """Read a PNG mask, lesion where it is above 127 of 255.

    Raises:
        InputError: as `read_grey`.
    """
    lesion: Mask = read_grey(path) > THRESHOLD
    return lesion


def read_grey(path: Path) -> NDArray[np.uint8]:
    """Read a PNG mask as it is stored.

    Raises:
        InputError: it is no grey picture, or holds 0 and 1 as if they were truth values.
    """
    try:
        with Image.open(path) as picture:
            grey = np.asarray(picture.convert("L"))
    except OSError as error:
        raise InputError("is no picture", file=path, reason="no-mask") from error
    if grey.size and 0 < grey.max() <= 1:
        message = "holds only 0 and 1; expected 0 and 255"
        raise InputError(message, file=path, field="mask", reason="mask-values")
    return grey


def overlap(truth: Mask, mask: Mask) -> tuple[float, float]:
    """Compute Dice and intersection over union of two masks [H, W]."""
    shared, sizes = int((truth & mask).sum()), int(truth.sum()) + int(mask.sum())
    if not sizes:
        return 1.0, 1.0
    return 2 * shared / sizes, shared / (sizes - shared)


def hd95(truth: Mask, mask: Mask, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
    """95th percentile of the distances of either outline to the other, the larger of both."""
    if truth.any() != mask.any():
        return float(np.hypot(truth.shape[0] * spacing[0], truth.shape[1] * spacing[1]))
    if not truth.any():
        return 0.0
    first, second = (outline(one) * np.asarray(spacing) for one in (truth, mask))
    there, back = cKDTree(second).query(first)[0], cKDTree(first).query(second)[0]
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def outline(mask: Mask) -> Floats:
    """Return the pixels of a mask that touch its outside by a side (row, column) [n, 2]."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    edge = cut & ~binary_erosion(cut)
    places: Floats = np.argwhere(edge) + np.array([rows[0], columns[0]], dtype=float)
    return places
