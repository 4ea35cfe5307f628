"""What people say next: each is understood by what was said before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
        (("density?", "and what does that category mean"), "breast density"),
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
        (("How dense is it?", "what does the 0.47 mean?"), Subject.CONFIDENCE, ("ACR",)),
        (("Is there a mass?", "how well do you do that?"), Subject.TRUST, ("Mass",)),
        (("Are you good at masses?", "and calcifications?"), Subject.TRUST, ("Calcification",)),
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


@pytest.mark.parametrize(
    ("turns", "subject", "topics"),
    [
        (("Is it cancer?", "Just yes or no, please.", "I do not believe you."),
         Subject.CONFIDENCE, ("Cancer",)),
        (("What is an architectural distortion?", "And has she got one?"),
         Subject.FINDINGS, ("Architectural distortion",)),
        (("How dense is the breast?", "does it raise my risk of cancer?"),
         Subject.PERSON, ("Cancer",)),
        (("Write a report.", "Once more, but only for the right breast."), Subject.REPORT, ()),
        (("Longest diameter of the mass in the left MLO?", "and in the CC?"),
         Subject.SIZES, ("Mass",)),
    ],
)  # fmt: skip
def test_what_people_say_next_goes_on_from_what_they_mean(
    exam: Exam, turns: Sequence[str], subject: Subject, topics: tuple[str, ...]
) -> None:
    asked = after(exam, turns)
    assert (asked.subject, asked.topics) == (subject, topics)


def test_two_categories_are_explained_side_by_side(exam: Exam) -> None:
    asked = after(exam, ("Which BI-RADS would you give?", "What does a 0 mean compared with a 2?"))
    assert [entry.term for entry in asked.entries] == ["BI-RADS 0", "BI-RADS 2"]


@pytest.mark.parametrize(
    ("turns", "names"),
    [
        (("Is there a mass on the left?", "And on the other side?"), {"R CC", "R MLO"}),
        (("How dense is the left breast?", "And the other breast?"), {"R CC", "R MLO"}),
        (("no masses, right?",), {"R CC", "L CC", "R MLO", "L MLO"}),
        (("all right, any mass?",), {"R CC", "L CC", "R MLO", "L MLO"}),
        (("any mass on the right",), {"R CC", "R MLO"}),
        (("Any mass in the second photo?",), {"L CC"}),
        (("file 2: any mass?",), {"L CC"}),
    ],
)
def test_a_side_is_meant_only_where_it_is_named(
    exam: Exam, turns: Sequence[str], names: set[str]
) -> None:
    assert {exam.names[image] for image in after(exam, turns).images} == names


def test_the_other_breast_that_is_not_there_is_not_answered_for(exam: Exam) -> None:
    left = replace(exam, images=tuple(one for one in exam.images if one.side == "L"))
    before = ChatTurn("How dense is the left breast?", StreamedAnswer(""))
    *_, last = Answering(CARD, Trials()).answer(left, "And the other breast?", [before])
    assert last.text.startswith("There is no such picture here.")


def test_a_greeting_does_not_swallow_the_question(exam: Exam) -> None:
    for words in ("Hello, is there a mass?", "Good evening doctor. Is there a mass in it?"):
        assert after(exam, [words]).topics == ("Mass",)
    assert after(exam, ["Good evening"]).subject is Subject.GREETING


def test_where_asks_for_findings_whatever_was_spoken_of(exam: Exam) -> None:
    asked = after(exam, ("Is it benign or malignant?", "where would that be?"))
    assert (asked.subject, asked.topics) == (Subject.PLACES, ())
    assert after(exam, ("Is there a mass?", "where?")).topics == ("Mass",)
    assert after(exam, ("Is it cancer?", "give me the boxes")).exact
