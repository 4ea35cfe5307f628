"""Find the breast in any mammogram: its outline, its box, its chest wall, and what is burned in.

Everything is decided on a copy some 320 pixels long, so the cost hardly depends on the detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.errors import Refused
from versamammo.imaging.breast.air import BrightRegion, find_tissue, thickness
from versamammo.imaging.breast.chest_wall import Side, find_chest_wall
from versamammo.imaging.breast.drawings import is_flat, is_speck, refuse_drawing
from versamammo.imaging.breast.exposure import exposure_notes
from versamammo.imaging.breast.shapes import (
    Levels,
    Mask,
    closed,
    core_depth,
    count,
    dilate,
    disc,
    from_core,
    largest_filled,
    opened,
    square,
    within,
)
from versamammo.imaging.mammogram import Box
from versamammo.imaging.quantiles import quantile, quantiles

LONG_SIDE = 320  # pixels of the reduced copy
SMALLEST_SIDE = 32  # pixels of a picture worth looking at
SURE = 0.25  # chest wall confidence below this is said to be a guess
MARK_LEVEL = 0.4  # burned-in letters are at least this bright on the reduced copy
LARGEST_MARK = 0.06  # of the picture; what is larger is skin of the arm or belly


@dataclass(frozen=True, eq=False)
class Breast:
    """Where the breast lies in a stored picture.

    Attributes:
        mask: bool [h, w] at reduced scale.
        scale: (rows, columns): how many source pixels one reduced pixel covers.
        box: tight around the breast with its skin line, in source pixels.
        chest_wall: the side of the stored picture on which the chest wall lies.
        confidence: 0..1, how much straighter that side is than the other.
        outline: [P, 2] polygon (x, y) in source coordinates.
        notes: what was uncertain.
        glare: uint8 [h, w] at reduced scale, what is as bright as letters outside the breast.
    """

    mask: NDArray[np.bool_]
    scale: tuple[float, float]
    box: Box
    chest_wall: Side
    confidence: float
    outline: NDArray[np.float64]
    notes: tuple[str, ...] = ()
    glare: Mask | None = None

    @cached_property
    def marks(self) -> tuple[Box, ...]:
        """Boxes of burned-in letters, labels and lead markers outside the breast."""
        return () if self.glare is None else _marks(self.glare, self.scale)


def find_breast(pixels: NDArray[np.float32]) -> Breast:
    """Find the breast in pixels [H, W], bright tissue on dark.

    Raises:
        Refused: `no-breast`, if the picture is blank, noise only, or too small, or what is in it;
            `text`, if it is text or a drawing.
    """
    rows, columns = pixels.shape
    return find_breast_in(sampled(pixels), (rows, columns))


def find_breast_in(samples: NDArray[np.float32], size: tuple[int, int]) -> Breast:
    """Find the breast in a picture of size (H, W) of which only `sampled` is at hand.

    Raises:
        Refused: as `find_breast`.
    """
    small = _small(samples, size)
    levels, plain = _calm_levels(small)
    h, w = levels.shape
    scale = (size[0] / h, size[1] / w)
    tissue = find_tissue(levels)
    notes: list[str] = []
    if tissue is not None:
        body, other, away = _breast_and_other(tissue)
        # in a view without air some dense lump may have been taken for the breast
        tissue = None if _is_lump(body, small, plain) else tissue
    if tissue is None:
        notes.append("no air was told apart from tissue: the whole picture is taken for breast")
        body, other = np.ones((h, w), np.uint8), np.zeros((h, w), np.uint8)
        away = from_core(body)
    notes += exposure_notes(body, small)
    chest_wall, confidence = find_chest_wall(body, away)
    if confidence < SURE:
        notes.append(f"the chest wall is taken to lie {chest_wall}, but neither side is clear")
    return Breast(
        mask=body.astype(np.bool_),
        scale=scale,
        box=_box_around(body, scale),
        chest_wall=chest_wall,
        confidence=confidence,
        outline=_outline(body) * (scale[1], scale[0]),
        notes=tuple(notes),
        glare=other & (levels > MARK_LEVEL).view(np.uint8),
    )


def _small(samples: NDArray[np.float32], size: tuple[int, int]) -> Levels:
    """Reduce a picture of size (H, W); refuse one that is too small for a breast."""
    if min(size) < SMALLEST_SIDE:
        raise Refused(
            f"{size[0]} x {size[1]} pixels are too few for a breast; "
            f"expected at least {SMALLEST_SIDE} on each side",
            reason="no-breast",
        )
    return _reduce(samples, size)


def _is_lump(body: Mask, small: Levels, plain: bool) -> bool:
    """Return whether a breast [h, w] is but a part of one; refuse what lies alone on even air."""
    if is_speck(body):
        if plain:
            share = count(body) / body.size
            raise Refused(
                f"the largest thing covers {share:.1%} of the picture, too little for a breast",
                reason="no-breast",
            )
        return True
    if is_flat(body, small):
        raise Refused("a shape of one level: a drawing or a mask, no breast", reason="no-breast")
    return False


def _calm_levels(small: Levels) -> tuple[Levels, bool]:
    """Smooth as much as the noise asks for, and stretch to 0..1; say if the background is even.

    Refuses blank pages and drawings.
    """
    noise = _noise(small)
    darkest, brightest = _range(np.asarray(cv2.blur(small, (9, 9)), np.float32))
    contrast = brightest - darkest
    plain = refuse_drawing(small, noise)
    # white noise leaves half its standard deviation here; a breast leaves its contrast
    if contrast <= max(noise, 1e-4):
        raise Refused("the picture is blank or holds nothing but noise", reason="no-breast")
    grain = noise / contrast
    sigma = 0.7 if grain < 0.01 else 1.4 if grain < 0.03 else 2.2
    calm = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma), np.float32)
    darkest, brightest = _range(calm)
    if brightest <= darkest:
        raise Refused("all but a speck of the picture is blank", reason="no-breast")
    calm -= np.float32(darkest)
    calm /= np.float32(brightest - darkest)
    return np.clip(calm, 0, 1, out=calm), plain


def _shrinkage(size: tuple[int, int]) -> int:
    """Return how many pixels of a picture of size (H, W) become one of the reduced copy."""
    return max(1, round(max(size) / LONG_SIDE))


def sampled(picture: NDArray[Any]) -> NDArray[Any]:
    """Pick the pixels of a picture [H, W] that the search looks at: four for each reduced one."""
    rows, columns = picture.shape
    shrink = _shrinkage((rows, columns))
    if shrink == 1:
        return picture
    # at exact centres, so that a mirrored picture gives the mirrored copy
    cells = (2 * (columns // shrink), 2 * (rows // shrink))
    if not all(cells):
        raise Refused(f"{columns} x {rows} pixels are too narrow for a breast", reason="no-breast")
    return np.asarray(cv2.resize(picture, cells, interpolation=cv2.INTER_NEAREST_EXACT))


def _reduce(samples: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Shrink to about LONG_SIDE by the mean of four samples per cell."""
    if _shrinkage(size) == 1:
        return samples
    h, w = samples.shape[0] // 2, samples.shape[1] // 2
    return np.asarray(cv2.resize(samples, (w, h), interpolation=cv2.INTER_AREA), np.float32)


def _noise(small: NDArray[np.float32]) -> float:
    """Estimate the standard deviation of white noise from the Laplacian's median."""
    rough = np.asarray(cv2.Laplacian(small, -1), np.float32)[1:-1:2, 1:-1:2]
    return quantile(np.abs(rough), 0.5) / 0.6745 / 20**0.5


def _range(levels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the darkest and brightest level, but for two pixels in a thousand at either end."""
    darkest, brightest = quantiles(levels[::3, ::3], 0.002, 0.998)
    return darkest, brightest


def _breast_and_other(tissue: BrightRegion) -> tuple[Mask, Mask, Levels]:
    """Return the breast with nipple and thin edges, all other bright things, and `from_core`."""
    reach = thickness(tissue.bright)
    labels = dilate(opened(tissue.bright, disc(reach)) & (1 - tissue.body), disc(1))
    # without specks first, lest film grain be gathered around the skin
    clean = closed(opened(tissue.bright, square(1)), disc(reach / 2))
    near = within(tissue.body, 5 * reach) & clean
    whole = tissue.body | (near & (1 - labels))
    away = from_core(whole)
    body = _without_glow(whole, away)
    if not np.array_equal(body, whole):
        away = from_core(body)
    return body, tissue.bright & (1 - dilate(body, disc(2))), away


def _without_glow(body: Mask, away: Levels) -> Mask:
    """Drop the glow along a film's sides that hangs on the breast: long, thin, and at the edge.

    It is at most twice as deep as the core of a breast.
    """
    x, y, width, height = cv2.boundingRect(body)
    window = (slice(y, y + height), slice(x, x + width))
    kept = body.copy()
    reach = core_depth(body)
    bulk = (away <= reach + 1).view(np.uint8)
    thin = body & (1 - bulk)
    for turn, upright in enumerate((False, True, False, True)):
        strip = np.rot90(thin[window], turn)[: round(2 * reach)]
        # the chest wall is thick along most of an upright side; what is thin there is its corners
        behind = upright and np.rot90(bulk[window], turn)[:2].any(axis=0).mean() > 0.3
        if not behind and strip[: round(reach / 2)].any(axis=0).mean() > 0.3:
            np.rot90(kept[window], turn)[: len(strip)] &= 1 - strip
    shape = largest_filled(kept)
    return body if shape is None else shape[0]


def _box_around(mask: Mask, scale: tuple[float, float], corner: tuple[int, int] = (0, 0)) -> Box:
    """Box what a mask holds, in source pixels; corner is where the mask's (x, y) origin lies."""
    x, y, width, height = cv2.boundingRect(mask)
    x, y = x + int(corner[0]), y + int(corner[1])
    return Box(x * scale[1], y * scale[0], (x + width) * scale[1], (y + height) * scale[0])


def _outline(body: Mask) -> NDArray[np.float64]:
    """Trace the body [h, w] through pixel centres, [P, 2] as (x, y)."""
    shape = largest_filled(body)
    if shape is None:
        raise Refused("nothing in the picture is large enough for a breast", reason="no-breast")
    return shape[1].astype(np.float64) + 0.5


def _marks(bright: Mask, scale: tuple[float, float]) -> tuple[Box, ...]:
    """Box the compact things among what is bright; letters of one label go together."""
    if not bright.any():
        return ()
    joined = dilate(bright, disc(0.015 * bright.shape[0]))
    things, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    marks = []
    for index in range(1, things):
        x, y, width, height, _ = boxes[index]
        window = (slice(y, y + height), slice(x, x + width))
        part = bright[window] & (labels[window] == index).astype(np.uint8)
        if 4 <= count(part) <= LARGEST_MARK * bright.size:
            marks.append(_box_around(part, scale, (x, y)))
    return tuple(marks)
