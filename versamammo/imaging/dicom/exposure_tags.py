"""How a picture was exposed, as the tags say: tube, compression, dose, implant (PS3.3 C.8.11.7)."""

from __future__ import annotations

from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.mammogram import Exposure

MICRO, DECI = 1e-3, 100.0  # microampere seconds in mAs, and decigrays in milligrays
IMPLANT = {"YES": True, "NO": False}


def read_exposure(tags: Tags) -> Exposure:
    """Return what the tags say of the exposure; what they leave out is None, and so is zero."""
    fine = tags.number("ExposureInuAs")
    entrance = tags.number("EntranceDoseInmGy") or _times(tags.number("EntranceDose"), DECI)
    return Exposure(
        kvp=tags.number("KVP") or None,
        mas=_times(fine, MICRO) or tags.number("Exposure") or None,
        milliseconds=tags.number("ExposureTime") or None,
        anode=_word(tags.text("AnodeTargetMaterial")),
        filter=_word(tags.text("FilterMaterial")),
        compression_newtons=tags.number("CompressionForce") or None,
        thickness_mm=tags.number("BodyPartThickness") or None,
        organ_dose_mgy=_times(tags.number("OrganDose"), DECI),
        entrance_dose_mgy=entrance or None,
        implant=IMPLANT.get(tags.code("BreastImplantPresent") or ""),
    )


def _times(number: float | None, factor: float) -> float | None:
    return number * factor if number else None


def _word(text: str | None) -> str | None:
    # a Defined Term; whatever else stands there may name somebody
    return text.lower() if text and text.isalpha() and len(text) <= 16 else None
