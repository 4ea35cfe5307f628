"""Prepared pictures on disk: one 16-bit TIFF each, lossless, and readable by rows.

Strips of 64 rows, compressed with Zstandard; the bytes depend on the pixels alone.
A private tag holds the CRC-32 of each strip's pixels, since Zstandard in TIFF checks nothing.

A detector's grain repeats nowhere, so nearly all that Zstandard can gain is air. Its fast levels
take that and leave the rest as it is: a fifth more bytes than with a predictor at level 1, written
in a third of the time and read, in every epoch again, in half. Pictures of few grey levels would
double, so they are compressed with that care.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import imagecodecs
import numpy as np
import tifffile
import zstandard
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.files import write_atomically

STRIP = 64  # rows
CAREFUL, QUICK = 1, -50  # levels of Zstandard; imagecodecs and tifffile take none below 1
SAMPLE = 16  # rows by which the level is chosen
WORTH = 0.8  # care is taken where it leaves less than this of the quick level's bytes
CHECKSUMS = 65000  # the first of the private tags


# what tifffile and its decoder raise at one broken byte or another
BROKEN = (tifffile.TiffFileError, ValueError, TypeError, LookupError, RuntimeError, MemoryError)


def write_levels(path: Path, levels: NDArray[np.uint16]) -> None:
    """Write levels [h, w] to path, whole or not at all.

    Raises:
        OSError: the folder cannot be written or the disk is full; nothing half-written remains.
    """
    if levels.ndim != 2 or levels.dtype != np.uint16:
        raise ValueError(f"the cache holds uint16 [h, w], got {levels.dtype} {levels.shape}")
    # as the file holds them, on any machine
    ordered = levels.astype("<u2", order="C", copy=False)
    strips = [ordered[top : top + STRIP] for top in range(0, len(levels), STRIP)]
    sums = tuple(_checksum(strip) for strip in strips)
    careful = _is_worth_care(strips[len(strips) // 2][:SAMPLE])
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        map(_coder(careful=careful), strips),  # tifffile leaves bytes as they are
        shape=levels.shape,
        dtype=levels.dtype,
        byteorder="<",
        photometric="minisblack",
        compression="zstd",
        predictor=careful,
        rowsperstrip=STRIP,
        metadata=None,
        software="versamammo",
        extratags=[(CHECKSUMS, "I", len(sums), sums, True)],
    )
    # to wait for the disk would take longer than the rest; whoever fills the cache asks it at last
    write_atomically(path, stream.getvalue(), durable=False)


def _coder(*, careful: bool) -> Callable[[NDArray[np.uint16]], bytes]:
    """Return the way to compress a strip: its differences with care, or itself quickly."""
    compressor = zstandard.ZstdCompressor(level=CAREFUL if careful else QUICK)

    def code(strip: NDArray[np.uint16]) -> bytes:
        shown = imagecodecs.delta_encode(strip, axis=1) if careful else strip
        return compressor.compress(shown.data)

    return code


def _is_worth_care(sample: NDArray[np.uint16]) -> bool:
    careful, quick = (len(_coder(careful=way)(sample)) for way in (True, False))
    return careful < WORTH * quick


def read_levels(path: Path, rows: slice | None = None) -> NDArray[np.uint16]:
    """Read levels [h, w], or only some rows of them, decoding no more strips than needed.

    Args:
        path: a file that `write_levels` wrote.
        rows: a slice of step 1; None reads all.

    Raises:
        InputError: the file is missing, truncated or not from the cache (`bad-cache`).
    """
    try:
        with path.open("rb") as stream, tifffile.TiffFile(stream) as tiff:
            page = cast(tifffile.TiffPage, tiff.pages[0])
            return _read_strips(tiff, page, rows)
    except OSError as error:
        raise _unusable(path, error.strerror or "cannot be read") from error
    except BROKEN as error:
        raise _unusable(path, str(error)) from error


def _read_strips(
    tiff: tifffile.TiffFile, page: tifffile.TiffPage, rows: slice | None
) -> NDArray[np.uint16]:
    # a picture lower than a strip is one strip of its own height
    expected = min(STRIP, page.shape[0])
    if page.dtype != np.uint16 or len(page.shape) != 2 or page.rowsperstrip != expected:
        raise ValueError(f"expected uint16 strips of {STRIP} rows, got {page.dtype} {page.shape}")
    height, width = page.shape
    start, stop, step = (rows or slice(None)).indices(height)
    if step != 1:
        raise ValueError(f"rows are read in steps of 1, got {step}")
    stop = max(start, stop)
    first, last, count = start // STRIP, -(-stop // STRIP), -(-height // STRIP)
    sums = np.atleast_1d(page.tags.valueof(CHECKSUMS, ()))
    if not len(page.dataoffsets) == len(page.databytecounts) == len(sums) == count:
        raise ValueError(f"expected {count} strips with their checksums")
    part = np.empty((min(last * STRIP, height) - first * STRIP, width), np.uint16)
    for index in range(first, last):
        tiff.filehandle.seek(page.dataoffsets[index])
        data = tiff.filehandle.read(page.databytecounts[index])
        if len(data) != page.databytecounts[index]:
            raise ValueError(f"ends within strip {index + 1} of {count}")
        strip, _, _ = page.decode(data, index)
        at = (index - first) * STRIP
        if strip is not None:
            part[at : at + strip.shape[1]] = strip[0, :, :, 0]
        if _checksum(part[at : at + STRIP]) != sums[index]:
            raise ValueError(f"strip {index + 1} of {count} does not hold what was written")
    return part[start - first * STRIP : stop - first * STRIP]


def _checksum(levels: NDArray[np.uint16]) -> int:
    return int(imagecodecs.deflate_crc32(levels.astype("<u2", copy=False).tobytes()))


def content_key(digest: str, settings: Mapping[str, Any]) -> str:
    """Name a cached picture by the hash of its source's bytes and of the settings."""
    text = json.dumps({"source": digest, "settings": settings}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _unusable(path: Path, why: str) -> InputError:
    return InputError(f"the cached picture cannot be used: {why}", file=path, reason="bad-cache")
