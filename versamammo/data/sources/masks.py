"""Reads the mask of a finding, whatever form its archive gave it.

`Finding.mask` is a path relative to the root of the source: of a picture (PNG, JPEG, DICOM), or,
with "#" and a number counted from 0, of one outline in a table of outlines (VIA's CSV) or in an
OsiriX XML, or of one annotation in a COCO file.
"""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from versamammo.data.sources.coco_masks import changed, coco_mask
from versamammo.data.sources.headers import frame_pixels, is_dicom
from versamammo.data.sources.sheet import read_sheet
from versamammo.errors import InputError
from versamammo.files import parse_json

HALF = 128  # of 8 bits: JPEG blurs the edges of what was black and white
ELLIPSE_POINTS = 72

Points = list[tuple[float, float]]


def read_mask(root: Path, mask: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a finding's mask [H, W] in pixels of the stored image.

    Args:
        root: of the source.
        mask: as the manifest has it.
        size: (H, W) of the image.

    Raises:
        InputError: there is no such mask, or it is of another size (reason "mask-size").
    """
    path, _, number = mask.partition("#")
    if number and path.lower().endswith(".json"):
        return coco_mask(root / path, int(number), size)
    if number:
        drawn = np.zeros(size, np.uint8)
        outlines = remembered(root / path, changed(root / path))
        if int(number) >= len(outlines):
            raise InputError(f"no outline {number}", file=path, field="mask", reason="missing-mask")
        points = np.floor(np.array(outlines[int(number)], np.float64)).astype(np.int32)
        cv2.fillPoly(drawn, [points], 1)
        return drawn.astype(bool)
    marked = picture_mask(root / path)
    if marked.shape != size:
        raise InputError(
            f"the mask has {marked.shape} pixels (H, W), its image {size}",
            file=path, field="mask", reason="mask-size",
        )  # fmt: skip
    return marked


def picture_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask picture [H, W]: what is brighter than half is marked, of DICOM what is not 0."""
    try:
        if is_dicom(path):
            return np.asarray(frame_pixels(path, 0) > 0)
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L")) >= HALF
    except MemoryError:
        raise
    except Exception as error:  # a damaged picture can make its library raise anything
        raise InputError(
            f"{path.name} cannot be read as a mask: {error}",
            file=path, field="mask", reason="unreadable",
        ) from error  # fmt: skip


@lru_cache(maxsize=4)
def remembered(path: Path, _changed: int) -> list[Points]:
    """Read outlines once: a table of all of them would be parsed for each."""
    return outlines_in(path)


def outlines_in(path: Path) -> list[Points]:
    """Read every outline of an OsiriX XML or of a VIA table, in the file's order."""
    if path.suffix.lower() == ".xml":
        return [points for _, points in osirix_regions(path)]
    shapes = read_sheet(path).columns("region_shape_attributes")
    return [via_points(shape, path) for (shape,) in shapes]


def osirix_regions(path: Path) -> list[tuple[str, Points]]:
    """Read the named regions of an OsiriX XML, as INbreast uses it.

    Raises:
        InputError: it is no such file (reason "bad-outlines").
    """
    try:
        with path.open("rb") as stream:
            found = plistlib.load(stream)
        rois = [roi for image in found["Images"] for roi in image["ROIs"]]
        return [(str(roi["Name"]), [pair(text) for text in roi["Point_px"]]) for roi in rois]
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can make the parser raise anything
        raise InputError(
            f"no regions can be read: {error}", file=path, field="mask", reason="bad-outlines"
        ) from error


def pair(text: str) -> tuple[float, float]:
    """Read "(x, y)"."""
    x, y = text.strip().strip("()").split(",")
    return float(x), float(y)


def via_points(text: str, path: Path) -> Points:
    """Turn a shape of the VGG Image Annotator into the points of its outline.

    Raises:
        InputError: the shape is not known (reason "bad-outlines").
    """
    try:
        return shape_points(parse_json(text))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{text[:60]!r} is no shape of VIA: {error}",
            file=path, field="region_shape_attributes", reason="bad-outlines",
        ) from error  # fmt: skip


def shape_points(shape: Mapping[str, Any]) -> Points:
    """Return the outline of a polygon, polyline, circle, ellipse, rectangle or point."""
    name = shape["name"]
    if name in ("polygon", "polyline"):
        return list(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
    if name == "rect":
        x, y, w, h = (shape[key] for key in ("x", "y", "width", "height"))
        return [(x, y), (x + w - 1, y), (x + w - 1, y + h - 1), (x, y + h - 1)]
    x, y = shape["cx"], shape["cy"]
    if name == "point":
        return [(x, y)]
    wide, high = (shape["r"],) * 2 if name == "circle" else (shape["rx"], shape["ry"])
    turn = shape.get("theta", 0.0)
    angles = np.linspace(0, 2 * np.pi, ELLIPSE_POINTS, endpoint=False)
    along, across = wide * np.cos(angles), high * np.sin(angles)
    xs = x + along * np.cos(turn) - across * np.sin(turn)
    ys = y + along * np.sin(turn) + across * np.cos(turn)
    return [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]
