"""Measures how the power of breast texture falls with spatial frequency: S(f) ~ 1 / f^beta.

After Burgess, Jacobson, Judy, Med Phys 28 (2001), who find beta near 3 in mammograms: square
regions inside the breast, mean removed, Hann window, two-dimensional periodogram averaged over
regions and directions, and a straight line through log power against log frequency.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.phantoms.phantom_view import PhantomView

REGION_MM = 32.0  # edge of a region; the lowest frequency used has about five periods in it
BAND_PER_MM = (0.15, 0.70)  # cycles per mm; above it detector grain and pixels of 0.6 mm intrude
RINGS = 12
MARGIN_MM = 8.0


def spectral_exponent(
    pixels: NDArray[np.float32], inside: NDArray[np.bool_], spacing_mm: float
) -> float:
    """Estimate beta over all regions of [H, W] pixels that lie wholly `inside`.

    Raises:
        InputError: no region fits (reason "no-region"), or pixels are too large for the band.
    """
    if spacing_mm > 0.45 / BAND_PER_MM[1]:
        raise InputError(
            f"pixels of {spacing_mm:.2f} mm are too large for {BAND_PER_MM[1]} cycles per mm",
            reason="too-coarse",
        )
    size = round(REGION_MM / spacing_mm)
    power = np.zeros((size, size), np.float64)
    regions = _regions(inside, size)
    window = np.outer(np.hanning(size), np.hanning(size))
    for row, column in regions:
        region = pixels[row : row + size, column : column + size].astype(np.float64)
        power += np.abs(scipy.fft.fft2((region - region.mean()) * window)) ** 2
    return _slope(power / len(regions), spacing_mm)


def interior(view: PhantomView) -> NDArray[np.bool_]:
    """Keep what lies at least MARGIN_MM from skin and muscle, bool [H, W]."""
    tissue = (view.breast & ~view.muscle).astype(np.uint8)
    distance = np.asarray(cv2.distanceTransform(tissue, cv2.DIST_L2, 5), np.float32)
    return np.asarray(distance * np.float32(view.spacing_mm) > MARGIN_MM)


def _regions(inside: NDArray[np.bool_], size: int) -> list[tuple[int, int]]:
    """List the upper left corners of half-overlapping squares without an outside pixel."""
    outside = cv2.integral((~inside).astype(np.uint8))
    count = outside[size:, size:] - outside[:-size, size:]
    count = count - outside[size:, :-size] + outside[:-size, :-size]
    step = max(1, size // 2)
    rows, columns = np.nonzero(count[::step, ::step] == 0)
    if rows.size == 0:
        raise InputError(f"no square of {REGION_MM} mm fits inside the breast", reason="no-region")
    return [(int(r) * step, int(c) * step) for r, c in zip(rows, columns, strict=True)]


def _slope(power: NDArray[np.float64], spacing_mm: float) -> float:
    f = scipy.fft.fftfreq(power.shape[0], spacing_mm)
    radius = np.hypot(f[:, None], f[None])
    edges = np.geomspace(*BAND_PER_MM, RINGS + 1)
    ring = np.digitize(radius, edges) - 1
    x, y = [], []
    for k in range(RINGS):
        chosen = ring == k
        if chosen.any():
            x.append(np.log(radius[chosen].mean()))
            y.append(np.log(power[chosen].mean()))
    return float(-np.polyfit(x, y, 1)[0])
