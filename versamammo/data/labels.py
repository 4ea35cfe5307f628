"""What is known of an image, a breast or a lesion, in one vocabulary for every source.

Numbers, so that a loss can mask them: NaN means unknown, never "no". Each field says its unit
and range; the words a source used are kept beside the number in the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal, get_args

from versamammo.imaging.mammogram import Box

UNKNOWN = float("nan")

DENSITIES = ("A", "B", "C", "D")  # ACR composition; stored as 1..4
BIRADS_EDITIONS = ("4th", "5th", "v2025")  # which manual an assessment follows
SUBTYPES = ("HER2-enriched", "Luminal A", "Luminal B", "triple negative")

# The finding kinds that a source can mark on an image; a fixed order, since heads index by it.
FindingKind = Literal[
    "mass",
    "calcification",
    "asymmetry",
    "distortion",
    "skin_thickening",
    "skin_retraction",
    "nipple_retraction",
    "lymph_node",
]
FINDINGS: tuple[str, ...] = get_args(FindingKind)


@dataclass(frozen=True)
class Finding:
    """One lesion on one image, in pixels of the file as stored.

    Attributes:
        lesion_id: the same for one lesion seen in two views or at two dates.
        box: where it lies; None if only its presence is known.
        mask: path of a 1-bit mask image relative to the source root; None if there is none.
        pathology: 0 benign, 1 malignant, NaN unknown.
        subtlety: 1 (subtle) to 5 (obvious), as in CBIS-DDSM; NaN unknown.
    """

    kind: str
    lesion_id: str | None = None
    box: Box | None = None
    mask: str | None = None
    shape: str | None = None
    margin: str | None = None
    morphology: str | None = None
    distribution: str | None = None
    pathology: float = UNKNOWN
    birads: float = UNKNOWN
    subtlety: float = UNKNOWN

    def __post_init__(self) -> None:
        if self.kind not in FINDINGS:
            raise ValueError(
                f"unknown finding {self.kind!r}; expected one of {', '.join(FINDINGS)}"
            )


@dataclass(frozen=True)
class Labels:
    """What is known of one image; every number is NaN where the source does not say.

    Attributes:
        density: ACR composition, 1 (A, almost entirely fatty) to 4 (D, extremely dense).
        birads: assessment category 0 to 6 of the breast shown; 4a, 4b and 4c are 4.
        pathology: 0 normal, 1 benign, 2 malignant, of the breast shown.
        masking: 1 to 8, how easily a tumour could hide (CSAW-M).
        subtlety: 1 to 5, of the most obvious lesion.
        subtype: index into SUBTYPES.
        tissue: 0 fatty, 1 fatty-glandular, 2 dense-glandular (MIAS, DMID).
        mass .. lymph_node: 1 present, 0 absent, NaN not looked for.
        findings: the lesions with their places; empty where no place is known.
    """

    density: float = UNKNOWN
    birads: float = UNKNOWN
    pathology: float = UNKNOWN
    masking: float = UNKNOWN
    subtlety: float = UNKNOWN
    subtype: float = UNKNOWN
    tissue: float = UNKNOWN
    cancer: float = UNKNOWN
    invasive: float = UNKNOWN
    mass: float = UNKNOWN
    calcification: float = UNKNOWN
    asymmetry: float = UNKNOWN
    distortion: float = UNKNOWN
    skin_thickening: float = UNKNOWN
    skin_retraction: float = UNKNOWN
    nipple_retraction: float = UNKNOWN
    lymph_node: float = UNKNOWN
    findings: tuple[Finding, ...] = field(default=())

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the numeric labels, in their fixed order."""
        return tuple(f.name for f in fields(cls) if f.name != "findings")
