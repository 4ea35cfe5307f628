"""Shrinking by exact areas: each new pixel is the mean of the rectangle it covers in the old.

OpenCV's INTER_AREA gives the same picture; as two sparse products it takes about half the time.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def resize_area(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Shrink a picture [H, W] to size (H', W'), which may not exceed it, by area means."""
    if picture.shape == size:
        return picture
    rows = area_weights(picture.shape[0], size[0]) @ picture  # [H', W]
    return columns_by_area(rows, size[1])


def columns_by_area(picture: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Shrink a picture [H, W] to [H, width]."""
    upright = area_weights(picture.shape[1], width) @ cv2.transpose(picture)
    return cast(NDArray[np.float32], cv2.transpose(upright))


def levels_by_area(
    picture: NDArray[np.float32], size: tuple[int, int], white: int, *, mirrored: bool
) -> NDArray[np.uint16]:
    """Shrink a picture [H, W] of 0..1 to levels [H', W'] of 0..white, left and right exchanged.

    As `resize_area`, but scaling and mirroring cost no pass of their own.
    """
    rows = picture
    if len(picture) != size[0]:
        rows = area_weights(len(picture), size[0]) @ picture
    columns = area_weights(picture.shape[1], size[1]) * np.float32(white)
    upright = (columns[::-1] if mirrored else columns) @ cv2.transpose(rows)  # [W', H']
    upright += np.float32(0.5)
    # whole numbers are half as wide, so they are turned and not the others
    return cast(NDArray[np.uint16], cv2.transpose(upright.astype(np.uint16)))


def resize_nearest(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Give mask [H, W] the size (H', W') by the pixel under each new pixel's centre."""
    return mask[_under_centres(mask.shape[0], size[0])][:, _under_centres(mask.shape[1], size[1])]


def _under_centres(old: int, new: int) -> NDArray[np.intp]:
    return (np.arange(new) * 2 + 1) * old // (2 * new)


def area_weights(old: int, new: int) -> Any:
    """Give the sparse matrix [new, old] that takes means over `old / new` pixels each."""
    if new > old:
        raise ValueError(f"pictures are never enlarged: {old} pixels to {new}")
    # in units of 1 / (old * new) of the length, all edges are whole numbers
    taps = -(-old // new) + 1
    start = np.arange(new)[:, None] * old
    pixel = start // new + np.arange(taps)[None, :]
    shared = np.minimum((pixel + 1) * new, start + old) - np.maximum(pixel * new, start)
    weights = (np.maximum(shared, 0) / old).astype(np.float32)
    matrix = csr_array(
        (weights.ravel(), np.minimum(pixel, old - 1).ravel(), np.arange(new + 1) * taps),
        shape=(new, old),
    )
    matrix.eliminate_zeros()
    return matrix
