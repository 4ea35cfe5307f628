"""The pixels of one picture as the browser gets them: all 16 bits, without loss.

Each row holds its first value and then the differences from one value to the next, modulo 65536,
as numbers without a sign (0, -1, 1, -2 ... become 0, 1, 2, 3 ...): first the low bytes of the row,
then its high bytes. The rows are one zlib stream. `lightbox/decode.js` reads them back.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.chat.evidence.exam import ExamImage

PREVIEW = 4  # every fourth row and column are sent first
MARGIN = 4  # pixels by which a burned-in mark is covered beyond its box
EFFORT = 1  # of zlib; level 6 takes twice as long for 3 % fewer bytes


def sent_values(image: ExamImage) -> NDArray[np.uint16]:
    """Return the values uint16 [H, W] that may leave the server: burned-in marks are covered."""
    values = image.stored
    marks = image.breast.marks if image.breast is not None else ()
    if marks:
        values = values.copy()
    for mark in marks:
        x1, y1, x2, y2 = (round(side) for side in mark.as_tuple())
        covered = np.s_[max(0, y1 - MARGIN) : y2 + MARGIN, max(0, x1 - MARGIN) : x2 + MARGIN]
        values[covered] = image.display.dark
    return np.asarray(values, np.uint16)


def encode(values: NDArray[Any]) -> bytes:
    """Compress values uint16 [H, W] as described above."""
    differences = np.array(values, np.uint16)
    differences[:, 1:] -= values[:, :-1]
    signs = (differences.view(np.int16) >> 15).view(np.uint16)
    unsigned = ((differences << 1) ^ signs).astype("<u2")
    rows = unsigned.view(np.uint8).reshape(*values.shape, 2)
    return zlib.compress(rows.transpose(0, 2, 1).tobytes(), EFFORT)


def decode(data: bytes, size: tuple[int, int]) -> NDArray[np.uint16]:
    """Return the values uint16 [H, W] of what `encode` wrote."""
    rows, columns = size
    halves = np.frombuffer(zlib.decompress(data), np.uint8).reshape(rows, 2, columns)
    unsigned = halves[:, 0].astype(np.uint16) | halves[:, 1].astype(np.uint16) << 8
    differences = (unsigned >> 1) ^ -(unsigned & 1).astype(np.uint16)
    return np.cumsum(differences, axis=1, dtype=np.uint16)


def preview(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return every fourth value [H/4, W/4] each way, rounded up: no value is made up."""
    return np.ascontiguousarray(values[::PREVIEW, ::PREVIEW])
