"""Codes of a report in FHIR, each as DICOM PS3.16 lists it, whose dictionary pydicom carries.

What has no certain code has none here, and is told in words alone.
"""

from __future__ import annotations

from typing import Any

from versamammo.imaging.mammogram import Laterality

SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
}
Code = tuple[str, str, str]  # scheme as DICOM names it, code, meaning

REPORT: Code = ("LN", "18748-4", "Diagnostic Imaging Report")  # CID 7000
BREAST_REPORT: Code = ("DCM", "111400", "Breast Imaging Report")
SCREENING_REPORT: Code = ("LN", "24606-6", "Mammography Screening Report")
BREAST: Code = ("SCT", "76752008", "Breast")  # CID 4013
SIDES: dict[Laterality, Code] = {  # CID 6022
    Laterality.RIGHT: ("SCT", "73056007", "Right breast"),
    Laterality.LEFT: ("SCT", "80248007", "Left breast"),
}
TOPICS: dict[str, Code] = {
    "ACR": ("DCM", "111006", "Breast composition"),
    "Bi-Rads": ("DCM", "111005", "Assessment Category"),
}
VALUES: dict[str, Code] = {  # CID 6000 and 6026
    "Level A": ("SCT", "129716005", "Almost entirely fat"),
    "Level B": ("SCT", "129717001", "Scattered fibroglandular densities"),
    "Level C": ("SCT", "129718006", "Heterogeneously dense"),
    "Level D": ("SCT", "129719003", "Extremely dense"),
    "Bi-Rads 0": (
        "SCT",
        "397138000",
        "Mammography assessment (Category 0) - Need additional imaging evaluation (finding)",
    ),
    "Bi-Rads 1": ("SCT", "397140005", "Mammography assessment (Category 1) - Negative (finding)"),
    "Bi-Rads 2": (
        "SCT",
        "397141009",
        "Mammography assessment (Category 2) - Benign finding (finding)",
    ),
    "Bi-Rads 3": (
        "SCT",
        "397143007",
        "Mammography assessment (Category 3) - Probably benign finding, short interval follow-up "
        "(finding)",
    ),
    "Bi-Rads 4": (
        "SCT",
        "397144001",
        "Mammography assessment (Category 4) - Suspicious abnormality, biopsy should be considered "
        "(finding)",
    ),
    "Bi-Rads 5": (
        "SCT",
        "397145000",
        "Mammography assessment (Category 5) - Highly suggestive of malignancy (finding)",
    ),
}
FINDINGS: dict[str, Code] = {  # CID 6014 and 6054
    "Mass": ("SCT", "129788004", "Mammographic breast mass"),
    "Calcification": ("SCT", "309587003", "Calcification of breast"),
    "Asymmetry": ("SCT", "129790003", "Asymmetric breast tissue"),
    "Architectural distortion": ("SCT", "129792006", "Architectural distortion of breast"),
    "Skin thickening": ("SCT", "129797000", "Skin thickening of breast"),
    "Skin retraction": ("SCT", "129796009", "Skin retraction of breast"),
    "Nipple retraction": ("SCT", "271955004", "Nipple retraction"),
}
LESION: Code = ("SCT", "52988006", "Lesion")
PRESENT: Code = ("DCM", "121053", "Present")
ABSENT: Code = ("DCM", "121054", "Absent")
INDETERMINATE: Code = ("SCT", "82334004", "Indeterminate")
CERTAINTY: Code = ("DCM", "111012", "Certainty of Finding")
QUADRANT: Code = ("DCM", "111048", "Quadrant location")
CLOCK_FACE: Code = ("DCM", "111014", "Clockface or region")
DEPTH: Code = ("DCM", "111020", "Depth")
FROM_NIPPLE: Code = ("DCM", "121242", "Distance from nipple")
WIDTH: Code = ("SCT", "103355008", "Width")
HEIGHT: Code = ("DCM", "121207", "Height")
QUADRANTS: dict[str, Code] = {  # CID 6020 and 6018
    "upper outer quadrant": ("SCT", "76365002", "Upper outer quadrant of breast"),
    "lower outer quadrant": ("SCT", "33564002", "Lower outer quadrant of breast"),
    "upper inner quadrant": ("SCT", "77831004", "Upper inner quadrant of breast"),
    "lower inner quadrant": ("SCT", "19100000", "Lower inner quadrant of breast"),
    "central region": ("SCT", "129786000", "Central region of breast"),
}
DEPTHS: dict[str, Code] = {  # CID 6024
    "anterior third": ("SCT", "255549009", "Anterior"),
    "middle third": ("NCIt", "C25569", "Middle"),
    "posterior third": ("SCT", "255551008", "Posterior"),
}
HOURS = (
    "129772004", "129773009", "129774003", "129775002", "129776001", "129777005", "129778000",
    "129779008", "129780006", "129781005", "129782003", "129783008",
)  # fmt: skip


def hour(clock: int) -> Code:
    """Return the code of an hour of the clock face, 1 to 12 (CID 6018)."""
    return ("SCT", HOURS[clock - 1], f"{clock} o'clock position")


def concept(*codes: Code, text: str = "") -> dict[str, Any]:
    """Return a CodeableConcept of FHIR."""
    coding = [
        {"system": SYSTEMS[scheme], "code": code, "display": meaning}
        for scheme, code, meaning in codes
    ]
    return ({"coding": coding} if coding else {}) | ({"text": text} if text else {})
