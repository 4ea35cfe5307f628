"""Looks at a finished picture: a breast that is nearly black or white was shown by a wrong scale.

Of 1,904 real mammograms one is so dark, a film whose brightest tissue lies at 0.06 of the range;
of every third the others lie above 0.35, and at most 0.1 of a breast is wholly black or white.
"""

from __future__ import annotations

import numpy as np

from versamammo.imaging.breast.shapes import Levels, Mask
from versamammo.imaging.quantiles import quantile

DARK = 0.12  # the brightest tissue of a breast that can be seen is above this
CLIPPED = 0.5  # share of a breast that may have the first or last level
ENDS = (0.002, 0.998)


def exposure_notes(body: Mask, small: Levels) -> list[str]:
    """Warn of a breast [h, w] that is nearly black, or mostly clipped to black or white."""
    inside = small[::3, ::3][body[::3, ::3] > 0]
    if not inside.size:
        return []
    brightest = quantile(inside, 0.95)
    if brightest < DARK:
        return [f"the breast is nearly black, at most {brightest:.2f} of white: the scale is wrong"]
    for level, share in (
        ("black", np.count_nonzero(inside <= ENDS[0]) / inside.size),
        ("white", np.count_nonzero(inside >= ENDS[1]) / inside.size),
    ):
        if share > CLIPPED:
            return [f"{share:.0%} of the breast is clipped to {level}: the scale may be wrong"]
    return []
