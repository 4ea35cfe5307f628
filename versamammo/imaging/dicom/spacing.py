"""How many millimetres of breast one pixel covers, as far as the file can be believed."""

from __future__ import annotations

from versamammo.imaging.dicom.tags import Tags

# Detectors give 0.05 to 0.1 mm, magnified views down to 0.025 mm, coarse film scans 0.4 mm.
PLAUSIBLE_MM = (0.01, 1.0)
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
CALIBRATED = ("GEOMETRY", "FIDUCIAL")
UNCALIBRATED = "PixelSpacing does not say how it was calibrated"
BY_RESOLUTION = "the spacing is the scanner's limiting resolution, in mm"

Spacing = tuple[float, float]


def read_spacing(tags: Tags) -> tuple[Spacing | None, tuple[str, ...]]:
    """Return the spacing (between rows, between columns) in mm in the plane of the breast.

    Pixel Spacing counts first if it was calibrated; then the detector's spacing, divided by the
    magnification between breast and detector (DICOM PS3.3 10.7.1); then what a film scanner says.
    """
    notes: list[str] = []
    spacing = _spacing(tags, notes)
    notes += _not_square(tags, spacing)
    return spacing, tuple(notes)


def _not_square(tags: Tags, spacing: Spacing | None) -> list[str]:
    """Warn of pixels that are not square, which are shown and prepared as if they were."""
    known = [spacing] if spacing else [tags.numbers(keyword) for keyword in SPACINGS]
    # vertical and horizontal size, without a unit
    for pair in (*known, tags.numbers("PixelAspectRatio")):
        if len(pair) == 2 and min(pair) > 0 and not _alike(pair[:1], pair[1:]):
            ratio = f"{pair[0] / pair[1]:.3g}"
            return [f"the pixels are {ratio} times as high as wide: shown out of proportion"]
    return []


def _spacing(tags: Tags, notes: list[str]) -> Spacing | None:
    pixel = _pair(tags, "PixelSpacing", notes)
    imager = _pair(tags, "ImagerPixelSpacing", notes)
    calibrated = tags.code("PixelSpacingCalibrationType") in CALIBRATED
    if pixel and (calibrated or imager is None or not _alike(pixel, imager)):
        if not calibrated:
            notes.append(UNCALIBRATED)
        return pixel
    if imager:
        factor = _magnification(tags, notes)
        return imager[0] / factor, imager[1] / factor
    scanned = _pair(tags, "NominalScannedPixelSpacing", notes)
    if scanned:
        return scanned
    resolution = tags.number("SpatialResolution")
    if resolution is not None and PLAUSIBLE_MM[0] <= resolution <= PLAUSIBLE_MM[1]:
        notes.append(BY_RESOLUTION)
        return resolution, resolution
    notes.append("the pixel spacing is not known")
    return None


def _pair(tags: Tags, keyword: str, notes: list[str]) -> Spacing | None:
    values = tags.numbers(keyword)
    if not values:
        return None
    if len(values) != 2 or not all(PLAUSIBLE_MM[0] <= v <= PLAUSIBLE_MM[1] for v in values):
        notes.append(f"{keyword} is not a plausible spacing in mm and was left out")
        return None
    return values[0], values[1]


def _magnification(tags: Tags, notes: list[str]) -> float:
    factor = tags.number("EstimatedRadiographicMagnificationFactor")
    if factor is None:
        return 1.0
    if not 1.0 <= factor <= 3.0:
        notes.append("EstimatedRadiographicMagnificationFactor is not plausible; 1 was taken")
        return 1.0
    return factor


def _alike(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= 0.01 * b for a, b in zip(first, second, strict=True))
