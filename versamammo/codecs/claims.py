"""What a compressed picture says of itself, read from its header before any memory is taken.

A decoder trusts the header of the stream it is given; a reader of strangers' files may not. So the
size, depth and colour are parsed here first, compared with the tags of the file, and a stream that
claims more than its length can hold is refused.
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
    """Size [rows, columns, samples] and depth that a compressed stream states in its header."""

    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    color: Color = "as tagged"


def jpeg_claim(data: bytes) -> Claim:
    """Read the frame header of a JPEG or JPEG-LS stream (ITU-T T.81 B.2.2, T.87 C.2.2)."""
    if data[:2] != b"\xff\xd8":
        raise _broken("the compressed data do not start as a JPEG stream")
    color: Color = "as tagged"
    for marker, body in _jpeg_segments(data):
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            color = "YBR"
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            color = "YBR" if body[11] else "RGB"
        elif marker in _START_OF_FRAME:
            if len(body) < 6:
                break
            precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
            return Claim(rows, columns, samples, precision, color=_grey_or(color, samples))
    raise _broken("the JPEG stream has no frame header")


# Every SOFn of T.81 (C4, C8 and CC are other markers), and SOF55 of JPEG-LS.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def _jpeg_segments(data: bytes) -> list[tuple[int, bytes]]:
    """List (marker, body) of the segments before the first scan."""
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (0xDA, 0xD9):
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def jpeg2000_claim(data: bytes) -> Claim:
    """Read the SIZ and COD segments of a JPEG 2000 codestream (ITU-T T.800 A.5.1, A.6.1)."""
    # Some archives wrap the codestream in a JP2 file, which DICOM forbids and decoders accept.
    start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(data) < start + 45:
        raise _broken("the compressed data hold no JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">4I", data, start + 8)
    tile_width, tile_height = struct.unpack_from(">2I", data, start + 24)
    samples, depth, step_x, step_y = struct.unpack_from(">HBBB", data, start + 40)
    if not (step_x == step_y == 1 and tile_width and tile_height):
        raise _broken("the JPEG 2000 stream has subsampled or empty tiles")
    return Claim(
        rows=height - top,
        columns=width - left,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        color=_grey_or("RGB" if _has_color_transform(data, start) else "as tagged", samples),
    )


def _has_color_transform(data: bytes, start: int) -> bool:
    """Say whether the decoder will turn YCbCr into RGB by itself (T.800 table A.17)."""
    at = start + 2
    while at + 9 <= len(data) and data[at : at + 2] != b"\xff\x90":
        if data[at : at + 2] == b"\xff\x52":
            return data[at + 8] == 1
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def rle_claim(data: bytes, tags: Claim) -> Claim:
    """Check the segment table of an RLE frame (DICOM PS3.5 G.5); RLE states no size of its own.

    A run of two bytes gives at most 128, so a segment cannot hold more than 64 times its length.
    """
    if len(data) < 64:
        raise _broken("the RLE frame is shorter than its header of 64 bytes")
    count, *offsets = struct.unpack_from("<16I", data)
    expected = tags.samples * (tags.precision // 8)
    bounds = [*offsets[:count], len(data)]
    if count != expected or bounds[0] != 64 or sorted(set(bounds)) != bounds:
        raise _broken(f"the RLE segment table is damaged; expected {expected} segments in order")
    shortest = min(b - a for a, b in pairwise(bounds))
    if shortest * 64 < tags.rows * tags.columns:
        raise _broken(f"an RLE segment of {shortest} bytes cannot hold a whole plane")
    return tags


def check_length(data: bytes, tags: Claim) -> None:
    """Refuse uncompressed pixels that end early.

    Raises:
        InputError: `truncated`.
    """
    expected = tags.rows * tags.columns * tags.samples * (tags.precision // 8)
    if len(data) < expected:
        raise InputError(
            f"{len(data)} bytes of pixels; expected {expected} for {tags.rows} x {tags.columns}",
            field="PixelData",
            reason="truncated",
        )


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
    if claim.precision > 16:
        raise InputError(
            f"the compressed picture has {claim.precision} bits; at most 16 can be read",
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


def check_end(data: bytes) -> None:
    """Refuse a JPEG or JPEG 2000 stream that stops before its end marker.

    libjpeg-turbo fills what is missing with grey and reports success, so this must be asked first.
    Archives pad frames with zeros or stray bytes, hence a look at the last few only.
    """
    if b"\xff\xd9" not in data[-64:].rstrip(b"\0")[-34:]:
        raise InputError(
            "the compressed picture ends before its end marker",
            field="PixelData",
            reason="truncated",
        )


def _grey_or(color: Color, samples: int) -> Color:
    return color if samples > 1 else "as tagged"


def _broken(message: str) -> InputError:
    return InputError(message, field="PixelData", reason="decode-failed")
