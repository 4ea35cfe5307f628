"""How the pixels of one picture are shown: the window of its file, in the file's own units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.imaging.grayscale import LookupTable, WindowFunction, show
from versamammo.imaging.lazy_image import LatentImage

WHITE = 65535
TABLE_SIZE = 65536


@dataclass(frozen=True, eq=False)
class PixelDisplay:
    """How the values of one picture become brightness.

    Attributes:
        levels: uint16 [65536], the level 0..65535 of each value in the file's default display.
        window: the default window, of units = value * slope + intercept.
        inverse: small values are bright.
        padding: values from..to that mark the surroundings and are always dark.
        dark: the value that is darkest, with which burned-in marks are covered.
        in_file_units: False where the units are levels of the default display, because the file
            shows its values by a table.
    """

    levels: NDArray[np.uint16]
    window: WindowFunction
    slope: float = 1.0
    intercept: float = 0.0
    inverse: bool = False
    padding: tuple[int, int] | None = None
    dark: int = 0
    in_file_units: bool = True

    def levels_of(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """Return the levels uint16 [H, W] of values [H, W] of 8 or 16 bits."""
        table = self.levels[:256] if values.dtype.itemsize == 1 else self.levels
        return np.asarray(cv2.LUT(np.asarray(values), table), np.uint16)

    def shades(self, level: float, width: float, invert: bool) -> NDArray[np.uint8]:
        """Return the shade 0..255 of all 65536 values in another window.

        Args:
            level: centre of the window, in percent of the range that the file's own shows.
            width: of the window, in percent of that range.
            invert: show dark as bright.
        """
        own = self.window
        wide = max(own.width * width / 100, own.width / 500, 1 if own.kind == "LINEAR" else 0)
        center = own.center - own.width / 2 + own.width * level / 100
        values = np.arange(TABLE_SIZE, dtype=np.float64)
        shown = WindowFunction(own.kind, center, wide)(values * self.slope + self.intercept)
        if self.inverse:
            shown = 1 - shown
        if self.padding is not None:
            shown[self.padding[0] : self.padding[1] + 1] = 0
        return np.floor((1 - shown if invert else shown) * 255 + 0.5).astype(np.uint8)


AS_LEVELS = PixelDisplay(
    np.arange(TABLE_SIZE, dtype=np.uint16),
    WindowFunction("LINEAR_EXACT", WHITE / 2, WHITE),
    in_file_units=False,
)


def displayed(latent: LatentImage) -> tuple[NDArray[Any], PixelDisplay]:
    """Return the values of a picture, unsigned [H, W], and how they are shown.

    Values that a table of the file shows are looked up once, and are levels from then on.
    """
    gray, stored = latent.gray, latent.stored
    table = np.round(np.clip(latent.table, 0, 1) * np.float32(WHITE)).astype(np.uint16)
    if gray is None or gray.modality_table is not None or isinstance(gray.voi, LookupTable):
        shown = show(stored, latent.table)
        levels = np.round(np.clip(shown, 0, 1) * np.float32(WHITE)).astype(np.uint16)
        return levels, AS_LEVELS
    low, high = gray.full_range()
    window = gray.voi or WindowFunction("LINEAR_EXACT", (low + high) / 2, high - low)
    # signed values are counted from their smallest: order and units stay
    bits = 8 * stored.dtype.itemsize
    shift = 2 ** (bits - 1) if stored.dtype.kind == "i" else 0
    values = stored
    if shift:
        unsigned = stored.view(np.uint8 if bits == 8 else np.uint16)
        values = np.bitwise_xor(unsigned, shift)
        table = np.roll(table, shift) if bits == 16 else np.roll(_signed_bytes(table), shift)
    padding = None if gray.padding is None else _within(gray.padding, shift, 2**bits - 1)
    ends = (0, 2**gray.bits - 1) if not shift else (0, 2**bits - 1)
    dark = padding[0] if padding else ends[0 if (gray.slope > 0) != gray.inverse else 1]
    return np.ascontiguousarray(values), PixelDisplay(
        table,
        window,
        gray.slope,
        gray.intercept - shift * gray.slope,
        gray.inverse,
        padding,
        min(dark, 2**bits - 1),
    )


def _signed_bytes(table: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Cut the table of signed bytes, whose negative half lies at its end, to 256 entries."""
    return np.concatenate([table[:128], table[-128:]])


def _within(padding: tuple[int, int], shift: int, largest: int) -> tuple[int, int] | None:
    first, last = max(padding[0] + shift, 0), min(padding[1] + shift, largest)
    return (first, last) if first <= last else None
