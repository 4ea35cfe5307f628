"""A report draft to edit, in the usual order of sections; it never invents an assessment."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.chat.contracts import Attribute, Card, Findings, Similar, Turn
from app.chat.exam import Exam
from app.chat.facts import facts_of, warnings_of
from app.chat.figures import figure, quality
from app.chat.regions import described
from app.chat.regions import in_words as in_picture
from versamammo import NOTICE, __version__

SCALES = {"density": "ACR ", "birads": "BI-RADS "}
OPEN = "[to be filled in by the reader]"


def draft(
    exam: Exam, findings: Findings | None, cards: Sequence[Card], turns: Sequence[Turn] = ()
) -> str:
    """Write the draft: what is known, what was asked, and what the reader has to fill in.

    Args:
        exam: what is reported on.
        findings: of a finder; None if there is none.
        cards: of those who spoke.
        turns: the conversation; the answers of models go in as they were given.
    """
    told = _told(exam, turns)
    sections = [
        ("DRAFT", NOTICE),
        ("Indication", OPEN),
        ("Images", _images(exam, findings, cards)),
        ("Breast composition", _attribute(exam, findings, "density")),
        ("Findings", _findings(exam, findings)),
        *([("From the conversation with the model", told)] if told else []),
        ("Comparison", "No earlier examination was given."),
        ("Assessment", _attribute(exam, findings, "birads")),
        ("Management", OPEN),
        ("Made with", f"VersaMammo {__version__}; {_who(cards)}"),
    ]
    return "\n\n".join(f"{title.upper()}\n{text}" for title, text in sections)


def _who(cards: Sequence[Card]) -> str:
    models = [card for card in cards if card.is_model]
    if not models:
        return "no model; tags and measurements only"
    return "; ".join(f"{card.name} {card.version}, trained on {card.data}" for card in models)


def _told(exam: Exam, turns: Sequence[Turn]) -> str:
    """Give the answers that a model gave, what they point to and their notes."""
    lines = []
    for turn in turns:
        if turn.answer.speaker is not None and not turn.answer.speaker.is_model:
            continue
        lines.append(f"{turn.question}\n{turn.answer.text}")
        lines += [
            f"  - {exam.names[one.image]}: {one.word}, {described(exam.images[one.image], one.box)}"
            for one in turn.answer.evidence
            if one.box is not None
        ]
        lines += [f"  (note: {note})" for note in turn.answer.notes]
    return "\n".join(lines)


def _images(exam: Exam, findings: Findings | None, cards: Sequence[Card]) -> str:
    kind = "Phantom pictures, not of a person. " if exam.phantom else ""
    lines = [f"{kind}{len(exam.images)} mammograms: {', '.join(exam.names)}."]
    lines += [f"Note: {warning}" for warning in warnings_of(exam, findings, cards)]
    return "\n".join(lines)


def _attribute(exam: Exam, findings: Findings | None, name: str) -> str:
    own = [one for one in findings.attributes if one.name == name] if findings else []
    found = [one for one in own if one.image is None] or own
    if not found:
        return f"Not assessed by any model. {OPEN}"
    if found[0].guessing:
        why = f"not found to be better than guessing ({quality(found[0].auroc)})"
        return f"Not assessed: the model was {why}. {OPEN}"
    told = [
        in_words(one) if one.image is None else f"{exam.names[one.image]}: {in_words(one)}"
        for one in found
    ]
    return f"{'; '.join(told)} (model; to be confirmed). {OPEN}"


def in_words(attribute: Attribute) -> str:
    """Say the likeliest value of an attribute and its probability; below a half, that is unsure."""
    value = f"{SCALES.get(attribute.name, '')}{attribute.likeliest}"
    chance = attribute.probabilities[attribute.likeliest]
    edition = f", BI-RADS edition {attribute.edition}" if attribute.edition else ""
    how = f"; {attribute.how}" if attribute.how else ""
    said = value if chance >= 0.5 else f"not sure; likeliest {value}"
    return f"{said} (probability {figure(chance)}{edition}{how})"


def _findings(exam: Exam, findings: Findings | None) -> str:
    if findings is None:
        return f"No model looked for findings. {OPEN}"
    lines = []
    for region in findings.regions:
        where = described(exam.images[region.image], region.box)
        lines.append(
            f"{exam.names[region.image]}: {region.word}, {where}, score {region.score:.2f} (model)."
        )
    lines += [f"Attempted in vain: {what}." for what in findings.failed]
    return "\n".join(lines or ["The model marked nothing."]) + f" {OPEN}"


def record(
    exam: Exam,
    findings: Findings | None,
    turns: Sequence[Turn],
    cards: Sequence[Card],
    similar: Sequence[Sequence[Similar]] = (),
) -> dict[str, object]:
    """Give all of a visit as one JSON object; boxes in pixels of the files, sizes in mm."""
    return {
        "notice": NOTICE,
        "versamammo": __version__,
        "spoken_by": [
            {
                "name": c.name,
                "version": c.version,
                "data": c.data,
                "is_model": c.is_model,
                "phantoms_only": c.phantoms_only,
            }
            for c in cards
        ],
        "phantom": exam.phantom,
        "warnings": list(warnings_of(exam, findings, cards)),
        "images": [_image(exam, number, findings) for number in range(len(exam.images))],
        "findings": None if findings is None else findings_record(exam, findings),
        "similar": [
            [{"similarity": one.score, "known": one.told} for one in own] for own in similar
        ],
        "conversation": [turn_record(exam, turn) for turn in turns],
    }


def _image(exam: Exam, number: int, findings: Findings | None) -> dict[str, object]:
    image = exam.images[number]
    view = findings.of("view", number) if findings is not None else None
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
            for f in facts_of(image, view)
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
                "how": a.how,
                "auroc": None if a.auroc is None or math.isnan(a.auroc) else a.auroc,
                "guessing": a.guessing,
                "probabilities": dict(a.probabilities),
            }
            for a in findings.attributes
        ],
        "regions": [
            {
                "image": exam.names[r.image],
                "word": r.word,
                "place": in_picture(exam.images[r.image], r.box),
                "score": r.score,
                "box": r.box.as_tuple(),
                "size_mm": exam.images[r.image].millimetres(r.box),
            }
            for r in findings.regions
        ],
        "failed": list(findings.failed),
        "marked_from": findings.least,
    }


def turn_record(exam: Exam, turn: Turn) -> dict[str, object]:
    """Give one question with its answer and what the answer points to."""
    return {
        "question": turn.question,
        "answer": turn.answer.text,
        "confidence": turn.answer.confidence,
        "by_model": turn.answer.speaker is None or turn.answer.speaker.is_model,
        "notes": list(turn.answer.notes),
        "evidence": [
            {
                "image": exam.names[e.image],
                "word": e.word,
                "where": e.where,
                "box": None if e.box is None else e.box.as_tuple(),
                "size_mm": None if e.box is None else exam.images[e.image].millimetres(e.box),
                "confidence": e.confidence,
            }
            for e in turn.answer.evidence
        ],
    }
