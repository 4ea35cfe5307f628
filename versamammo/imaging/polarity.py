"""Polarity: whether a film is shown dark on bright, by looking at the air around the breast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.quantiles import quantiles

SMALL_SIDE = 128  # enough to judge surroundings by
EDGE = 0.03  # a frame this wide, as a share of the shorter side
INSET = 0.10  # and a second one this far inside, past the clear rim of a scanned film


def thinned(picture: NDArray[Any]) -> NDArray[Any]:
    """Pick so many pixels of a picture [H, W] as its surroundings can be judged by."""
    step = max(1, min(picture.shape) // SMALL_SIDE)
    return np.ascontiguousarray(picture[::step, ::step])


def background_is_bright(pixels: NDArray[np.float32]) -> bool:
    """Return whether most of the surroundings of the breast in pixels [H, W] are near white.

    Air takes most of the border of any mammogram. A scanned film may have a clear rim, so a frame
    further inside must agree.
    """
    small = thinned(pixels)
    low, high = (np.float32(level) for level in quantiles(small, 0.01, 0.99))
    if high <= low:
        return False
    small = (small - low) / (high - low)
    border_bright, border_dark = _shares(_frame(small, 0.0))
    inner_bright, inner_dark = _shares(_frame(small, INSET))
    return border_bright > 0.5 and border_dark < 0.3 and inner_bright > inner_dark


def _frame(picture: NDArray[np.float32], inset: float) -> NDArray[np.float32]:
    """Collect the pixels of a rectangular frame."""
    side = min(picture.shape)
    margin, wide = round(inset * side), max(1, round(EDGE * side))
    inside = picture[margin : picture.shape[0] - margin, margin : picture.shape[1] - margin]
    strips = (inside[:wide], inside[-wide:], inside[:, :wide], inside[:, -wide:])
    return np.concatenate([strip.ravel() for strip in strips])


def _shares(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the shares of bright and of dark values."""
    return float((values > 0.7).mean()), float((values < 0.3).mean())
