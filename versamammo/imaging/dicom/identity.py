"""The keys that tie an image to its exam and patient, and the age; never a name or a birth date."""

from __future__ import annotations

import re
from datetime import date

from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.mammogram import Identifiers

# Patient's Age counts days, weeks, months or years (DICOM PS3.5 6.2, AS).
YEARS_PER = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


def read_identifiers(tags: Tags) -> Identifiers:
    """Collect the keys of the image, its exam and its patient."""
    return Identifiers(
        patient_id=tags.text("PatientID"),
        exam_id=tags.text("StudyInstanceUID"),
        image_id=tags.text("SOPInstanceUID"),
        accession=tags.text("AccessionNumber"),
        exam_date=_iso_date(tags.text("StudyDate") or tags.text("AcquisitionDate")),
    )


def read_age(tags: Tags) -> float | None:
    """Return the age in years; None if it is missing, or blanked as 000Y."""
    found = re.fullmatch(r"(\d{1,3})([DWMY])", tags.code("PatientAge") or "")
    if found is None:
        return None
    years = int(found[1]) * YEARS_PER[found[2]]
    return years if years > 0 else None


def _iso_date(text: str | None) -> str | None:
    """Turn 20150929, or the older 2015.09.29, into 2015-09-29."""
    digits = re.sub(r"\D", "", text or "")
    try:
        return date.fromisoformat(digits).isoformat() if len(digits) == 8 else None
    except ValueError:
        return None
