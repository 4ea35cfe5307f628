"""Several questions in one message: taken apart where that answers more, and answered in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from app.chat.conversation.asked import Asked
from app.chat.conversation.general import GENERAL
from app.chat.conversation.intent import understand
from app.chat.conversation.subjects import Subject
from app.chat.evidence.contracts import ChatTurn, StreamedAnswer
from app.chat.evidence.exam import Exam

MOST = 3  # questions of one message that are answered in turn
FRAGMENT = 3  # words that go on with the question before
SHORT = 6  # and words that do so where one of them points back
_POINTS_BACK = re.compile(r"\b(it|that|this|they|those|these|them)\b", re.IGNORECASE)
_BEGINS = (
    r"(?:(?:also|then|if so|if yes|please|so|ok|can you|could you|would you),? )*"
    r"(?:what|where|which|how|why|who|when|is|are|does|do|did|can|could|should|would|will|was|"
    r"were|has|have|tell|show|give|explain|describe|summari[sz]e|list|compare|any)\b"
)
_QUESTION = re.compile(rf"\W*{_BEGINS}|.*\?\W*$", re.IGNORECASE | re.DOTALL)
_BETWEEN = re.compile(
    rf"(?<=[.?!;])\s+|,?\s+(?:and|but|also|plus)\s+(?={_BEGINS})|,\s+(?=if (?:so|yes)\b)",
    re.IGNORECASE,
)
_NO_PART = (Subject.UNKNOWN, Subject.LANGUAGE, Subject.GREETING, Subject.THANKS)
_OF_ITSELF = {Subject.ABOUT, Subject.ABILITIES}  # one card is enough
# what is told together with its topics, so that a question for one of them is answered
_WITH_TOPICS = (
    Subject.FINDINGS, Subject.PLACES, Subject.SIZES, Subject.COUNT, Subject.TOPIC,
    Subject.CONFIDENCE, Subject.WHY, Subject.COMPARE, Subject.REPORT,
)  # fmt: skip


def parts_asked(
    question: str, exam: Exam, history: Sequence[ChatTurn], whole: Asked
) -> tuple[tuple[str, Asked], ...]:
    """Return the questions of a message, each as it is understood after the one before.

    Returns nothing where there is one question, where one of them is not understood, or where the
    message as a whole was taken for all of them.
    """
    parts = _parts_of(question)
    if len(parts) < 2 or whole.order:
        return ()
    turns = tuple(history)
    made: list[tuple[str, Asked]] = []
    for part in parts:
        asked = understand(part, exam, turns)
        unexplained = asked.subject is Subject.MEANING and not asked.entries
        words = len(part.split())
        goes_on = words <= FRAGMENT or (words <= SHORT and _POINTS_BACK.search(part))
        if made and made[-1][1].subject in GENERAL and goes_on:
            return ()  # “and where, and for how long?”, “and why is it bad?”
        if asked.subject in _NO_PART or asked.unsure or asked.order or unexplained:
            return ()
        if any(_is_told(asked, one) and _is_told(one, asked) for _, one in made):
            continue
        made.append((part, asked))
        turns = (*turns, ChatTurn(part, StreamedAnswer("")))
    if len(made) < 2:
        return ()
    return () if all(_is_told(asked, whole) for _, asked in made) else tuple(made)


def joined(first: StreamedAnswer | None, then: StreamedAnswer) -> StreamedAnswer:
    """Return two answers as one; lines that the first holds are not said again."""
    if first is None:
        return then
    said = first.text.splitlines()
    text = "\n".join([*said, *(line for line in then.text.splitlines() if line not in said)])
    return replace(
        then,
        text=text,
        evidence=tuple(dict.fromkeys((*first.evidence, *then.evidence))),
        confidence=None,
        notes=tuple(dict.fromkeys((*first.notes, *then.notes))),
        speaker=first.speaker if first.speaker == then.speaker else None,
        facts=tuple(dict.fromkeys((*first.facts, *then.facts))),
        written=text if first.written or then.written else "",
        rejected=(*first.rejected, *then.rejected),
    )


def _parts_of(question: str) -> list[str]:
    """Return the questions of a message; what is no question belongs to the one after it."""
    parts: list[str] = []
    before = ""
    for piece in filter(None, _BETWEEN.split(question.strip())):
        before = f"{before} {piece}".strip()
        if _QUESTION.match(piece):
            parts.append(before)
            before = ""
    if before and parts:
        parts[-1] = f"{parts[-1]} {before}"
    return parts if len(parts) <= MOST else []


def _is_told(part: Asked, whole: Asked) -> bool:
    """Return whether the answer to a message as a whole answers one of its questions."""
    if part.subject is Subject.TAGS:
        return whole.subject is Subject.TAGS and {*part.facts} <= {*whole.facts}
    if part.entries or part.program_fact:
        return part.entries == whole.entries and part.program_fact == whole.program_fact
    if part.subject is whole.subject:
        return {*part.topics} <= {*whole.topics}
    if {part.subject, whole.subject} <= _OF_ITSELF:
        return True
    topics = bool(part.topics) and {*part.topics} <= {*whole.topics}
    asks_for_topics = part.subject in (Subject.TOPIC, Subject.FINDINGS)
    return asks_for_topics and topics and whole.subject in _WITH_TOPICS
