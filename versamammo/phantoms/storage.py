"""Stored values that a reader turns back into the picture: the VOI transformation, inverted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from versamammo.phantoms.machines import Machine, Voi

BRIGHTNESS_STEPS = 65536  # brightness is rounded to this many steps before the inverse is looked up


@dataclass(frozen=True, eq=False)
class Display:
    """How one file says its stored values are to be shown (DICOM PS3.3 C.11.2).

    Attributes:
        center, width: of the first window; 0 for a table.
        table: VOI LUT data from stored value 0 on, 16 bits; empty for a window.
        inverted: MONOCHROME1.
        padding: stored value of the air, or None.
    """

    kind: Voi
    bits: int
    inverted: bool
    center: float
    width: float
    table: NDArray[np.uint16]
    padding: int | None

    def brightness(self) -> NDArray[np.float64]:
        """Brightness 0..1 of every stored value, after the inversion of MONOCHROME1."""
        stored = np.arange(2**self.bits, dtype=np.float64)
        if self.kind == "TABLE":
            shown = self.table / 65535.0
        elif self.kind == "SIGMOID":
            shown = 1 / (1 + np.exp(-4 * (stored - self.center) / self.width))
        else:
            shown = np.clip((stored - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)
        return 1 - shown if self.inverted else shown

    def store(self, pixels: NDArray[np.float32]) -> NDArray[np.uint16]:
        """Find the stored value whose brightness is nearest to each pixel [H, W] in 0..1."""
        wanted = np.linspace(0, 1, BRIGHTNESS_STEPS)
        shown = self.brightness()
        rising = shown[::-1] if self.inverted else shown
        above = np.clip(np.searchsorted(rising, wanted), 1, rising.size - 1)
        lower = wanted - rising[above - 1] <= rising[above] - wanted
        nearest = np.where(lower, above - 1, above)
        if self.inverted:
            nearest = rising.size - 1 - nearest
        if self.padding is not None:
            nearest = np.maximum(nearest, self.padding + 1)
            nearest[0] = self.padding  # exactly 0 is air
        steps = np.rint(pixels * np.float32(BRIGHTNESS_STEPS - 1)).astype(np.uint16)
        return np.asarray(cv2.LUT(steps, nearest.astype(np.uint16)), np.uint16)


def draw_display(rng: np.random.Generator, machine: Machine) -> Display:
    """Choose window or table of one image as its machine does."""
    full = 2**machine.bits
    center, width = 0.0, 0.0
    table = np.zeros(0, np.uint16)
    if machine.voi == "LINEAR":
        width = float(round(full * rng.uniform(0.72, 0.85)))
        center = float(round(full * rng.uniform(0.46, 0.50)))
    elif machine.voi == "SIGMOID":
        width = float(round(full * rng.uniform(0.24, 0.27)))
        center = float(round(full * rng.uniform(0.49, 0.53)))
    else:
        bow = float(rng.uniform(0.85, 1.2))
        table = np.rint(65535 * np.linspace(0, 1, full) ** bow).astype(np.uint16)
    padding = 0 if machine.padded else None
    return Display(machine.voi, machine.bits, machine.inverted, center, width, table, padding)
