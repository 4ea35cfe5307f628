"""Recognise pages of text, placeholders and other drawings, on the reduced copy.

A breast is one thick thing; letters, lines and dots are thin or small, and a drawn shape has one
level all over. Of 1,904 real mammograms at least 0.6 of what differs from the air is thick, of 150
pages of text, noisy and dense ones too, at most 0.15.
"""

from __future__ import annotations

import cv2
import numpy as np

from versamammo.errors import Refused
from versamammo.imaging.breast.shapes import Levels, Mask, count, opened, square
from versamammo.imaging.quantiles import quantile, quantiles

THICK = 0.4  # of a drawing, at most this share is thicker than letters are
STROKE = 0.012  # of the picture's height: half as wide as letters may be
DIFFERENT = 0.07  # of the picture's range: what differs so from the background is drawn on it
FLAT = 0.015  # of the range: what differs less is the background itself
NOISIEST = 0.03  # of the range: what seems to be more noise than this is print
STRAY = 0.01  # share of a page that may differ to the other side
FULLEST = 0.7  # share of a page that is drawn on
END = 0.02  # of the range, within which a background is black or white
GAP = 2.0  # times as far as it has to, what is drawn on grey differs from it
SMALLEST_SHARE = 0.02  # of the picture; the smallest of 1,904 breasts took 0.08
SMALLEST_SIDES = (0.15, 0.08)  # of the picture's height and width
SMALLEST_AFLOAT = 0.06  # of the picture, if the breast touches neither side of it
MARGIN = 0.05  # of the width: as near to a side counts as touching it
EVEN = 0.85  # share of one level and its neighbour in a drawn shape; of breasts at most 0.4
CLIPPED = 0.02  # from either end: what is clipped by its window has one level too


def refuse_drawing(small: Levels, noise: float) -> bool:
    """Refuse thin strokes on an even background, in a picture [h, w] with noise of that spread.

    Returns whether the background is even, as paper, a screen or air is, and tissue is not.

    Raises:
        Refused: `text`.
    """
    thinned = small[::3, ::3]
    darkest, brightest = float(thinned.min()), float(thinned.max())
    lower, upper = quantiles(thinned, 0.02, 0.98)
    span, core = brightest - darkest, upper - lower
    step, noise = span / 255, min(noise, NOISIEST * span)
    if step <= 0:
        return True
    levels = ((thinned - np.float32(darkest)) * np.float32(1 / step)).astype(np.uint8)
    air = darkest + (float(np.bincount(levels.ravel(), minlength=256).argmax()) + 0.5) * step
    even = core * FLAT + step + 3 * noise
    darker, brighter = count(small < air - even), count(small > air + even)
    # tissue varies to both sides of its commonest level, paper and screens to one
    if min(darker, brighter) > STRAY * small.size or darker + brighter > FULLEST * small.size:
        return False
    away = np.asarray(cv2.absdiff(small, np.full_like(small, air)), np.float32)
    least = core * DIFFERENT + step + 6 * noise
    drawn = (away > least).view(np.uint8)
    thick = opened(drawn, square(max(1.5, STROKE * len(small))))
    if count(thick) < THICK * count(drawn):
        at_end = min(air - darkest, brightest - air) < END * span
        if at_end or quantile(away[drawn > 0], 0.5) > GAP * least:
            raise Refused("thin strokes on an even background: text or a drawing", reason="text")
    return True


def is_speck(body: Mask) -> bool:
    """Return whether what was taken for a breast [h, w] is too small to be one."""
    rows, columns = body.shape
    _, _, width, height = cv2.boundingRect(body)
    least = SMALLEST_AFLOAT if _is_afloat(body) else SMALLEST_SHARE
    too_short = height < SMALLEST_SIDES[0] * rows or width < SMALLEST_SIDES[1] * columns
    return bool(too_short or count(body) < least * body.size)


def is_flat(body: Mask, small: Levels) -> bool:
    """Return whether a supposed breast [h, w] has one level all over, as drawn shapes do."""
    inside = small[::3, ::3][body[::3, ::3] > 0]
    lower, upper = quantiles(small[::3, ::3], 0.02, 0.98)
    levels = ((inside - np.float32(lower)) * np.float32(63 / max(upper - lower, 1e-9))).clip(0, 63)
    held = np.sort(np.bincount(levels.astype(np.uint8), minlength=64))[-2:].sum()
    if held <= EVEN * inside.size:
        return False
    return _is_afloat(body) or CLIPPED < quantile(inside, 0.5) < 1 - CLIPPED


def _is_afloat(body: Mask) -> bool:
    """Return whether a thing touches neither side of the picture, as a breast does by its wall."""
    columns: int = body.shape[1]
    x, _, width, _ = cv2.boundingRect(body)
    return x > MARGIN * columns and x + width < (1 - MARGIN) * columns
