"""A report draft to edit, in the usual order of sections; it never invents an assessment."""

from __future__ import annotations

from collections.abc import Sequence

from app.chat.conversation.asked import KINDS
from app.chat.conversation.facts import facts_of, warnings_of
from app.chat.conversation.report_draft import ReportDraft, Section, SectionWriter
from app.chat.conversation.report_findings import likeliest_lines, write_findings
from app.chat.conversation.report_sections import (
    OPEN,
    READER,
    write_assessment,
    write_comparison,
    write_conversation,
    write_indication,
    write_of_breasts,
    write_origin,
    write_technique,
    write_topic,
)
from app.chat.conversation.verdict_words import (
    absent_line,
    finding_line,
    kinds_judged,
    title,
    topic_words,
)
from app.chat.conversation.writing import record_lines
from app.chat.evidence.contracts import Card, ChatTurn, Findings, Region, Similar, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import Exam
from versamammo import NOTICE, __version__
from versamammo.vocabulary import NOT_JUDGED


def draft(
    exam: Exam, findings: Findings | None, cards: Sequence[Card], turns: Sequence[ChatTurn] = ()
) -> str:
    """Return the draft as plain text, as `written_draft` writes it."""
    return written_draft(exam, findings, cards, turns).text


def written_draft(
    exam: Exam, findings: Findings | None, cards: Sequence[Card], turns: Sequence[ChatTurn] = ()
) -> ReportDraft:
    """Write the draft: what is known, what was asked, and what the reader has to fill in.

    Args:
        exam: what is reported on.
        findings: of a finder; None if there is none.
        cards: of those who spoke.
        turns: the conversation; the answers of models go in as they were given.
    """
    images = exam.current
    indication = SectionWriter("indication", "Indication")
    write_indication(indication, exam)
    technique = SectionWriter("technique", "Technique")
    write_technique(technique, exam, findings, cards)
    comparison = SectionWriter("comparison", "Comparison")
    write_comparison(comparison, exam)
    composition = SectionWriter("composition", "Breast composition")
    density = write_topic(composition, exam, findings, "ACR", images)
    found = SectionWriter("findings", "Findings")
    reported, unjudged = write_findings(found, exam, findings, images)
    told = SectionWriter("conversation", "From the conversation with the model")
    write_conversation(told, exam, turns)
    assessment = SectionWriter("assessment", "Assessment")
    assessed = write_assessment(assessment, exam, findings, images)
    recommendation = SectionWriter("recommendation", "Recommendation")
    recommendation.add(OPEN, READER)
    origin = SectionWriter("origin", "Made with")
    write_origin(origin, cards)
    every = (indication, technique, comparison, composition, found, told, assessment,
             recommendation, origin)  # fmt: skip
    sections: tuple[Section, ...] = tuple(one.section for one in every if one.section.sentences)
    topics = (density, *assessed, *unjudged)
    return ReportDraft(NOTICE, exam.phantom, sections, reported, topics, tuple(cards))


def _topic(exam: Exam, findings: Findings | None, name: str, images: Sequence[int]) -> str:
    """Return the value of one topic, or why there is none."""
    if findings is None:
        return "Not assessed by any model."
    verdict = of_several(exam, findings, name, images)
    if verdict is None:
        why = findings.why_silent(name)
        return f"Not assessed: {why}."
    how = f"; {verdict.how}" if verdict.how else ""
    return f"{title(name)} {topic_words(verdict)} (model{how}; to be confirmed)."


def _findings(exam: Exam, findings: Findings | None, images: Sequence[int]) -> str:
    """Return where each finding is marked, which were not found and which were not looked for."""
    if findings is None:
        return "No model looked for findings."
    judged, there = kinds_judged(findings, images)
    lines = [finding_line(exam, name, judged[name]) for name in there]
    rest = {name: own for name, own in judged.items() if name not in there}
    lines += filter(None, [absent_line(exam, rest)])
    if silent := [name.lower() for name in KINDS if name not in judged]:
        lines.append(f"{NOT_JUDGED}: {', '.join(silent)}.")
    lines += likeliest_lines(exam, findings, images)
    lines += [f"Attempted in vain: {what}." for what in findings.failed]
    return "\n".join(lines)


def composed(exam: Exam, findings: Findings, images: Sequence[int], *, brief: bool = False) -> str:
    """Return a short report of some pictures: composition, findings and assessment.

    Args:
        exam: what is reported on.
        findings: of a finder.
        images: that are reported on.
        brief: leaves out what is not judged, but for findings.
    """
    names = ", ".join(exam.names[image] for image in images)
    malignancy = SectionWriter("assessment", "Assessment")
    write_of_breasts(malignancy, exam, findings, images)
    silent = [
        name for name in ("ACR", "Bi-Rads") if of_several(exam, findings, name, images) is None
    ]
    lines = {
        "names": f"Pictures: {names}.",
        "ACR": f"Composition: {_topic(exam, findings, 'ACR', images)}",
        "findings": f"Findings: {_findings(exam, findings, images)}",
        "Bi-Rads": f"Assessment: {_topic(exam, findings, 'Bi-Rads', images)}",
    }
    left_out = ("names", *silent) if brief else ()
    kept = [line for name, line in lines.items() if name not in left_out]
    return "\n".join([*kept, *(one.text for one in malignancy.section.sentences)])


def record(
    exam: Exam,
    findings: Findings | None,
    turns: Sequence[ChatTurn],
    cards: Sequence[Card],
    similar: Sequence[Sequence[Similar]] = (),
) -> dict[str, object]:
    """Return all of a visit as one JSON object; boxes in pixels of the files, sizes in mm."""
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
                "no_normals": c.no_normals,
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
    view = findings.verdict("View", number) if findings is not None else None
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
    """Return the record of evidence; heat maps stay in the picture."""
    together = [
        one
        for name in findings.topics
        if (one := of_several(exam, findings, name, exam.current)) is not None
    ]
    return {
        "exam": [_verdict(exam, one) for one in together],
        "pictures": [_verdict(exam, one) for one in findings.verdicts],
        "regions": [_region(exam, one) for one in findings.regions],
        "suspects": [_region(exam, one) for one in findings.suspects],
        "not_judged": dict(findings.silent),
        "tried": dict(findings.tried),
        "failed": list(findings.failed),
    }


def _region(exam: Exam, region: Region) -> dict[str, object]:
    return {
        "image": exam.names[region.image],
        "finding": region.topic,
        "place": region.where,
        "score": region.score,
        "box": region.box.as_tuple(),
        "size_mm": exam.images[region.image].millimetres(region.box),
    }


def _verdict(exam: Exam, verdict: Verdict) -> dict[str, object]:
    return {
        "topic": verdict.topic,
        "images": [exam.names[image] for image in verdict.images],
        "value": verdict.value,
        "probabilities": dict(verdict.probabilities),
        "source": verdict.source,
        "dissent": list(verdict.dissent),
        "how": verdict.how,
        "condition": verdict.condition,
    }


def answer_record(
    exam: Exam, findings: Findings | None, turn: ChatTurn, cards: Sequence[Card]
) -> dict[str, object]:
    """Return one answer with the record of evidence that it speaks from."""
    told = record(exam, findings, (), cards)
    kept = ("notice", "versamammo", "spoken_by", "phantom", "warnings", "findings")
    return {key: told[key] for key in kept} | turn_record(exam, turn)


def turn_record(exam: Exam, turn: ChatTurn) -> dict[str, object]:
    """Return one question with its answer and what the answer points to."""
    return {
        "question": turn.question,
        "answer": turn.answer.text,
        "confidence": turn.answer.confidence,
        "by_model": turn.answer.speaker is None or turn.answer.speaker.is_model,
        "understood": turn.answer.understood,
        "worded_by": "language model" if turn.answer.written else "record",
        "record": list(turn.answer.facts or record_lines(turn.answer.text)),
        "rejected": list(turn.answer.rejected),
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
