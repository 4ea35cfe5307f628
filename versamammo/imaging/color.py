"""Grey values from pictures stored in colour, as many scanned films and screen copies are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import Refused

# A colour picture is one where a tenth of the pixels is clearly coloured; labels and lossy
# compression stay far below both limits.
CLEARLY_COLORED = 0.2  # spread between channels, as a share of full scale
COLORED_SHARE = 0.1
# ITU-R BT.601, as JPEG and DICOM (PS3.3 C.7.6.3.1.2) weigh red, green and blue.
LUMA = (0.299, 0.587, 0.114)


def to_grey(pixels: NDArray[Any], *, luminance_first: bool = False) -> tuple[NDArray[Any], str]:
    """Turn [H, W, 3] into [H, W] of the same type, and say how.

    Args:
        pixels: red, green and blue, or luminance and two chrominances.
        luminance_first: whether the first component is the luminance already.

    Raises:
        Refused: `not-a-mammogram`, if it really is a colour picture.
    """
    if luminance_first:
        _refuse_color(2 * np.abs(_small(pixels)[..., 1:] - 0.5).max(axis=-1))
        return np.ascontiguousarray(pixels[..., 0]), "stored in colour: its luminance was taken"
    first = pixels[..., 0]
    if np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2]):
        return np.ascontiguousarray(first), "stored as three equal colours"
    small = _small(pixels)
    _refuse_color(small.max(axis=-1) - small.min(axis=-1))
    grey = np.rint(pixels[..., :3] @ np.array(LUMA, np.float32)).astype(pixels.dtype)
    return grey, "stored in colour: its luminance was taken"


def _small(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Thin a picture out to a few hundred rows, on a scale of 0..1."""
    step = max(1, min(pixels.shape[:2]) // 256)
    return pixels[::step, ::step].astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _refuse_color(colorfulness: NDArray[np.float32]) -> None:
    if float((colorfulness > CLEARLY_COLORED).mean()) > COLORED_SHARE:
        raise Refused("a colour picture; mammograms are grey", reason="not-a-mammogram")
