"""The markers of a JPEG 2000 codestream: what it claims, and whether all its tiles are there."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from versamammo.imaging.codecs.claims import Claim, broken, cut_short

CODESTREAM = b"\xff\x4f\xff\x51"  # SOC and SIZ
CODING_STYLE = b"\xff\x52"
START_OF_TILE_PART = b"\xff\x90"
FIRST_TILE_PART = re.compile(START_OF_TILE_PART)
END_OF_CODESTREAM = b"\xff\xd9"
# Smaller precincts serve nobody, and one per pixel costs a decoder gigabytes and half a minute.
MIN_PRECINCT_EXPONENT = 5


@dataclass(frozen=True)
class _Coding:
    color_transform: bool
    smallest_precinct: int


def jpeg2000_claim(data: bytes | memoryview) -> Claim:
    """Read a codestream's size, depth and colour, and check that its tiles are complete.

    ITU-T T.800 A.5.1 (SIZ), A.6.1 (COD) and A.4.2 (SOT). The codestream may stand in a JP2 file,
    which DICOM forbids and some archives hold.

    Raises:
        InputError: `decode-failed` or `truncated`.
    """
    start = bytes(data[:4096]).find(CODESTREAM)
    if start < 0 or len(data) < start + 45:
        raise broken("the compressed data hold no JPEG 2000 codestream")
    width, height, left, top = struct.unpack_from(">4I", data, start + 8)
    tile_width, tile_height, tile_left, tile_top = struct.unpack_from(">4I", data, start + 24)
    samples, depth, step_x, step_y = struct.unpack_from(">HBBB", data, start + 40)
    if not (step_x == step_y == 1 and tile_width and tile_height):
        raise broken("the JPEG 2000 stream has subsampled components or empty tiles")
    coding = _coding_style(data, start)
    if coding.smallest_precinct < MIN_PRECINCT_EXPONENT:
        raise broken(f"the JPEG 2000 precincts are {1 << coding.smallest_precinct} pixels wide")
    across = -(-(width - tile_left) // tile_width)
    _check_tiles(data, start, across * -(-(height - tile_top) // tile_height))
    return Claim(
        rows=height - top,
        columns=width - left,
        samples=samples,
        precision=(depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        color="RGB" if samples > 1 and coding.color_transform else "as tagged",
    )


def _coding_style(data: bytes | memoryview, start: int) -> _Coding:
    """Find whether the decoder will turn YCbCr into RGB, and the smallest precinct exponent."""
    at = start + 2
    while at + 14 <= len(data) and data[at : at + 2] != START_OF_TILE_PART:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at : at + 2] == CODING_STYLE:
            precincts = data[at + 14 : at + 2 + length] if data[at + 4] & 1 else b""
            # The low and the high half of a byte are the exponents of width and height; the
            # lowest resolution, which comes first, may be smaller than a precinct.
            smallest = min((min(p & 15, p >> 4) for p in precincts[1:]), default=15)
            return _Coding(data[at + 8] == 1, smallest)
        at += 2 + length
    raise broken("the JPEG 2000 stream does not state its coding style")


def _check_tiles(data: bytes | memoryview, start: int, expected: int) -> None:
    """Step through the tile-parts, which must join up, cover every tile, and reach the end."""
    first = FIRST_TILE_PART.search(data, start)
    at = first.start() if first else -1
    tiles: set[int] = set()
    while at >= 0 and at + 12 <= len(data) and data[at : at + 2] == START_OF_TILE_PART:
        tile, length = struct.unpack_from(">HI", data, at + 4)
        tiles.add(tile)
        if length == 0:  # the last tile-part, up to the end of the codestream
            length = bytes(data).rfind(END_OF_CODESTREAM) - at
        if length < 14:
            raise broken("a tile-part of the JPEG 2000 picture is damaged")
        at += length
    if not tiles or at > len(data):
        raise cut_short("the JPEG 2000 picture ends within a tile")
    # Some writers leave the end marker out; complete tile-parts say as much.
    if data[at : at + 2] != END_OF_CODESTREAM and bytes(data[at:]).strip(b"\0"):
        raise broken("the tile-parts of the JPEG 2000 picture do not join up")
    if len(tiles) != expected or max(tiles) >= expected:
        raise cut_short(f"{len(tiles)} of {expected} tiles of the JPEG 2000 picture are there")
