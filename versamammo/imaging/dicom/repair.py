"""Reads on behind an element that states a wrong length, as icons do that a writer miscounted.

The pixels can be found by themselves: they are what reaches to the end of the file. What stands
before them is read up to the element at fault, and again from the first place behind it from where
whole elements in ascending order lead exactly to the pixels.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from versamammo.imaging.dicom.elements import (
    PIXEL_DATA,
    ElementSpan,
    Encoding,
    ascending,
    element_at,
)

FARTHEST = 1 << 20  # bytes behind the element at fault that are searched
MOST_TRIED = 64  # places that look like pixel data
MOST_PADDING = 1 << 16  # bytes of zeros behind the pixels
TRAILING = (0xFFFCFFFC, 0xFFFAFFFA)  # data set trailing padding, digital signatures
NOTE = "an element before the pixels states a wrong length: the header was read on behind it"


@dataclass(frozen=True)
class Repaired:
    """The attributes that could be read around the element at fault, and where the pixels begin."""

    dataset: Dataset
    pixels_at: int


def encoding_of(data: bytes, at: int, *, little: bool) -> Encoding:
    """Return whether the first element's bytes state its type, which some syntaxes belie."""
    explicit = Encoding(explicit=True, little=little)
    return explicit if element_at(data, at, explicit) else Encoding(explicit=False, little=little)


def reaches_the_end(data: bytes, at: int, encoding: Encoding) -> bool:
    """Return whether pixel data begin at a place and fill the rest of the file."""
    element = element_at(data, at, encoding)
    if element is None or element.tag != PIXEL_DATA or element.end is None:
        return False
    if element.vr not in (None, b"OB", b"OW", b"UN"):
        return False
    rest = element_at(data, element.end, encoding)
    if rest is not None and rest.tag in TRAILING:
        return True
    return len(data) - element.end <= MOST_PADDING and not data[element.end :].strip(b"\0")


def repair(data: bytes, begin: int, encoding: Encoding) -> Repaired | None:
    """Read a data set around an element of wrong length; None if that is not what is wrong."""
    pixels_at = _find_pixels(data, begin, encoding)
    if pixels_at is None:
        return None
    good = [e for e in ascending(data, begin, encoding) if (e.end or 0) <= pixels_at]
    behind = (good[-1].end or begin) if good else begin
    if behind == pixels_at:
        return None
    culprit = _culprit(data, good, behind, encoding)
    if culprit is None:
        return None
    resumed = _resume(data, culprit, pixels_at, encoding)
    kept = data[begin : culprit.at] + data[resumed:pixels_at]
    try:
        dataset = read_dataset(io.BytesIO(kept), not encoding.explicit, encoding.little)
    except MemoryError:
        raise
    except Exception:  # pydicom may raise anything on a header that is damaged elsewhere too
        return None
    dataset.set_original_encoding(not encoding.explicit, encoding.little)
    return Repaired(dataset, pixels_at)


def _find_pixels(data: bytes, begin: int, encoding: Encoding) -> int | None:
    mark = struct.pack(f"{encoding.order}HH", PIXEL_DATA >> 16, PIXEL_DATA & 0xFFFF)
    at = begin - 1
    for _ in range(MOST_TRIED):
        at = data.find(mark, at + 1)
        if at < 0:
            break
        if reaches_the_end(data, at, encoding):
            return at
    return None


def _culprit(
    data: bytes, good: list[ElementSpan], behind: int, encoding: Encoding
) -> ElementSpan | None:
    """Name the element whose length is wrong: it overruns the pixels, or nonsense follows it."""
    overrun = element_at(data, behind, encoding)
    above = good[-1].tag if good else -1
    if overrun and overrun.tag > above and _starts_an_item(data, overrun, encoding):
        return overrun
    return good[-1] if good else None


def _starts_an_item(data: bytes, element: ElementSpan, encoding: Encoding) -> bool:
    item = struct.pack(f"{encoding.order}HH", 0xFFFE, 0xE000)
    return data[element.value_at : element.value_at + 4] == item


def _resume(data: bytes, culprit: ElementSpan, pixels_at: int, encoding: Encoding) -> int:
    """Find the first place from where whole elements lead to the pixels."""
    lost: set[int] = set()  # places that lead nowhere: each is visited once
    for start in range(culprit.value_at, min(pixels_at, culprit.value_at + FARTHEST)):
        at = start
        for element in ascending(data, start, encoding, above=culprit.tag):
            if at in lost or element.tag >= PIXEL_DATA:
                break
            lost.add(at)
            at = element.end or pixels_at
            if at == pixels_at:
                return start
    return pixels_at
