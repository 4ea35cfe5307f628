"""What people say next: each is understood by what was said before it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.chat.conversation.facts import FactAnswerer
from app.chat.conversation.intent import Asked, understand
from app.chat.conversation.subjects import Subject
from app.chat.evidence.contracts import ChatTurn, StreamedAnswer
from app.chat.evidence.exam import Exam


def after(exam: Exam, turns: Sequence[str]) -> Asked:
    *before, last = turns
    return understand(last, exam, [ChatTurn(one, StreamedAnswer("")) for one in before])


@pytest.mark.parametrize(
    ("turns", "term"),
    [
        (("What is BI-RADS 4?", "And 5?"), "BI-RADS 5"),
        (("How dense is the breast?", "What does C mean?"), "density C"),
        (("How dense is the breast?", "And how sure is that?", "what is B"), "density B"),
        (("density?", "is that bad?"), "breast density"),
    ],
)
def test_a_value_is_explained_by_what_was_spoken_of(
    exam: Exam, turns: Sequence[str], term: str
) -> None:
    asked = after(exam, turns)
    assert asked.subject is Subject.MEANING
    assert [entry.term for entry in asked.entries] == [term]


@pytest.mark.parametrize(
    ("turns", "subject", "topics"),
    [
        (("Is there cancer?", "yes or no"), Subject.TOPIC, ("Cancer",)),
        (("Is there a mass?", "what?"), Subject.FINDINGS, ("Mass",)),
        (("Is there a mass?", "I don't understand"), Subject.FINDINGS, ("Mass",)),
        (("Where is the lesion?", "Show it on the picture"), Subject.PLACES, ("Abnormality",)),
        (("Is it malignant?", "Are you kidding me?"), Subject.CONFIDENCE, ("Pathology",)),
        (("How many lesions?", "how many are malignant"), Subject.TOPIC, ("Pathology",)),
        (("what can you do", "ok do it"), Subject.REPORT, ()),
        (("Is it malignant?", "In what percentage of cases are you right?"), Subject.TRUST, ()),
    ],
)
def test_what_is_meant_follows_from_the_turn_before(
    exam: Exam, turns: Sequence[str], subject: Subject, topics: tuple[str, ...]
) -> None:
    asked = after(exam, turns)
    assert (asked.subject, asked.topics) == (subject, topics)


def test_the_second_picture_is_told_alone(exam: Exam) -> None:
    before = ChatTurn("What view is this?", StreamedAnswer(""))
    *_, answer = FactAnswerer().answer(exam, "And the second picture?", (before,))
    assert answer.text.startswith(f"{exam.names[1]}: the tags say")
    assert len(answer.text.splitlines()) == 1
    assert [evidence.image for evidence in answer.evidence] == [1]
