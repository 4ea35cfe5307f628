from __future__ import annotations

from collections.abc import Callable

import pytest

from versamammo.vqa import Item, Kind

ABNORMALITIES = (
    "Normal",
    "Calcification",
    "Mass",
    "Architectural distortion",
    "Asymmetry",
    "Miscellaneous",
    "Nipple retraction",
    "Suspicious lymph node",
    "Skin thickening",
    "Skin retraction",
)
PATHOLOGIES = ("Normal", "Malignant", "Benign")


@pytest.fixture
def ask() -> Callable[..., Item]:
    """Make an item: pathology unless a topic is named."""

    def made(
        answer: str | tuple[str, ...] = "Normal",
        *,
        id: str = "1",
        options: tuple[str, ...] | None = None,
        kind: Kind = Kind.SINGLE,
        topic: str = "Pathology",
        patient: str | None = "p1",
        question: str = "What is it?",
        dataset: str = "Set-breast",
    ) -> Item:
        many = kind is Kind.MULTIPLE
        return Item(
            id=id,
            images=(f"/Set/{id}/img.jpg",),
            dataset=dataset,
            topic="Abnormality" if many else topic,
            kind=kind,
            question=question,
            options=options or (ABNORMALITIES if many else PATHOLOGIES),
            answer=(answer,) if isinstance(answer, str) else answer,
            patient=patient,
        )

    return made
