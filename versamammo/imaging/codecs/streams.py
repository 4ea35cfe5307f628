"""What a compressed frame really is, by its first bytes; some files state another syntax."""

from __future__ import annotations

from itertools import pairwise
from struct import unpack_from

from versamammo.imaging.codecs.jpeg2000_markers import CODESTREAM
from versamammo.imaging.codecs.jpeg_markers import frame_marker
from versamammo.imaging.codecs.syntaxes import SYNTAXES, SyntaxInfo

JP2 = b"\0\0\0\x0cjP  "
CAPABILITIES = b"\xff\x50"  # stands in the head of HTJ2K codestreams only
LOSSLESS_PROCESS, JPEG_LS = 0xC3, 0xF7
HEAD = 4096


def stream_syntax(data: bytes | memoryview) -> SyntaxInfo | None:
    """Name a transfer syntax that a compressed frame could be stored under; None if unknown."""
    start = bytes(data[:HEAD])
    if start.startswith((CODESTREAM, JP2)):
        at = start.find(CODESTREAM)
        head = int.from_bytes(start[at + 4 : at + 6], "big")  # the length of SIZ; CAP follows
        high_throughput = at >= 0 and start[at + 4 + head : at + 6 + head] == CAPABILITIES
        return SYNTAXES["1.2.840.10008.1.2.4.201" if high_throughput else "1.2.840.10008.1.2.4.90"]
    if start.startswith(b"\xff\xd8"):
        marker = frame_marker(data)
        if marker is None:
            return None
        tail = {JPEG_LS: "80", LOSSLESS_PROCESS: "70", 0xC0: "50"}.get(marker, "51")
        return SYNTAXES[f"1.2.840.10008.1.2.4.{tail}"]
    return SYNTAXES["1.2.840.10008.1.2.5"] if _is_rle(start, len(data)) else None


def _is_rle(start: bytes, length: int) -> bool:
    """Look for the table of segments (DICOM PS3.5 G.5), which is all that RLE states of itself."""
    if len(start) < 64:
        return False
    count, *offsets = unpack_from("<16I", start)
    if not 1 <= count <= 15 or offsets[0] != 64 or any(offsets[count:]):
        return False
    return all(a < b for a, b in pairwise([*offsets[:count], length]))
