"""The report as text with marks at its sentences, and as JSON; docs/report.md describes both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.chat.conversation.report_draft import (
    ReportDraft,
    ReportedFinding,
    ReportedTopic,
    Sentence,
    SentenceSource,
)
from app.chat.evidence.contracts import Card
from versamammo import __version__
from vlm.option_words import figure

SCHEMA = "versamammo.report"
SCHEMA_VERSION = "1.0"
NO_MARK = "A line without a mark was written or changed by the reader."


def marked(report: ReportDraft, text: str | None = None) -> str:
    """Return the text with the numbers of its sources behind each sentence, and their legend.

    Args:
        report: the draft.
        text: as a reader has changed it; the draft's own if None. A changed line has no mark.
    """
    numbers = {source: number for number, source in enumerate(report.sources, start=1)}
    marks: dict[str, dict[int, None]] = {}
    for one in report.sentences:
        marks.setdefault(one.text, {}).update(dict.fromkeys(numbers[s] for s in one.sources))
    lines = [
        f"{line} [{', '.join(map(str, marks[line]))}]" if line in marks else line
        for line in (report.text if text is None else text).splitlines()
    ]
    legend = [f"[{number}] {source_words(source)}" for source, number in numbers.items()]
    return "\n".join([*lines, "", "SOURCES", *legend, NO_MARK])


def source_words(source: SentenceSource) -> str:
    """Return a source in one line: its kind, what it is, and the pictures with probabilities."""
    chances = [figure(one) for one in source.probabilities]
    if len(chances) == len(source.images):
        pictures = [f"{name} {chance}" for name, chance in zip(source.images, chances, strict=True)]
    else:
        pictures = [*source.images, *chances]
    listed = f": {', '.join(pictures)}" if pictures else ""
    return f"{source.kind}: {source.text}{listed}"


def as_record(report: ReportDraft, text: str | None = None) -> dict[str, Any]:
    """Return the report as one JSON object.

    Args:
        report: the draft.
        text: as a reader has changed it, if anybody has.
    """
    numbers = {source: number for number, source in enumerate(report.sources, start=1)}
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "status": "draft",
        "notice": report.notice,
        "versamammo": __version__,
        "phantom": report.phantom,
        "models": [_card(card) for card in report.cards if card.is_model],
        "sections": [
            {
                "name": section.name,
                "title": section.title,
                "sentences": [_sentence(one, numbers) for one in section.sentences],
            }
            for section in report.sections
        ],
        "findings": [_finding(one) for one in report.findings],
        "topics": [_topic(one) for one in report.topics],
        "sources": [_source(number, source) for source, number in numbers.items()],
        "edited_text": None if text is None or text == report.text else text,
    }


def _sentence(sentence: Sentence, numbers: Mapping[SentenceSource, int]) -> dict[str, Any]:
    return {
        "id": sentence.id,
        "text": sentence.text,
        "sources": [numbers[source] for source in sentence.sources],
    }


def _source(number: int, source: SentenceSource) -> dict[str, Any]:
    return {
        "id": number,
        "kind": source.kind,
        "text": source.text,
        "images": list(source.images),
        "topic": source.topic or None,
        "probabilities": list(source.probabilities),
    }


def _finding(finding: ReportedFinding) -> dict[str, Any]:
    place = finding.location
    return {
        "side": finding.side,
        "topic": finding.topic,
        "presence": finding.presence,
        "probability": finding.probability,
        "images": list(finding.images),
        "half": place.half or None,
        "quadrant": place.quadrant or None,
        "clock_face": place.clock,
        "depth": place.third or None,
        "from_nipple_mm": place.from_nipple_mm,
        "assumes_usual_hanging": place.assumed,
        "marks": [
            {
                "image": mark.image,
                "box": mark.box.as_tuple(),
                "score": mark.score,
                "size_mm": mark.size_mm,
            }
            for mark in finding.marks
        ],
        "sentence": finding.sentence,
    }


def _topic(topic: ReportedTopic) -> dict[str, Any]:
    return {
        "topic": topic.topic,
        "side": topic.side,
        "images": list(topic.images),
        "value": topic.value,
        "probability": topic.probability,
        "why_not": topic.why_not or None,
        "condition": topic.condition or None,
        "sentence": topic.sentence,
    }


def _card(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "version": card.version,
        "data": card.data,
        "phantoms_only": card.phantoms_only,
        "no_normals": card.no_normals,
        "films_only": card.films_only,
    }
