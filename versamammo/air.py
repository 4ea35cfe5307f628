"""Tell tissue from the air around it, on a reduced copy of a mammogram.

Air is smooth and, within one film or detector, nearly one level; tissue is brighter and textured.
What lies around may be several sheets deep: black padding, then the film with its fog, then the
breast. Each sheet is peeled off in turn until what remains is no longer a plain rectangle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.film_edges import remove_rims
from versamammo.shapes import (
    Levels,
    Mask,
    dilate,
    disc,
    erode,
    erode_all_round,
    largest_filled,
    opened,
    quantile,
    square,
)

FINEST_STEP = 0.008  # of the picture's range: below this lie quantisation and JPEG ringing
STEP_GROWTH = 1.6
SHEETS = 4  # padding, film, collimator, breast
RECTANGLE = 0.93  # a breast fills at most about 0.92 of its tilted bounding rectangle
SHARE_ON_EDGE = 0.9
SMALLEST_AIR = 0.01  # of the region


@dataclass(frozen=True, eq=False)
class Tissue:
    """What is brighter than the air around it.

    Attributes:
        bright: [h, w] every pixel above the air, labels included.
        body: [h, w] the largest such thing, opened and with its holes filled.
        height: how far above the air tissue starts, in levels.
        on_edge: share of the body's outline that lies on an edge.
    """

    bright: Mask
    body: Mask
    height: float
    on_edge: float


def thickness(picture: NDArray[Any]) -> float:
    """Give the radius, in pixels, under which a thing is a line or a speck and not a breast."""
    rows: int = picture.shape[0]
    return max(1.5, 0.012 * rows)


def find_tissue(levels: Levels) -> Tissue | None:
    """Peel padding, film and rims off levels [h, w]; None if no air can be told apart."""
    steepness = cv2.magnitude(cv2.Sobel(levels, -1, 1, 0), cv2.Sobel(levels, -1, 0, 1))
    region = np.ones(levels.shape, np.uint8)
    found: Tissue | None = None
    for _ in range(SHEETS):
        remove_rims(levels, region)
        sheet = _peel(levels, np.asarray(steepness, np.float32), region)
        if sheet is None:
            break
        tissue, air = sheet
        if _is_lining(air, region):
            region &= 1 - dilate(air, disc(2))
        elif _is_bulk(air, region) and (found is None or _is_sure(tissue, region)):
            found = tissue
            if not _is_rectangle(found.body):
                break
            region = erode(found.body, disc(thickness(levels))) & (1 - air)
        else:
            break
    return found


def _peel(levels: Levels, steepness: Levels, region: Mask) -> tuple[Tissue, Mask] | None:
    """Part tissue from what may be the air of this region, the darkest calm level in it."""
    if region.sum() < 100:
        return None
    plane, spread = _fit_air(levels, steepness, region)
    above = levels - plane
    least = max(4 * spread, FINEST_STEP)
    inside = region > 0
    tissue_heights, calm = above[inside & (above > least)], steepness[inside & (above <= least)]
    typical = quantile(tissue_heights, 0.5) if tissue_heights.size else 0.0
    edge = 0.03 + (4 * quantile(calm, 0.5) if calm.size else 0.0)
    tissue = _lowest_on_edge(above, region, steepness > edge, least, 0.5 * typical)
    if tissue is None:
        return None
    return tissue, region & (1 - tissue.body) & (above < tissue.height)


def _is_bulk(air: Mask, region: Mask) -> bool:
    """Say whether air is a field of its own rather than dark specks in fat."""
    thick = erode(air, disc(thickness(air)))
    return bool(air.sum() > SMALLEST_AIR * region.sum() and thick.sum() > 0.15 * air.sum())


def _is_sure(tissue: Tissue, region: Mask) -> bool:
    """Say whether tissue on film stands out by its edge, not as the densest part of a breast."""
    return tissue.on_edge > 0.6 and bool(tissue.body.sum() > 0.05 * region.sum())


def _is_lining(air: Mask, region: Mask) -> bool:
    """Say whether air is but a thin strip of padding along the sides of the region."""
    deep = erode_all_round(region, disc(2 * thickness(air)))
    return bool(air.any() and (air & deep).sum() < 0.1 * air.sum())


def _is_rectangle(body: Mask) -> bool:
    shape = largest_filled(body)
    if shape is None:
        return False
    _, (width, height), _ = cv2.minAreaRect(shape[1])
    return bool(body.sum() >= RECTANGLE * (width + 1) * (height + 1))


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
    start = _darkest_plateau(values, int(inside.sum()))
    below = values[values <= start + 1 / 512]
    spread = start - quantile(below, 0.32) if below.size else 0.0
    plane = np.array([start, 0.0, 0.0])
    for _ in range(4):
        near = values - design @ plane < max(4 * spread, FINEST_STEP)
        if near.sum() < 12:
            break
        a = design[near]
        # a little ridge keeps the plane level where the air is too small to show a slope
        ridge = np.diag([0.0, 0.002, 0.002]) * near.sum()
        plane = np.linalg.solve(a.T @ a + ridge, a.T @ values[near])
        rest = values[near] - a @ plane
        middle = quantile(rest, 0.5)
        plane[0] += middle
        spread = middle - quantile(rest, 0.16)
    down = plane[1] * (np.arange(h) / h - 0.5) + plane[0]
    across = plane[2] * (np.arange(w) / w - 0.5)
    return (down[:, None] + across[None, :]).astype(np.float32), spread


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
) -> Tissue | None:
    """Choose the lowest height over the air at which the outline runs along an edge.

    A level set inside the air wanders where nothing changes; one at the skin lies on an edge all
    along. Heights grow geometrically from `least` to `most`.
    """
    inner = erode_all_round(region, square(1))
    element = square(thickness(above))
    best: Tissue | None = None
    height = least
    while height <= max(most, least) and height < 1:
        bright = ((above > height) & (region > 0)).astype(np.uint8)
        shape = largest_filled(opened(bright, element))
        if shape is not None:
            body, outline = shape
            x, y = outline[inner[outline[:, 1], outline[:, 0]] > 0].T
            share = float(on_edge[y, x].mean()) if len(x) > 10 else 0.0
            if best is None or share > best.on_edge / SHARE_ON_EDGE:
                best = Tissue(bright, body, height, share)
            if share > SHARE_ON_EDGE:
                break
        height *= STEP_GROWTH
    return best
