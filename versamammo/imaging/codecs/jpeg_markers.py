"""The markers of JPEG and JPEG-LS streams: what they claim, and whether they reach their end."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import numpy as np

from versamammo.imaging.codecs.claims import Claim, Color, broken, cut_short

START_OF_SCAN = 0xDA
END_OF_IMAGE = 0xD9
SCAN = re.compile(b"\xff\xda")
# Every SOFn of T.81 (C4, C8 and CC are other markers), and SOF55 of JPEG-LS.
START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
# Tables, comments and application data may stand between the scans of one picture.
BETWEEN_SCANS = frozenset({START_OF_SCAN, 0xC4, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})
# Padding and a stray word may follow the end of a picture without further ado.
MAX_REST = 64
FILLER = 2048  # words
START_OF_IMAGE = b"\xff\xd8\xff"


def jpeg_claim(data: bytes | memoryview) -> Claim:
    """Read the frame header of a stream (ITU-T T.81 B.2.2, T.87 C.2.2).

    Raises:
        InputError: `decode-failed`.
    """
    if data[:2] != b"\xff\xd8":
        raise broken("the compressed data do not start as a JPEG stream")
    color: Color = "as tagged"
    for marker, body in _segments(data):
        if marker == 0xE0 and body.startswith(b"JFIF\0"):
            color = "YBR"
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            color = "YBR" if body[11] else "RGB"
        elif marker in START_OF_FRAME and len(body) >= 6:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", body)
            grey = samples == 1
            return Claim(rows, columns, samples, precision, color="as tagged" if grey else color)
    raise broken("the JPEG stream has no frame header")


def frame_marker(data: bytes | memoryview) -> int | None:
    """Return the marker of the frame header, which names the process; None if there is none."""
    return next((marker for marker, _ in _segments(data) if marker in START_OF_FRAME), None)


def _segments(data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
    """Return (marker, body) of the segments before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, bytes(data[at + 4 : at + 2 + length])
        at += 2 + length


def jpeg_end(data: bytes | memoryview, *, jpegls: bool, alone: bool = True) -> int | None:
    """Follow the markers to the end of the image; give its place if something else follows.

    libjpeg-turbo fills what a cut or broken stream lacks with grey and reports success, so a
    missing end, or a marker in the middle of a scan, must be found beforehand. Where other bytes
    follow, the end may be such a marker, which decoding it `with_filler` tells. If the picture is
    to be alone, a second one behind it is refused.

    Raises:
        InputError: `truncated` or `decode-failed`.
    """
    scan = SCAN.search(data)
    at = scan.start() if scan else 0
    for code, end in _markers(data, jpegls) if scan else ():
        if end - 2 < at:
            continue  # within the segment before it
        if code == END_OF_IMAGE:
            rest = len(data) - end
            if rest <= MAX_REST or not (rest_of := bytes(data[end:]).strip(b"\0")):
                return None
            if alone and rest_of.startswith(START_OF_IMAGE):
                raise broken("a second picture follows the end of the JPEG picture")
            return end
        if code not in BETWEEN_SCANS:
            raise broken(f"a marker FF{code:02X} stands in the middle of the JPEG picture")
        at = end + int.from_bytes(data[end : end + 2], "big")
    raise cut_short("the JPEG picture ends before its end marker")


def with_filler(data: bytes | memoryview, end: int) -> bytes:
    """Put a run of scan data before the end marker: of a complete picture it changes nothing.

    The zeros and ones alternate, so that in whatever Huffman code they are many differences.
    """
    return bytes(data[: end - 2]) + b"\x5a\xa6" * FILLER + b"\xff\xd9"


def _markers(data: bytes | memoryview, jpegls: bool) -> list[tuple[int, int]]:
    """Find whatever looks like a marker in a scan; gives its code and where it ends.

    In a scan FF is followed by 00 (JPEG), by a byte below 80 (JPEG-LS), or by a restart marker.
    """
    stream = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(stream[:-1] == 0xFF) + 2
    codes = stream[ends - 1]
    if jpegls:
        is_marker = (codes >= 0x80) & (codes < 0xFF)
    else:
        is_marker = (codes > 0) & (codes < 0xFF) & ((codes < 0xD0) | (codes > 0xD7))
    return list(zip(codes[is_marker].tolist(), ends[is_marker].tolist(), strict=True))
