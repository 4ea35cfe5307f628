"""Stored values and the wishes of their file, into the picture that should be seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.dicom.grayscale_tags import read_grayscale
from versamammo.imaging.dicom.refusals import is_for_processing
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.grayscale import Grayscale, log_inverted_table, show, signed_span, used_bits
from versamammo.imaging.mammogram import Window
from versamammo.imaging.polarity import background_is_bright, thinned


@dataclass(frozen=True, eq=False)
class Rendered:
    """How stored values are shown, bright tissue on dark.

    Attributes:
        table: float32 [65536], the level 0..1 of each stored value.
        used: index into the windows offered, or None if the full range is shown.
        inverted: whether small stored values are shown bright.
        gray: what `table` was composed of, or None for FOR PROCESSING values.
    """

    table: NDArray[np.float32]
    bits: int
    windows: tuple[Window, ...]
    used: int | None
    inverted: bool
    warnings: tuple[str, ...]
    gray: Grayscale | None


def render(
    tags: Tags,
    stored: NDArray[Any],
    bits: int,
    *,
    big_endian: bool = False,
    window: int | None = None,
) -> Rendered:
    """Find how stored values [H, W] of so many bits are shown, as the attributes of their file ask.

    Raises:
        InputError: `no-such-window`.
    """
    signed = stored.dtype.kind == "i"
    wish = read_grayscale(tags, bits=bits, signed=signed, big_endian=big_endian, choice=window)
    gray, used, notes = wish.gray, wish.used, list(wish.warnings)
    if is_for_processing(tags):
        used, table, inverted = None, *_raw_table(tags, stored, gray)
        composed = None
    else:
        if used is None:
            gray, bits = _by_what_is_used(stored, gray)
            notes += _bits_note(wish.gray.bits, bits)
        table, inverted = gray.display_table(), gray.inverse
        if used is not None and window is None and _shows_nothing(stored, table):
            notes.append("the window lies beside all values: their full range is shown instead")
            gray, bits = _by_what_is_used(stored, replace(gray, voi=None))
            used, table = None, gray.display_table()
        composed = gray
    if background_is_bright(show(thinned(stored), table)):
        notes.append("the surroundings are bright: the polarity in the header may be wrong")
    return Rendered(table, bits, wish.windows, used, inverted, tuple(notes), composed)


def _shows_nothing(stored: NDArray[Any], table: NDArray[np.float32]) -> bool:
    """Return whether a table shows values [H, W] that differ as one level."""
    few = thinned(stored)
    levels = show(few, table)
    return float(np.ptp(levels)) < 1 / 255 and bool(np.ptp(few) > 0)


def _by_what_is_used(stored: NDArray[Any], gray: Grayscale) -> tuple[Grayscale, int]:
    """Let the full range follow the values that are there, where the bits could write far more."""
    if not gray.signed:
        bits = used_bits(stored, gray.bits, gray.padding)
        return replace(gray, bits=bits), bits
    span = signed_span(stored, gray.bits, gray.padding)
    if span is None:
        return gray, gray.bits
    return replace(gray, used=span), (span[1] - span[0]).bit_length()


def _bits_note(stated: int, used: int) -> list[str]:
    return [] if used == stated else [f"{used} of {stated} bits are in use and were shown"]


def _raw_table(
    tags: Tags, stored: NDArray[Any], gray: Grayscale
) -> tuple[NDArray[np.float32], bool]:
    """Compose the plain rendering of FOR PROCESSING values, and say if it inverts.

    Pixel Intensity Relationship tells whether the logarithm was taken, and its Sign whether many
    photons give a large value (1) or a small one (-1); detectors count photons otherwise.
    """
    linear = tags.code("PixelIntensityRelationship") != "LOG"
    bright_is_air = tags.integer("PixelIntensityRelationshipSign") != -1
    table = log_inverted_table(stored, gray, linear=linear, bright_is_air=bright_is_air)
    return table, bright_is_air
