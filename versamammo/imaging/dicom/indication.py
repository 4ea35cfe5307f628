"""Why the pictures were made, as far as a file says so in words that cannot name a person."""

from __future__ import annotations

import re

from versamammo.imaging.dicom.tags import Tags

REASONS = ("ReasonForRequestedProcedureCodeSequence", "ReasonForVisitCodeSequence")
# Coding schemes of PS3.16 Chapter 8 whose meanings are terms; a private one may hold anything.
SCHEMES = ("SCT", "SRT", "SNM3", "DCM", "LN", "I9C", "I10", "I10P", "I10C", "RADLEX")
LONGEST = 64  # characters of a Code Meaning (PS3.5, LO)
DESCRIPTIONS = (
    "ReasonForTheRequestedProcedure",
    "ReasonForVisit",
    "RequestedProcedureDescription",
    "StudyDescription",
    "PerformedProcedureStepDescription",
)
# Of free text, which may hold a name, these words alone are taken.
WORDS = (
    ("screening", r"\bscreen(ing)?\b"),
    ("diagnostic", r"\bdiag(nostic)?\b"),
    ("symptoms", r"\bsymptom(s|atic)?\b"),
    ("palpable finding", r"\b(palpable|lump)\b"),
    ("follow-up", r"\b(follow[- ]?up|surveillance)\b"),
    ("recall", r"\b(recall(ed)?|call[- ]?back)\b"),
)


def read_indication(tags: Tags) -> tuple[str | None, str | None]:
    """Return the indication and the attribute that tells it; None for both if none does."""
    for keyword in REASONS:
        coded = [_meaning(item) for item in tags.sequence(keyword)]
        if told := "; ".join(dict.fromkeys(filter(None, coded))):
            return told, keyword
    for keyword in DESCRIPTIONS:
        text = (tags.text(keyword) or "").lower()
        if told := "; ".join(word for word, pattern in WORDS if re.search(pattern, text)):
            return told, keyword
    return None, None


def _meaning(item: Tags) -> str:
    meaning = item.text("CodeMeaning") or ""
    known = item.has("CodeValue") and item.code("CodingSchemeDesignator") in SCHEMES
    return meaning if known and len(meaning) <= LONGEST and meaning.isprintable() else ""
