"""Where a finding lies, in words: boxes in shares of the prepared breast, and back to the file.

`[0.21, 0.40, 0.35, 0.52]` is (x1, y1, x2, y2) of the breast as cut out and turned chest wall
left, 0 at its left and top edge and 1 at its right and bottom edge; padding does not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from versamammo.imaging.mammogram import Box
from versamammo.input.geometry import Crop

_NUMBER = r"([01](?:\.\d+)?)"
_PLACE = re.compile(r"\[\s*" + r"\s*,\s*".join([_NUMBER] * 4) + r"\s*\](?:\s+in\s+image\s+(\d))?")


def in_words(box: Box, crop: Crop) -> str | None:
    """Write a box of the stored file; None if it lies outside the prepared breast."""
    height, width = crop.content_size
    shares = crop.boxes_to_input([box.as_tuple()])[0] / (width, height, width, height)
    if np.isnan(shares).any():
        return None
    return "[" + ", ".join(f"{share:.2f}" for share in shares) + "]"


def places_in(text: str, crops: Sequence[Crop]) -> tuple[tuple[int, Box], ...]:
    """Find the places named in a text, as (image from 0, box of its file).

    `[...] in image 2` is of the second image. Of several images a place must say which, and a box
    without area is none.
    """
    found = []
    for match in _PLACE.finditer(text):
        *corners, number = match.groups()
        x1, y1, x2, y2 = (float(corner) for corner in corners)
        image = int(number) - 1 if number else 0
        known = image < len(crops) if number else len(crops) == 1
        if known and x1 < x2 <= 1 and y1 < y2 <= 1:
            height, width = crops[image].content_size
            content = np.array([x1, y1, x2, y2]) * (width, height, width, height)
            found.append((image, Box(*map(float, crops[image].boxes_to_source([content])[0]))))
    return tuple(found)


def boxes_in(text: str, crop: Crop) -> tuple[Box, ...]:
    """Find the places named in a text about one image, as boxes of its file."""
    return tuple(box for _, box in places_in(text, [crop]))
