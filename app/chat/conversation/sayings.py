"""What is said to questions that are not about what the pictures show."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.evidence.contracts import Card
from versamammo import NOTICE

CHANGE = (
    "No earlier exam is here to compare with, so it cannot be told whether anything has changed."
)
PERSON = (
    "That cannot be told from these pictures: tags that name or describe the patient are not "
    "kept, and no source here looks for it."
)
MEANING = (
    "This model cannot explain terms or give general knowledge; it tells what it finds in the "
    "mammograms on the light box. The user's guide and its glossary explain the words."
)


def greeting(topics: Sequence[str]) -> str:
    """Return a greeting that says what can be asked."""
    listed = ", ".join(topics) or "side, view, sizes and warnings"
    return f"Hello. Ask about the mammograms on the light box, for example: {listed}."


def thanks() -> str:
    """Return an answer to thanks."""
    return "You are welcome. Is there anything else to look at in these pictures?"


def about(card: Card, topics: Sequence[str]) -> str:
    """Return who speaks, what it learnt from and what it can be asked."""
    listed = ", ".join(topics) or "nothing about these pictures"
    return (
        f"This is VersaMammo, a research model for mammograms: {card.name}, version "
        f"{card.version}, trained on {card.data}. It judges here: {listed}. {NOTICE}"
    )


def advice() -> str:
    """Return why no advice is given."""
    return (
        "That is for a radiologist or the treating doctor to decide. This is research software "
        "and not for diagnosis: it gives no advice on what to do."
    )
