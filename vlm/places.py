"""Where a finding lies, in words: boxes in shares of the prepared breast, and back to the file.

`[0.21, 0.40, 0.35, 0.52]` is (x1, y1, x2, y2) of the breast as cut out and turned chest wall
left, 0 at its left and top edge and 1 at its right and bottom edge; padding does not count.
"""

from __future__ import annotations

import re

import numpy as np

from versamammo.geometry import Crop
from versamammo.mammogram import Box

_NUMBER = r"([01](?:\.\d+)?)"
_PLACE = re.compile(r"\[\s*" + r"\s*,\s*".join([_NUMBER] * 4) + r"\s*\]")


def in_words(box: Box, crop: Crop) -> str | None:
    """Write a box of the stored file; None if it lies outside the prepared breast."""
    height, width = crop.content_size
    shares = crop.boxes_to_input([box.as_tuple()])[0] / (width, height, width, height)
    if np.isnan(shares).any():
        return None
    return "[" + ", ".join(f"{share:.2f}" for share in shares) + "]"


def boxes_in(text: str, crop: Crop) -> tuple[Box, ...]:
    """Find the places named in a text, as boxes of the stored file; those without area are none."""
    height, width = crop.content_size
    found = []
    for match in _PLACE.finditer(text):
        x1, y1, x2, y2 = (float(number) for number in match.groups())
        if x1 < x2 <= 1 and y1 < y2 <= 1:
            content = np.array([x1, y1, x2, y2]) * (width, height, width, height)
            found.append(Box(*(float(v) for v in crop.boxes_to_source([content])[0])))
    return tuple(found)
