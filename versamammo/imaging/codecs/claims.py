"""What a picture claims of itself, checked before any memory is taken.

A decoder trusts the header of the stream it is given; a reader of strangers' files may not. So the
size and depth are compared with the tags of the file, and a stream that claims more than its length
can hold is refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from versamammo.errors import InputError

Color = Literal["as tagged", "RGB", "YBR"]

# The largest detectors in use give 26 million pixels, the finest film scans about 50 million.
MAX_PIXELS = 200_000_000
# Lossy 100:1 gives about 50 pixels per byte. An empty picture may exceed the limit, and a small
# claim does no harm, whatever its ratio.
MAX_PIXELS_PER_BYTE = 1_000
HARMLESS_PIXELS = 4_000_000


@dataclass(frozen=True)
class Claim:
    """Size [rows, columns, samples] and depth that a stream, or the tags of a file, state."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    color: Color = "as tagged"


def broken(message: str) -> InputError:
    """Build the error for a stream that contradicts its own format."""
    return InputError(message, field="PixelData", reason="decode-failed")


def cut_short(message: str) -> InputError:
    """Build the error for pixels that end too early."""
    return InputError(message, field="PixelData", reason="truncated")


def check_pixels(rows: int, columns: int) -> None:
    """Refuse pictures without pixels and those beyond any detector or film scanner.

    Raises:
        InputError: `zero-rows` or `too-large`.
    """
    if rows <= 0 or columns <= 0:
        raise InputError(
            f"the picture has {rows} x {columns} pixels; expected at least one",
            field="Rows" if rows <= 0 else "Columns",
            reason="zero-rows",
        )
    if rows * columns > MAX_PIXELS:
        raise InputError(
            f"{rows} x {columns} pixels are claimed; at most {MAX_PIXELS:,} are accepted",
            field="Rows",
            reason="too-large",
        )


def check_depth(samples: int, bits_allocated: int, bits_stored: int, high_bit: int) -> None:
    """Refuse depths and numbers of samples that no mammogram has.

    Raises:
        InputError: `unsupported-depth`.
    """
    field = found = None
    if bits_allocated not in (8, 16):
        field, found = "BitsAllocated", f"{bits_allocated}; expected 8 or 16"
    elif not 1 <= bits_stored <= bits_allocated:
        field, found = "BitsStored", f"{bits_stored} of {bits_allocated} allocated"
    elif not bits_stored - 1 <= high_bit < bits_allocated:
        field, found = "HighBit", f"{high_bit}, which cannot hold {bits_stored} bits"
    elif samples not in (1, 3):
        field, found = "SamplesPerPixel", f"{samples}; expected 1 (grey) or 3 (colour)"
    if field:
        raise InputError(f"found {found}", field=field, reason="unsupported-depth")


def check_size(claim: Claim, tags: Claim, *, length: int) -> None:
    """Refuse a stream that disagrees with the tags of its file, or claims more than it can hold.

    Raises:
        InputError: `size-mismatch`, `unsupported-depth` or `too-large`.
    """
    if (claim.rows, claim.columns, claim.samples) != (tags.rows, tags.columns, tags.samples):
        raise InputError(
            f"the tags say {tags.rows} x {tags.columns} with {tags.samples} sample(s), the "
            f"compressed picture {claim.rows} x {claim.columns} with {claim.samples}",
            field="PixelData",
            reason="size-mismatch",
        )
    if not 1 <= claim.precision <= 16:
        raise InputError(
            f"the compressed picture has {claim.precision} bits; 1 to 16 can be read",
            field="PixelData",
            reason="unsupported-depth",
        )
    pixels = claim.rows * claim.columns * claim.samples
    if pixels > HARMLESS_PIXELS and pixels > MAX_PIXELS_PER_BYTE * length:
        raise InputError(
            f"{length} bytes cannot hold the {claim.rows} x {claim.columns} pixels they claim",
            field="PixelData",
            reason="too-large",
        )


def check_length(data: bytes | memoryview, tags: Claim) -> None:
    """Refuse uncompressed pixels that end early.

    Raises:
        InputError: `truncated`.
    """
    expected = tags.rows * tags.columns * tags.samples * (tags.precision // 8)
    if len(data) < expected:
        raise cut_short(
            f"{len(data)} bytes of pixels; expected {expected} for {tags.rows} x {tags.columns}"
        )


def check_rle(data: bytes | memoryview, tags: Claim) -> None:
    """Check the segment table of an RLE frame (DICOM PS3.5 G.5); RLE states no size of its own.

    A run of two bytes gives at most 128, so a segment cannot hold more than 64 times its length.

    Raises:
        InputError: `decode-failed`.
    """
    if len(data) < 64:
        raise broken("the RLE frame is shorter than its header of 64 bytes")
    count, *offsets = struct.unpack_from("<16I", data)
    expected = tags.samples * (tags.precision // 8)
    bounds = [*offsets[:count], len(data)]
    if count != expected or bounds[0] != 64 or sorted(set(bounds)) != bounds:
        raise broken(f"the RLE segment table is damaged; expected {expected} segments in order")
    shortest = min(b - a for a, b in pairwise(bounds))
    if shortest * 64 < tags.rows * tags.columns:
        raise broken(f"an RLE segment of {shortest} bytes cannot hold a whole plane")
