"""Data elements as bytes: where each begins, where its value lies, and where the next one starts.

pydicom reads values; this only steps from element to element (DICOM PS3.5 7.1), to find its way
in files that state a wrong length, or say the same twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR"}) | {
    b"UT",
    b"UV",
}
SHORT = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN"}
) | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
DEEPEST = 32  # sequences within sequences; a breast needs five


@dataclass(frozen=True)
class Encoding:
    """How the elements of a data set are written."""

    explicit: bool
    little: bool

    @property
    def order(self) -> str:
        """The byte order in the terms of `struct`."""
        return "<" if self.little else ">"


@dataclass(frozen=True)
class ElementSpan:
    """One element: its tag, its type if stated, and its places in the data.

    Attributes:
        end: behind the value; None if the value runs out of the data or is no sequence.
    """

    tag: int
    vr: bytes | None
    at: int
    value_at: int
    length: int
    end: int | None


def element_at(data: bytes, at: int, encoding: Encoding, depth: int = 0) -> ElementSpan | None:
    """Read the head of the element that begins at a place; None if no element can begin there."""
    if at < 0 or at + 8 > len(data):
        return None
    group, number, vr, short = struct.unpack_from(f"{encoding.order}HH2sH", data, at)
    tag, value_at = group << 16 | number, at + 8
    if not encoding.explicit:
        (length,) = struct.unpack_from(f"{encoding.order}I", data, at + 4)
        vr = None
    elif vr in SHORT:
        length = short
    elif vr in LONG and at + 12 <= len(data):
        (length,) = struct.unpack_from(f"{encoding.order}I", data, at + 8)
        value_at += 4
    else:
        return None
    if length == UNDEFINED:
        end = _sequence_end(data, value_at, encoding, depth)
    else:
        end = value_at + length if value_at + length <= len(data) else None
    return ElementSpan(tag, vr, at, value_at, length, end)


def ascending(data: bytes, at: int, encoding: Encoding, above: int = -1) -> Iterator[ElementSpan]:
    """Step over whole elements as long as their tags ascend, as the standard demands."""
    while (element := element_at(data, at, encoding)) and element.end and element.tag > above:
        yield element
        at, above = element.end, element.tag


def item_at(data: bytes, at: int, encoding: Encoding) -> tuple[int, int] | None:
    """Read the tag and the length of an item or a delimiter, which have no type."""
    if at + 8 > len(data):
        return None
    group, number, length = struct.unpack_from(f"{encoding.order}HHI", data, at)
    return group << 16 | number, length


def _sequence_end(data: bytes, at: int, encoding: Encoding, depth: int) -> int | None:
    """Find the end of a sequence, or of fragments, of undefined length."""
    while depth < DEEPEST and (head := item_at(data, at, encoding)) is not None:
        tag, length = head
        at += 8
        if tag == SEQUENCE_END:
            return at
        if tag != ITEM:
            return None
        if length != UNDEFINED:
            at += length
            continue
        while (head := item_at(data, at, encoding)) and head[0] != ITEM_END:
            element = element_at(data, at, encoding, depth + 1)
            if element is None or element.end is None:
                return None
            at = element.end
        at += 8
    return None
