"""Separate tissue from the air around it, on a reduced copy of a mammogram.

Air is smooth and, within one film or detector, nearly one level; tissue is brighter and textured.
What lies around may be several sheets deep: black padding, then the film with its fog, then the
breast. Each sheet is peeled off in turn until what remains is no longer a plain rectangle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.breast.film_edges import remove_rims
from versamammo.imaging.breast.shapes import (
    Levels,
    Mask,
    Outline,
    count,
    dilate,
    disc,
    erode,
    erode_all_round,
    largest_filled,
    opened,
    square,
)
from versamammo.imaging.quantiles import quantile, quantiles

T = TypeVar("T", bound=np.generic)
Values = NDArray[np.float64]

FINEST_STEP = 0.008  # of the picture's range: below this lie quantisation and JPEG ringing
STEP_GROWTH = 1.6
SHEETS = 4  # padding, film, collimator, breast
RECTANGLE = 0.93  # of the tilted rectangle around a body
STRAIGHT = 0.75  # of an outline
SHARE_ON_EDGE = 0.9
RUNAWAY = 0.01  # by which air may grow rougher before it must be fat
GRAIN = 0.95  # quantile of the air over which tissue has to rise
SMALLEST_AIR = 0.01  # of the region


@dataclass(frozen=True, eq=False)
class BrightRegion:
    """What is brighter than the air around it.

    Attributes:
        bright: [h, w] every pixel above the air, labels included.
        body: [h, w] the largest such thing, opened and with its holes filled.
        outline: [P, 2] of the body.
        free: bool [P], where the outline does not run along the region's sides.
        height: how far above the air tissue starts, in levels.
        on_edge: share of the body's outline that lies on an edge.
    """

    bright: Mask
    body: Mask
    outline: Outline
    free: NDArray[np.bool_]
    height: float
    on_edge: float


@dataclass(frozen=True, eq=False)
class Air:
    """What lies around tissue.

    Attributes:
        mask: [h, w] dark and calm.
        thick: [h, w] the part of it further inside than a line or a speck is thick.
    """

    mask: Mask
    thick: Mask

    @classmethod
    def of(cls, mask: Mask) -> Air:
        """Find the thick part."""
        return cls(mask, erode(mask, disc(thickness(mask))))


def thickness(picture: NDArray[Any]) -> float:
    """Return the radius, in pixels, under which a thing is a line or a speck and not a breast."""
    rows: int = picture.shape[0]
    return max(1.5, 0.012 * rows)


def find_tissue(levels: Levels) -> BrightRegion | None:
    """Peel padding, film and rims off levels [h, w]; None if no air can be told apart."""
    steepness = _steepness(levels)
    region = np.ones(levels.shape, np.uint8)
    found: BrightRegion | None = None
    for _ in range(SHEETS):
        remove_rims(levels, region)
        sheet = _peel(levels, steepness, region)
        if sheet is None:
            break
        tissue, air = sheet
        if _is_lining(air.mask, region):
            region &= 1 - dilate(air.mask, disc(2))
        elif _is_bulk(air, region) and (found is None or _is_sure(tissue, region)):
            found = tissue
            if not _is_sheet(found):
                break
            region = erode(found.body, disc(thickness(levels))) & (1 - air.mask)
        else:
            break
    return found


def _steepness(levels: Levels) -> Levels:
    """Return the slope at a scale where film grain has averaged out and a skin line has not."""
    broad = cv2.GaussianBlur(levels, (0, 0), thickness(levels) / 2)
    return np.asarray(cv2.magnitude(cv2.Sobel(broad, -1, 1, 0), cv2.Sobel(broad, -1, 0, 1)))


def _peel(levels: Levels, steepness: Levels, region: Mask) -> tuple[BrightRegion, Air] | None:
    """Part tissue from what may be the air of this region, the darkest calm level in it."""
    inside = _few(region) > 0
    if count(inside) < 20:
        return None
    plane, spread = _fit_air(levels, steepness, region)
    above = levels - plane
    least = max(4 * spread, FINEST_STEP)
    high = _few(above) > least
    heights = _few(above)[inside & high]
    typical, upper = quantiles(heights, 0.5, 0.7)
    edge = 0.03 + 4 * quantile(_few(steepness)[inside & ~high], 0.5)
    on_edge = steepness > edge
    # above the median: where film air is still among the heights, half of it may be air
    tissue = _lowest_on_edge(above, region, on_edge, least, 0.5 * upper)
    if tissue is None:
        return None
    # grain rises above the air here and there, labels do so by far
    air = Air.of(region & (1 - tissue.body) & (above < max(tissue.height, 0.5 * typical)))
    open_air = _few(air.thick) > 0
    height = min(quantile(_few(above)[open_air], GRAIN), 0.5 * typical)
    over_grain = _tissue_at(height, above, region, on_edge) if height > tissue.height else None
    return over_grain or tissue, air


def _few(picture: NDArray[T]) -> NDArray[T]:
    """Take every ninth pixel, enough for a quantile."""
    return picture[::3, ::3]


def _is_bulk(air: Air, region: Mask) -> bool:
    """Return whether air is a field of its own rather than dark specks in fat."""
    total = count(air.mask)
    return total > SMALLEST_AIR * count(region) and count(air.thick) > 0.15 * total


def _is_sure(tissue: BrightRegion, region: Mask) -> bool:
    """Return whether tissue on film stands out by its edge, not as the densest part of a breast."""
    return tissue.on_edge > 0.6 and count(tissue.body) > 0.05 * count(region)


def _is_lining(air: Mask, region: Mask) -> bool:
    """Return whether air is but a thin strip of padding along the sides of the region."""
    depth, total = 2 * thickness(air), count(air)
    # what is deep by a square is deep by the disc within it; OpenCV takes a sixth of the time
    if not total or count(air & erode_all_round(region, square(depth))) >= 0.1 * total:
        return False
    return count(air & erode_all_round(region, disc(depth))) < 0.1 * total


def _is_sheet(tissue: BrightRegion) -> bool:
    """Return whether tissue is a film or a paddle: it fills its rectangle, or has straight sides.

    Straight means along one direction or across it. Of the outlines of 286 breasts, padded behind
    the chest wall or not, at most 0.62 was, and they filled at most 0.92 of their rectangles.
    """
    outline, free = tissue.outline, tissue.free
    _, (width, height), _ = cv2.minAreaRect(outline)
    if count(tissue.body) >= RECTANGLE * (width + 1) * (height + 1):
        return True
    along = np.roll(outline, -7, axis=0) - np.roll(outline, 7, axis=0)
    angle = np.round(np.degrees(np.arctan2(along[free, 1], along[free, 0]))).astype(int) % 90
    counts = np.bincount(angle, minlength=90)
    around = np.convolve(np.concatenate([counts[-4:], counts, counts[:4]]), np.ones(9), "valid")
    return bool(around.max() >= STRAIGHT * max(1, angle.size))


def _fit_air(levels: Levels, steepness: Levels, region: Mask) -> tuple[Levels, float]:
    """Fit a plane to the darkest calm part of region, growing it outwards; give it and its spread.

    The spread is taken from the darker half alone: tissue only ever adds brightness.
    """
    h, w = levels.shape
    inside = region[::4, ::4] > 0
    slope = steepness[::4, ::4]
    calm = inside & (slope < 2.5 * quantile(slope[inside], 0.1) + 0.04)
    rows, columns = np.nonzero(calm)
    values = levels[::4, ::4][calm].astype(np.float64)
    design = np.stack([np.ones(len(values)), 4 * rows / h - 0.5, 4 * columns / w - 0.5], axis=1)
    start = _darkest_plateau(values, count(inside))
    below = values[values <= start + 1 / 512]
    spread = start - quantile(below, 0.32) if below.size else 0.0
    plane, spread = _grown(values, design, np.array([start, 0.0, 0.0]), spread)
    down = plane[1] * (np.arange(h) / h - 0.5) + plane[0]
    across = plane[2] * (np.arange(w) / w - 0.5)
    return (down[:, None] + across[None, :]).astype(np.float32), spread


def _grown(values: Values, design: Values, plane: Values, spread: float) -> tuple[Values, float]:
    """Fit a plane anew to whatever lies near it, as long as that does not grow rough."""
    most, before = 3 * spread + RUNAWAY, np.empty(0, np.intp)
    for _ in range(4):
        near = np.flatnonzero(values - design @ plane < max(4 * spread, FINEST_STEP))
        # of the same pixels comes the same plane: a detector's air is found at the first go
        if near.size < 12 or np.array_equal(near, before):
            break
        before = near
        a, b = design.take(near, axis=0), values.take(near)
        # a little ridge keeps the plane level where the air is too small to show a slope
        ridge = np.diag([0.0, 0.002, 0.002]) * near.size
        grown = np.linalg.solve(a.T @ a + ridge, a.T @ b)
        rest = b - a @ grown
        lower, middle = quantiles(rest, 0.16, 0.5)
        wider = middle - lower
        if wider > most:
            break
        grown[0] += middle
        plane, spread = grown, wider
    return plane, spread


def _darkest_plateau(values: NDArray[np.float64], total: int) -> float:
    """The darkest peak of the histogram that holds at least 1.5 % of all pixels."""
    counts = np.bincount((values * 255).astype(np.intp), minlength=256).astype(np.float32)
    smooth = np.convolve(counts, [1, 2, 3, 2, 1], "same").astype(np.float32)
    crest = np.asarray(cv2.dilate(smooth[None], np.ones((1, 13), np.uint8)))[0]
    held = np.convolve(counts, np.ones(13), "same")
    peaks = np.flatnonzero((smooth == crest) & (held >= 0.015 * total))
    return (float(peaks[0] if peaks.size else smooth.argmax()) + 0.5) / 255


def _lowest_on_edge(
    above: Levels, region: Mask, on_edge: NDArray[np.bool_], least: float, most: float
) -> BrightRegion | None:
    """Choose the lowest height over the air at which the outline runs along an edge.

    A level set inside the air wanders where nothing changes; one at the skin lies on an edge all
    along. Heights grow geometrically from `least` to `most`.
    """
    best: BrightRegion | None = None
    height = least
    while height <= max(most, least) and height < 1:
        tissue = _tissue_at(height, above, region, on_edge)
        if tissue is not None and (best is None or tissue.on_edge > best.on_edge / SHARE_ON_EDGE):
            best = tissue
        if best is not None and best.on_edge > SHARE_ON_EDGE:
            break
        height *= STEP_GROWTH
    return best


def _tissue_at(
    height: float, above: Levels, region: Mask, on_edge: NDArray[np.bool_]
) -> BrightRegion | None:
    """Take what rises by height over the air for tissue; None if it is all thin or specks."""
    bright = ((above > height) & (region > 0)).astype(np.uint8)
    shape = largest_filled(opened(bright, square(thickness(above))))
    if shape is None:
        return None
    body, outline = shape
    free = erode_all_round(region, square(1))[outline[:, 1], outline[:, 0]] > 0
    x, y = outline[free].T
    along = float(on_edge[y, x].mean()) if len(x) > 10 else 0.0
    return BrightRegion(bright, body, outline, free, height, along)
