"""Verdicts made by hand."""

from __future__ import annotations

from app.chat.evidence.contracts import EvidenceSource, Region, Verdict


def mass(image: int, yes: float, *marks: Region) -> Verdict:
    """What is said of a mass in one picture; with a mark it is there."""
    value = "Yes" if marks else "No" if yes < 0.5 else None
    return Verdict(
        "Mass", (image,), value, {"Yes": yes, "No": 1 - yes}, EvidenceSource.MARKS, marks
    )


def density(image: int, level: str = "B", share: float = 0.6) -> Verdict:
    """What is said of the density in one picture."""
    rest = (1 - share) / 3
    weights = {f"Level {one}": share if one == level else rest for one in "ABCD"}
    value = f"Level {level}" if share >= 0.4 else None
    return Verdict("ACR", (image,), value, weights, EvidenceSource.LANGUAGE)
