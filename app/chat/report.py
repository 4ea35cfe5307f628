"""A report draft to edit, in the usual order of sections; it never invents an assessment."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.contracts import Attribute, Card, Findings, Turn
from app.chat.exam import Exam
from app.chat.facts import facts_of, warnings_of
from versamammo import NOTICE, __version__

OPEN = "[to be filled in by the reader]"


def draft(exam: Exam, findings: Findings | None, finder: Card | None) -> str:
    """Write the draft: what is known, and what the reader has to fill in."""
    sections = [
        ("DRAFT", NOTICE),
        ("Indication", OPEN),
        ("Images", _images(exam)),
        ("Breast composition", _attribute(findings, "density")),
        ("Findings", _findings(exam, findings)),
        ("Comparison", "No earlier examination was given."),
        ("Assessment", _attribute(findings, "birads")),
        ("Management", OPEN),
        ("Made with", f"VersaMammo {__version__}; {_who(finder)}"),
    ]
    return "\n\n".join(f"{title.upper()}\n{text}" for title, text in sections)


def _who(card: Card | None) -> str:
    if card is None:
        return "no model; tags and measurements only"
    return f"{card.name} {card.version}, trained on {card.data}"


def _images(exam: Exam) -> str:
    kind = "Phantom pictures, not of a person. " if exam.phantom else ""
    lines = [f"{kind}{len(exam.images)} mammograms: {', '.join(exam.names)}."]
    lines += [f"Note: {warning}" for warning in warnings_of(exam)]
    return "\n".join(lines)


def _attribute(findings: Findings | None, name: str) -> str:
    found = [a for a in findings.attributes if a.name == name] if findings else []
    if not found:
        return f"Not assessed by any model. {OPEN}"
    return f"{'; '.join(in_words(a) for a in found)} (model; to be confirmed). {OPEN}"


def in_words(attribute: Attribute) -> str:
    """Say the likeliest value of an attribute and its probability."""
    value = max(attribute.probabilities, key=lambda key: attribute.probabilities[key])
    edition = f", BI-RADS edition {attribute.edition}" if attribute.edition else ""
    return f"{value} (probability {attribute.probabilities[value]:.2f}{edition})"


def _findings(exam: Exam, findings: Findings | None) -> str:
    if findings is None:
        return f"No model looked for findings. {OPEN}"
    lines = []
    for region in findings.regions:
        size = exam.images[region.image].millimetres(region.box)
        extent = "" if size is None else f", {size[0]:.0f} x {size[1]:.0f} mm"
        lines.append(
            f"{exam.names[region.image]}: {region.word}{extent}, score {region.score:.2f} (model)."
        )
    lines += [f"Attempted in vain: {what}." for what in findings.failed]
    return "\n".join(lines or ["The model marked nothing."]) + f" {OPEN}"


def record(
    exam: Exam, findings: Findings | None, turns: Sequence[Turn], cards: Sequence[Card]
) -> dict[str, object]:
    """Give all of a visit as one JSON object; boxes in pixels of the files, sizes in mm."""
    return {
        "notice": NOTICE,
        "versamammo": __version__,
        "spoken_by": [
            {"name": c.name, "version": c.version, "data": c.data, "is_model": c.is_model}
            for c in cards
        ],
        "phantom": exam.phantom,
        "warnings": list(warnings_of(exam)),
        "images": [_image(exam, number) for number in range(len(exam.images))],
        "findings": None if findings is None else findings_record(exam, findings),
        "conversation": [turn_record(exam, turn) for turn in turns],
    }


def _image(exam: Exam, number: int) -> dict[str, object]:
    image = exam.images[number]
    return {
        "name": exam.names[number],
        "laterality": image.told.laterality,
        "view": image.told.view,
        "rows": image.size[0],
        "columns": image.size[1],
        "spacing_mm": image.told.spacing_mm,
        "breast_box": None if image.breast is None else image.breast.box.as_tuple(),
        "facts": [
            {"what": f.what, "tags": f.tags, "pixels": f.pixels, "disagree": f.disagree}
            for f in facts_of(image)
        ],
    }


def findings_record(exam: Exam, findings: Findings) -> dict[str, object]:
    """Give what a finder said; heat maps stay in the picture."""
    return {
        "attributes": [
            {
                "name": a.name,
                "image": None if a.image is None else exam.names[a.image],
                "edition": a.edition,
                "probabilities": dict(a.probabilities),
            }
            for a in findings.attributes
        ],
        "regions": [
            {
                "image": exam.names[r.image],
                "word": r.word,
                "score": r.score,
                "box": r.box.as_tuple(),
                "size_mm": exam.images[r.image].millimetres(r.box),
            }
            for r in findings.regions
        ],
        "failed": list(findings.failed),
    }


def turn_record(exam: Exam, turn: Turn) -> dict[str, object]:
    """Give one question with its answer and what the answer points to."""
    return {
        "question": turn.question,
        "answer": turn.answer.text,
        "confidence": turn.answer.confidence,
        "evidence": [
            {
                "image": exam.names[e.image],
                "word": e.word,
                "box": None if e.box is None else e.box.as_tuple(),
                "size_mm": None if e.box is None else exam.images[e.image].millimetres(e.box),
                "confidence": e.confidence,
            }
            for e in turn.answer.evidence
        ],
    }
