"""The way from a stored picture to a model's input and back, exactly.

All coordinates are continuous (see `versamammo.imaging.mammogram`): pixel c covers [c, c + 1). A
crop cuts, may mirror, scales each axis by an exact ratio of whole numbers, and pads right and
below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from versamammo.errors import InputError
from versamammo.input.resampling import resize_area, resize_nearest

Points = NDArray[np.float64]
Size = tuple[int, int]
Spacing = tuple[float, float]


def fit_within(size: Size, bounds: Size) -> Size:
    """Shrink (H, W) to lie within bounds (H, W), keeping its aspect; never enlarge."""
    if size[0] <= bounds[0] and size[1] <= bounds[1]:
        return size
    # whole numbers throughout, so that the longer side meets its bound on every machine
    if size[0] * bounds[1] >= size[1] * bounds[0]:
        return bounds[0], max(1, (2 * size[1] * bounds[0] + size[0]) // (2 * size[0]))
    return max(1, (2 * size[0] * bounds[1] + size[1]) // (2 * size[1])), bounds[1]


@dataclass(frozen=True)
class Crop:
    """Where a model's input lies in the stored picture.

    Attributes:
        source_size: (H, W) of the stored picture.
        box: the part that was cut out, (x1, y1, x2, y2) in whole source pixels.
        mirrored: True if the cut was flipped left to right, so that the chest wall is left.
        content_size: (H, W) of the cut after scaling.
        input_size: (H, W) after padding right and below.
    """

    source_size: Size
    box: tuple[int, int, int, int]
    mirrored: bool
    content_size: Size
    input_size: Size

    def __post_init__(self) -> None:
        x1, y1, x2, y2 = self.box
        if not (0 <= x1 < x2 <= self.source_size[1] and 0 <= y1 < y2 <= self.source_size[0]):
            raise InputError(
                f"{self.box} does not lie within a picture of {self.source_size} (H, W)",
                field="crop.box",
                reason="bad-crop",
            )
        for content, whole in zip(self.content_size, self.input_size, strict=True):
            if not 0 < content <= whole:
                raise InputError(
                    f"content {self.content_size} does not lie within input {self.input_size}",
                    field="crop.content_size",
                    reason="bad-crop",
                )

    @property
    def cut_size(self) -> Size:
        """(H, W) of the cut, in source pixels."""
        x1, y1, x2, y2 = self.box
        return y2 - y1, x2 - x1

    def within(self, size: Size) -> Crop:
        """Return the crop of the same cut, shrunk to fit (H, W) and padded to it."""
        return replace(self, content_size=fit_within(self.content_size, size), input_size=size)

    def spacing_to_input(self, spacing_mm: Spacing | None) -> Spacing | None:
        """Return the distance between input rows and between input columns, in millimetres."""
        if spacing_mm is None:
            return None
        down, across = self._scale()
        return spacing_mm[0] / down, spacing_mm[1] / across

    def points_to_input(self, points: ArrayLike) -> Points:
        """Map source points [..., 2] as (x, y) to the input; those outside the cut stay outside."""
        xy = np.asarray(points, dtype=np.float64)
        x1, y1, x2, _ = self.box
        down, across = self._scale()
        x = x2 - xy[..., 0] if self.mirrored else xy[..., 0] - x1
        return np.stack([x * across, (xy[..., 1] - y1) * down], axis=-1)

    def points_to_source(self, points: ArrayLike) -> Points:
        """Map input points [..., 2] as (x, y) back to the source; the inverse of the above."""
        xy = np.asarray(points, dtype=np.float64)
        x1, y1, x2, _ = self.box
        down, across = self._scale()
        x = xy[..., 0] / across
        return np.stack([x2 - x if self.mirrored else x + x1, xy[..., 1] / down + y1], axis=-1)

    def boxes_to_input(self, boxes: ArrayLike) -> Points:
        """Map source boxes [N, 4] to the input, clipped to the content.

        A box of which nothing remains becomes NaN, as does an unknown (NaN) box.

        Raises:
            InputError: a box has no area (`bad-box`).
        """
        h, w = self.content_size
        return _clipped(_map_boxes(boxes, self.points_to_input), (0, 0, w, h))

    def boxes_to_source(self, boxes: ArrayLike) -> Points:
        """Map input boxes [N, 4] to the source, clipped to the cut; NaN where nothing remains.

        Raises:
            InputError: a box has no area (`bad-box`).
        """
        return _clipped(_map_boxes(boxes, self.points_to_source), self.box)

    def mask_to_input(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Map a source mask [H, W] to the input [H', W']; a pixel counts if half of it is covered.

        Of a mask that covers no pixel whole, half of what it covers most counts: none vanishes.

        Raises:
            InputError: the mask has not the size of the source (`bad-mask`).
        """
        x1, y1, x2, y2 = self.box
        cut = _sized(mask, self.source_size)[y1:y2, x1:x2]
        covered = resize_area(cut.astype(np.float32), self.content_size)
        content = (covered > 0) & (covered >= 0.5 * covered.max() - 1e-6)
        placed = np.zeros(self.input_size, np.bool_)
        h, w = self.content_size
        placed[:h, :w] = content[:, ::-1] if self.mirrored else content
        return placed

    def mask_to_source(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Map an input mask [H', W'] to the source [H, W] by the nearest pixel.

        Raises:
            InputError: the mask has not the size of the input (`bad-mask`).
        """
        x1, y1, x2, y2 = self.box
        h, w = self.content_size
        content = _sized(mask, self.input_size)[:h, :w]
        if self.mirrored:
            content = content[:, ::-1]
        placed = np.zeros(self.source_size, np.bool_)
        placed[y1:y2, x1:x2] = resize_nearest(content, self.cut_size)
        return placed

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, for the manifest."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Crop:
        """Read what `to_dict` wrote.

        Raises:
            InputError: a key is missing or unknown, or the crop makes no sense.
        """
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise InputError(
                f"expected the keys {sorted(names)}, got {sorted(record)}",
                field="crop",
                reason="bad-crop",
            )
        plain = {
            name: bool(value) if name == "mirrored" else tuple(int(number) for number in value)
            for name, value in record.items()
        }
        return cls(**cast(dict[str, Any], plain))

    def _scale(self) -> tuple[float, float]:
        """(rows, columns): input pixels for each source pixel."""
        (rows, columns), (h, w) = self.cut_size, self.content_size
        return h / rows, w / columns


def _map_boxes(boxes: ArrayLike, move: Callable[[ArrayLike], Points]) -> Points:
    """Map two opposite corners, and put them in order again after a mirror."""
    corners = move(_checked(boxes).reshape(-1, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _checked(boxes: ArrayLike) -> Points:
    found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    flat = (found[:, 2] <= found[:, 0]) | (found[:, 3] <= found[:, 1])
    if flat.any():
        raise InputError(
            f"expected x1 < x2 and y1 < y2, got {found[flat][0].tolist()}",
            field="boxes",
            reason="bad-box",
        )
    return found


def _clipped(boxes: Points, frame: tuple[int, int, int, int]) -> Points:
    """Clip boxes [N, 4] to a frame; NaN where nothing remains."""
    x1, y1, x2, y2 = frame
    clipped = np.clip(boxes, [x1, y1, x1, y1], [x2, y2, x2, y2])
    empty = (clipped[:, 2] <= clipped[:, 0]) | (clipped[:, 3] <= clipped[:, 1])
    clipped[empty | np.isnan(boxes).any(axis=1)] = np.nan
    return clipped


def _sized(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    if mask.shape != size:
        raise InputError(
            f"expected a mask of {size} (H, W), got {mask.shape}", field="mask", reason="bad-mask"
        )
    return mask.astype(np.bool_, copy=False)
