"""Stored values to what a person should see: one lookup table, from the value to 0..1.

The DICOM grayscale pipeline (PS3.4 N.2, PS3.3 C.11.1, C.11.2) is modality transformation, then
VOI transformation, then inversion. All three are functions of one stored value of at most 16 bits,
so they are composed once into a table of 65,536 numbers, in float64, and applied in one pass. No
step rounds to 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

TABLE_SIZE = 65536

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LookupTable:
    """A table of the file: entry i belongs to the input value `first + i`; the ends extend."""

    first: int
    bits: int
    entries: NDArray[np.uint16]

    def __call__(self, values: Values) -> Values:
        """Look values of any shape up; the result lies in 0 .. 2**bits - 1."""
        index = np.rint(values - self.first).clip(0, len(self.entries) - 1)
        return np.asarray(self.entries[index.astype(np.int64)], np.float64)


FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class WindowFunction:
    """A VOI LUT Function of the file, one of `FUNCTIONS` about a centre."""

    kind: str
    center: float
    width: float

    @property
    def usable(self) -> bool:
        """Whether the width is one that the function allows (PS3.3 C.11.2.1.2.1)."""
        return self.width >= 1 if self.kind == "LINEAR" else self.width > 0

    def __call__(self, values: Values) -> Values:
        """Map values to 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
        if self.kind == "SIGMOID":
            # The exponent is bounded where the result has long been 0 or 1 in float32.
            steepness: Values = np.exp((-4 * (values - self.center) / self.width).clip(-80, 80))
            return 1 / (1 + steepness)
        if self.kind == "LINEAR_EXACT":
            return ((values - self.center) / self.width + 0.5).clip(0, 1)
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return ((values - (self.center - 0.5)) / (self.width - 1) + 0.5).clip(0, 1)


@dataclass(frozen=True, eq=False)
class Grayscale:
    """How one image wants its stored values shown.

    Attributes:
        bits: how many bits of each stored value are used.
        voi: the chosen transformation, or None to show the full range.
        inverse: small values are to be shown bright.
        padding: stored values from..to (inclusive) that mark the surroundings of the image.
        used: stored values from..to that the image spans, where `bits` can write far more.
    """

    bits: int
    signed: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_table: LookupTable | None = None
    voi: WindowFunction | LookupTable | None = None
    inverse: bool = False
    padding: tuple[int, int] | None = None
    used: tuple[int, int] | None = None

    def full_range(self) -> tuple[float, float]:
        """Return the smallest and largest value that the modality transformation can produce."""
        if self.modality_table is not None:
            return 0.0, 2.0**self.modality_table.bits - 1
        low = -(2 ** (self.bits - 1)) if self.signed else 0
        low, high = self.used or (low, low + 2**self.bits - 1)
        ends = sorted(value * self.slope + self.intercept for value in (low, high))
        return ends[0], ends[1]

    def display_table(self) -> NDArray[np.float32]:
        """Compose the table [65536], indexed by the 16 bits of a stored value.

        Behind the largest number that `bits` can write it goes on with that one's level.
        """
        stored = stored_values(TABLE_SIZE if self.signed else 2**self.bits, signed=self.signed)
        shown = self._voi(self.modality(stored))
        if self.inverse:
            shown = 1.0 - shown
        # Padding has no brightness of its own; the surroundings of a breast are dark.
        shown[self.is_padding(stored)] = 0.0
        table = np.full(TABLE_SIZE, shown[-1], np.float32)
        table[: len(shown)] = shown
        if self.padding is not None and self.padding[1] >= len(shown):
            table[max(self.padding[0], len(shown)) : self.padding[1] + 1] = 0.0
        return table

    def modality(self, stored: Values) -> Values:
        """Turn stored values into the units of the windows (PS3.3 C.11.1)."""
        if self.modality_table is not None:
            return self.modality_table(stored)
        return stored * self.slope + self.intercept

    def is_padding(self, stored: Values) -> NDArray[np.bool_]:
        """Return which stored values mark the surroundings (PS3.3 C.7.5.1.1.2)."""
        first, last = self.padding or (1, 0)
        return (stored >= first) & (stored <= last)

    def _voi(self, values: Values) -> Values:
        if isinstance(self.voi, LookupTable):
            return (self.voi(values) / (2.0**self.voi.bits - 1)).clip(0, 1)
        if self.voi is not None:
            return self.voi(values)
        low, high = self.full_range()
        return ((values - low) / (high - low)).clip(0, 1)


def stored_values(count: int = TABLE_SIZE, *, signed: bool) -> Values:
    """Return every 16-bit stored value, or the first of them, in the order of its bits."""
    values = np.arange(count, dtype=np.float64)
    if signed:
        values[TABLE_SIZE // 2 :] -= TABLE_SIZE
    return values


def bits_in_use(needed: int, stated: int) -> int:
    """Return how many bits values really use that need so many, where others are stated.

    One empty bit is an ordinary dark picture; two or more would show it at a quarter of its
    brightness, so the scale then follows the largest value.
    """
    return max(needed, min(stated, 8), 1) if needed <= stated - 2 else max(needed, stated, 1)


def used_bits(stored: NDArray[Any], bits: int, padding: tuple[int, int] | None = None) -> int:
    """Return how many bits are in use where too many are stated, as 16 for a 12-bit picture.

    Values from..to in `padding` mark the surroundings and do not count.
    """
    if stored.dtype.kind == "i":
        return bits
    needed = largest(stored, padding).bit_length()
    return bits if needed > bits else bits_in_use(needed, bits)


def signed_span(
    stored: NDArray[Any], bits: int, padding: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Return the values from..to that signed stored values span, if `bits` can write far more."""
    high = largest(stored, padding)
    low = ~largest(~stored, None if padding is None else (~padding[1], ~padding[0]))
    if low >= 0 and high.bit_length() <= bits - 3:
        return 0, 2 ** bits_in_use(high.bit_length(), bits - 1) - 1
    needed = max(high, ~low, 0).bit_length() + 1
    if needed > bits - 2:
        return None
    half = 2 ** (bits_in_use(needed, bits) - 1)
    return -half, half - 1


def largest(stored: NDArray[Any], padding: tuple[int, int] | None) -> int:
    """Return the largest stored value that is not padding."""
    top = int(stored.max())
    if padding is None or not padding[0] <= top <= padding[1]:
        return top
    lowest = np.iinfo(stored.dtype).min
    if padding[0] <= lowest:
        return top
    return int(stored.max(where=stored < padding[0], initial=lowest))


def log_inverted_table(
    stored: NDArray[Any], gray: Grayscale, *, linear: bool, bright_is_air: bool
) -> NDArray[np.float32]:
    """Compose a plain rendering [65536] of detector values that were never meant to be shown.

    X-ray intensity falls off exponentially with tissue, so its logarithm is taken unless the
    detector did so, and turned round where much intensity means air. The ends are the 0.5th and
    99.5th percentile of the picture, since dead pixels and open air lie far beyond.
    """
    values = stored_values(signed=gray.signed)
    units = gray.modality(values)
    if linear:
        units = np.log(units.clip(1.0, None))
    counts = np.bincount(
        stored.view(np.uint16 if stored.dtype.itemsize == 2 else np.uint8).ravel(),
        minlength=TABLE_SIZE,
    ).astype(np.float64)
    counts[gray.is_padding(values)] = 0
    order = np.argsort(units, kind="stable")
    share = np.cumsum(counts[order]) / max(counts.sum(), 1.0)
    low, high = (float(units[order][np.searchsorted(share, q)]) for q in (0.005, 0.995))
    shown = ((units - low) / max(high - low, 1e-12)).clip(0, 1)
    if bright_is_air:
        shown = 1.0 - shown
    shown[gray.is_padding(values)] = 0.0
    return shown.astype(np.float32)


def show(stored: NDArray[Any], table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply a display table to stored values [H, W] of 8 or 16 bits, signed or not."""
    if stored.dtype.itemsize == 1:
        # Signed bytes wrap round: their negative half sits at the end of the 16-bit table.
        table = table[: TABLE_SIZE // 256] if stored.dtype == np.uint8 else _bytes_of(table)
        stored = stored.view(np.uint8)
    else:
        stored = stored.view(np.uint16)
    return np.asarray(cv2.LUT(stored, table), np.float32)


def _bytes_of(table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([table[:128], table[-128:]])
