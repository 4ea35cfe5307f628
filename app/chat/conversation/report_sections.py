"""The sections of a report around its findings: indication, technique, comparison, assessment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

from app.chat.conversation.facts import together, warnings_of
from app.chat.conversation.report_draft import (
    ReportedTopic,
    SectionWriter,
    SentenceSource,
    SourceKind,
)
from app.chat.conversation.report_findings import model_source, not_tried
from app.chat.conversation.verdict_words import SIDES, title, topic_words
from app.chat.evidence.contracts import Card, ChatTurn, Findings, Verdict
from app.chat.evidence.deciding import of_several
from app.chat.evidence.exam import HUNG, MONTH, Exam, ExamImage
from app.chat.evidence.location_text import described
from versamammo import __version__
from versamammo.imaging.dicom.refusals import MG_PRESENTATION

OPEN = "[to be filled in by the reader]"
READER = SentenceSource(SourceKind.READER, "left to the reader")
OF_A_BREAST = ("Pathology", "Cancer", "Invasive cancer")  # of the assessment, a breast each


def write_indication(writer: SectionWriter, exam: Exam) -> None:
    """Write why the pictures were made, as the tags tell it."""
    for number in exam.current:
        made = exam.images[number].told.provenance
        if made.indication:
            source = SentenceSource(
                SourceKind.TAG, f"tag {made.indication_source}", (exam.names[number],)
            )
            writer.add(f"{made.indication.capitalize()}.", source)
            return
    writer.add("Not recorded.", SentenceSource(SourceKind.TAG, "no tag tells the indication"))


def write_technique(
    writer: SectionWriter, exam: Exam, findings: Findings | None, cards: Sequence[Card]
) -> None:
    """Write which pictures there are, of what kind, and what a careful reader should know."""
    if exam.phantom:
        source = SentenceSource(SourceKind.TAG, "tag PatientID says PHANTOM", exam.names)
        writer.add("Phantom pictures, not of a person.", source)
    numbers = exam.current
    listed = ", ".join(exam.names[number] for number in numbers)
    count = "1 mammogram" if len(numbers) == 1 else f"{len(numbers)} mammograms"
    writer.add(f"{count}: {listed}.", *_view_sources(exam, numbers))
    shown = {(exam.images[n].side, exam.images[n].told.view) for n in numbers}
    if absent := [f"{side} {view}" for side, view in HUNG if (side, view) not in shown]:
        source = SentenceSource(
            SourceKind.PROGRAM, "the four standard views, CC and MLO of both breasts"
        )
        writer.add(f"Of the standard views there is no {', no '.join(absent)}.", source)
    for words, names in _alike(exam, numbers, _kind_words).items():
        writer.add(f"{', '.join(names)}: {words}.", _tags(names, "format and pixel size"))
    for words, names in _alike(exam, numbers, _modifiers).items():
        writer.add(f"{', '.join(names)}: {words}.", _tags(names, "view modifiers"))
    for warning in together(exam.names, warnings_of(exam, findings, cards)):
        writer.add(
            f"Note: {warning}", SentenceSource(SourceKind.PROGRAM, "reading of tags and pixels")
        )


def write_comparison(writer: SectionWriter, exam: Exam) -> None:
    """Write which earlier pictures there are, by how long before; nobody compared them."""
    earlier: dict[int, list[str]] = {}
    for name, image in zip(exam.names, exam.images, strict=True):
        if image.days_before:
            earlier.setdefault(image.days_before, []).append(name)
    if not earlier:
        source = SentenceSource(SourceKind.TAG, "tag StudyDate: no picture of an earlier date")
        writer.add("No earlier examination was given.", source)
        return
    for days, names in sorted(earlier.items()):
        months = round(days / MONTH)
        before = f"{days} days" if months < 2 else f"{days} days (about {months} months)"
        source = SentenceSource(SourceKind.TAG, "tag StudyDate", tuple(names))
        writer.add(f"Earlier examination, {before} before: {', '.join(names)}.", source)
    source = SentenceSource(SourceKind.PROGRAM, "no model here compares examinations")
    writer.add("What has changed was not judged; this report is on the latest pictures.", source)


def write_topic(
    writer: SectionWriter, exam: Exam, findings: Findings | None, name: str, images: Sequence[int]
) -> ReportedTopic:
    """Write the value of one topic of several pictures, or why there is none; return it as data."""
    if findings is None:
        nobody = SentenceSource(SourceKind.PROGRAM, "no model is loaded")
        made = writer.add("Not assessed by any model.", nobody)
        return ReportedTopic(name, made, why_not=nobody.text)
    verdict = of_several(exam, findings, name, images)
    if verdict is not None:
        return _write_verdict(writer, exam, findings, verdict)
    why = findings.why_silent(name)
    made = writer.add(f"{title(name)}. Not assessed: {why}.", not_tried(name, why))
    return ReportedTopic(name, made, why_not=why)


def write_assessment(
    writer: SectionWriter, exam: Exam, findings: Findings | None, images: Sequence[int]
) -> tuple[ReportedTopic, ...]:
    """Write BI-RADS and what is said of malignancy, where judged; the reader's own stays open."""
    told = write_topic(writer, exam, findings, "Bi-Rads", images)
    others = () if findings is None else write_of_breasts(writer, exam, findings, images)
    writer.add(f"Assessment of the reader: {OPEN}", READER)
    return told, *others


def write_of_breasts(
    writer: SectionWriter, exam: Exam, findings: Findings, images: Sequence[int]
) -> tuple[ReportedTopic, ...]:
    """Write what is said of malignancy, breast by breast, where judged."""
    told = []
    for name, (breast, laterality) in product(OF_A_BREAST, SIDES):
        own = [one for one in images if exam.images[one].side is laterality]
        verdict = of_several(exam, findings, name, own)
        if verdict is not None:
            made = _write_verdict(writer, exam, findings, verdict, f"{breast}: ")
            told.append(replace(made, side=laterality))
    return tuple(told)


def write_conversation(writer: SectionWriter, exam: Exam, turns: Sequence[ChatTurn]) -> None:
    """Write the answers that a model gave, what they point to and their notes."""
    for number, turn in enumerate(turns, start=1):
        speaker = turn.answer.speaker
        if speaker is not None and not speaker.is_model:
            continue
        chance = () if turn.answer.confidence is None else (turn.answer.confidence,)
        worded = ", worded by a language model" if turn.answer.written else ""
        text = f"question {number} and its answer{worded}"
        source = SentenceSource(SourceKind.CONVERSATION, text, probabilities=chance)
        writer.add(f"Question: {turn.question}", source)
        for line in filter(str.strip, turn.answer.text.splitlines()):
            writer.add(line, source)
        for one in turn.answer.evidence:
            if one.box is not None:
                where = described(exam.images[one.image], one.box)
                writer.add(f"{exam.names[one.image]}: {one.word}, {where}", source)
        for note in turn.answer.notes:
            writer.add(f"Note: {note}", source)


def write_origin(writer: SectionWriter, cards: Sequence[Card]) -> None:
    """Write which program and which models wrote the draft."""
    source = SentenceSource(SourceKind.PROGRAM, "this program and the cards of its models")
    writer.add(f"VersaMammo {__version__}.", source)
    models = [card for card in cards if card.is_model]
    for card in models:
        writer.add(f"{card.name} {card.version}, trained on {card.data}.", source)
    if not models:
        writer.add("No model; tags and measurements only.", source)


def _write_verdict(
    writer: SectionWriter, exam: Exam, findings: Findings, verdict: Verdict, of: str = ""
) -> ReportedTopic:
    own = [one for i in verdict.images if (one := findings.verdict(verdict.topic, i)) is not None]
    source = model_source(exam, verdict.topic, own, verdict.value or verdict.likeliest)
    how = f"; {verdict.how}" if verdict.how else ""
    text = f"{of}{title(verdict.topic)} {topic_words(verdict)} (model{how}; to be confirmed)."
    made = writer.add(text, source)
    for quoted in verdict.dissent:
        other = SentenceSource(SourceKind.MODEL, quoted, source.images, verdict.topic)
        writer.add(f"{of}{quoted[0].upper()}{quoted[1:]}.", other)
    return ReportedTopic(
        verdict.topic, made, tuple(exam.names[one] for one in verdict.images), verdict.value,
        verdict.probabilities[verdict.likeliest], condition=verdict.condition,
    )  # fmt: skip


def _view_sources(exam: Exam, numbers: Sequence[int]) -> list[SentenceSource]:
    """Return which attributes told side and view, the pictures together that share them."""
    found: dict[str, list[str]] = {}
    for number in numbers:
        told = exam.images[number].told
        side = told.laterality_source or "chest wall on the pixels"
        text = f"side by {side}, view by {told.view_source or 'nothing'}"
        found.setdefault(text, []).append(exam.names[number])
    return [SentenceSource(SourceKind.TAG, text, tuple(names)) for text, names in found.items()]


def _alike(
    exam: Exam, numbers: Sequence[int], words_of: Callable[[ExamImage], str]
) -> dict[str, tuple[str, ...]]:
    """Return words with the names of the pictures that they hold for."""
    found: dict[str, tuple[str, ...]] = {}
    for number in numbers:
        if words := words_of(exam.images[number]):
            found[words] = (*found.get(words, ()), exam.names[number])
    return found


def _kind_words(image: ExamImage) -> str:
    """Return what kind of picture it is, of which machine, and how large a pixel is."""
    made = image.told.provenance
    kind = "digital mammogram" if made.sop_class == MG_PRESENTATION else f"{made.format} file"
    if made.format == "DICOM" and made.sop_class != MG_PRESENTATION:
        kind = "DICOM file that does not say that a digital detector took it"
    machine = " ".join(part for part in (made.vendor, made.model) if part)
    spacing = image.told.spacing_mm
    pixel = f"{spacing[0]:.3g} mm per pixel" if spacing else "pixel size not known"
    return ", ".join(filter(None, [kind, machine, f"{image.told.bits} bits", pixel]))


def _modifiers(image: ExamImage) -> str:
    return ", ".join(image.told.modifiers)


def _tags(names: tuple[str, ...], what: str) -> SentenceSource:
    return SentenceSource(SourceKind.TAG, f"tags of the files: {what}", names)
