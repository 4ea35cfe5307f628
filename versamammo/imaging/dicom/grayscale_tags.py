"""Reads the attributes of a file that say how its grey values are to be shown.

A file may offer several windows and several tables at once. All are listed, the windows first and
then the tables, each in the order of the file; the first is shown unless another is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.errors import InputError
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.grayscale import (
    FUNCTIONS,
    Grayscale,
    LookupTable,
    WindowFunction,
    bits_in_use,
)
from versamammo.imaging.mammogram import Window


@dataclass(frozen=True, eq=False)
class GrayscaleChoice:
    """How to show an image: what the file offers, which choice was taken, and what was odd."""

    gray: Grayscale
    windows: tuple[Window, ...]
    used: int | None
    warnings: tuple[str, ...] = ()


def read_grayscale(
    tags: Tags, *, bits: int, signed: bool, big_endian: bool = False, choice: int | None = None
) -> GrayscaleChoice:
    """Read the modality, VOI and presentation transformations and the padding of one image.

    `bits` of each stored value are in use; `choice` is an index into the listed windows, and None
    takes the first, if there is any.

    Raises:
        InputError: `no-such-window`.
    """
    notes: list[str] = []
    slope, intercept = _rescale(tags, notes)
    modality = _tables(tags, "ModalityLUTSequence", signed, big_endian, notes)
    inverse = _inverse(tags, notes)
    gray = Grayscale(
        bits,
        signed,
        slope,
        intercept,
        modality_table=modality[0][1] if modality else None,
        inverse=inverse,
        padding=_padding(tags, bits, signed, notes),
    )
    negative = gray.full_range()[0] < 0
    tables = _tables(tags, "VOILUTSequence", negative, big_endian, notes)
    offered = [*_windows(tags, notes), *tables]
    used = _chosen(choice, len(offered))
    if used is None:
        notes.append("the file has no window: the full range of its values is shown")
    else:
        gray = replace(gray, voi=offered[used][1])
    return GrayscaleChoice(gray, tuple(window for window, _ in offered), used, tuple(notes))


Entries = NDArray[np.uint16]
Offer = tuple[Window, WindowFunction | LookupTable]
TableOffer = tuple[Window, LookupTable]


def _chosen(choice: int | None, offered: int) -> int | None:
    if choice is None:
        return 0 if offered else None
    if not 0 <= choice < offered:
        raise InputError(
            f"window {choice} was asked for; the file offers {offered}, counted from 0",
            field="WindowCenter",
            reason="no-such-window",
        )
    return choice


def _rescale(tags: Tags, notes: list[str]) -> tuple[float, float]:
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept")
    if slope == 0:
        notes.append("RescaleSlope is 0 and was left out")
        return 1.0, 0.0
    return (1.0 if slope is None else slope), (intercept or 0.0)


def _windows(tags: Tags, notes: list[str]) -> list[Offer]:
    kind = tags.code("VOILUTFunction") or "LINEAR"
    if kind not in FUNCTIONS:
        notes.append("VOILUTFunction is none of the standard's; LINEAR was taken")
        kind = "LINEAR"
    centers, widths = tags.places("WindowCenter"), tags.places("WindowWidth")
    if len(centers) != len(widths):
        notes.append(f"{len(centers)} window centres for {len(widths)} widths")
    explanations = tags.texts("WindowCenterWidthExplanation")
    offers: list[Offer] = []
    for i, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if center is None or width is None:
            if center is not None or width is not None:
                lacking = "centre" if center is None else "width"
                notes.append(f"window {i + 1} has no {lacking} and was left out")
            continue
        function = WindowFunction(kind, center, width)
        if not function.usable:
            notes.append(f"a window of width {width:g} is not possible and was left out")
            continue
        explanation = explanations[i] if i < len(explanations) else ""
        offers.append((Window(kind, center, width, explanation or None), function))
    return offers


def _tables(
    tags: Tags, keyword: str, signed: bool, big_endian: bool, notes: list[str]
) -> list[TableOffer]:
    offers: list[TableOffer] = []
    for item in tags.sequence(keyword):
        table = read_table(item, signed=signed, big_endian=big_endian)
        if table is None:
            notes.append(f"a table of {keyword} is damaged and was left out")
            continue
        stated = _stated_bits(item)
        if stated is not None and table.bits < stated:
            notes.append(
                f"a table of {keyword} states {stated} bits and uses {table.bits}: "
                "it is shown by what it uses"
            )
        window = Window("TABLE", explanation=item.text("LUTExplanation"))
        offers.append((window, table))
    return offers


def _stated_bits(item: Tags) -> int | None:
    descriptor = item.numbers("LUTDescriptor")
    return int(descriptor[2]) if len(descriptor) == 3 else None


def read_table(item: Tags, *, signed: bool, big_endian: bool = False) -> LookupTable | None:
    """Read one lookup table (PS3.3 C.11.1.1, C.11.2.1.1), or None if it is damaged.

    `signed` says whether the values looked up can be negative, which tells how to read the first.
    Writers state too few bits and too many (16 for a table of 12); the entries are then believed.
    """
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        return None
    count, first, bits = (int(number) for number in descriptor)
    count = count & 0xFFFF or 65536  # 0 stands for 65,536, which does not fit
    if signed and first >= 32768:
        first -= 65536
    swapped = big_endian and item.vr("LUTData") != "OB"
    entries = _entries(item.data("LUTData"), count, bits, swapped)
    if entries is None:
        return None
    needed = int(entries.max()).bit_length()
    return LookupTable(first, bits_in_use(needed, bits if 1 <= bits <= 16 else 0), entries)


def _entries(
    data: bytes | NDArray[np.int64], count: int, bits: int, big_endian: bool
) -> Entries | None:
    """Unpack `count` entries; of 8 bits, two to a word, if the data are no longer than that.

    Of the two in a word, the low byte comes first, whatever the order of the file.
    """
    entries: NDArray[Any]
    if isinstance(data, np.ndarray):
        entries = (data & 0xFFFF).astype("<u2")
        if bits <= 8 and len(entries) < count <= 2 * len(entries) <= count + 1:
            entries = entries.view(np.uint8)
    elif len(data) in (count, count + 1):
        entries = np.frombuffer(data + b"\0" * (len(data) % 2), np.uint8)
        if big_endian:
            entries = entries.reshape(-1, 2)[:, ::-1].reshape(-1)
    else:
        entries = np.frombuffer(data[: len(data) // 2 * 2], ">u2" if big_endian else "<u2")
    return entries[:count].astype(np.uint16) if len(entries) >= count else None


def _inverse(tags: Tags, notes: list[str]) -> bool:
    """Decide on the one inversion that photometric interpretation and LUT shape both describe.

    PS3.3 C.8.11.3 pairs IDENTITY with MONOCHROME2 and INVERSE with MONOCHROME1. Where a file
    breaks the pair the shape decides, since it alone is defined by what reaches the eye
    (P-values); DCMTK does the same.
    """
    by_photometric = tags.code("PhotometricInterpretation") == "MONOCHROME1"
    shape = tags.code("PresentationLUTShape")
    if shape not in ("IDENTITY", "INVERSE"):
        return by_photometric
    if (shape == "INVERSE") != by_photometric:
        notes.append("PhotometricInterpretation and PresentationLUTShape contradict each other")
    return shape == "INVERSE"


def _padding(tags: Tags, bits: int, signed: bool, notes: list[str]) -> tuple[int, int] | None:
    stated = stated_padding(tags, signed=signed)
    if stated is not None and stated[1] - stated[0] >= 2 ** (bits - 1):
        notes.append("the padding range covers half of all values and was left out")
        return None
    return stated


def stated_padding(tags: Tags, *, signed: bool) -> tuple[int, int] | None:
    """Return the stored values from..to that mark the surroundings of an image, if it has any."""
    value, limit = tags.integer("PixelPaddingValue"), tags.integer("PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = sorted(_resigned(end, signed) for end in (value, value if limit is None else limit))
    return ends[0], ends[1]


def _resigned(value: int, signed: bool) -> int:
    """Read a 16-bit value as the pixels are read, whatever type its tag was written in."""
    value &= 0xFFFF
    return value - 65536 if signed and value >= 32768 else value
