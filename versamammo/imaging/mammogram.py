"""The value types that are handed from reading to preparing to showing.

Coordinates are continuous and measured from the top left corner of the top left pixel:
pixel (row r, column c) covers [c, c + 1) x [r, r + 1), its centre lies at (c + 0.5, r + 0.5),
and a box that covers the whole of an H x W image is (0, 0, W, H). Every box, point and polygon
of the project uses this frame, in pixels of the file as stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Laterality(StrEnum):
    """The side of the body the breast belongs to (DICOM PS3.3, Image Laterality)."""

    RIGHT = "R"
    LEFT = "L"


class View(StrEnum):
    """Mammographic projections, by their abbreviations in DICOM PS3.16 CID 4014."""

    CC = "CC"  # cranio-caudal
    MLO = "MLO"  # medio-lateral oblique
    ML = "ML"  # medio-lateral
    LM = "LM"  # latero-medial
    LMO = "LMO"  # latero-medial oblique
    SIO = "SIO"  # superolateral to inferomedial oblique
    ISO = "ISO"  # inferomedial to superolateral oblique
    FB = "FB"  # caudo-cranial (from below)
    XCC = "XCC"  # exaggerated cranio-caudal
    XCCL = "XCCL"  # exaggerated cranio-caudal, laterally
    XCCM = "XCCM"  # exaggerated cranio-caudal, medially


@dataclass(frozen=True)
class Box:
    """An axis-aligned rectangle (x1, y1, x2, y2) in continuous pixel coordinates."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        values = (self.x1, self.y1, self.x2, self.y2)
        if not all(np.isfinite(values)):
            raise ValueError(f"a box needs finite numbers, got {values}")
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise ValueError(f"a box needs x1 < x2 and y1 < y2, got {values}")

    @property
    def width(self) -> float:
        """Horizontal extent, in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Vertical extent, in pixels."""
        return self.y2 - self.y1

    def as_tuple(self) -> tuple[float, float, float, float]:
        """Return the corners as (x1, y1, x2, y2)."""
        return (self.x1, self.y1, self.x2, self.y2)


@dataclass(frozen=True)
class Identifiers:
    """Keys that tie an image to its exam and patient; never names, dates of birth or addresses."""

    patient_id: str | None = None
    exam_id: str | None = None  # Study Instance UID, or the archive's own exam key
    image_id: str | None = None  # SOP Instance UID, or the file's stem
    accession: str | None = None
    exam_date: str | None = None  # ISO 8601 date


@dataclass(frozen=True)
class Window:
    """One way of showing stored values: a centre and width, or a lookup table of the file."""

    kind: str  # "LINEAR", "LINEAR_EXACT", "SIGMOID" or "TABLE"
    center: float | None = None
    width: float | None = None
    explanation: str | None = None


@dataclass(frozen=True)
class Exposure:
    """How a picture was exposed, as its tags say; None where they do not.

    Attributes:
        kvp: peak voltage of the tube in kilovolts.
        mas: charge in milliampere seconds.
        milliseconds: how long it took.
        anode: material of the tube's target, such as "rhodium".
        filter: material of the beam's filter.
        compression_newtons: force of the paddle.
        thickness_mm: of the compressed breast.
        organ_dose_mgy: mean dose to the gland.
        entrance_dose_mgy: dose at the skin.
        implant: whether there is a breast implant.
    """

    kvp: float | None = None
    mas: float | None = None
    milliseconds: float | None = None
    anode: str | None = None
    filter: str | None = None
    compression_newtons: float | None = None
    thickness_mm: float | None = None
    organ_dose_mgy: float | None = None
    entrance_dose_mgy: float | None = None
    implant: bool | None = None


@dataclass(frozen=True)
class Provenance:
    """Where the pixels came from and what was done to them, enough to reproduce the picture."""

    file: str  # name only; folders may hold identities
    format: str  # "DICOM", "PNG", "JPEG", "TIFF" or "PGM"
    photometric: str  # as stored, for example MONOCHROME1
    inverted: bool = False  # True if stored dark-on-bright and turned round
    transfer_syntax: str | None = None
    decoder: str | None = None  # which library opened the pixel data
    windows: tuple[Window, ...] = ()  # all the file offers, in its order: tables after windows
    window_used: int | None = None  # index into `windows`; None if the full range was shown
    vendor: str | None = None
    model: str | None = None
    sop_class: str | None = None
    age_years: float | None = None
    patient_orientation: tuple[str, ...] = ()
    indication: str | None = None  # why it was made, in words that name nobody
    indication_source: str | None = None  # the DICOM keyword that tells it
    exposure: Exposure = Exposure()


@dataclass(frozen=True, eq=False)
class Mammogram:
    """One 2-D mammogram as a person should see it, before any cropping or mirroring.

    Attributes:
        pixels: float32 [H, W] in 0..1, bright tissue on dark, in the stored orientation.
        spacing_mm: (between rows, between columns) in millimetres, or None if unknown.
        bits: how many bits each stored value really has.
        modifiers: view modifiers such as "magnification", "spot compression".
        warnings: what a careful reader should know before trusting this image.
    """

    pixels: NDArray[np.float32]
    bits: int
    provenance: Provenance
    identifiers: Identifiers = Identifiers()
    laterality: Laterality | None = None
    laterality_source: str | None = None
    view: View | None = None
    view_source: str | None = None
    modifiers: tuple[str, ...] = ()
    spacing_mm: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise ValueError(
                f"a mammogram is float32 [H, W], got {self.pixels.dtype} {self.pixels.shape}"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the stored image."""
        rows, columns = self.pixels.shape
        return rows, columns
