"""A PNG, JPEG, TIFF or PGM file into a mammogram.

Such files say little: the scale follows the bits that are in use, the polarity follows the
surroundings of the breast, and side and view come from strict words of the file name.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError, Refused, naming
from versamammo.imaging.color import to_grey
from versamammo.imaging.dicom.positioning import Positioning, name_position
from versamammo.imaging.grayscale import (
    TABLE_SIZE,
    Grayscale,
    WindowFunction,
    show,
    used_bits,
)
from versamammo.imaging.lazy_image import LatentImage
from versamammo.imaging.mammogram import Identifiers, Mammogram, Provenance
from versamammo.imaging.polarity import background_is_bright, thinned
from versamammo.imaging.raster_formats import FORMATS, RasterImage

# Larger files hold no single mammogram of 200 million pixels at 16 bits.
MAX_FILE_BYTES = 512 * 2**20

# Shares of the way from the darkest level to the brightest, up to and from which a mask is flat.
LOW, HIGH = 0.1, 0.9
EDGE_SHARE = 0.005  # of the shorter side: how far JPEG and shrinking blur the edge of a mask
SMALLEST = 0.05  # share of a picture that no breast takes less of
FADED = 0.02  # of what is not dark: from here on levels between the two are no blurred edges
GRAIN = 0.004  # standard deviation of shares from which a surface is not flat


def expose_raster(
    path: Path | str,
    file_format: str,
    *,
    frame: int | None = None,
    content: bytes | None = None,
) -> LatentImage:
    """Read one mammogram from a raster file of a known format, a key of `FORMATS`.

    `content` is what the file holds, if it is at hand; the file is then not opened.

    Raises:
        InputError: the file is damaged, too large, or has no such frame.
        Refused: it is a colour picture or a mask.
    """
    path = Path(path)
    with naming(path):
        data = _bytes_of(path) if content is None else content
        picture = FORMATS[file_format](data, frame or 0)
        return _described(picture, path, file_format)


def _bytes_of(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"{size:,} bytes, at most {MAX_FILE_BYTES:,}", reason="too-large")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", reason="unreadable") from error


def _described(picture: RasterImage, path: Path, file_format: str) -> LatentImage:
    notes = list(picture.notes)
    stored = _upright(_grey(picture.pixels, notes), picture.orientation, notes)
    full_scale, bits = _scale(stored, picture.full_scale, notes)
    table = np.arange(TABLE_SIZE, dtype=np.float32) / np.float32(full_scale)
    inverted = picture.white_is_zero
    if inverted:
        table = 1.0 - table
    few = show(thinned(stored), table)
    if background_is_bright(few):
        table, inverted, few = 1.0 - table, not inverted, 1.0 - few
        notes.append("the surroundings are bright: taken for a negative and turned round")
    _refuse_mask(few, stored, table)
    if picture.lossy:
        notes.append("the picture was compressed with loss")
    found = name_position(Positioning(), path.name)
    around = partial(
        Mammogram,
        bits=bits,
        provenance=Provenance(
            file=path.name,
            format=file_format,
            photometric=picture.photometric,
            inverted=inverted,
            decoder="tifffile" if file_format == "TIFF" else "imagecodecs",
        ),
        identifiers=Identifiers(image_id=path.stem),
        laterality=found.laterality,
        laterality_source=found.laterality_source,
        view=found.view,
        view_source=found.view_source,
        modifiers=found.modifiers,
        warnings=(*notes, *found.warnings),
    )
    exact = WindowFunction("LINEAR_EXACT", full_scale / 2, full_scale)
    return LatentImage(stored, table, around, Grayscale(bits, voi=exact, inverse=inverted))


def _refuse_mask(
    few: NDArray[np.float32], stored: NDArray[Any], table: NDArray[np.float32]
) -> None:
    """Refuse a picture of two levels, which public archives keep beside their mammograms.

    Of what is not dark, at most a third lay between the levels in 130 masks (blurred by JPEG), and
    at least three quarters in 1,902 mammograms. A mammogram of hard contrast may lie among the
    masks there, so all of its pixels are looked at before it is refused.
    """
    bright, lit = _shares(few) >= HIGH, _shares(few) > LOW
    suspect = lit.mean() < SMALLEST or (lit & ~bright).sum() < bright.sum()
    if suspect and _is_mask(show(stored, table)):
        raise Refused("holds but two levels: a mask, not a mammogram", reason="mask")


def _is_mask(pixels: NDArray[np.float32]) -> bool:
    """Return whether pixels [H, W] are of two flat levels that meet at narrow edges.

    A mammogram whose tissue is clipped to white still fades towards the skin, and one that is
    bright or dark all over has grain: in a mask neither is found away from the edges.
    """
    share = _shares(pixels)
    reach = max(8, round(EDGE_SHARE * min(pixels.shape)))
    dark, bright = share <= LOW, share >= HIGH
    faded = ~dark & ~bright & ~(_widened(dark, reach) & _widened(bright, reach))
    if float(faded.sum()) >= FADED * float((~dark).sum()):
        return False
    inside = [share[~_widened(~level, reach)] for level in (dark, bright)]
    return all(level.size == 0 or float(level.std()) < GRAIN for level in inside)


def _shares(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return levels as shares of the way from the darkest to the brightest."""
    darkest, brightest = float(pixels.min()), float(pixels.max())
    return (pixels - np.float32(darkest)) / np.float32(max(brightest - darkest, 1e-6))


def _widened(where: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return `where` [H, W] with all that lies within `reach` pixels, along rows and columns."""
    side = 2 * reach + 1
    wide = cv2.dilate(where.astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(wide, np.bool_)


def _grey(pixels: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    """Reduce colours [H, W, C] to grey [H, W], leaving transparency out."""
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[-1] in (2, 4):
        notes.append("transparency was left out")
        pixels = pixels[..., :-1]
    if pixels.shape[-1] == 1:
        return pixels[..., 0]
    grey, note = to_grey(pixels)
    notes.append(note)
    return grey


def _upright(pixels: NDArray[Any], orientation: int, notes: list[str]) -> NDArray[Any]:
    """Turn a picture as its EXIF orientation asks, so that coordinates fit what viewers show."""
    if orientation == 1:
        return pixels
    notes.append(f"turned by its EXIF orientation {orientation}")
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    # 5 to 8 transpose first; these are the mirrorings that then remain.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _scale(stored: NDArray[Any], full_scale: int, notes: list[str]) -> tuple[int, int]:
    """Return the value that is shown as 1, by the bits in use, and how many those are."""
    stated = full_scale.bit_length()
    bits = used_bits(stored, stated)
    if bits < stated:
        notes.append(f"{bits} of {stated} bits are in use and were shown")
        full_scale = (1 << bits) - 1
    return full_scale, bits
