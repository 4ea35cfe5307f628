"""Which DICOM objects are not used as 2-D mammograms, and why.

Every rule reads the header alone. What the header cannot tell (a page of text under a
mammogram's tags) is left to the search for a breast.
"""

from __future__ import annotations

import re

from versamammo.errors import InputError, Refused
from versamammo.imaging.dicom.positioning import is_specimen
from versamammo.imaging.dicom.tags import Tags
from versamammo.imaging.dicom.view_codes import find_label, parse_label

MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
MG_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
PROJECTIONS = ("1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")
# Storage of mammograms, and of CR, DX and scanned pictures that may be one.
PICTURES = (
    MG_PRESENTATION,
    MG_PROCESSING,
    TOMOSYNTHESIS,
    *PROJECTIONS,
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.7",
)

# Modalities under which single mammograms and scanned films are archived; "" is none at all.
POSSIBLE_MODALITIES = ("MG", "CR", "DX", "RG", "OT", "")
# A picture plate or a bucky takes any body part, so these must say that it is a breast.
ANY_BODY_PART = ("CR", "DX")

BREAST_CODES = frozenset(
    {"76752008", "T-04000", "73056007", "T-04020", "80248007", "T-04030", "63762007", "T-04080"}
)


def refuse_unusable(tags: Tags, *, for_processing: bool, frame: int | None) -> tuple[str, ...]:
    """Refuse what is no single 2-D mammogram; give warnings on what is unusual in the rest.

    Raises:
        InputError: `broken-header`.
        Refused: `no-pixels`, `specimen`, `test-pattern`, `not-a-mammogram`, `tomosynthesis`,
            `multi-frame`, `no-such-frame` or `for-processing`.
    """
    _require_picture(tags)
    _refuse_staged(tags)
    notes = _require_breast(tags)
    notes += _require_one_frame(tags, frame)
    notes += _require_presentation(tags, for_processing)
    return tuple(notes)


def _require_picture(tags: Tags) -> None:
    if tags.has("Rows") or tags.has("Columns") or tags.has("BitsAllocated"):
        return
    stated = tags.text("SOPClassUID") or tags.text("MediaStorageSOPClassUID")
    if stated in PICTURES:
        raise InputError("the file ends within its header", field="Rows", reason="truncated")
    raise Refused(
        "the object holds no picture (a report, a document or a directory)",
        field="SOPClassUID",
        reason="no-pixels",
    )


def shown(value: str | None) -> str:
    """Quote a coded value in a message; anything longer or freer might hold an identity."""
    if value is None:
        return "nothing"
    return value if re.fullmatch(r"[A-Z0-9_ ]{1,16}", value) else "something else"


def _refuse_staged(tags: Tags) -> None:
    """Refuse pictures of tissue outside the body, of test objects and of screens."""
    specimen = ("SpecimenDescriptionSequence", "SpecimenIdentifier", "ContainerIdentifier")
    image_type = {text.upper() for text in tags.texts("ImageType")}
    if any(tags.has(k) or tags.sequence(k) for k in specimen) or is_specimen(tags):
        raise Refused("the picture shows a specimen", field="ViewCodeSequence", reason="specimen")
    if "SPECIMEN" in image_type or "SPECIMEN" in (tags.code("BodyPartExamined") or ""):
        raise Refused("the picture shows a specimen", field="ImageType", reason="specimen")
    if tags.code("QualityControlImage") == "YES" or tags.code("CalibrationImage") == "YES":
        raise Refused(
            "a quality control image of a test object",
            field="QualityControlImage",
            reason="test-pattern",
        )
    if "PHANTOM" in (tags.code("BodyPartExamined") or ""):
        raise Refused("a test object", field="BodyPartExamined", reason="test-pattern")
    if image_type & {"SCREEN SAVE", "SCREENSHOT", "SCREEN CAPTURE", "DOSE", "REPORT"}:
        raise Refused("a capture of a screen or a report", field="ImageType", reason="text")


def _require_breast(tags: Tags) -> list[str]:
    modality = tags.code("Modality") or ""
    sop_class = tags.text("SOPClassUID") or ""
    if modality not in POSSIBLE_MODALITIES:
        raise Refused(
            f"modality {shown(modality)}; expected MG", field="Modality", reason="not-a-mammogram"
        )
    body_part = tags.code("BodyPartExamined")
    named_elsewhere = body_part is not None and "BREAST" not in body_part
    if modality == "MG" or sop_class in (MG_PRESENTATION, MG_PROCESSING, TOMOSYNTHESIS):
        notes = [] if modality == "MG" else [f"modality is {shown(modality or None)}, not MG"]
        if named_elsewhere:
            notes.append("BodyPartExamined does not say breast")
        return notes
    if named_elsewhere and body_part not in ("", "UNKNOWN"):
        raise Refused(
            f"body part {shown(body_part)}; expected BREAST",
            field="BodyPartExamined",
            reason="not-a-mammogram",
        )
    if _says_breast(tags):
        return [f"modality is {shown(modality or None)}, not MG"]
    if modality in ANY_BODY_PART or tags.has("ViewPosition"):
        raise Refused(
            f"modality {modality} and no sign of a breast",
            field="BodyPartExamined",
            reason="not-a-mammogram",
        )
    return ["nothing in the header says that this is a mammogram"]


def _says_breast(tags: Tags) -> bool:
    """Look for a breast in the coded attributes, then in the descriptions."""
    if "BREAST" in (tags.code("BodyPartExamined") or ""):
        return True
    if tags.code("PositionerType") in ("MAMMOGRAPHIC", "MAMMO"):
        return True
    codes = {item.text("CodeValue") or "" for item in tags.sequence("AnatomicRegionSequence")}
    if codes & BREAST_CODES or tags.sequence("ViewCodeSequence"):
        return True
    if parse_label(tags.text("ViewPosition") or ""):
        return True
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName")
    described = " ".join(tags.text(keyword) or "" for keyword in keywords)
    return bool(re.search(r"mamm|breast|\bbrust|\bsein\b", described, re.IGNORECASE)) or (
        find_label(described).view is not None
    )


def _require_one_frame(tags: Tags, frame: int | None) -> list[str]:
    frames = tags.integer("NumberOfFrames") or 1
    if frames < 1:
        raise InputError(
            f"{frames}; expected at least 1", field="NumberOfFrames", reason="broken-header"
        )
    sop_class = tags.text("SOPClassUID") or ""
    image_type = {text.upper() for text in tags.texts("ImageType")}
    stack = sop_class == TOMOSYNTHESIS or sop_class in PROJECTIONS
    # A synthetic view is computed from a stack, but is one 2-D mammogram.
    synthetic = "GENERATED_2D" in image_type
    if frame is not None and not 0 <= frame < frames:
        raise Refused(
            f"frame {frame} was asked for; there are {frames}, counted from 0",
            field="NumberOfFrames",
            reason="no-such-frame",
        )
    if frames > 1 and frame is None:
        kind = "a tomosynthesis stack" if stack else "a stack"
        raise Refused(
            f"{kind} of {frames} frames; choose one with frame=",
            field="NumberOfFrames",
            reason="tomosynthesis" if stack else "multi-frame",
        )
    projection = sop_class in PROJECTIONS or any(
        re.search("TOMO.*PROJ", text) for text in image_type
    )
    if (projection or (stack and not synthetic)) and frame is None:
        raise Refused(
            "a slice or projection of tomosynthesis; choose it with frame=",
            field="SOPClassUID",
            reason="tomosynthesis",
        )
    return [f"frame {frame} of a stack of {frames}"] if frames > 1 else []


def is_for_processing(tags: Tags) -> bool:
    """Return whether the values are the detector's, not meant to be looked at."""
    intent = tags.code("PresentationIntentType")
    return intent == "FOR PROCESSING" or tags.text("SOPClassUID") == MG_PROCESSING


def _require_presentation(tags: Tags, for_processing: bool) -> list[str]:
    if not is_for_processing(tags):
        return []
    if not for_processing:
        raise Refused(
            "detector values FOR PROCESSING, which are not meant to be looked at; pass "
            "for_processing=True for a plain logarithmic rendering",
            field="PresentationIntentType",
            reason="for-processing",
        )
    return ["FOR PROCESSING: shown by a plain logarithmic rendering, not the vendor's"]
