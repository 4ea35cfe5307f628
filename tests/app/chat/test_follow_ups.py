"""What people say next: each is understood by what was said before it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.chat.conversation.answering import Answering
from app.chat.conversation.asked import Asked
from app.chat.conversation.facts import FactAnswerer
from app.chat.conversation.intent import understand
from app.chat.conversation.subjects import Subject
from app.chat.evidence.contracts import (
    ChatTurn,
    EvidenceSource,
    Findings,
    StreamedAnswer,
    Verdict,
)
from app.chat.evidence.exam import Exam
from app.chat.evidence.trials import Trials
from tests.app.chat.test_answering import CARD


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


def test_a_report_tells_malignancy_and_a_shorter_one_leaves_out_what_is_not_judged(
    exam: Exam,
) -> None:
    weights = {"benign": 0.2, "malignant": 0.8}
    verdict = Verdict("Pathology", (0,), "malignant", weights, EvidenceSource.HEADS)
    seen = Findings((verdict,))
    history: list[ChatTurn] = []
    for question in ("Give me a report", "Shorter please"):
        *_, answer = Answering(CARD, Trials()).answer(exam, question, history, seen)
        history.append(ChatTurn(question, answer))
    long, short = (turn.answer.text for turn in history)
    told = "Right breast: Pathology malignant (0.80)"
    assert told in long
    assert told in short
    assert "Composition: Not assessed" in long
    assert "Not assessed" not in short
    assert "Not judged, which does not mean not there" in short
    *_, briefly = Answering(CARD, Trials()).answer(exam, "Describe this briefly", (), seen)
    assert briefly.text == short
