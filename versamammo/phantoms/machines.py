"""Fictitious mammography units whose habits are those that real archives are full of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Voi = Literal["LINEAR", "SIGMOID", "TABLE"]


@dataclass(frozen=True)
class Machine:
    """One invented vendor: how its detector is made and how it stores pictures.

    Attributes:
        panels_mm: detector (height, width), the small one first.
        native_mm: pixel of the real detectors it resembles; said in the tags, never used.
        voi: how stored values become brightness.
        inverted: stored dark on bright, MONOCHROME1.
        mirrored: stored as seen from behind, chest wall on the other side.
        gain: contrast of the vendor's processing, 1 = plain.
        air: brightness where nothing absorbs; noisy if above 0.
        marker: the view is burnt in beside the breast.
        padded: the air is tagged as pixel padding.
        syntaxes: transfer syntaxes it stores in; drawn per image.
    """

    vendor: str
    model: str
    panels_mm: tuple[tuple[float, float], tuple[float, float]]
    native_mm: float
    bits: int
    voi: Voi
    syntaxes: tuple[str, ...]
    share: float
    inverted: bool = False
    mirrored: bool = False
    gain: float = 1.0
    air: float = 0.0
    marker: bool = True
    padded: bool = False


# Only what the validator `dciodvfy` can read: no deflated files and no HTJ2K.
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
RLE, JPEG_LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"

MACHINES: tuple[Machine, ...] = (
    Machine(
        "Phantom Vendor A", "Phantom Unit A1", ((239.4, 191.4), (306.2, 239.4)), 0.1, 12,
        "SIGMOID", (JPEG_LOSSLESS, EXPLICIT), 0.30, padded=True,
    ),
    Machine(
        "Phantom Vendor B", "Phantom Unit B3", ((232.96, 179.2), (286.72, 232.96)), 0.07, 12,
        "LINEAR", (JPEG_2000, RLE, EXPLICIT), 0.35, gain=1.1,
    ),
    Machine(
        "Phantom Vendor C", "Phantom Unit C7", ((237.0, 177.0), (296.4, 236.4)), 0.05, 14,
        "LINEAR", (JPEG_LS, IMPLICIT), 0.20, inverted=True, gain=0.92, air=0.012, marker=False,
    ),
    Machine(
        "Phantom Vendor D", "Phantom Unit D2", ((238.0, 196.0), (299.0, 238.0)), 0.085, 12,
        "TABLE", (JPEG_2000, JPEG_LOSSLESS, IMPLICIT), 0.15, mirrored=True, gain=1.05,
    ),
)  # fmt: skip
