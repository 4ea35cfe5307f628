"""Answers, put together from the record of evidence alone: what it does not hold is not said.

Marked places come first and words follow them. What the tags say or can be measured comes from
there; what no source was found to know is not judged, and the answer says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.chat.conversation.answer_form import in_form
from app.chat.conversation.asked import ANY_FINDING, KINDS, Asked, bare_words
from app.chat.conversation.changes import changed
from app.chat.conversation.exact_places import exact_places
from app.chat.conversation.facts import NO_MODEL, PHANTOMS_ONLY, FactAnswerer
from app.chat.conversation.general import GENERAL, answer_general
from app.chat.conversation.intent import understand
from app.chat.conversation.plain_summary import reported
from app.chat.conversation.program_facts import program_facts
from app.chat.conversation.question_parts import joined, parts_asked
from app.chat.conversation.record_answers import (
    and_topics,
    comparison_told,
    confidence_told,
    count_told,
    findings_told,
    nature_told,
    places_told,
    reasons_told,
    scores_told,
    topics_told,
)
from app.chat.conversation.repeats import without_repeats
from app.chat.conversation.stated_reading import agreement
from app.chat.conversation.subjects import Subject
from app.chat.conversation.verdict_words import title
from app.chat.conversation.writing import (
    UNDERSTOOD,
    RecordWriter,
    is_worded,
    kept_order,
    told_as_it_is,
)
from app.chat.evidence.contracts import Card, ChatTurn, Findings, StreamedAnswer
from app.chat.evidence.exam import Exam
from app.chat.evidence.trials import Domain, Trials
from versamammo.vocabulary import BY_NAME

SUGGESTED = (
    (ANY_FINDING, "Is anything suspicious, and where?"),
    ("ACR", "How dense is the breast?"),
    ("Bi-Rads", "Which BI-RADS category fits?"),
    ("Mass", "Is there a mass?"),
    ("Calcification", "Are there suspicious calcifications?"),
    ("Background tissue", "What is the background tissue?"),
)
_FOLLOWED = (Subject.CONFIDENCE, Subject.WHY)  # an answer by tags is asked about its tags
BY_TAGS = ("Which side and view is each picture?", "Do the tags and pixels agree?")


class Answering:
    """Answers about an exam from its record of evidence."""

    def __init__(self, card: Card, trials: Trials, writer: RecordWriter | None = None) -> None:
        self._card = card
        self._trials = trials
        self._writer = writer
        self._facts = FactAnswerer()

    @property
    def card(self) -> Card:
        """Return who speaks."""
        return self._card

    @property
    def suggested(self) -> tuple[str, ...]:
        """Return a few questions that it can answer."""
        known = [words for topic, words in SUGGESTED if self._knows(topic)]
        return (*known[:4], *BY_TAGS)

    def _knows(self, name: str) -> bool:
        if name == ANY_FINDING:
            return any(map(self._knows, KINDS))
        domains = [self._trials.speaker(domain, BY_NAME[name])[0] for domain in Domain]
        return any(source is not None for source in domains)

    def answer(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        findings: Findings | None = None,
    ) -> Iterator[StreamedAnswer]:
        """Yield the answer piece by piece; what cannot be answered is said to be so.

        With a language model its own words come, as far as they agree with the record.
        """
        asked = understand(question, exam, history)
        parts = parts_asked(question, exam, history, asked) or ((question, asked),)
        understood = "; ".join(one.in_words(exam.names) for _, one in parts)
        before: StreamedAnswer | None = None
        for part, one in parts:
            for piece in self._answered(exam, part, history, one, findings):
                yield replace(joined(before, piece), understood=understood)
            before, history = joined(before, piece), (*history, ChatTurn(part, piece))

    def _answered(
        self,
        exam: Exam,
        question: str,
        history: Sequence[ChatTurn],
        asked: Asked,
        findings: Findings | None,
    ) -> Iterator[StreamedAnswer]:
        pieces = (
            without_repeats(one, history)
            for one in self._from_record(exam, question, asked, findings, first=not history)
        )
        if asked.unsure:
            topic = asked.subject is Subject.TOPIC
            said = f"{UNDERSTOOD}{title(asked.topics[0]) if topic else asked.subject}."
            pieces = (replace(one, text=f"{said}\n{one.text}") for one in pieces)
        if self._writer is None or not is_worded(asked, exam, self._card):
            yield from pieces
            return
        *_, made = pieces
        below = told_as_it_is(asked, made)
        kept = kept_order(asked, made)
        yield from self._writer.write(exam, question, history, made, below, kept=kept)

    def _from_record(
        self, exam: Exam, question: str, asked: Asked, findings: Findings | None, *, first: bool
    ) -> Iterator[StreamedAnswer]:
        """Yield what the record says to a question, and what it does not."""
        seen = findings or Findings()
        if asked.subject is Subject.TAGS or (asked.subject in _FOLLOWED and asked.facts):
            yield from self._facts.told(exam, asked, findings)
            return
        if asked.subject is Subject.CHANGE and exam.prior:
            yield self._noted(changed(exam, seen), exam, asked, first=first)
            return
        if asked.subject in GENERAL:
            made = answer_general(asked, question, seen, self.card)
            fact = program_facts().get(asked.program_fact)
            if fact is not None and fact.boxes:
                boxes = exact_places(exam, seen, asked.images or exam.current)
                made = replace(made, text="\n".join([made.text, *boxes]))
            shown = replace(asked, images=asked.images or exam.current)
            yield and_topics(exam, shown, seen, lambda *_: made) if fact else made
            return
        if not asked.images:
            these = f"There is no such picture here. These are: {', '.join(exam.names)}."
            yield StreamedAnswer(these, speaker=NO_MODEL)
            return
        ways: dict[Subject, Callable[[], StreamedAnswer]] = {
            Subject.FINDINGS: lambda: and_topics(exam, asked, seen, findings_told),
            Subject.PLACES: lambda: places_told(exam, asked, seen),
            Subject.SIZES: lambda: and_topics(exam, asked, seen, findings_told),
            Subject.COUNT: lambda: and_topics(exam, asked, seen, count_told),
            Subject.TOPIC: lambda: topics_told(
                exam, asked.named, asked.images, seen, each=asked.each, bare=asked.bare
            ),
            Subject.SCORES: lambda: scores_told(exam, asked, seen),
            Subject.COMPARE: lambda: comparison_told(exam, asked, seen),
            Subject.REPORT: lambda: StreamedAnswer(reported(exam, asked, seen, question)),
            Subject.NATURE: lambda: nature_told(exam, asked, seen),
            Subject.CONFIDENCE: lambda: confidence_told(exam, asked, seen),
            Subject.WHY: lambda: reasons_told(exam, asked, seen),
            Subject.AGREE: lambda: StreamedAnswer(
                agreement(exam, seen, asked.images, bare_words(question))
            ),
        }
        if asked.subject in ways:
            made = in_form(ways[asked.subject](), exam, asked, seen, question)
            yield self._noted(made, exam, asked, first=first)
            return
        yield answer_general(asked, question, seen, self.card)

    def _noted(
        self, made: StreamedAnswer, exam: Exam, asked: Asked, *, first: bool
    ) -> StreamedAnswer:
        """Add what was left out of the question, and what a careful reader notes.

        What holds for the whole conversation is said with its first answer alone.
        """
        notes = [*made.notes, *(f"“{word}” was read as “{read}”" for word, read in asked.misspelt)]
        if first and self.card.phantoms_only and not exam.phantom:
            notes.append(PHANTOMS_ONLY)
        text = made.text
        if asked.unread:
            unread = ", ".join(f"“{word}”" for word in asked.unread[:6])
            text = f"Not taken into account: {unread}.\n{text}"
        return replace(made, text=text, notes=tuple(dict.fromkeys(notes)))
