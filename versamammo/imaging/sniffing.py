"""Which format a file has, from its first bytes."""

from __future__ import annotations

import re
import struct

SNIFFED_BYTES = 256
DICOM_MAGIC = slice(128, 132)

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # more than 4 GB
    (b"MM\0+", "TIFF"),
)


def sniff(start: bytes) -> str | None:
    """Name the format ("DICOM", "PNG", "JPEG", "TIFF" or "PGM"), or None for any other."""
    # The preamble of a DICOM file may itself be the head of a TIFF file, so it goes first.
    if start[DICOM_MAGIC] == b"DICM":
        return "DICOM"
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if re.match(rb"P[25](\s|#)", start):
        return "PGM"
    return "DICOM" if _starts_with_element(start) else None


def _starts_with_element(start: bytes) -> bool:
    """Recognise a DICOM data set without preamble by its first element.

    That is a short one of group 0002 or 0008, in any of the three ways to write it.
    """
    if len(start) < 8:
        return False
    for order in "<>":
        group, number, vr, _ = struct.unpack(f"{order}HH2sH", start[:8])
        if group not in (0x0002, 0x0008) or number > 0x00FF:
            continue
        (length,) = struct.unpack(f"{order}I", start[4:8])
        if re.fullmatch(rb"[A-Z]{2}", vr) or (length <= 256 and length % 2 == 0):
            return True
    return False
